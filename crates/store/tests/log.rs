//! The log: append, duplicates, tail, history, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use domain::actor::ActorKey;
use domain::source::{Source, SourceSettings};
use serde_json::json;
use store::log::{self, Appender, Batch, Outcome, Position};
use store::{events, quarantine, sources};
use testkit::binary::eventually;
use testkit::events::{login, normalised};
use testkit::{TestDb, on_both};
use tokio::sync::Notify;

const NOW: &str = "2026-03-02T12:00:00Z";

async fn source(db: &TestDb) -> Source {
    let slug = "vpn".parse().unwrap();
    sources::create(&db.acme(NOW), &slug, &SourceSettings::named("VPN"), None)
        .await
        .unwrap()
}

fn appender(db: &TestDb) -> Appender {
    Appender::start(db.db.clone(), Arc::new(Notify::new()))
}

fn batch(events: Vec<domain::event::Event>) -> Batch {
    Batch {
        events,
        quarantined: Vec::new(),
    }
}

on_both!(duplicates_are_counted_and_not_stored, |db| async move {
    let (source, appender) = (source(&db).await, appender(&db));
    let all: Vec<_> = (0..50)
        .map(|i| {
            login(
                &format!("user-{}", i % 7),
                &format!("2026-03-02T10:{i:02}:00Z"),
            )
        })
        .collect();
    let events = normalised(&db.acme, source.id, NOW, &all);
    let first = appender
        .append(&db.acme, source.id, batch(events.clone()))
        .await
        .unwrap();
    assert!(first.events.iter().all(|o| *o == Outcome::Stored));
    let end = log::end(&db.db).await.unwrap();
    let again = appender
        .append(&db.acme, source.id, batch(events.clone()))
        .await
        .unwrap();
    assert!(again.events.iter().all(|o| *o == Outcome::Duplicate));
    let twice = [events[0].clone(), events[0].clone()].to_vec();
    let twice = appender
        .append(&db.acme, source.id, batch(twice))
        .await
        .unwrap();
    assert_eq!(twice.events, [Outcome::Duplicate, Outcome::Duplicate]);
    assert_eq!(
        log::end(&db.db).await.unwrap(),
        end,
        "duplicates do not move the end"
    );
    let stored = events::list(&db.acme(NOW), &events::Filter::default(), None, 200)
        .await
        .unwrap();
    assert_eq!(stored.len(), 50);
    assert_eq!(
        stored[0].event.occurred_at.to_string(),
        "2026-03-02T10:49:00Z",
        "newest first"
    );
});

on_both!(an_event_comes_back_as_it_was_sent, |db| async move {
    let (source, appender) = (source(&db).await, appender(&db));
    let sent = json!({
        "timestamp": "2026-03-02T10:00:00.123456Z", "actor": "Jane", "action": "download",
        "outcome": "denied", "resource": "file", "resourceId": "/f/1", "ip": "2001:db8::1",
        "userAgent": "curl/8 ä", "bytes": i64::MAX, "severity": "high", "host": "h", "app": "a",
        "note": {"deep": [1, 2.5, null, "x\u{1}"]}, "big": 18_446_744_073_709_551_615_u64,
    });
    let events = normalised(&db.acme, source.id, NOW, &[sent]);
    appender
        .append(&db.acme, source.id, batch(events.clone()))
        .await
        .unwrap();
    let stored = events::find(&db.acme(NOW), events[0].id).await.unwrap();
    assert_eq!(stored.event, events[0]);
    assert_eq!(stored.source, "vpn");
});

