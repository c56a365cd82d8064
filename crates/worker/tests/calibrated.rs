//! The calibrated grading in the scorer, on both engines: what the service keeps is what the pure
//! engine computes from the same events, however they arrive.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::actor::ActorKey;
use domain::score::{Judgement, Points};
use domain::tenant::RuleSetName;
use domain::time::{Clock, Day};
use scoring::calibrated::{
    ActorDay, ActorState, Closing, Organisation, Parameters, Reader, Today, close_day, judge,
};
use scoring::observation::ValueHash;
use serde_json::{Value, json};
use store::log::Position;
use store::tenants::{self, Settings};
use store::{actors, alerts, calibrated, partitions, receipts, scores};
use testkit::binary::eventually;
use testkit::events::{normalised, office_days, theft};
use testkit::{TestDb, on_both};
use worker::jobs::score::Scorer;
use world::World;

/// A world whose organisation uses a rule set.
async fn world_with(db: TestDb, ruleset: RuleSetName) -> World {
    let mut world = World::new(db).await;
    world.clock.set(NOW);
    choose(&mut world, ruleset).await;
    world
}

async fn choose(world: &mut World, ruleset: RuleSetName) {
    let mut settings = Settings::from(&world.db.acme);
    settings.scoring.ruleset = ruleset;
    world.db.acme = tenants::update(&world.scope(), &settings).await.unwrap();
}

/// Thirteen ordinary days of a dozen people, and a theft by one of them.
fn story() -> Vec<Value> {
    let mut sent: Vec<Value> = (0..12)
        .flat_map(|i| office_days(&format!("person-{i}")))
        .collect();
    sent.extend(theft("person-3"));
    sent.push(read("person-5", "2026-03-15T09:00:00Z"));
    sent.sort_by_key(|event| event["timestamp"].as_str().unwrap().to_owned());
    sent
}

fn read(actor: &str, at: &str) -> Value {
    json!({"timestamp": at, "actor": actor, "action": "read", "resource": "document",
        "resourceId": "doc-1", "ip": "10.0.0.1", "bytes": 1_000_000, "success": true})
}

/// After everything that is sent.
const NOW: &str = "2026-03-17T00:00:00Z";

type Rows = Vec<(String, String, String, bool)>;

/// The highest scores by the engine alone, from complete days.
fn expected(world: &World, sent: &[Value]) -> Rows {
    let events = normalised(&world.db.acme, world.source.id, NOW, sent);
    let mut days: BTreeMap<Day, BTreeMap<String, ActorDay>> = BTreeMap::new();
    let mut reader = Reader::default();
    for event in &events {
        let day = event.occurred_at.utc_day();
        let actors = days.entry(day).or_default();
        let own = actors.entry(event.actor.clone());
        let own = own.or_insert_with(|| ActorDay::new(day));
        own.observe(&reader.read(event), &world.db.acme.scoring.zone);
    }
    let mut organisation = Organisation::new(Parameters::default());
    let mut states: BTreeMap<String, ActorState> = BTreeMap::new();
    let mut rows = Vec::new();
    for (day, actors) in days {
        let mut today = Today::default();
        for own in actors.values() {
            today.add(own);
        }
        let mut all = Vec::new();
        for (name, own) in &actors {
            let state = states.remove(name).unwrap_or_default();
            let judged = judge(own, &state, &organisation, &today);
            let score = Points::from_tenths(judged.grade.tenths());
            let alerted = score >= Points::whole(60);
            rows.push((name.clone(), day.to_string(), score.to_string(), alerted));
            all.push((name, own, state, judged));
        }
        let closings = all.iter_mut().map(|(name, own, state, judged)| Closing {
            actor: ValueHash::text(ActorKey::fold(name).as_str()).0,
            state,
            day: own,
            judged,
        });
        close_day(&mut organisation, day, closings.collect());
        states.extend(
            all.into_iter()
                .map(|(name, _, state, _)| (name.clone(), state)),
        );
    }
    rows
}

