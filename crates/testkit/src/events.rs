//! Builders of events: as senders write them, and as the store takes them.

use domain::event::Event;
use domain::id::SourceId;
use domain::redaction::Redaction;
use domain::tenant::Tenant;
use normalize::{Copies, Intake, Verdict, accept};
use serde_json::{Value, json};

/// A login of an actor, as a sender would write it.
pub fn login(actor: &str, at: &str) -> Value {
    json!({"timestamp": at, "actor": actor, "action": "login", "ip": "10.0.0.1", "success": true})
}

/// Thirteen ordinary office days of an actor, 1 to 13 March 2026: eight reads of 1 MB a day from
/// one address.
pub fn office_days(actor: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for day in 1..=13 {
        for hour in 9..17 {
            events.push(json!({
                "timestamp": format!("2026-03-{day:02}T{hour:02}:{:02}:00Z", (day + hour) % 50),
                "actor": actor, "action": "read", "resource": "document",
                "resourceId": format!("doc-{}", hour % 5), "ip": "10.0.0.1",
                "bytes": 1_000_000, "success": true,
            }));
        }
    }
    events
}

/// On 14 March 2026 at 02:30 forty downloads of 50 MB from three new addresses to forty new
/// resources, eight of which fail, within ten minutes.
pub fn theft(actor: &str) -> Vec<Value> {
    (0..40)
        .map(|i| {
            json!({
                "timestamp": format!("2026-03-14T02:{:02}:{:02}Z", 30 + i / 4, i % 4 * 15),
                "actor": actor, "action": "download", "resource": "document",
                "resourceId": format!("secret-{i}"), "ip": format!("203.0.113.{}", i % 3 + 1),
                "bytes": 50_000_000, "success": i % 5 != 0,
            })
        })
        .collect()
}

/// Three late reads of an ordinary actor on 14 March 2026 at 02:30.
pub fn late_reads(actor: &str) -> Vec<Value> {
    (0..3)
        .map(|i| {
            json!({
                "timestamp": format!("2026-03-14T02:3{i}:00Z"), "actor": actor, "action": "read",
                "resource": "document", "resourceId": "doc-1", "ip": "10.0.0.1",
                "bytes": 200_000, "success": true,
            })
        })
        .collect()
}

/// Normalises senders' events, received at an instant. Each must be accepted.
pub fn normalised(
    tenant: &Tenant,
    source: SourceId,
    received_at: &str,
    events: &[Value],
) -> Vec<Event> {
    let redaction = Redaction::default();
    let received_at = received_at.parse().unwrap();
    let intake = Intake::new(tenant.key, source, &redaction, None, received_at).unwrap();
    let mut copies = Copies::default();
    let one = |event: &Value| match accept(&event.to_string(), &intake, &mut copies) {
        Verdict::Accepted(event, _) => event,
        other => panic!("{event}: {other:?}"),
    };
    events.iter().map(one).collect()
}

/// NDJSON of senders' events.
pub fn ndjson(events: &[Value]) -> String {
    events
        .iter()
        .fold(String::new(), |all, event| all + &event.to_string() + "\n")
}
