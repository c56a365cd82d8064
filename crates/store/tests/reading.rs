//! Questions pages ask: pages of events, what a day amounts to, who scored highest, what waits.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use domain::actor::{ActorKey, ActorKind};
use domain::id::{EventId, SourceId};
use domain::score::Points;
use domain::source::SourceSettings;
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::log::{Appender, Batch};
use store::scoring::{DayUpdate, save_days};
use store::{actors, events, quarantine, scores, sources};
use testkit::events::normalised;
use testkit::{TestDb, on_both};
use tokio::sync::Notify;

const NOW: &str = "2026-03-02T12:00:00Z";

async fn source(db: &TestDb, slug: &str) -> SourceId {
    let slug = slug.parse().unwrap();
    let settings = SourceSettings::named("A source");
    let source = sources::create(&db.acme(NOW), &slug, &settings, None).await;
    source.unwrap().id
}

async fn store(db: &TestDb, sent: &[Value]) {
    let source = source(db, "vpn").await;
    let batch = Batch {
        events: normalised(&db.acme, source, NOW, sent),
        quarantined: Vec::new(),
    };
    let appender = Appender::start(db.db.clone(), Arc::new(Notify::new()));
    appender.append(&db.acme, source, batch).await.unwrap();
}

fn of_jane(db: &TestDb) -> events::Filter {
    events::Filter {
        actor: Some(ActorKey::fold("jane").identify(db.acme.key).0),
        ..events::Filter::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Every page of seven, one after the other.
async fn paged(db: &TestDb, filter: &events::Filter) -> Vec<(Timestamp, EventId)> {
    let (scope, mut seen, mut before) = (db.acme(NOW), Vec::new(), None);
    loop {
        let page = events::list(&scope, filter, before, 7).await.unwrap();
        let Some(last) = page.last() else {
            return seen;
        };
        before = Some(last.event.id);
        seen.extend(page.iter().map(|l| (l.event.occurred_at, l.event.id)));
    }
}

on_both!(pages_lose_nothing_within_a_millisecond, |db| async move {
    let sent: Vec<Value> = (0..40)
        .map(|i| json!({"timestamp": format!("2026-03-02T10:00:00.0000{i:02}Z"), "actor": "jane", "action": "read"}))
        .collect();
    store(&db, &sent).await;
    let mut of_actor = paged(&db, &of_jane(&db)).await;
    assert_eq!(of_actor.len(), 40);
    assert!(of_actor.is_sorted_by(|a, b| a > b), "newest first");
    let mut all = paged(&db, &events::Filter::default()).await;
    of_actor.sort_unstable();
    all.sort_unstable();
    assert_eq!(all, of_actor);
});

on_both!(a_range_holds_what_lies_between, |db| async move {
    let sent: Vec<Value> = (0..10)
        .map(|i| json!({"timestamp": format!("2026-03-02T10:00:00.00{i}5Z"), "actor": "jane", "action": "read"}))
        .collect();
    store(&db, &sent).await;
    let filter = |from: &str, until: &str| events::Filter {
        from: Some(at(from)),
        until: Some(at(until)),
        ..events::Filter::default()
    };
    let count = async |filter: &events::Filter| {
        let page = events::list(&db.acme(NOW), filter, None, 50).await.unwrap();
        page.len()
    };
    let exact = filter("2026-03-02T10:00:00.0025Z", "2026-03-02T10:00:00.0055Z");
    assert_eq!(count(&exact).await, 3);
    let between = filter("2026-03-02T10:00:00.0026Z", "2026-03-02T10:00:00.0056Z");
    assert_eq!(count(&between).await, 3);
    let whole = filter("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z");
    assert_eq!(count(&whole).await, 10);
    let before_the_epoch = filter("1960-01-01T00:00:00Z", "1961-01-01T00:00:00Z");
    assert_eq!(count(&before_the_epoch).await, 0);
});

on_both!(a_day_is_summed_as_the_scorer_counts, |db| async move {
    let event = |hour: u32, kind: &str, id: &str, ip: &str, success: bool| {
        json!({
            "timestamp": format!("2026-03-02T{hour:02}:00:00Z"), "actor": "jane", "action": "read",
            "resource": kind, "resourceId": id, "ip": ip, "bytes": 100, "success": success,
        })
    };
    let sent = [
        event(1, "document", "7", "10.0.0.1", true),
        event(2, "document", "7", "10.0.0.2", false),
        event(3, "customer", "7", "10.0.0.2", true),
        event(4, "customer", "8", "10.0.0.2", true),
        json!({"timestamp": "2026-03-02T05:00:00Z", "actor": "jane", "action": "login"}),
        event(11, "late", "1", "10.0.0.3", true),
    ];
    store(&db, &sent).await;
    let jane = of_jane(&db).actor.unwrap();
    let range = (at("2026-03-02T00:00:00Z"), at("2026-03-02T11:00:00Z"));
    let totals = events::totals(&db.acme(NOW), jane, range).await.unwrap();
    let expected = events::Totals {
        events: 5,
        bytes: 400,
        resources: 3,
        addresses: 2,
        failures: 1,
    };
    assert_eq!(totals, expected);
    let nobody = events::totals(&db.globex(NOW), jane, range).await.unwrap();
    assert_eq!(nobody, events::Totals::default());
});

on_both!(lists_and_their_counts_agree, |db| async move {
    let login = |actor: &str, kind: &str| json!({"timestamp": "2026-03-02T10:00:00Z", "actor": actor, "actorType": kind, "action": "login"});
    let sent = [
        login("jane", "person"),
        login("100%_sure", "person"),
        login("svc-jane", "service"),
    ];
    store(&db, &sent).await;
    let scope = db.acme(NOW);
    let wanted = |text: &str, kind| actors::Filter {
        text: Some(text.to_owned()),
        kind,
        min_score: None,
    };
    for (filter, expected) in [
        (wanted("", None), 3),
        (wanted("JANE", None), 2),
        (wanted("jane", Some(ActorKind::Service)), 1),
        (wanted("%_", None), 1),
        (wanted("nobody", None), 0),
    ] {
        let found = actors::list(&scope, &filter, actors::Order::Name, None, 9).await;
        assert_eq!(found.unwrap().len(), expected as usize, "{filter:?}");
        let counted = actors::count_matching(&scope, &filter).await.unwrap();
        assert_eq!(counted, expected, "{filter:?}");
    }
    assert!(!actors::any_baseline(&scope).await.unwrap());
});

on_both!(the_highest_day_of_each_actor_is_named, |db| async move {
    let login = |actor: &str| json!({"timestamp": "2026-03-02T10:00:00Z", "actor": actor, "action": "login"});
    store(&db, &[login("jane"), login("joe"), login("calm")]).await;
    let mut tx = db.db.begin().await.unwrap();
    let days = [
        ("jane", "2026-03-01T08:00:00Z", 40),
        ("jane", "2026-02-27T08:00:00Z", 40),
        ("jane", "2026-02-10T08:00:00Z", 90),
        ("joe", "2026-02-28T08:00:00Z", 70),
        ("calm", "2026-03-01T08:00:00Z", 0),
    ];
    let updates = days.map(|(actor, time, score)| {
        let (actor, part) = ActorKey::fold(actor).identify(db.acme.key);
        DayUpdate {
            actor,
            part,
            minute: at(time).minute(),
            score: Points::whole(score),
            alerted: false,
        }
    });
    save_days(&mut tx, db.acme.id, updates.into(), at(NOW))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let since = at("2026-02-20T00:00:00Z").utc_day();
    let peaks = scores::highest(&db.acme(NOW), since, 9).await.unwrap();
    let found: Vec<_> = peaks
        .iter()
        .map(|p| (p.name.as_str(), p.day.to_string(), p.score.to_string()))
        .collect();
    let expected = [("joe", "2026-02-28", "70"), ("jane", "2026-03-01", "40")];
    assert_eq!(
        found,
        expected.map(|(name, day, score)| (name, day.to_owned(), score.to_owned()))
    );
    let first = scores::highest(&db.acme(NOW), since, 1).await.unwrap();
    assert_eq!(first.len(), 1);
    assert!(
        scores::highest(&db.globex(NOW), since, 9)
            .await
            .unwrap()
            .is_empty()
    );
});

on_both!(what_waits_is_counted_by_source, |db| async move {
    let appender = Appender::start(db.db.clone(), Arc::new(Notify::new()));
    for (slug, count) in [("vpn", 1), ("mail", 2), ("gone", 3)] {
        let source = source(&db, slug).await;
        let sent: Vec<Value> = (0..count)
            .map(|i| json!({"timestamp": format!("2026-03-02T10:0{i}:00Z"), "actor": slug, "action": "login"}))
            .collect();
        let aside = |event| (event, "a test".to_owned());
        let events = normalised(&db.acme, source, NOW, &sent);
        let batch = Batch {
            events: Vec::new(),
            quarantined: events.into_iter().map(aside).collect(),
        };
        appender.append(&db.acme, source, batch).await.unwrap();
    }
    let scope = db.acme(NOW);
    sources::delete(&scope, "gone").await.unwrap();
    let waiting = quarantine::pending_by_source(&scope).await.unwrap();
    assert_eq!(waiting, [("mail".to_owned(), 2), ("vpn".to_owned(), 1)]);
    assert!(
        quarantine::pending_by_source(&db.globex(NOW))
            .await
            .unwrap()
            .is_empty()
    );
});
