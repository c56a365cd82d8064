//! What people tell the scorer about actors, words and days, on both engines: in force from the day
//! after the last closed one, and the same when everything is derived again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use std::collections::BTreeMap;

use domain::actor::{ActorKey, ActorKind};
use domain::actor_facts::ActorFacts;
use domain::alert::Disposition;
use domain::score::{Points, Reference};
use domain::tenant::RuleSetName;
use domain::time::{Day, Zone};
use scoring::calibrated::{Action, ActorState, stored};
use serde_json::{Value, json};
use store::tenants::{self, Settings};
use store::{
    action_words, actor_facts, actors, alerts, calibrated, excluded_days, receipts, scores,
};
use testkit::events::{office_days, theft};
use testkit::{TestDb, on_both};
use world::World;

/// After everything that is sent.
const NOW: &str = "2026-03-17T00:00:00Z";

async fn calm(db: TestDb) -> World {
    let mut world = World::new(db).await;
    world.clock.set(NOW);
    let mut settings = Settings::from(&world.db.acme);
    settings.scoring.ruleset = RuleSetName::Calibrated;
    world.db.acme = tenants::update(&world.scope(), &settings).await.unwrap();
    world
}

fn at(event: &Value) -> &str {
    event["timestamp"].as_str().unwrap()
}

/// Thirteen ordinary days of a dozen people, a theft by one of them, and a word nobody knows.
fn story() -> Vec<Value> {
    let mut sent: Vec<Value> = (0..12)
        .flat_map(|i| office_days(&format!("person-{i}")))
        .collect();
    sent.extend(theft("person-3"));
    sent.extend((1..=14).flat_map(|day| {
        [0, 1].map(|i| {
            json!({"timestamp": format!("2026-03-{day:02}T10:0{i}:00Z"), "actor": "person-2",
                "action": "frobnicate.quux", "resource": "document", "resourceId": "doc-1"})
        })
    }));
    sent.push(
        json!({"timestamp": "2026-03-15T09:00:00Z", "actor": "person-5", "action": "read",
        "resource": "document", "resourceId": "doc-1", "ip": "10.0.0.1", "bytes": 1_000_000}),
    );
    sent.sort_by_key(|event| at(event).to_owned());
    sent
}

async fn state(world: &World, name: &str) -> ActorState {
    let actor = world.actor(name);
    let mut found = calibrated::states(&world.db.db, world.db.acme.id, &[actor])
        .await
        .unwrap();
    stored::from_bytes(&found.remove(&actor).unwrap().state).unwrap()
}

/// Everything that is derived: the organisation, the pasts, the highest scores.
async fn derived(world: &World) -> (Vec<u8>, Vec<ActorState>, Vec<String>) {
    let kept = calibrated::organisation(&world.db.db, world.db.acme.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.changed, kept.rebuilding_from), (None, None));
    let mut pasts = Vec::new();
    for i in 0..12 {
        pasts.push(state(world, &format!("person-{i}")).await);
    }
    let scope = world.scope();
    let (mut day, last) = scores::range(&scope).await.unwrap().unwrap();
    let mut rows = Vec::new();
    while day <= last {
        for row in scores::of_day(&scope, day).await.unwrap() {
            rows.push(format!("{} {} {}", row.name, row.day, row.score));
        }
        day = day.plus(1);
    }
    (kept.state, pasts, rows)
}

fn tokyo() -> ActorFacts {
    ActorFacts {
        zone: Some(Zone::named("Asia/Tokyo").unwrap()),
        kind: Some(ActorKind::Service),
        ..ActorFacts::default()
    }
}

