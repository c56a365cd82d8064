//! The deterministic identity of an event: what makes a retry the same event.
//!
//! With an id from the sender: (source, id, timestamp). Without: the normalised content plus the
//! number of that copy within the request or file. Where a source redacts, the hash is keyed, so
//! that stored ids do not help to guess removed values.

use std::collections::HashMap;

use domain::event::Event;
use domain::id::EventId;

use crate::Intake;

/// Counts equal items of one request or file.
#[derive(Debug)]
pub struct Copies(Option<HashMap<[u8; 16], u32>>);

impl Default for Copies {
    fn default() -> Self {
        Self(Some(HashMap::new()))
    }
}

impl Copies {
    /// Counts nothing: for readers that only look and never store.
    pub fn uncounted() -> Self {
        Self(None)
    }

    fn next(&mut self, content: &blake3::Hash) -> u32 {
        let Some(counts) = &mut self.0 else {
            return 1;
        };
        let mut key = [0_u8; 16];
        key.copy_from_slice(content.as_bytes().split_at(16).0);
        let count = counts.entry(key).or_default();
        *count += 1;
        *count
    }
}

/// The id of an event as it was before redaction.
pub(crate) fn event_id(
    event: &Event,
    sender_id: Option<&str>,
    intake: &Intake<'_>,
    copies: &mut Copies,
) -> EventId {
    let mut hasher = match intake.redaction {
        Some((_, key)) => key.hasher(),
        None => blake3::Hasher::new(),
    };
    hasher.update(intake.tenant.0.as_bytes());
    hasher.update(&intake.source.0.to_le_bytes());
    hasher.update(&event.occurred_at.micros().to_le_bytes());
    if let Some(id) = sender_id {
        hasher.update(b"id");
        hasher.update(id.as_bytes());
        return EventId::derive(event.occurred_at, &hasher.finalize());
    }
    content(&mut hasher, event);
    let copy = copies.next(&hasher.finalize());
    hasher.update(&copy.to_le_bytes());
    EventId::derive(event.occurred_at, &hasher.finalize())
}

/// The id of an event whose sender has no identity for it and whose content may repeat: a line
/// of syslog. `sequence` tells equal lines apart.
pub(crate) fn received_id(event: &Event, intake: &Intake<'_>, sequence: u128) -> EventId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(intake.tenant.0.as_bytes());
    hasher.update(&intake.source.0.to_le_bytes());
    hasher.update(&event.occurred_at.micros().to_le_bytes());
    hasher.update(b"sequence");
    hasher.update(&sequence.to_le_bytes());
    EventId::derive(event.occurred_at, &hasher.finalize())
}

fn content(hasher: &mut blake3::Hasher, event: &Event) {
    let bytes = event.bytes.map(|b| b.to_string());
    let ip = event.ip.map(|ip| ip.to_string());
    let fields = [
        Some(event.actor.as_str()),
        event.actor_kind.map(domain::actor::ActorKind::word),
        Some(event.action.as_str()),
        Some(event.outcome.word()),
        event.outcome_word.as_deref(),
        event.resource.as_deref(),
        event.resource_id.as_deref(),
        ip.as_deref(),
        event.user_agent.as_deref(),
        bytes.as_deref(),
        event.severity.map(domain::severity::Severity::word),
        event.host.as_deref(),
        event.app.as_deref(),
        event.attributes.as_deref(),
    ];
    for field in fields {
        // Length first, so that no two contents run together.
        let length = field.map_or(u64::MAX, |f| f.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(field.unwrap_or_default().as_bytes());
    }
}
