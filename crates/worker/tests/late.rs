//! Events that come late, on both engines: alerts are found again, never doubled or withdrawn.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use domain::alert::Disposition;
use domain::score::Points;
use serde_json::{Value, json};
use store::alerts::{self, Alert};
use store::scoring as rows;
use testkit::events::{login, office_days, theft};
use testkit::{TestDb, on_both};
use world::World;

/// A theft on a day of March 2026, from addresses and of documents of its own.
fn theft_on(day: u32) -> Vec<Value> {
    let mut events = theft("jane");
    for (i, event) in events.iter_mut().enumerate() {
        let time = event["timestamp"].as_str().unwrap();
        event["timestamp"] = json!(time.replace("-14T", &format!("-{day:02}T")));
        event["ip"] = json!(format!("203.0.{day}.{}", i % 3 + 1));
        event["resourceId"] = json!(format!("secret-{day}-{i}"));
    }
    events
}

/// What must not change: code, opening minute, status.
async fn outline(world: &World) -> Vec<(String, String, bool)> {
    let mut rows: Vec<_> = world
        .alerts()
        .await
        .iter()
        .map(|a| {
            let closed = a.status.is_closed();
            (a.code.to_string(), a.opened_at().to_string(), closed)
        })
        .collect();
    rows.sort();
    rows
}

async fn with_thefts(db: TestDb, days: &[u32]) -> World {
    let mut world = World::new(db).await;
    world.clock.set("2026-03-29T00:00:00Z");
    world.send(&office_days("jane")).await;
    for day in days {
        world.send(&theft_on(*day)).await;
    }
    world.score().await;
    assert_eq!(world.alerts().await.len(), days.len());
    world
}

async fn history(world: &World, alert: &Alert) -> Vec<String> {
    let entries = alerts::history(&world.scope(), alert.id).await.unwrap();
    entries.into_iter().map(|h| h.text).collect()
}

on_both!(a_replay_finds_every_alert_again, |db| async move {
    let mut world = with_thefts(db, &[14, 16, 18]).await;
    let before = outline(&world).await;
    for at in ["2026-03-13T12:30:00Z", "2026-03-12T12:30:00Z"] {
        world.send(&[login("jane", at)]).await;
        world.score().await;
        assert_eq!(outline(&world).await, before);
    }
});

on_both!(closed_alerts_stay_closed_in_a_replay, |db| async move {
    let mut world = with_thefts(db, &[14, 21]).await;
    for alert in world.alerts().await {
        world.close(&alert, Disposition::BenignExpected).await;
    }
    let before = outline(&world).await;
    assert!(before.iter().all(|row| row.2));
    world.send(&[login("jane", "2026-03-13T12:30:00Z")]).await;
    world.score().await;
    assert_eq!(outline(&world).await, before);
});

on_both!(an_earlier_opening_minute_joins_the_alert, |db| async move {
    let mut world = with_thefts(db, &[14]).await;
    let (early, rest) = {
        let mut all = theft_on(21);
        let rest = all.split_off(20);
        (all, rest)
    };
    world.send(&rest).await;
    world.score().await;
    let before = outline(&world).await;
    assert_eq!(before.len(), 2);
    world.send(&early).await;
    world.score().await;
    assert_eq!(outline(&world).await, before, "no second alert");
    let second = world.alerts().await.remove(0);
    let history = history(&world, &second).await;
    assert!(
        history.iter().any(|text| text.contains("ate event")),
        "the history says why: {history:?}"
    );
});

on_both!(alerts_already_raised_are_never_withdrawn, |db| async move {
    let mut world = with_thefts(db, &[14, 21]).await;
    let before = outline(&world).await;
    // The same thefts on earlier days make the later ones ordinary.
    for day in 7..=12 {
        let mut habit = theft_on(14);
        habit.extend(theft_on(21));
        for event in &mut habit {
            let time = event["timestamp"].as_str().unwrap()[10..].to_owned();
            event["timestamp"] = json!(format!("2026-03-{day:02}{time}"));
        }
        world.send(&habit).await;
    }
    world.score().await;
    let after = outline(&world).await;
    assert!(
        before.iter().all(|row| after.contains(row)),
        "{before:?} {after:?}"
    );
});

on_both!(
    a_closed_alert_of_the_same_minute_does_not_stop_scoring,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        let at_once = |range: std::ops::Range<usize>, success: bool| -> Vec<Value> {
            let mut events = theft("jane");
            for (i, event) in events.iter_mut().enumerate() {
                event["timestamp"] = json!(format!("2026-03-14T02:30:{i:02}Z"));
                event["success"] = json!(success);
            }
            events[range].to_vec()
        };
        world.send(&at_once(0..20, true)).await;
        world.score().await;
        let first = world.alerts().await.remove(0);
        world.close(&first, Disposition::BenignExpected).await;
        world.send(&at_once(20..40, false)).await;
        world.score().await;
        let alerts = world.alerts().await;
        assert_eq!(alerts.len(), 2, "a rule joined after closing");
        let second = alerts.iter().find(|a| a.code != first.code).unwrap();
        assert!(!second.status.is_closed());
    }
);

on_both!(
    an_alert_closed_during_a_pass_is_not_raised,
    |db| async move {
        let world = with_thefts(db, &[14]).await;
        let (scope, store) = (world.scope(), &world.db.db);
        let alert = world.alerts().await.remove(0);
        let everything = (domain::time::Minute(0), domain::time::Minute(i64::MAX));
        let mut tx = store.begin().await.unwrap();
        let tenant = scope.tenant.id;
        let read = rows::alerts_around(&mut tx, tenant, world.actor("jane"), everything)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        world.close(&alert, Disposition::BenignExpected).await;
        let closed = alerts::find(&scope, alert.code).await.unwrap();

        let mut snapshot = alerts::snapshot(&scope, alert.id).await.unwrap();
        snapshot.contributions[0].points = Points::whole(99);
        let reasons = rows::Reasons {
            snapshot: &snapshot,
            sentence: "worse",
            short: &[],
            receipt: None,
        };
        let mut tx = store.begin().await.unwrap();
        let raised = rows::raise_alert(&mut tx, tenant, &read[0], &reasons, (scope.now, false));
        assert!(!raised.await.unwrap());
        let later = read[0].last_signal.plus(60);
        let span = (later, later);
        rows::continue_alert(
            &mut tx,
            tenant,
            &read[0],
            span,
            &read[0].rules,
            (scope.now, false),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(alerts::find(&scope, alert.code).await.unwrap(), closed);
    }
);
