//! A record as the item an edge collector posts: read again by [`crate::accept`], it becomes the
//! event the record itself would have become.

use domain::actor::ActorKind;
use domain::event::Outcome;
use domain::severity::Severity;
use domain::time::Timestamp;
use serde_json::{Map, Value};

use crate::event::kept;
use crate::record::Record;

impl Record {
    /// The item, completed by when and from which device the line was received. A record that
    /// names nobody is the device's own. Attributes stand in an object of their own, so that none
    /// of them can be taken for a field.
    pub fn into_item(self, received_at: Timestamp, device: &str) -> Map<String, Value> {
        let mut item = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                item.insert(name.to_owned(), value);
            }
        };
        let named = self.actor.filter(|actor| !actor.trim().is_empty());
        let kind = match &named {
            Some(_) => self.actor_kind,
            None => Some(ActorKind::Device),
        };
        let device = self.host.clone().unwrap_or_else(|| device.to_owned());
        let at = self.timestamp.unwrap_or(received_at);
        put("timestamp", at.to_string().into());
        put("actor", named.unwrap_or(device).into());
        put("actorType", kind.map(ActorKind::word).into());
        put("action", self.action.into());
        match self.outcome {
            Outcome::Success => put("success", true.into()),
            Outcome::Failure => put("success", false.into()),
            Outcome::Unknown => {}
        }
        put("outcome", self.outcome_word.into());
        put("resource", self.resource.into());
        put("resourceId", self.resource_id.into());
        put("ip", self.ip.map(|ip| ip.to_string()).into());
        put("userAgent", self.user_agent.into());
        put("bytes", self.bytes.into());
        put("severity", self.severity.map(Severity::word).into());
        put("host", self.host.into());
        put("app", self.app.into());
        put("id", self.sender_id.into());
        let mut attributes = self.attributes;
        if let Some(header) = self.syslog {
            attributes.insert("syslog".to_owned(), kept(header));
        }
        if !attributes.is_empty() {
            put("attributes", attributes.into());
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use domain::id::{EventId, SourceId, TenantKey};
    use domain::redaction::{Redaction, Treatment};
    use domain::time::Zone;
    use uuid::Uuid;

    use super::*;
    use crate::formats::{self, Format, Reading};
    use crate::record::Context;
    use crate::{Copies, Intake, Reception, RedactionKey, Verdict};

    const LINES: [&str; 5] = [
        "<38>1 2026-03-02T12:00:00Z host1 sshd 4242 - - Accepted publickey for jane from 203.0.113.9 port 51022 ssh2",
        "<38>Mar  2 12:00:00 host1 sshd[1]: Failed password for invalid user admin from 203.0.113.9 port 4 ssh2",
        "<30>system,info,account user admin logged in from 10.0.0.1 via winbox",
        "<13>1 2026-03-02T12:00:00Z h app - - [x@1 ip=\"10.9.9.9\" user=\"mallory\"] nothing to see",
        "no header at all",
    ];

    #[test]
    fn what_an_edge_posts_becomes_the_event_a_listener_stores() {
        let received_at = "2026-03-02T12:00:01Z".parse().unwrap();
        let zone = Zone::utc();
        let key = RedactionKey::derive(&[7; 32], TenantKey(Uuid::nil()));
        let hashed = Redaction {
            resource_id: Treatment::Hash,
            ..Redaction::default()
        };
        for redaction in [Redaction::default(), hashed] {
            let tenant = TenantKey(Uuid::nil());
            let intake =
                Intake::new(tenant, SourceId(1), &redaction, Some(&key), received_at).unwrap();
            let context = Context {
                received_at,
                zone: &zone,
            };
            for line in LINES {
                let read = || match formats::read(Format::Syslog, line.as_bytes(), &context) {
                    Ok(Reading::Record(record)) => *record,
                    other => panic!("{line}: {other:?}"),
                };
                let reception = Reception {
                    device: "192.0.2.1",
                    sequence: 0,
                };
                let direct = read().into_event(&intake, &reception);
                let item = Value::Object(read().into_item(received_at, "192.0.2.1"));
                let posted = crate::accept(&item.to_string(), &intake, &mut Copies::default());
                let (Verdict::Accepted(mut direct, _), Verdict::Accepted(mut posted, _)) =
                    (direct, posted)
                else {
                    panic!("{line}");
                };
                let attributes = |text: &Option<String>| {
                    let text = text.as_deref().unwrap_or("{}");
                    serde_json::from_str::<Value>(text).unwrap()
                };
                assert_eq!(
                    attributes(&direct.attributes),
                    attributes(&posted.attributes),
                    "{line}"
                );
                for event in [&mut direct, &mut posted] {
                    event.id = EventId::from_bytes([0; 16]);
                    event.attributes = None;
                }
                assert_eq!(direct, posted, "{line}");
            }
        }
    }
}
