//! A record becomes an event: what the receiver adds, what redaction takes away, which identity.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use domain::actor::ActorKind;
use domain::event::Event;
use domain::id::{SourceId, TenantKey};
use domain::redaction::{Redaction, Treatment};
use domain::time::{Timestamp, Zone};
use normalize::record::{Context, Record};
use normalize::{Intake, Reception, RedactionKey, Verdict, syslog};
use serde_json::Value;
use uuid::Uuid;

const SUDO: &str = "<85>Nov 25 10:00:00 fs01 sudo: jane : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/cat /etc/shadow";

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn record(line: &[u8]) -> Record {
    let zone = Zone::utc();
    let context = Context {
        received_at: now(),
        zone: &zone,
    };
    syslog::record(line, &context).unwrap()
}

fn verdict(line: &[u8], redaction: &Redaction, sequence: u128) -> Verdict {
    let tenant = TenantKey(Uuid::from_u128(1));
    let key = RedactionKey::derive(&[7; 32], tenant);
    let intake = Intake::new(tenant, SourceId(1), redaction, Some(&key), now()).unwrap();
    let reception = Reception {
        device: "192.0.2.77",
        sequence,
    };
    record(line).into_event(&intake, &reception)
}

fn event(line: &str, redaction: &Redaction, sequence: u128) -> Event {
    match verdict(line.as_bytes(), redaction, sequence) {
        Verdict::Accepted(event, _) => event,
        other => panic!("{line}: {other:?}"),
    }
}

fn attributes(event: &Event) -> Value {
    serde_json::from_str(event.attributes.as_deref().unwrap()).unwrap()
}

#[test]
fn a_line_that_names_nobody_is_the_devices_own() {
    let none = Redaction::default();
    let hosted = event("<30>Nov 25 10:00:00 fs01 app: hello", &none, 1);
    assert_eq!(
        (hosted.actor.as_str(), hosted.actor_kind),
        ("fs01", Some(ActorKind::Device))
    );
    let bare = event("<30>app: hello", &none, 1);
    assert_eq!(
        (bare.actor.as_str(), bare.actor_kind),
        ("192.0.2.77", Some(ActorKind::Device))
    );
    assert_eq!(bare.occurred_at, now());
    let named = event(SUDO, &none, 1);
    assert_eq!((named.actor.as_str(), named.actor_kind), ("jane", None));
    assert_eq!(named.occurred_at.to_string(), "2026-11-25T10:00:00Z");
}

#[test]
fn equal_lines_are_different_events_and_one_reception_is_one() {
    let none = Redaction::default();
    assert_ne!(event(SUDO, &none, 1).id, event(SUDO, &none, 2).id);
    assert_eq!(event(SUDO, &none, 1).id, event(SUDO, &none, 1).id);
}

#[test]
fn the_line_is_kept_visibly() {
    let Verdict::Accepted(event, notes) = verdict(
        b"<30>Nov 25 10:00:00 fs01 app[7]: a\x1b[31m\xff\tb",
        &Redaction::default(),
        1,
    ) else {
        panic!("not accepted");
    };
    let kept = attributes(&event);
    assert_eq!(kept["syslog"]["message"], "a\\u001b[31m\\xff\\tb");
    assert_eq!(kept["syslog"]["procid"], "7");
    assert_eq!(kept["syslog"]["facility"], 3);
    assert_eq!(notes.len(), 1);
}

#[test]
fn long_messages_are_cut_and_noted() {
    let line = format!("<30>Nov 25 10:00:00 fs01 app: {}", "ä".repeat(40_000));
    let Verdict::Accepted(event, notes) = verdict(line.as_bytes(), &Redaction::default(), 1) else {
        panic!("not accepted");
    };
    let message = attributes(&event)["syslog"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.len() < syslog::MAX_MESSAGE_BYTES && message.len() > 60_000);
    assert!(
        notes
            .iter()
            .any(|note| note.message.starts_with("cut: it had 80030 bytes"))
    );
}

#[test]
fn lines_from_the_future_are_put_aside() {
    let verdict = verdict(
        b"<30>1 2027-01-01T00:00:00Z h app - - - x",
        &Redaction::default(),
        1,
    );
    assert!(matches!(verdict, Verdict::Quarantined(..)));
}

/// What a source asks to remove is gone from the message too, which says it once more.
#[test]
fn redacted_values_are_gone_from_the_whole_line() {
    for treatment in [Treatment::Drop, Treatment::Mask, Treatment::Hash] {
        let mut redaction = Redaction {
            resource_id: treatment,
            ..Redaction::default()
        };
        redaction.attributes.insert("command".to_owned(), treatment);
        let stored = event(SUDO, &redaction, 1);
        let text = serde_json::to_string(&stored).unwrap();
        assert!(!text.contains("shadow"), "{treatment:?}: {text}");
        assert!(text.contains("jane"));
    }
    let mut short = Redaction::default();
    short
        .attributes
        .insert("target".to_owned(), Treatment::Drop);
    let line = SUDO.replace("USER=root", "USER=bo");
    let stored = event(&line, &short, 1);
    assert!(!serde_json::to_string(&stored).unwrap().contains("USER=bo"));
}
