//! What a rule's value is called. One table, so that sentences, lists and pages agree.

use domain::score::Unit;

use super::detection;
use super::rule::{Family, Measure, Rule};
use crate::words;

impl Rule {
    /// What one and what many of its units are called, after the number.
    #[expect(clippy::too_many_lines, reason = "a table with one row for each rule")]
    fn nouns(self) -> (&'static str, &'static str) {
        match self {
            Self::OddHoursActivity => ("action in unusual hours", "actions in unusual hours"),
            Self::SignIns => ("sign-in", "sign-ins"),
            Self::SignInFailures => ("failed sign-in", "failed sign-ins"),
            Self::SignInFailureBurst => (
                "failed sign-in within two hours",
                "failed sign-ins within two hours",
            ),
            Self::Failures => ("failed action", "failed actions"),
            Self::Addresses => ("address", "addresses"),
            Self::NewOriginActivity => (
                "action from a network or program never used before",
                "actions from a network or program never used before",
            ),
            Self::OtherHosts => (
                "event on somebody else's computer",
                "events on other people's computers",
            ),
            Self::Hosts => ("computer", "computers"),
            Self::Copies => ("copy to removable media", "copies to removable media"),
            Self::CopyBurst => (
                "copy to removable media within two hours",
                "copies to removable media within two hours",
            ),
            Self::Connects => ("removable medium connected", "removable media connected"),
            Self::Sends => ("upload to the outside", "uploads to the outside"),
            Self::OutboundBurst => (
                "thing taken out within two hours",
                "things taken out within two hours",
            ),
            Self::MinorDestinations => (
                "thing sent to a seldom used destination",
                "things sent to seldom used destinations",
            ),
            Self::Mails => ("message sent", "messages sent"),
            Self::Reads => ("read", "reads"),
            Self::Downloads => ("download", "downloads"),
            Self::AccessBurst => (
                "read or download within two hours",
                "reads and downloads within two hours",
            ),
            Self::Uploads => ("upload", "uploads"),
            Self::Edits => ("edit or share", "edits and shares"),
            Self::Objects => ("resource", "resources"),
            Self::NewObjects => ("resource never used before", "resources never used before"),
            Self::ForeignObjects => (
                "resource of another circle of people",
                "resources of another circle of people",
            ),
            Self::Deletes => ("deletion", "deletions"),
            Self::DeleteBurst => ("deletion within two hours", "deletions within two hours"),
            Self::Changes => (
                "change of rights or configuration",
                "changes of rights or configuration",
            ),
            Self::ChangeBurst => (
                "change of rights or configuration within two hours",
                "changes of rights or configuration within two hours",
            ),
            Self::NewSubjects => (
                "account or setting changed for the first time",
                "accounts or settings changed for the first time",
            ),
            Self::CollectAndSend => (
                "new resource read and thing taken out within two hours",
                "new resources read and things taken out within two hours",
            ),
            Self::DownloadAndUpload => (
                "download followed by an upload within two hours",
                "downloads and uploads within two hours",
            ),
            Self::ChangeAndRead => (
                "change of rights and new resource read within two hours",
                "changes of rights and new resources read within two hours",
            ),
            Self::NewHostActivity => (
                "action on a computer never used before",
                "actions on computers never used before",
            ),
            Self::NewMediaCopies => (
                "copy to a removable medium never used before",
                "copies to removable media never used before",
            ),
            Self::CopiedBytes => ("copied to removable media", ""),
            Self::SentBytes => ("sent to the outside", ""),
            Self::OutboundBytes => ("taken out in any way", ""),
            Self::MinorDestinationBytes => ("to one seldom used destination", ""),
            Self::MailBytes => ("sent in messages", ""),
            Self::LargestMail => ("in one message", ""),
            Self::DownloadedBytes => ("read or downloaded", ""),
            Self::OddHours => ("Active in hours unusual for this actor", ""),
            Self::OddWeekday => ("Active on a weekday unusual for this actor", ""),
            Self::NewAddresses => ("Came from addresses never used before", ""),
            Self::NewNetworks => ("Came from networks never used before", ""),
            Self::NewAgents => ("Used programs never used before", ""),
            Self::NewHosts => ("Used computers never used before", ""),
            Self::NewDestinations => ("Sent to destinations never used before", ""),
            Self::ReturningDestinations => ("Returned to uncommon destinations", ""),
            Self::NewSites => ("Visited sites never visited before", ""),
            Self::ReturningSites => ("Returned to uncommon sites", ""),
            Self::RareObjects => ("Used resources that hardly anybody uses", ""),
            Self::Kinds => ("Did kinds of things that are rare for this actor", ""),
            Self::Detections => ("Reported by a detector", ""),
        }
    }

    /// A value as people read it: `40 downloads`, `1.1 GiB read or downloaded`.
    pub fn amount(self, value: f64) -> String {
        let (one, many) = self.nouns();
        match self.measure() {
            Measure::Count => words::plural(value, one, many),
            Measure::Bytes => format!("{} {one}", words::bytes(value)),
            Measure::Rarity if self == Self::Detections => {
                format!("{one}, severity {}", detection::severity(value).word())
            }
            Measure::Rarity => one.to_owned(),
        }
    }

    /// A value without its noun.
    pub(super) fn number(self, value: f64) -> String {
        match self.measure() {
            Measure::Bytes => words::bytes(value),
            Measure::Count | Measure::Rarity => words::amount(value),
        }
    }

    /// In which unit it counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::Addresses => Unit::Addresses,
            Self::Objects | Self::NewObjects | Self::ForeignObjects => Unit::Resources,
            Self::SignInFailures | Self::SignInFailureBurst | Self::Failures => Unit::Failures,
            _ => match self.measure() {
                Measure::Count => Unit::Events,
                Measure::Bytes => Unit::Bytes,
                Measure::Rarity => Unit::Points,
            },
        }
    }
}

impl Family {
    /// The name people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Time => "Time",
            Self::Authentication => "Sign-in",
            Self::Network => "Network",
            Self::Agent => "Program",
            Self::Host => "Computer",
            Self::RemovableMedia => "Removable media",
            Self::Exfiltration => "Exfiltration",
            Self::Destination => "Destination",
            Self::Mail => "Messages",
            Self::Access => "Access",
            Self::Scope => "Scope",
            Self::Destruction => "Destruction",
            Self::Privilege => "Privilege",
            Self::Sequence => "Sequence",
            Self::Kind => "Kind of action",
            Self::Detection => "Detection",
        }
    }
}
