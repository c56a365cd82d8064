//! The table of accepted names, every verdict, redaction and identity.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking, and a table is one function"
)]

use domain::event::{Event, Outcome};
use domain::id::{SourceId, TenantKey};
use domain::redaction::{Redaction, Treatment};
use domain::time::Timestamp;
use normalize::{Copies, Intake, Note, Problem, RedactionKey, Verdict, accept};
use proptest::prelude::*;
use uuid::Uuid;

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn tenant() -> TenantKey {
    TenantKey(Uuid::from_u128(1))
}

fn judge(raw: &str) -> Verdict {
    judge_with(raw, &Redaction::default(), &mut Copies::default())
}

fn judge_with(raw: &str, redaction: &Redaction, copies: &mut Copies) -> Verdict {
    let key = RedactionKey::derive(&[7; 32], tenant());
    let intake = Intake::new(tenant(), SourceId(1), redaction, Some(&key), now()).unwrap();
    accept(raw, &intake, copies)
}

fn accepted(raw: &str) -> (Event, Vec<Note>) {
    match judge(raw) {
        Verdict::Accepted(event, notes) => (event, notes),
        other => panic!("{raw}: {other:?}"),
    }
}

fn rejected(raw: &str) -> Problem {
    match judge(raw) {
        Verdict::Rejected(problem) => problem,
        other => panic!("{raw}: {other:?}"),
    }
}

