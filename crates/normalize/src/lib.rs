//! Foreign bytes to events: field aliases, formats, redaction, event identity.
//!
//! Pure: no I/O and no clock. [`accept`] decides about one item that was posted; [`body::split`]
//! cuts a request into items. [`formats::read`] reads one line of a device as a
//! [`record::Record`], which [`record::Record::into_event`] makes an event under the same
//! verdicts ([`record::Record::into_item`] is the same on its way from an edge collector). Nothing
//! here can fail a whole batch because of one item.

pub mod action;
mod attributes;
pub mod body;
mod event;
pub mod formats;
pub mod guardduty;
pub mod identity;
mod item;
pub mod mikrotik;
mod posted;
pub mod preview;
pub mod record;
pub mod redact;
pub mod syslog;
mod text;
mod timestamp;
mod value;

use domain::event::{Event, MAX_AHEAD_US};
use domain::id::{SourceId, TenantKey};
use domain::redaction::Redaction;
use domain::time::Timestamp;

pub use event::Reception;
pub use identity::Copies;
pub use redact::RedactionKey;

/// Largest item in bytes of JSON text.
pub const MAX_ITEM_BYTES: usize = 64 * 1024;
/// Deepest nesting of an item.
pub const MAX_DEPTH: usize = 32;
/// Most keys of an item's top-level object.
pub const MAX_KEYS: usize = 256;

/// Everything about the receiving side that an item's verdict depends on.
#[derive(Debug, Clone, Copy)]
pub struct Intake<'a> {
    tenant: TenantKey,
    source: SourceId,
    redaction: Option<(&'a Redaction, &'a RedactionKey)>,
    received_at: Timestamp,
}

/// A source redacts values but no key to hash them with is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source redacts values: set INTEGRATION_ENCRYPTION_KEY so that they can be hashed")]
pub struct KeyMissing;

impl<'a> Intake<'a> {
    /// Prepares to receive items of one source. A key is needed only when something is redacted.
    pub fn new(
        tenant: TenantKey,
        source: SourceId,
        redaction: &'a Redaction,
        key: Option<&'a RedactionKey>,
        received_at: Timestamp,
    ) -> Result<Self, KeyMissing> {
        let redaction = match (redaction.is_empty(), key) {
            (true, _) => None,
            (false, Some(key)) => Some((redaction, key)),
            (false, None) => return Err(KeyMissing),
        };
        Ok(Self {
            tenant,
            source,
            redaction,
            received_at,
        })
    }
}

impl Intake<'_> {
    /// When the items were received.
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }
}

/// What becomes of one item.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Store it.
    Accepted(Event, Vec<Note>),
    /// Put it aside: complete and redacted, but not to be scored now.
    Quarantined(Event, String),
    /// Tell the sender; nothing is stored.
    Rejected(Problem),
}

/// Why an item was rejected: the field and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field at fault, or `event` for the item as a whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Something that was mended on the way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The field.
    pub field: String,
    /// What was done.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl Note {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Decides about one item: the text of one JSON object.
///
/// `copies` counts equal items of one request (or file), so that all of them are stored while
/// the same request sent again stores nothing new.
pub fn accept(raw: &str, intake: &Intake<'_>, copies: &mut Copies) -> Verdict {
    match item::read(raw, intake, copies) {
        Err(problem) => Verdict::Rejected(problem),
        Ok((event, notes)) => match ahead(&event, intake.received_at) {
            Some(reason) => Verdict::Quarantined(event, reason),
            None => Verdict::Accepted(event, notes),
        },
    }
}

/// Why an event is too far ahead of the receiver's clock; `None` when it is not.
pub fn ahead(event: &Event, now: Timestamp) -> Option<String> {
    let ahead = event.occurred_at.micros().saturating_sub(now.micros());
    (ahead > MAX_AHEAD_US).then(|| {
        format!(
            "timestamp is {} minutes ahead of this server's clock; check the sender's clock, then replay",
            ahead / domain::time::MINUTE_US
        )
    })
}