async fn export(world: &World) -> Rows {
    let scope = world.scope();
    let Some((first, last)) = scores::range(&scope).await.unwrap() else {
        return Vec::new();
    };
    let (mut day, mut rows) = (first, Vec::new());
    while day <= last {
        for row in scores::of_day(&scope, day).await.unwrap() {
            let score = row.score.to_string();
            rows.push((row.name, row.day.to_string(), score, row.alerted));
        }
        day = day.plus(1);
    }
    rows
}

/// Everything that is derived, as bytes and words.
async fn derived(world: &World) -> (Vec<u8>, Vec<String>, Rows, Vec<String>) {
    let store = &world.db.db;
    let tenant = world.db.acme.id;
    let kept = calibrated::organisation(store, tenant)
        .await
        .unwrap()
        .unwrap();
    let people: Vec<_> = (0..12)
        .map(|i| world.actor(&format!("person-{i}")))
        .collect();
    let mut states: Vec<_> = calibrated::states(store, tenant, &people)
        .await
        .unwrap()
        .into_values()
        .map(|s| format!("{:?} {}", s.day, blake(&s.state)))
        .collect();
    states.sort();
    let mut raised = Vec::new();
    for alert in world.alerts().await {
        let snapshot = alerts::snapshot(&world.scope(), alert.id).await.unwrap();
        raised.push(format!("{:?} {snapshot:?}", alert.opened_minute));
    }
    (kept.state, states, export(world).await, raised)
}

fn blake(bytes: &[u8]) -> u64 {
    ValueHash::text(&format!("{bytes:?}")).0
}

on_both!(the_service_comes_to_what_the_engine_says, |db| async move {
    let mut world = world_with(db, RuleSetName::Calibrated).await;
    let sent = story();
    world.send(&sent).await;
    world.score().await;
    assert_eq!(export(&world).await, expected(&world, &sent));

    let raised = world.alerts().await;
    assert_eq!(raised.len(), 1, "{raised:?}");
    let alert = &raised[0];
    assert_eq!(alert.actor_name, "person-3");
    let snapshot = alerts::snapshot(&world.scope(), alert.id).await.unwrap();
    let sum: Points = snapshot.contributions.iter().map(|c| c.points).sum();
    assert_eq!(
        (snapshot.ruleset.as_str(), sum),
        ("calibrated", alert.score)
    );
    assert!(snapshot.assessment.is_none() && !snapshot.counterfactual.is_empty());
    let objects = snapshot
        .contributions
        .iter()
        .find(|c| c.rule == "new_objects");
    let objects = objects.unwrap_or_else(|| panic!("{:#?}", snapshot.contributions));
    assert_eq!((objects.observed, objects.evidence_count), (40.0, 40));
    assert!(objects.once_in_days.unwrap() > 1.0 && objects.family.as_deref() == Some("scope"));
    let frozen = alerts::evidence(&world.scope(), alert.id, 500)
        .await
        .unwrap();
    assert!(
        frozen
            .iter()
            .any(|e| e.rules.iter().any(|r| r.word() == "new_objects"))
    );

    // Another organisation sees none of it.
    let globex = world.db.globex(NOW);
    let nothing = calibrated::days(&globex, Day(0)).await.unwrap();
    assert!(nothing.is_empty() && receipts::after(&globex, 0, 9).await.unwrap().is_empty());
    let own = receipts::after(&world.scope(), 0, 9).await.unwrap();
    let hash = own[0].receipt.as_ref().unwrap().reference.clone().unwrap();
    assert!(receipts::reference(&globex, &hash).await.unwrap().is_none());
    assert!(
        receipts::reference(&world.scope(), &hash)
            .await
            .unwrap()
            .is_some()
    );
    let days = calibrated::days(&world.scope(), Day(0)).await.unwrap();
    assert_eq!((days.len(), days[0].judged, days[0].alerted), (14, 1, 1));

    // The history holds the rows that sum to the score, and the list of actors shows it.
    let path = scores::of_actor(&world.scope(), world.actor("person-3"), None, 9)
        .await
        .unwrap();
    let Judgement::Calibrated(explained) = &path[0].judgement else {
        panic!("{path:?}");
    };
    let rows: Points = explained.contributions.iter().map(|c| c.points).sum();
    assert_eq!((rows, path[0].score), (explained.score, alert.score));
    // The theft is two days old by event time only from the 16th on.
    let thief = actors::find(&world.scope(), world.actor("person-3"))
        .await
        .unwrap();
    assert_eq!(thief.score, alert.score);
    world
        .send(&[read("person-5", "2026-03-16T09:00:00Z")])
        .await;
    world.score().await;
    assert_eq!(world.score_now("person-3").await, Points::ZERO);
});

