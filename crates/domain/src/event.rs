//! One normalised record of something an actor did.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::actor::ActorKind;
use crate::id::EventId;
use crate::severity::Severity;
use crate::time::Timestamp;

/// How far ahead of the receiver's clock an event may be before it is put aside: 10 minutes.
pub const MAX_AHEAD_US: i64 = 10 * crate::time::MINUTE_US;

/// Whether the action succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It worked.
    Success,
    /// It was refused or failed.
    Failure,
    /// The sender did not say.
    #[default]
    Unknown,
}

impl Outcome {
    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// Reads any sender's word; words it does not know give [`Outcome::Unknown`].
    pub fn from_word(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "success" | "ok" | "allowed" => Self::Success,
            "failure" | "failed" | "error" | "denied" | "blocked" | "timeout" => Self::Failure,
            _ => Self::Unknown,
        }
    }
}

/// An event as it is stored, with everything that was asked to be removed already gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Deterministic identity.
    pub id: EventId,
    /// When it happened, by the sender.
    pub occurred_at: Timestamp,
    /// When it reached this installation.
    pub received_at: Timestamp,
    /// Who acted, as sent (trimmed).
    pub actor: String,
    /// What sort of actor, when the sender said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_kind: Option<ActorKind>,
    /// What was done.
    pub action: String,
    /// Whether it worked.
    pub outcome: Outcome,
    /// The sender's own word for the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome_word: Option<String>,
    /// Kind or place of the thing acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The one thing acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Address the actor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Client program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Bytes moved, 0..=2^63-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Severity by the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Machine it happened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Program that reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Everything else the sender said: the text of a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcome_words() {
        for word in ["success", "OK", "allowed"] {
            assert_eq!(Outcome::from_word(word), Outcome::Success, "{word}");
        }
        for word in ["failure", "failed", "error", "Denied", "blocked", "timeout"] {
            assert_eq!(Outcome::from_word(word), Outcome::Failure, "{word}");
        }
        assert_eq!(Outcome::from_word("maybe"), Outcome::Unknown);
    }
}