fn said(facts: &ActorFacts, people: std::ops::Range<usize>) -> BTreeMap<ActorKey, ActorFacts> {
    let key = |i| ActorKey::fold(&format!("person-{i}"));
    people.map(|i| (key(i), facts.clone())).collect()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The first events up to a day, told things, and the rest.
async fn told_on_the_eighth(world: &mut World) {
    let sent = story();
    let (first, rest): (Vec<Value>, Vec<Value>) =
        sent.into_iter().partition(|event| at(event) < "2026-03-08");
    world.send(&first).await;
    world.score().await;
    let scope = world.scope();
    let mut facts = said(&tokyo(), 1..2);
    facts.insert(ActorKey::fold("Not-Yet-Seen"), tokyo());
    let dry = actor_facts::import(&scope, &facts, true).await.unwrap();
    let none = actor_facts::all(&world.db.db, world.db.acme.id).await;
    assert!(none.unwrap().is_empty(), "a dry run writes nothing");
    let done = actor_facts::import(&scope, &facts, false).await.unwrap();
    assert_eq!(dry, done);
    // The sixth is the last closed day: the seventh is still open.
    assert_eq!(
        (done.new, done.waiting, done.since),
        (2, 1, day("2026-03-07"))
    );
    let again = actor_facts::import(&scope, &facts, false).await.unwrap();
    assert_eq!((again.new, again.changed, again.unchanged), (0, 0, 2));
    let words = json!({"actions": {"Frobnicate-Quux": "download"}, "resources": {}});
    let since = action_words::save(&scope, None, &words).await.unwrap();
    assert_eq!(since, day("2026-03-07"));
    world.send(&rest).await;
    world.score().await;
}

on_both!(
    what_is_said_counts_from_the_next_day_and_when_derived_again,
    |db| async move {
        let mut world = calm(db).await;
        told_on_the_eighth(&mut world).await;
        let live = derived(&world).await;
        // Six days by UTC, seven by the clock in Tokyo, nine hours later.
        let moved = state(&world, "person-1").await;
        let stayed = state(&world, "person-4").await;
        assert!(moved.hours[9] > 0.0 && moved.hours[23] > 0.0 && stayed.hours[23] == 0.0);
        assert!(moved.declared_service && !stayed.declared_service);
        let frobnicates = state(&world, "person-2").await.rates[Action::Download];
        assert!(frobnicates > 0.3 && stayed.rates[Action::Download] == 0.0);
        let moved = actors::find(&world.scope(), world.actor("person-1")).await;
        assert_eq!(moved.unwrap().kind, ActorKind::Service);

        // Leaving a day out and taking it back derives everything twice.
        let scope = world.scope();
        let thief = world.actor("person-4");
        let range = (day("2026-03-05"), day("2026-03-06"));
        let left_out = excluded_days::add(&scope, thief, range, "a test of ours").await;
        assert_eq!(left_out.unwrap(), 2);
        world.score().await;
        let without = derived(&world).await;
        let short = &without.1[4];
        assert_eq!((live.1[4].active_days, short.active_days), (13, 11));
        assert!(
            short
                .recent
                .iter()
                .all(|d| d.day < range.0 || d.day > range.1)
        );
        assert_ne!(live.0, without.0, "everyone's numbers are without it too");
        assert_eq!(
            excluded_days::remove(&scope, thief, range).await.unwrap(),
            2
        );
        world.score().await;
        let again = derived(&world).await;
        assert_eq!(live.2, again.2, "the scores");
        assert_eq!(live.1, again.1, "the pasts");
        assert_eq!(live.0, again.0, "the organisation");
        assert!(excluded_days::remove(&scope, thief, range).await.is_err());

        // Another organisation sees none of it and changes none of it.
        let globex = world.db.globex(NOW);
        let foreign = excluded_days::add(&globex, thief, range, "theirs").await;
        assert!(
            foreign.is_err()
                && excluded_days::list(&globex, thief)
                    .await
                    .unwrap()
                    .is_empty()
        );
        assert!(
            actor_facts::find(&globex, world.actor("person-1"))
                .await
                .unwrap()
                .is_none()
        );
        assert!(action_words::newest(&globex).await.unwrap().is_none());
    }
);

on_both!(
    facts_told_before_the_first_event_are_waiting_for_it,
    |db| async move {
        let mut world = calm(db).await;
        let done = actor_facts::import(&world.scope(), &said(&tokyo(), 0..1), false).await;
        assert_eq!(done.unwrap().waiting, 1);
        world.send(&office_days("person-0")).await;
        world.score().await;
        let actor = actors::find(&world.scope(), world.actor("person-0"))
            .await
            .unwrap();
        assert_eq!(actor.kind, ActorKind::Service);
        let state = state(&world, "person-0").await;
        assert!(
            state.hours[18] > 0.0 && state.hours[9] == 0.0,
            "{:?}",
            state.hours
        );
    }
);

on_both!(alerts_are_compared_with_the_given_group, |db| async move {
    let mut world = calm(db).await;
    let finance = ActorFacts {
        peer_group: Some("Finance".to_owned()),
        ..ActorFacts::default()
    };
    actor_facts::import(&world.scope(), &said(&finance, 0..7), false)
        .await
        .unwrap();
    world.send(&story()).await;
    world.score().await;
    let raised = world.alerts().await;
    let thief = raised.iter().find(|a| a.actor_name == "person-3").unwrap();
    let snapshot = alerts::snapshot(&world.scope(), thief.id).await.unwrap();
    let compared: Vec<_> = snapshot
        .contributions
        .iter()
        .filter_map(|c| c.peers.as_ref())
        .collect();
    assert!(!compared.is_empty());
    for comparison in compared {
        assert_eq!((comparison.group.as_str(), comparison.size), ("Finance", 6));
    }
    let sum: Points = snapshot.contributions.iter().map(|c| c.points).sum();
    assert_eq!(sum, thief.score);
    // A receipt computes the same again.
    let scope = world.scope();
    for record in receipts::after(&scope, 0, 9).await.unwrap() {
        let receipt = record.receipt.unwrap();
        let inputs = stored::from_bytes(&receipt.inputs).unwrap();
        let hash = receipt.reference.unwrap();
        let bytes = receipts::reference(&scope, &hash).await.unwrap().unwrap();
        let reference = stored::from_bytes(&bytes).unwrap();
        let snapshot = record.snapshot.unwrap();
        let again = scoring::receipt::recompute(&snapshot, &inputs, Some(&reference));
        assert_eq!(again.unwrap(), snapshot);
    }

    // Four others are too few: they are neither used nor named.
    let mut small = calm(TestDb::new(engine_of(&world)).await).await;
    actor_facts::import(&small.scope(), &said(&finance, 0..5), false)
        .await
        .unwrap();
    small.send(&story()).await;
    small.score().await;
    for alert in small.alerts().await {
        let snapshot = alerts::snapshot(&small.scope(), alert.id).await.unwrap();
        let named =
            |c: &domain::score::Contribution| c.peers.is_some() || c.reference == Reference::Peers;
        assert!(!snapshot.contributions.iter().any(named));
    }
});

fn engine_of(world: &World) -> testkit::Engine {
    match world.db.db.engine() {
        "SQLite" => testkit::Engine::Sqlite,
        _ => testkit::Engine::Postgres,
    }
}

on_both!(words_without_a_class_are_counted, |db| async move {
    let mut world = calm(db).await;
    world.send(&story()).await;
    world.score().await;
    let scope = world.scope();
    let unknown = action_words::unclassified(&scope, day("2026-03-01"), 9)
        .await
        .unwrap();
    assert_eq!(unknown, [("frobnicate.quux".to_owned(), 28)]);
    let later = action_words::unclassified(&scope, day("2026-03-13"), 9)
        .await
        .unwrap();
    assert_eq!(later, [("frobnicate.quux".to_owned(), 4)]);
    let foreign = action_words::unclassified(&world.db.globex(NOW), day("2026-03-01"), 9).await;
    assert!(foreign.unwrap().is_empty());
});

on_both!(a_confirmed_incident_teaches_nothing, |db| async move {
    let mut world = calm(db).await;
    world.send(&story()).await;
    world.score().await;
    let before = state(&world, "person-3").await;
    assert_eq!(before.last, Some(day("2026-03-14")));
    let raised = world.alerts().await;
    let thief = raised.iter().find(|a| a.actor_name == "person-3").unwrap();
    world.close(thief, Disposition::TruePositiveImpact).await;
    world.clock.advance(24 * 3600);
    world.score().await;
    let after = state(&world, "person-3").await;
    assert_eq!(after.last, Some(day("2026-03-13")));
    assert_eq!(after.active_days + 1, before.active_days);
    assert_eq!(
        world.alerts().await.len(),
        raised.len(),
        "no alert opens or goes"
    );
});

on_both!(
    classic_judges_hours_by_the_actors_own_clock_and_leaves_days_out,
    |db| async move {
        let mut world = World::new(db).await;
        world.clock.set("2026-03-14T00:00:00Z");
        actor_facts::import(&world.scope(), &said(&tokyo(), 0..1), false)
            .await
            .unwrap();
        let sent: Vec<Value> = (0..2)
            .flat_map(|i| office_days(&format!("person-{i}")))
            .collect();
        world.send(&sent).await;
        world.score().await;
        worker::jobs::baseline::run(&world.db.db, "2026-03-14T00:00:00Z".parse().unwrap())
            .await
            .unwrap();
        let view = |world: &World, name: &str| {
            let (scope, actor) = (world.scope(), world.actor(name));
            async move { actors::baseline(&scope, actor).await.unwrap().unwrap() }
        };
        assert_eq!(
            view(&world, "person-0").await.typical_hours.first(),
            Some(&0)
        );
        assert_eq!(
            view(&world, "person-1").await.typical_hours.first(),
            Some(&9)
        );

        let actor = world.actor("person-1");
        let range = (day("2026-03-10"), day("2026-03-11"));
        excluded_days::add(&world.scope(), actor, range, "fire drill")
            .await
            .unwrap();
        worker::jobs::baseline::run(&world.db.db, "2026-03-14T00:01:00Z".parse().unwrap())
            .await
            .unwrap();
        let left = view(&world, "person-1").await;
        let excluded = left
            .days
            .iter()
            .filter(|d| d.state == domain::baseline::DayState::Excluded);
        assert_eq!(
            excluded.map(|d| d.day).collect::<Vec<_>>(),
            [range.0, range.1]
        );
    }
);