on_both!(
    arrival_in_any_batches_and_a_crash_leave_the_same_bytes,
    |db| async move {
        let mut world = world_with(db, RuleSetName::Calibrated).await;
        let sent = story();
        world.send(&sent).await;
        world.score().await;
        let at_once = derived(&world).await;

        // One by one over midnight, by scorers that forget everything in between.
        let again = TestDb::new(engine_of(&world)).await;
        let mut other = world_with(again, RuleSetName::Calibrated).await;
        for chunk in sent.chunks(37) {
            other.send(chunk).await;
            other.score().await;
            other.scorer.release(&other.db.db).await.unwrap();
            other.scorer = Scorer::new("another".to_owned());
        }
        let in_pieces = derived(&other).await;
        assert_eq!(at_once.0, in_pieces.0, "the organisation");
        assert_eq!(at_once.2, in_pieces.2, "the scores");
        assert_eq!(at_once.1, in_pieces.1, "the actors' pasts");
    }
);

on_both!(
    a_pass_without_its_lease_leaves_nothing_behind,
    |db| async move {
        let mut world = world_with(db, RuleSetName::Calibrated).await;
        let sent = story();
        world.send(&sent).await;
        world.score().await;
        let undisturbed = derived(&world).await;

        let again = TestDb::new(engine_of(&world)).await;
        let mut other = world_with(again, RuleSetName::Calibrated).await;
        let clock: Arc<dyn Clock> = Arc::new(other.clock.clone());
        for (number, chunk) in sent.chunks(90).enumerate() {
            other.send(chunk).await;
            if number % 3 == 2 {
                // Events are seen once no older transaction of the server, of any test, runs.
                let sent = sent.len().min((number + 1) * 90);
                eventually("the events are seen", async || {
                    let all = store::log::tail(&other.db.db, Position::START, 100_000).await;
                    all.unwrap().len() == sent
                })
                .await;
                partitions::release(&other.db.db, "test").await.unwrap();
                let failed = other.scorer.catch_up(&other.db.db, &clock).await;
                assert!(failed.unwrap_err().is_lease_lost());
                other.clock.advance(30);
            }
            other.score().await;
        }
        let disturbed = derived(&other).await;
        assert_eq!(undisturbed.0, disturbed.0, "the organisation");
        assert_eq!(undisturbed.1, disturbed.1, "the actors' pasts");
        assert_eq!(undisturbed.2, disturbed.2, "the scores");
    }
);

fn engine_of(world: &World) -> testkit::Engine {
    match world.db.db.engine() {
        "SQLite" => testkit::Engine::Sqlite,
        _ => testkit::Engine::Postgres,
    }
}