/// A valid event with one more member.
fn with(member: &str) -> String {
    format!(r#"{{"timestamp":"2026-03-02T11:00:00Z","actor":"jane","action":"read"{member}}}"#)
}

#[test]
fn aliases() {
    let names: &[(&str, &[&str])] = &[
        (
            "time",
            &["timestamp", "occurredAt", "@timestamp", "time", "eventTime"],
        ),
        (
            "actor",
            &[
                "actor",
                "actorId",
                "userId",
                "user",
                "username",
                "user.name",
                "principal",
            ],
        ),
        ("action", &["action", "actionType", "type", "event.action"]),
    ];
    for (index, (field, aliases)) in names.iter().enumerate() {
        for alias in *aliases {
            let mut keys = ["timestamp", "actor", "action"];
            keys[index] = alias;
            let raw = format!(
                r#"{{"{}":"2026-03-02T11:00:00Z","{}":"jane","{}":"read"}}"#,
                keys[0], keys[1], keys[2]
            );
            let (event, _) = accepted(&raw);
            assert_eq!(
                (event.actor.as_str(), event.action.as_str()),
                ("jane", "read"),
                "{field} {alias}"
            );
            assert_eq!(event.attributes, None, "{alias}");
        }
    }
    for alias in ["ip", "ipAddress", "sourceIp", "source.ip", "client.ip"] {
        assert_eq!(
            accepted(&with(&format!(r#","{alias}":"10.0.0.1""#))).0.ip,
            "10.0.0.1".parse().ok(),
            "{alias}"
        );
    }
    for alias in ["resourceId", "object"] {
        assert_eq!(
            accepted(&with(&format!(r#","{alias}":"a""#)))
                .0
                .resource_id
                .as_deref(),
            Some("a")
        );
    }
    for alias in ["resource", "resourceType"] {
        assert_eq!(
            accepted(&with(&format!(r#","{alias}":"a""#)))
                .0
                .resource
                .as_deref(),
            Some("a")
        );
    }
    for alias in ["userAgent", "user_agent.original"] {
        assert_eq!(
            accepted(&with(&format!(r#","{alias}":"a""#)))
                .0
                .user_agent
                .as_deref(),
            Some("a")
        );
    }
    for alias in ["bytes", "bytesTransferred"] {
        assert_eq!(
            accepted(&with(&format!(r#","{alias}":7"#))).0.bytes,
            Some(7)
        );
    }
}

#[test]
fn nested_paths_and_precedence() {
    let raw = r#"{"@timestamp":"2026-03-02T11:00:00Z","event":{"action":"logon","outcome":"failure","category":["authentication"]},
        "user":{"name":"m.rossi"},"source":{"ip":"203.0.113.17"},"user_agent":{"original":"curl"},"host":{"name":"fs01"}}"#;
    let (event, _) = accepted(raw);
    assert_eq!(event.actor, "m.rossi");
    assert_eq!(event.action, "logon");
    assert_eq!(event.outcome, Outcome::Failure);
    assert_eq!(event.ip, "203.0.113.17".parse().ok());
    assert_eq!(event.user_agent.as_deref(), Some("curl"));
    assert_eq!(event.host.as_deref(), Some("fs01"));
    assert!(
        event.attributes.unwrap().contains("authentication"),
        "nested objects are kept whole"
    );
    let (event, _) = accepted(&with(r#","actorId":"other","user":{"x":1}"#));
    assert_eq!(event.actor, "jane");
    assert_eq!(
        event.attributes.as_deref(),
        Some(r#"{"actorId":"other","user":{"x":1}}"#)
    );
}

#[test]
fn outcomes() {
    for (member, outcome, word) in [
        (r#","success":true"#, Outcome::Success, None),
        (r#","success":false"#, Outcome::Failure, None),
        (r#","outcome":"denied""#, Outcome::Failure, Some("denied")),
        (r#","outcome":"OK""#, Outcome::Success, Some("OK")),
        (r#","outcome":"perhaps""#, Outcome::Unknown, Some("perhaps")),
        ("", Outcome::Unknown, None),
    ] {
        let (event, _) = accepted(&with(member));
        assert_eq!(
            (event.outcome, event.outcome_word.as_deref()),
            (outcome, word),
            "{member}"
        );
    }
}

#[test]
fn rejections_name_the_field() {
    let long = format!(r#","resourceId":"{}""#, "x".repeat(8193));
    let huge = format!(r#","note":"{}""#, "x".repeat(65_536));
    let deep = format!(r#","note":{}1{}"#, "[".repeat(40), "]".repeat(40));
    let keys = (0..300).fold(String::new(), |all, i| all + &format!(r#","k{i}":1"#));
    let table = [
        (r#"{"actor":"a","action":"b"}"#.to_owned(), "timestamp"),
        (
            r#"{"timestamp":"soon","actor":"a","action":"b"}"#.to_owned(),
            "timestamp",
        ),
        (
            r#"{"eventTime":1e400,"actor":"a","action":"b"}"#.to_owned(),
            "eventTime",
        ),
        (r#"{"timestamp":1,"action":"b"}"#.to_owned(), "actor"),
        (
            r#"{"timestamp":1,"actor":"  ","action":"b"}"#.to_owned(),
            "actor",
        ),
        (
            r#"{"timestamp":1,"actor":null,"action":"b"}"#.to_owned(),
            "actor",
        ),
        (r#"{"timestamp":1,"actor":"a"}"#.to_owned(), "action"),
        (with(r#","bytes":-1"#), "bytes"),
        (with(r#","bytes":1.5"#), "bytes"),
        (with(r#","bytes":"12""#), "bytes"),
        (with(r#","bytes":9223372036854775808"#), "bytes"),
        (with(r#","bytes":1e400"#), "bytes"),
        (with(r#","success":"yes""#), "success"),
        (with(r#","note":1e400"#), "note"),
        (with(r#","note":{"deep":[1e999]}"#), "note"),
        (with(r#","actor":"twice""#), "actor"),
        (with(&long), "resourceId"),
        (with(&huge), "event"),
        (with(&deep), "event"),
        (with(&keys), "event"),
        ("5".to_owned(), "event"),
        ("[]".to_owned(), "event"),
        ("null".to_owned(), "event"),
        ("{".to_owned(), "event"),
        (r#"{"timestamp":1,}"#.to_owned(), "event"),
    ];
    for (raw, field) in table {
        assert_eq!(
            rejected(&raw).field,
            field,
            "{}",
            raw.chars().take(80).collect::<String>()
        );
    }
    assert_eq!(
        rejected(r#"{"actor":"a","action":"b"}"#).message,
        "required and missing; send it as timestamp (or occurredAt, @timestamp, time, eventTime)"
    );
}

#[test]
fn bounds_of_bytes() {
    assert_eq!(
        accepted(&with(r#","bytes":9223372036854775807"#)).0.bytes,
        Some(i64::MAX)
    );
    assert_eq!(accepted(&with(r#","bytes":0"#)).0.bytes, Some(0));
    assert_eq!(accepted(&with(r#","bytes":5.0"#)).0.bytes, Some(5));
    assert_eq!(accepted(&with(r#","bytes":null"#)).0.bytes, None);
}

#[test]
fn hostile_text_is_stored_visibly() {
    let (event, notes) = accepted(&with(
        r#","resource":"a\u0000b","x":"\u001b[31m\ud800","y":{"k\u0000":["\u0007"]}"#,
    ));
    assert_eq!(event.resource.as_deref(), Some("a\\u0000b"));
    let attributes = event.attributes.unwrap();
    assert!(!attributes.chars().any(char::is_control), "{attributes}");
    let value: serde_json::Value = serde_json::from_str(&attributes).unwrap();
    assert_eq!(value["x"], "\\u001b[31m\u{FFFD}");
    assert_eq!(value["y"]["k\\u0000"][0], "\\u0007");
    let fields: Vec<_> = notes.iter().map(|n| n.field.as_str()).collect();
    assert_eq!(fields, ["event", "resource", "x", "y"]);
}

#[test]
fn addresses() {
    let (event, notes) = accepted(&with(r#","ip":"not-an-ip""#));
    assert_eq!((event.ip, notes.len()), (None, 1));
    assert_eq!(event.attributes.as_deref(), Some(r#"{"ip":"not-an-ip"}"#));
    assert_eq!(
        accepted(&with(r#","ip":"::ffff:10.0.0.1""#)).0.ip,
        "10.0.0.1".parse().ok()
    );
    assert_eq!(
        accepted(&with(r#","ip":"2001:DB8::1""#)).0.ip,
        "2001:db8::1".parse().ok()
    );
}

#[test]
fn clocks_ahead_are_quarantined() {
    let at = |time: &str| {
        judge(&format!(
            r#"{{"timestamp":"{time}","actor":"a","action":"b"}}"#
        ))
    };
    assert!(matches!(at("2026-03-02T12:10:00Z"), Verdict::Accepted(..)));
    assert!(matches!(
        at("2026-03-02T12:10:01Z"),
        Verdict::Quarantined(..)
    ));
    assert!(
        matches!(at("2011-01-01T00:00:00Z"), Verdict::Accepted(..)),
        "history is never too late"
    );
}

#[test]
fn identity() {
    let id = |raw: &str, copies: &mut Copies| match judge_with(raw, &Redaction::default(), copies) {
        Verdict::Accepted(event, _) => event.id,
        other => panic!("{other:?}"),
    };
    let mut request = Copies::default();
    let (first, second) = (id(&with(""), &mut request), id(&with(""), &mut request));
    assert_ne!(first, second, "equal events of one request all count");
    let mut retry = Copies::default();
    assert_eq!(
        [first, second],
        [id(&with(""), &mut retry), id(&with(""), &mut retry)]
    );
    let sent = with(r#","id":"e-1""#);
    let other = with(r#","id":"e-1","note":"changed""#);
    assert_eq!(
        id(&sent, &mut Copies::default()),
        id(&other, &mut Copies::default())
    );
    assert_eq!(
        id(&sent, &mut retry),
        id(&sent, &mut retry),
        "a sender's id has no copies"
    );
    assert_ne!(id(&sent, &mut Copies::default()), first);
}

#[test]
fn redaction_leaves_no_trace() {
    let redaction = Redaction {
        resource_id: Treatment::Hash,
        attributes: [
            ("secret", Treatment::Drop),
            ("card", Treatment::Mask),
            ("nested.token", Treatment::Hash),
            ("flat.key", Treatment::Drop),
        ]
        .map(|(name, how)| (name.to_owned(), how))
        .into(),
    };
    let raw = with(
        r#","resourceId":"CANARY-1","object":"CANARY-2","secret":"CANARY-3","card":"CANARY-4",
        "nested":{"token":"CANARY-5","kept":1},"flat.key":"CANARY-6""#,
    );
    let read = |raw: &str| match judge_with(raw, &redaction, &mut Copies::default()) {
        Verdict::Accepted(event, _) => event,
        other => panic!("{other:?}"),
    };
    let event = read(&raw);
    let stored = format!("{event:?}");
    assert!(!stored.contains("CANARY"), "{stored}");
    assert!(event.resource_id.as_ref().unwrap().starts_with("hash:"));
    assert!(event.attributes.as_ref().unwrap().contains("\"kept\":1"));
    // Two events that differ only in what was removed stay two events.
    let dropped = |value: &str| read(&with(&format!(r#","secret":"{value}""#))).id;
    assert_ne!(dropped("a"), dropped("b"));
    assert_eq!(dropped("a"), dropped("a"));
    let intake = Intake::new(tenant(), SourceId(1), &redaction, None, now());
    assert!(intake.is_err(), "without a key nothing is received");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), ndjson in any::<bool>()) {
        if let Ok(body) = normalize::body::split(&bytes, ndjson) {
            let items = match body {
                normalize::body::Body::Single(item) => vec![Ok(item)],
                normalize::body::Body::Batch(items) => items,
            };
            for item in items.into_iter().flatten() {
                judge(item);
            }
        }
    }

    #[test]
    fn mutated_events_get_a_verdict(at in 0_usize..200, byte in any::<u8>(), extra in "\\PC{0,12}") {
        let quoted = serde_json::Value::String(extra).to_string();
        let mut raw = with(&format!(r#","ip":"10.0.0.1","bytes":17,"x":{quoted},"y":{{"z":[1,2,{{}}]}}"#)).into_bytes();
        let place = at % raw.len();
        raw[place] = byte;
        if let Ok(text) = std::str::from_utf8(&raw)
            && let Verdict::Accepted(event, _) = judge(text)
        {
            let stored = serde_json::to_string(&event).unwrap();
            prop_assert!(!stored.contains("\\u0000"));
            prop_assert!(!event.actor.chars().any(char::is_control));
        }
    }
}
