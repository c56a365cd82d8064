//! The things people act on: files, repositories, servers and what else the sources name.

use super::people::Group;
use super::random::Random;

/// A kind of thing people act on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Thing {
    File,
    Mailbox,
    Repository,
    Account,
    Server,
    Ledger,
    Application,
}

/// Things taken from the whole group's shelf instead of the own one, out of a thousand.
const NOVELTY: u64 = 25;

impl Thing {
    /// The kind as sources send it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Mailbox => "mailbox",
            Self::Repository => "repository",
            Self::Account => "account",
            Self::Server => "server",
            Self::Ledger => "ledger",
            Self::Application => "application",
        }
    }

    /// How many a person uses every week, and how many there are.
    ///
    /// People work through nearly all of their own things every day. That keeps the number of
    /// different resources of a day within a factor of two, whatever is drawn.
    fn shelf(self) -> (u64, u64) {
        match self {
            Self::File => (8, 48),
            Self::Mailbox => (1, 1),
            Self::Repository => (5, REPOSITORIES),
            Self::Account => (7, 60),
            Self::Server => (6, 40),
            Self::Ledger | Self::Application => (3, 4),
        }
    }

    /// Draws the thing person number `number` acts on.
    pub(super) fn draw(self, group: Group, number: u64, random: &mut Random) -> String {
        let (own, all) = self.shelf();
        let index = if random.chance(NOVELTY) {
            random.below(all)
        } else {
            (number * own + random.below(own)) % all
        };
        self.name(group, index)
    }

    fn name(self, group: Group, index: u64) -> String {
        match self {
            Self::File => file(group, index),
            Self::Repository => repository(index),
            Self::Account => format!("ACC-{}", 10_200 + index * 7),
            Self::Server => server(index),
            Self::Ledger => word(LEDGERS, index).to_owned(),
            Self::Application => word(APPLICATIONS, index).to_owned(),
            Self::Mailbox => String::new(),
        }
    }
}

const LEDGERS: &[&str] = &[
    "Accounts payable",
    "Accounts receivable",
    "Fixed assets",
    "General ledger",
];
const APPLICATIONS: &[&str] = &["Mail", "Files", "Calendar", "Intranet"];
const DOCUMENTS: &[&str] = &[
    "Overview.xlsx",
    "Notes.docx",
    "Planning.xlsx",
    "Review.pdf",
    "Checklist.docx",
    "Figures.xlsx",
];
const AREAS: &[&str] = &[
    "payments",
    "booking",
    "fleet",
    "invoicing",
    "portal",
    "pricing",
    "routing",
    "tracking",
    "warehouse",
];
const PARTS: &[&str] = &[
    "api", "web", "worker", "schema", "client", "infra", "tests", "docs",
];
const ROLES: &[&str] = &["web", "db", "queue", "cache", "build"];

/// How many repositories there are.
pub(super) const REPOSITORIES: u64 = 72;

fn folders(group: Group) -> &'static [&'static str] {
    match group {
        Group::Finance => &[
            "Payables",
            "Month-end",
            "Budget",
            "Audit",
            "Vendors",
            "Travel",
            "Tax",
            "Treasury",
        ],
        Group::Engineering => &[
            "Design",
            "Releases",
            "Incidents",
            "Hiring",
            "Roadmap",
            "Security",
            "Research",
            "Onboarding",
        ],
        Group::Sales => &[
            "Offers",
            "Contracts",
            "Campaigns",
            "Forecast",
            "Partners",
            "Events",
            "Training",
            "Pricing",
        ],
        Group::Operations => &[
            "Runbooks",
            "Shifts",
            "Capacity",
            "Changes",
            "Suppliers",
            "Network",
            "Licences",
            "Continuity",
        ],
    }
}

fn word(words: &'static [&'static str], index: u64) -> &'static str {
    let place = index as usize % words.len().max(1);
    words.get(place).copied().unwrap_or_default()
}

fn file(group: Group, index: u64) -> String {
    let folder = word(folders(group), index / DOCUMENTS.len() as u64);
    format!("{}/{folder}/{}", group.name(), word(DOCUMENTS, index))
}

/// The name of a repository.
pub(super) fn repository(index: u64) -> String {
    format!(
        "{}-{}",
        word(AREAS, index / PARTS.len() as u64),
        word(PARTS, index)
    )
}

/// The name of a server.
pub(super) fn server(index: u64) -> String {
    format!(
        "hh-{}-{:02}",
        word(ROLES, index),
        index / ROLES.len() as u64 + 1
    )
}