on_both!(
    events_that_come_after_midnight_still_count,
    |db| async move {
        let mut world = world_with(db, RuleSetName::Calibrated).await;
        let mut sent = story();
        sent.push(read("person-7", "2026-03-14T01:00:00Z"));
        sent.sort_by_key(|event| event["timestamp"].as_str().unwrap().to_owned());
        // The theft on the 14th comes only after an event of the 15th.
        let theft_day = |event: &&Value| {
            event["timestamp"]
                .as_str()
                .unwrap()
                .starts_with("2026-03-14")
        };
        let late: Vec<Value> = sent.iter().filter(theft_day).cloned().collect();
        let in_time: Vec<Value> = sent.iter().filter(|e| !theft_day(e)).cloned().collect();
        let (first, rest) = late.split_at(1);
        world.send(&in_time[..in_time.len() - 1]).await;
        world.send(first).await;
        world.score().await;
        world.send(&in_time[in_time.len() - 1..]).await;
        world.score().await;
        assert!(world.alerts().await.is_empty());
        world.send(rest).await;
        world.score().await;
        assert_eq!(export(&world).await, expected(&world, &sent));
        let raised = world.alerts().await;
        assert_eq!(raised.len(), 1);
        let history = alerts::history(&world.scope(), raised[0].id).await.unwrap();
        assert!(
            history.iter().any(|h| h.text.contains("late event")),
            "{history:?}"
        );
    }
);

on_both!(
    a_second_source_for_closed_days_is_taken_in_after_a_while,
    |db| async move {
        let mut world = world_with(db, RuleSetName::Calibrated).await;
        let sent = story();
        let theft = |event: &&Value| event["action"] == "download";
        let late: Vec<Value> = sent.iter().filter(theft).cloned().collect();
        let mut in_time: Vec<Value> = sent.iter().filter(|e| !theft(e)).cloned().collect();
        in_time.push(read("person-5", "2026-03-16T09:00:00Z"));
        world.send(&in_time).await;
        world.score().await;
        world.send(&late).await;
        world.score().await;
        assert_eq!(
            export(&world).await,
            expected(&world, &in_time),
            "counted, not yet judged"
        );
        let kept = calibrated::organisation(&world.db.db, world.db.acme.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(kept.late, 40);
        world.clock.advance(18);
        world.score().await;
        let mut all = in_time;
        all.extend(late);
        assert_eq!(export(&world).await, expected(&world, &all));
        assert_eq!(world.alerts().await.len(), 1);
        let kept = calibrated::organisation(&world.db.db, world.db.acme.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((kept.late, kept.rebuilding_from), (0, None));
    }
);

on_both!(
    a_change_of_the_rule_set_derives_and_mixes_nothing,
    |db| async move {
        let mut world = world_with(db, RuleSetName::Classic).await;
        let sent = story();
        world.send(&sent).await;
        world.score().await;
        let classic = world.alerts().await;
        assert_eq!(classic.len(), 1);
        choose(&mut world, RuleSetName::Calibrated).await;
        world.score().await;
        assert_eq!(
            export(&world).await,
            expected(&world, &sent),
            "the history is derived again"
        );
        assert_eq!(world.alerts().await, classic, "the past raises nothing new");

        // The thief goes on: an alert of its own, beside the other.
        let more: Vec<Value> = theft("person-3")
            .into_iter()
            .map(|mut event| {
                let at = event["timestamp"]
                    .as_str()
                    .unwrap()
                    .replace("03-14T02", "03-15T10");
                event["timestamp"] = json!(at);
                event["resourceId"] =
                    json!(format!("other-{}", event["resourceId"].as_str().unwrap()));
                event
            })
            .collect();
        world.send(&more).await;
        world.score().await;
        let both = world.alerts().await;
        assert_eq!(both.len(), 2, "{both:?}");
        for alert in &both {
            let snapshot = alerts::snapshot(&world.scope(), alert.id).await.unwrap();
            let classic = snapshot.ruleset == "classic";
            assert_eq!(snapshot.assessment.is_some(), classic);
            let has_family = |c: &domain::score::Contribution| c.family.is_some();
            assert_ne!(snapshot.contributions.iter().any(has_family), classic);
        }
        choose(&mut world, RuleSetName::Classic).await;
        world.score().await;
        let kept = calibrated::organisation(&world.db.db, world.db.acme.id)
            .await
            .unwrap();
        assert_eq!(kept, None, "what nobody keeps up to date is forgotten");
    }
);
