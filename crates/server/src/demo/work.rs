//! What people of each group do all day, and with which programs.

use super::people::Group;
use super::random::Random;
use super::source;
use super::things::Thing;

/// The office's address as the outside sees it.
pub(super) const OFFICE: &str = "198.51.100.24";
/// The browser most people use.
pub(super) const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";
/// The program that reads the file share.
pub(super) const FILE_CLIENT: &str = "SMB/3.1.1 (Windows 11)";
/// The program that talks to the Git hosting.
pub(super) const GIT_CLIENT: &str = "git/2.45.2";
const MAIL_CLIENT: &str = "Outlook/16.0";

/// Something people of a group do.
#[derive(Debug)]
pub(super) struct Activity {
    /// How often, compared with the other activities of the group.
    share: u64,
    pub(super) source: &'static str,
    pub(super) action: &'static str,
    pub(super) thing: Thing,
    /// Fewest and most bytes moved, where the source says so.
    pub(super) bytes: Option<(u64, u64)>,
    pub(super) agent: &'static str,
}

const fn activity(
    share: u64,
    source: &'static str,
    action: &'static str,
    thing: Thing,
    agent: &'static str,
) -> Activity {
    Activity {
        share,
        source,
        action,
        thing,
        bytes: None,
        agent,
    }
}

impl Activity {
    const fn moving(mut self, fewest_kb: u64, most_kb: u64) -> Self {
        self.bytes = Some((fewest_kb * 1000, most_kb * 1000));
        self
    }
}

const READ_MAIL: Activity =
    activity(20, source::MAIL, "mail.read", Thing::Mailbox, MAIL_CLIENT).moving(4, 180);
const SEND_MAIL: Activity =
    activity(8, source::MAIL, "mail.send", Thing::Mailbox, MAIL_CLIENT).moving(6, 400);
const USE_APPLICATION: Activity = activity(
    12,
    source::IDP,
    "token.refresh",
    Thing::Application,
    BROWSER,
);

const fn read_file(share: u64) -> Activity {
    activity(share, source::FILES, "file.read", Thing::File, FILE_CLIENT).moving(30, 1_300)
}

const fn write_file(share: u64) -> Activity {
    activity(share, source::FILES, "file.write", Thing::File, FILE_CLIENT).moving(20, 900)
}

const FINANCE: &[Activity] = &[
    READ_MAIL,
    SEND_MAIL,
    USE_APPLICATION,
    read_file(26),
    write_file(12),
    activity(16, source::CLOUD, "ledger.view", Thing::Ledger, BROWSER),
    activity(6, source::CLOUD, "ledger.post", Thing::Ledger, BROWSER),
];
const ENGINEERING: &[Activity] = &[
    READ_MAIL,
    SEND_MAIL,
    USE_APPLICATION,
    read_file(12),
    write_file(6),
    activity(20, source::GIT, "git.pull", Thing::Repository, GIT_CLIENT).moving(40, 1_600),
    activity(12, source::GIT, "git.push", Thing::Repository, GIT_CLIENT).moving(4, 500),
    activity(
        10,
        source::GIT,
        "pull_request.review",
        Thing::Repository,
        BROWSER,
    ),
];
const SALES: &[Activity] = &[
    READ_MAIL,
    SEND_MAIL,
    USE_APPLICATION,
    read_file(22),
    write_file(8),
    activity(
        22,
        source::CLOUD,
        "crm.account.view",
        Thing::Account,
        BROWSER,
    ),
    activity(
        8,
        source::CLOUD,
        "crm.account.update",
        Thing::Account,
        BROWSER,
    ),
];
const OPERATIONS: &[Activity] = &[
    READ_MAIL,
    SEND_MAIL,
    USE_APPLICATION,
    read_file(20),
    write_file(6),
    activity(
        22,
        source::CLOUD,
        "server.login",
        Thing::Server,
        "OpenSSH_9.7",
    ),
    activity(
        12,
        source::CLOUD,
        "server.restart-service",
        Thing::Server,
        "OpenSSH_9.7",
    ),
];

fn activities(group: Group) -> &'static [Activity] {
    match group {
        Group::Finance => FINANCE,
        Group::Engineering => ENGINEERING,
        Group::Sales => SALES,
        Group::Operations => OPERATIONS,
    }
}

/// Draws what somebody of a group does next.
pub(super) fn draw(group: Group, random: &mut Random) -> &'static Activity {
    let all = activities(group);
    let place = random.place(all.iter().map(|a| a.share));
    all.get(place).unwrap_or(&READ_MAIL)
}
