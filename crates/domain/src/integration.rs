//! A configured way in for telemetry: who provides it, how it arrives, when, and how it is doing.

pub mod check;
pub mod config;
pub mod health;
pub mod schedule;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{IntegrationId, SourceId, crockford};
use crate::tenant::Slug;
use crate::time::Timestamp;

pub use config::Configuration;
pub use schedule::Schedule;

/// Days after its last change at which a draft is deleted.
pub const DRAFT_DAYS: i64 = 14;
/// Shortest expected cadence in minutes that can be set.
pub const MIN_CADENCE_MINUTES: u32 = 1;
/// Longest expected cadence in minutes that can be set: four weeks.
pub const MAX_CADENCE_MINUTES: u32 = 40_320;

/// Whose telemetry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Findings of Amazon GuardDuty.
    AwsGuardduty,
    /// MikroTik RouterOS, versions 6 and 7.
    Mikrotik,
    /// Anything that writes RFC 3164 or RFC 5424 syslog.
    Syslog,
    /// Anything that posts JSON over HTTPS.
    Webhook,
}

impl Provider {
    /// Every provider, in the order galleries show them.
    pub const ALL: [Self; 4] = [
        Self::AwsGuardduty,
        Self::Mikrotik,
        Self::Syslog,
        Self::Webhook,
    ];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::AwsGuardduty => "aws_guardduty",
            Self::Mikrotik => "mikrotik",
            Self::Syslog => "syslog",
            Self::Webhook => "webhook",
        }
    }

    /// The words people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::AwsGuardduty => "AWS GuardDuty",
            Self::Mikrotik => "MikroTik RouterOS",
            Self::Syslog => "Generic syslog",
            Self::Webhook => "HTTP push",
        }
    }

    /// Reads a word; `None` when no provider has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word() == word)
    }

    /// The ways in which its telemetry can arrive, the recommended one first.
    pub fn modes(self) -> &'static [Mode] {
        match self {
            Self::AwsGuardduty => &[Mode::Pull, Mode::Push],
            Self::Mikrotik | Self::Syslog => &[Mode::Listener, Mode::Collector],
            Self::Webhook => &[Mode::Push],
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How telemetry arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// This service asks the provider on a schedule.
    Pull,
    /// The provider posts over HTTPS.
    Push,
    /// This service listens on a syslog socket.
    Listener,
    /// A collector near the devices listens and forwards over HTTPS.
    Collector,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Listener, Self::Collector];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Listener => "listener",
            Self::Collector => "collector",
        }
    }

    /// The words people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pull => "Pull",
            Self::Push => "Push",
            Self::Listener => "Listener",
            Self::Collector => "Edge collector",
        }
    }

    /// Reads a word; `None` when no mode has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.word() == word)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Everything an administrator may change about an integration.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Name for people.
    pub name: String,
    /// What the provider needs to know.
    pub configuration: Configuration,
    /// When it is asked; only for [`Mode::Pull`].
    pub schedule: Option<Schedule>,
    /// Minutes between signs of life that are usual. Absent: the schedule, or learnt.
    pub cadence_minutes: Option<u32>,
}

impl Settings {
    /// The first field that is out of bounds, with what would be right.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if self.name.trim().is_empty() || self.name.chars().count() > 100 {
            return Some(("name", "give a name of 1 to 100 characters".to_owned()));
        }
        if let Some(problem) = self.configuration.problem() {
            return Some(problem);
        }
        let pulls = self.configuration.mode() == Some(Mode::Pull);
        match &self.schedule {
            None if pulls => {
                return Some(("schedule", "say when the provider is asked".to_owned()));
            }
            Some(_) if !pulls => {
                let text = "only what is pulled has a schedule; leave it out";
                return Some(("schedule", text.to_owned()));
            }
            Some(schedule) => {
                if let Some(problem) = schedule.problem() {
                    return Some(problem);
                }
            }
            None => {}
        }
        let bounds = MIN_CADENCE_MINUTES..=MAX_CADENCE_MINUTES;
        if self.cadence_minutes.is_some_and(|m| !bounds.contains(&m)) {
            let text = "choose 1 to 40320 minutes, or leave it out to have it learnt";
            return Some(("cadenceMinutes", text.to_owned()));
        }
        None
    }
}

/// An integration.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// Row id.
    pub id: IntegrationId,
    /// Name in addresses.
    pub slug: Slug,
    /// Whose telemetry.
    pub provider: Provider,
    /// How it arrives.
    pub mode: Mode,
    /// What an administrator may change.
    pub settings: Settings,
    /// The source through which its events arrive: row id.
    pub source: SourceId,
    /// The source's name in addresses.
    pub source_slug: Slug,
    /// Made by us, so that nobody else can point their role at this service.
    pub external_id: String,
    /// Why it is paused; `None` while it runs.
    pub paused: Option<String>,
    /// Counts up with every change of its settings.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// Where the next pull goes on; opaque to everybody but its provider.
    pub cursor: Option<String>,
    /// When it is asked next.
    pub next_run_at: Option<Timestamp>,
    /// Failed runs since the last good one.
    pub errors_in_row: u32,
    /// When the last good run ended.
    pub last_ok_at: Option<Timestamp>,
    /// What the last run, when it failed, failed with.
    pub last_error: Option<String>,
    /// The last sign-in attempt that was refused: when and why.
    pub refused: Option<(Timestamp, String)>,
}

/// An external id from 128 random bits: `irm-XXXXXXXXXXXX-XXXXXXXXXXXX`.
///
/// AWS allows 2 to 1224 characters of letters, digits and `+=,.@:/-`
/// (IAM API reference, `AssumeRole`, `ExternalId`).
pub fn external_id(random: [u8; 16]) -> String {
    let (high, low) = random.split_at(8);
    let number = |half: &[u8]| half.iter().fold(0_u64, |v, b| (v << 8) | u64::from(*b));
    format!(
        "irm-{}-{}",
        crockford(number(high), 12),
        crockford(number(low), 12)
    )
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// Under way.
    Running,
    /// Everything was fetched.
    Ok,
    /// Some of it was fetched; the rest failed and is fetched by the next run.
    Partial,
    /// Nothing more could be fetched.
    Failed,
}

impl RunOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Running, Self::Ok, Self::Partial, Self::Failed];

    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Reads a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for provider in Provider::ALL {
            assert_eq!(Provider::from_word(provider.word()), Some(provider));
            let json = format!("{:?}", provider.word()).replace('"', "");
            assert_eq!(json, provider.to_string());
            assert!(!provider.modes().is_empty());
        }
        for mode in Mode::ALL {
            assert_eq!(Mode::from_word(mode.word()), Some(mode));
            assert!(Provider::ALL.iter().any(|p| p.modes().contains(&mode)));
        }
        for outcome in RunOutcome::ALL {
            assert_eq!(RunOutcome::from_word(outcome.word()), Some(outcome));
        }
        assert_eq!(Provider::from_word("okta"), None);
        assert_eq!(Mode::from_word("poll"), None);
    }

    #[test]
    fn external_ids_are_accepted_by_aws_and_carry_their_randomness() {
        let id = external_id([0xFF; 16]);
        assert_ne!(id, external_id([0xFE; 16]));
        assert!((2..=1224).contains(&id.len()));
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }
}