on_both!(
    the_tail_returns_everything_once_and_in_order,
    |db| async move {
        let (source, appender) = (source(&db).await, appender(&db));
        let mut writers = Vec::new();
        for writer in 0..8 {
            let (appender, tenant) = (appender.clone(), db.acme.clone());
            writers.push(tokio::spawn(async move {
                for i in 0..10 {
                    let all: Vec<_> = (0..5)
                        .map(|j| login(&format!("w{writer}-{i}-{j}"), "2026-03-02T10:00:00Z"))
                        .collect();
                    let events = normalised(&tenant, source.id, NOW, &all);
                    appender
                        .append(&tenant, source.id, batch(events))
                        .await
                        .unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        // A transaction anywhere in the server holds back what the tail shows.
        eventually("all events in the tail", async || {
            let all = log::tail(&db.db, Position::START, 500).await.unwrap();
            all.len() == 400
        })
        .await;
        let (mut position, mut seen) = (Position::START, std::collections::BTreeSet::new());
        loop {
            let page = log::tail(&db.db, position, 37).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.windows(2).all(|w| w[0].position < w[1].position));
            position = last.position;
            seen.extend(page.iter().map(|e| e.id));
        }
        assert_eq!(seen.len(), 400);
        assert_eq!(log::end(&db.db).await.unwrap(), position);
    }
);

on_both!(history_stops_at_the_position, |db| async move {
    let (source, appender) = (source(&db).await, appender(&db));
    let append = async |at: &str| {
        let events = normalised(&db.acme, source.id, NOW, &[login("jane", at)]);
        appender
            .append(&db.acme, source.id, batch(events))
            .await
            .unwrap();
    };
    append("2026-03-02T10:00:00Z").await;
    append("2026-03-02T09:00:00Z").await;
    let position = log::end(&db.db).await.unwrap();
    append("2026-03-02T08:00:00Z").await;
    let (actor, _) = ActorKey::fold("jane").identify(db.acme.key);
    let range = (
        "2026-03-02T00:00:00Z".parse().unwrap(),
        "2026-03-03T00:00:00Z".parse().unwrap(),
    );
    let mut tx = db.db.begin().await.unwrap();
    let mut times = Vec::new();
    log::history(&mut tx, (db.acme.id, actor), range, position, |e| {
        times.push(e.occurred_at.to_string());
    })
    .await
    .unwrap();
    assert_eq!(times, ["2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"]);
});

on_both!(quarantine_is_durable_and_decided_once, |db| async move {
    let (source, appender) = (source(&db).await, appender(&db));
    let events = normalised(
        &db.acme,
        source.id,
        NOW,
        &[login("jane", "2026-03-02T10:00:00Z")],
    );
    let put_aside = Batch {
        events: Vec::new(),
        quarantined: vec![(events[0].clone(), "clock ahead".to_owned())],
    };
    appender
        .append(&db.acme, source.id, put_aside)
        .await
        .unwrap();
    let scope = db.acme(NOW);
    let items = quarantine::list(&scope, None, Some("pending"), None, 10)
        .await
        .unwrap();
    assert_eq!(
        (items.len(), items[0].reason.as_str(), &items[0].event),
        (1, "clock ahead", &events[0])
    );
    assert_eq!(quarantine::pending(&db.globex(NOW)).await.unwrap(), 0);
    quarantine::decide(&scope, items[0].id, "discarded")
        .await
        .unwrap();
    assert!(
        quarantine::decide(&scope, items[0].id, "replayed")
            .await
            .is_err()
    );
    assert!(
        log::tail(&db.db, Position::START, 10)
            .await
            .unwrap()
            .is_empty(),
        "what was put aside is not scored"
    );
});

/// A value only the database refuses: 600 characters of four bytes each overflow the index key of
/// an actor on PostgreSQL, and nothing else of the batch may suffer.
#[tokio::test]
async fn an_event_the_database_refuses_is_put_aside_alone() {
    let db = TestDb::new(testkit::Engine::Postgres).await;
    let (source, appender) = (source(&db).await, appender(&db));
    let all: Vec<_> = (0..20)
        .map(|i| login(&format!("user-{i}"), "2026-03-02T10:00:00Z"))
        .collect();
    let mut events = normalised(&db.acme, source.id, NOW, &all);
    // Normalising never lets a NUL through; this stands for any fault of ours.
    events[13].action = "nul \u{0} byte".to_owned();
    let appended = appender
        .append(&db.acme, source.id, batch(events))
        .await
        .unwrap();
    let stored = appended
        .events
        .iter()
        .filter(|o| **o == Outcome::Stored)
        .count();
    assert_eq!(stored, 19);
    assert!(matches!(appended.events[13], Outcome::PutAside(_)));
}
