//! What a foreign line or document says, before anyone knows which source it belongs to.

use std::net::IpAddr;

use domain::actor::ActorKind;
use domain::event::Outcome;
use domain::severity::Severity;
use domain::time::{Timestamp, Zone};
use serde_json::{Map, Value};

use crate::Note;

/// What completes a line that does not say everything itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// When it was received: stands in for a missing time and finds the year of a year-less one.
    pub received_at: Timestamp,
    /// The zone of times that name none.
    pub zone: &'a Zone,
}

/// The header of a syslog message as it was sent. Absent parts are absent, never guessed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// 0..=23 (RFC 5424 section 6.2.1).
    pub facility: Option<u8>,
    /// 0..=7, 0 is the worst (RFC 5424 section 6.2.1).
    pub severity: Option<u8>,
    /// The sender's time, completed by year and zone.
    pub timestamp: Option<Timestamp>,
    /// The sender's name for itself.
    pub hostname: Option<String>,
    /// The program, or the tag without its process id.
    pub appname: Option<String>,
    /// Process id, or whatever the sender put in its place.
    pub procid: Option<String>,
    /// Kind of message (RFC 5424 only).
    pub msgid: Option<String>,
    /// Structured data by element id and parameter name (RFC 5424 section 6.3).
    pub structured_data: Map<String, Value>,
    /// The rest of the line.
    pub message: String,
}

/// An event as far as the foreign bytes tell it. Absent is absent, never a guess.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// When it happened; `None` when only the receiver's clock can say.
    pub timestamp: Option<Timestamp>,
    /// Who acted; `None` for a line that names nobody (stored, its actor is the device).
    pub actor: Option<String>,
    /// What sort of actor, when the format tells.
    pub actor_kind: Option<ActorKind>,
    /// What was done, in the words of this crate's registry of actions.
    pub action: String,
    /// Whether it worked.
    pub outcome: Outcome,
    /// The sender's own word for the outcome.
    pub outcome_word: Option<String>,
    /// Kind or place of the thing acted on.
    pub resource: Option<String>,
    /// The one thing acted on.
    pub resource_id: Option<String>,
    /// Address the actor came from.
    pub ip: Option<IpAddr>,
    /// Client program.
    pub user_agent: Option<String>,
    /// Bytes moved.
    pub bytes: Option<i64>,
    /// Severity by the sender.
    pub severity: Option<Severity>,
    /// Machine it happened on.
    pub host: Option<String>,
    /// Program that reported it.
    pub app: Option<String>,
    /// The sender's identity of this record, where the format has one that is unique.
    pub sender_id: Option<String>,
    /// Everything else that was said.
    pub attributes: Map<String, Value>,
    /// The syslog header, where there was one.
    pub syslog: Option<Header>,
    /// What was mended or cut on the way in.
    pub notes: Vec<Note>,
}
