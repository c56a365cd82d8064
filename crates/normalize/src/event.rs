//! A record becomes an event: the same limits, redaction and verdicts as for items that were
//! posted.

use domain::actor::ActorKind;
use domain::event::Event;
use domain::id::EventId;
use serde_json::{Map, Value};

use crate::item::{NAME_LIMIT, TEXT_LIMIT};
use crate::record::{Header, Record};
use crate::text::visible;
use crate::{Intake, Verdict, ahead, attributes, identity, redact};

/// How a record reached this installation.
#[derive(Debug, Clone, Copy)]
pub struct Reception<'a> {
    /// What the sender is called when its line names no host: its address, or the listener.
    pub device: &'a str,
    /// Unique for each record this installation ever receives from the source: equal lines are
    /// different events. A random number drawn at start in the upper half and a counter in the
    /// lower half serve.
    pub sequence: u128,
}

impl Record {
    /// The event of this record: completed by what the receiver knows, redacted, with its
    /// identity. A record that names nobody is the device's own.
    pub fn into_event(self, intake: &Intake<'_>, reception: &Reception<'_>) -> Verdict {
        let (mut event, sender_id, attributes, notes) = self.prepare(intake, reception);
        event.attributes = attributes::text_of(&attributes);
        event.id = match sender_id {
            Some(id) => {
                let mut copies = identity::Copies::uncounted();
                identity::event_id(&event, Some(&id), intake, &mut copies)
            }
            None => identity::received_id(&event, intake, reception.sequence),
        };
        redact::event::redact(&mut event, intake);
        match ahead(&event, intake.received_at) {
            Some(reason) => Verdict::Quarantined(event, reason),
            None => Verdict::Accepted(event, notes),
        }
    }

    fn prepare(
        self,
        intake: &Intake<'_>,
        reception: &Reception<'_>,
    ) -> (Event, Option<String>, Map<String, Value>, Vec<crate::Note>) {
        let host = self.host.as_deref().and_then(|h| shown(h, NAME_LIMIT));
        let (actor, actor_kind) = match self.actor.as_deref().and_then(|a| shown(a, NAME_LIMIT)) {
            Some(actor) => (actor, self.actor_kind),
            None => (
                host.clone().unwrap_or_else(|| reception.device.to_owned()),
                Some(ActorKind::Device),
            ),
        };
        let name = |text: &Option<String>| text.as_deref().and_then(|t| shown(t, NAME_LIMIT));
        let text = |text: &Option<String>| text.as_deref().and_then(|t| shown(t, TEXT_LIMIT));
        let action = shown(&self.action, NAME_LIMIT);
        let event = Event {
            id: EventId::from_bytes([0; 16]),
            occurred_at: self.timestamp.unwrap_or(intake.received_at),
            received_at: intake.received_at,
            actor,
            actor_kind,
            action: action.unwrap_or_else(|| crate::action::LOG_MESSAGE.to_owned()),
            outcome: self.outcome,
            outcome_word: name(&self.outcome_word),
            resource: text(&self.resource),
            resource_id: text(&self.resource_id),
            ip: self.ip,
            user_agent: text(&self.user_agent),
            bytes: self.bytes,
            severity: self.severity,
            host,
            app: name(&self.app),
            attributes: None,
        };
        let mut attributes = self.attributes;
        if let Some(header) = self.syslog {
            attributes.insert("syslog".to_owned(), kept(header));
        }
        let mended = match attributes::mended(Value::Object(attributes)) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        (event, self.sender_id, mended, self.notes)
    }
}

/// What of a header no field of the event holds.
pub(crate) fn kept(header: Header) -> Value {
    let mut kept = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            kept.insert(key.to_owned(), value);
        }
    };
    put("facility", header.facility.into());
    put("severity", header.severity.into());
    put("procid", header.procid.into());
    put("msgid", header.msgid.into());
    if !header.structured_data.is_empty() {
        put("structuredData", Value::Object(header.structured_data));
    }
    put("message", header.message.into());
    Value::Object(kept)
}

fn shown(text: &str, limit: usize) -> Option<String> {
    let text = visible(text.trim());
    let end = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).filter(|t| !t.is_empty()).map(str::to_owned)
}
