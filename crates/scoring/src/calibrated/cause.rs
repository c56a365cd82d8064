//! How to recognise the events that caused a row.

use domain::time::Zone;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::activity::Activity;
use super::day::{ActorDay, Sort, Value, consequential, values};
use super::rule::Rule;
use super::state::ActorState;

/// Most values by which a cause recognises its events.
const VALUES: usize = 256;

/// What an event of the same actor and day must be to have caused a row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cause {
    /// Classes of action, one bit each by number; 0 is any.
    actions: u16,
    /// Only failures.
    failed: bool,
    /// Only what has consequences.
    weighty: bool,
    /// One of these values, sorted; `None` is any.
    values: Option<Vec<Value>>,
    /// Hours of the actor's clock, one bit each; 0 is any.
    hours: u32,
}

impl Cause {
    /// True when an event is one of the causes.
    pub fn matches(&self, event: &Activity, zone: &Zone) -> bool {
        let action = self.actions == 0 || self.actions & (1 << event.action as u16) != 0;
        let failed = !self.failed || event.failed;
        let weighty = !self.weighty || consequential(event.action);
        let hour =
            self.hours == 0 || self.hours & (1 << zone.local(event.minute.start()).hour) != 0;
        let value = self.values.as_ref().is_none_or(|list| {
            values(event).any(|(sort, hash)| list.binary_search(&Value { sort, hash }).is_ok())
        });
        action && failed && weighty && hour && value
    }

    /// The cause of a rule's value on a day.
    #[expect(clippy::too_many_lines, reason = "a table with one row for each rule")]
    pub(super) fn of(rule: Rule, day: &ActorDay, state: &ActorState, odd_hours: u32) -> Self {
        let by = |actions: &[Action]| Self {
            actions: actions.iter().map(|a| 1 << *a as u16).sum(),
            ..Self::default()
        };
        let new = |sorts: &[Sort], actions: &[Action]| Self {
            values: Some(unknown(day, state, sorts)),
            ..by(actions)
        };
        let out = [Action::Send, Action::Copy, Action::Mail];
        let used = [Action::Read, Action::Download];
        match rule {
            Rule::OddHours => Self {
                hours: odd_hours,
                ..Self::default()
            },
            Rule::OddHoursActivity => Self {
                hours: odd_hours,
                weighty: true,
                ..Self::default()
            },
            Rule::OddWeekday | Rule::Addresses | Rule::Hosts | Rule::Kinds => Self::default(),
            Rule::Detections => by(&[Action::Detection]),
            Rule::SignIns => by(&[Action::SignIn]),
            Rule::SignInFailures | Rule::SignInFailureBurst => Self {
                failed: true,
                ..by(&[Action::SignIn])
            },
            Rule::Failures => Self {
                failed: true,
                ..Self::default()
            },
            Rule::NewAddresses => new(&[Sort::Address], &[]),
            Rule::NewNetworks => new(&[Sort::Network], &[]),
            Rule::NewAgents => new(&[Sort::Agent], &[]),
            Rule::NewOriginActivity => Self {
                weighty: true,
                ..new(&[Sort::Network, Sort::Agent], &[])
            },
            Rule::NewHosts => new(&[Sort::Host], &[]),
            Rule::OtherHosts => Self {
                values: Some(others_hosts(day, state)),
                ..Self::default()
            },
            Rule::NewHostActivity => Self {
                weighty: true,
                ..new(&[Sort::Host], &[])
            },
            Rule::Copies | Rule::CopiedBytes | Rule::CopyBurst => by(&[Action::Copy]),
            Rule::NewMediaCopies => new(&[Sort::Destination], &[Action::Copy]),
            Rule::Connects => by(&[Action::Connect]),
            Rule::Sends | Rule::SentBytes => by(&[Action::Send]),
            Rule::OutboundBytes
            | Rule::ReturningDestinations
            | Rule::MinorDestinations
            | Rule::MinorDestinationBytes => by(&out),
            Rule::OutboundBurst => by(&[Action::Send, Action::Copy]),
            Rule::NewDestinations => new(&[Sort::Destination], &[]),
            Rule::NewSites => new(&[Sort::Site], &[]),
            Rule::ReturningSites => by(&[Action::Visit]),
            Rule::Mails | Rule::MailBytes | Rule::LargestMail => by(&[Action::Mail]),
            Rule::Reads => by(&[Action::Read]),
            Rule::Downloads => by(&[Action::Download]),
            Rule::DownloadedBytes | Rule::AccessBurst => by(&used),
            Rule::Uploads => by(&[Action::Upload]),
            Rule::Edits => by(&[Action::Write, Action::Share]),
            Rule::Objects => by(&[
                Action::Read,
                Action::Download,
                Action::Upload,
                Action::Write,
                Action::Delete,
                Action::Share,
                Action::Change,
            ]),
            Rule::NewObjects | Rule::RareObjects | Rule::ForeignObjects => {
                new(&[Sort::Object], &used)
            }
            Rule::Deletes | Rule::DeleteBurst => by(&[Action::Delete]),
            Rule::Changes | Rule::ChangeBurst => by(&[Action::Change]),
            Rule::NewSubjects => new(&[Sort::Object], &[Action::Change]),
            Rule::CollectAndSend => by(&[
                Action::Read,
                Action::Download,
                Action::Send,
                Action::Copy,
                Action::Mail,
            ]),
            Rule::DownloadAndUpload => {
                by(&[Action::Download, Action::Send, Action::Upload, Action::Copy])
            }
            Rule::ChangeAndRead => by(&[Action::Change, Action::Read, Action::Download]),
        }
    }
}

fn unknown(day: &ActorDay, state: &ActorState, sorts: &[Sort]) -> Vec<Value> {
    let values = day.values().map(|(value, _)| value);
    let new = values.filter(|v| sorts.contains(&v.sort) && state.memory.get(*v).is_none());
    new.take(VALUES).collect()
}

fn others_hosts(day: &ActorDay, state: &ActorState) -> Vec<Value> {
    let main = state.main_host.map(|(host, _)| host);
    let values = day.values().map(|(value, _)| value);
    let others = values.filter(|v| v.sort == Sort::Host && Some(v.hash) != main);
    others.take(VALUES).collect()
}
