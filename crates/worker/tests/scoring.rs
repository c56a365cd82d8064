//! The scorer over a real store, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

mod world;

use std::sync::Arc;

use domain::alert::Disposition;
use domain::rule::{RuleKey, RuleSettings};
use domain::score::{Judgement, Points};
use domain::source::SourceSettings;
use domain::time::Clock;
use serde_json::{Value, json};
use store::alerts::{self, Alert, Filter, Order};
use store::log::{self, Batch};
use store::tenants::{self, Settings};
use store::{actors, events, jobs, partitions, retention, rules, scores, sources};
use testkit::events::{late_reads, login, normalised, office_days, theft};
use testkit::{TestDb, on_both};
use worker::jobs::score::Scorer;
use worker::jobs::{baseline, retention as retention_job};
use world::{NOW, World};

/// What the export prints for an actor.
async fn export(world: &World) -> Vec<(String, String, String, bool)> {
    let scope = world.scope();
    let Some((first, last)) = scores::range(&scope).await.unwrap() else {
        return Vec::new();
    };
    let (mut day, mut rows) = (first, Vec::new());
    while day <= last {
        for row in scores::of_day(&scope, day).await.unwrap() {
            rows.push((
                row.name,
                row.day.to_string(),
                row.score.to_string(),
                row.alerted,
            ));
        }
        day = day.plus(1);
    }
    rows
}

on_both!(
    every_theft_alerts_and_no_late_reader_does,
    |db| async move {
        let mut world = World::new(db).await;
        let mut sent = Vec::new();
        for i in 0..20 {
            sent.extend(office_days(&format!("thief-{i}")));
            sent.extend(theft(&format!("thief-{i}")));
        }
        for i in 0..80 {
            sent.extend(office_days(&format!("reader-{i}")));
            sent.extend(late_reads(&format!("reader-{i}")));
        }
        // A baseline run before and after scoring changes nothing: it only refreshes views.
        baseline::run(&world.db.db, world.clock.now())
            .await
            .unwrap();
        for chunk in sent.chunks(4000) {
            world.send(chunk).await;
            world.score().await;
            baseline::run(&world.db.db, world.clock.now())
                .await
                .unwrap();
        }
        let mut names: Vec<_> = world
            .alerts()
            .await
            .into_iter()
            .map(|a| a.actor_name)
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 20, "{names:?}");
        assert!(names.iter().all(|n| n.starts_with("thief")));
        let alerts = world.alerts().await;
        assert_eq!(alerts.len(), 20, "one alert per episode");
        assert!(alerts.iter().all(|a| a.score == Points::whole(88)));
    }
);

on_both!(
    an_alert_explains_itself_and_freezes_its_evidence,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.send(&theft("jane")).await;
        world.score().await;
        let alert = world.alerts().await.remove(0);
        let snapshot = alerts::snapshot(&world.scope(), alert.id).await.unwrap();
        let sum: Points = snapshot.contributions.iter().map(|c| c.points).sum();
        assert_eq!(sum, alert.score);
        let counts: Vec<_> = snapshot
            .contributions
            .iter()
            .map(|c| (c.rule.as_str(), c.evidence_count))
            .collect();
        assert_eq!(
            counts,
            [
                ("volume_spike", 48),
                ("scope_expansion", 40),
                ("off_hours", 40),
                ("new_ip", 40),
                ("failure_burst", 8)
            ]
        );
        let frozen = alerts::evidence(&world.scope(), alert.id, 200)
            .await
            .unwrap();
        let failed = frozen
            .iter()
            .filter(|e| e.rules.iter().any(|r| *r == RuleKey::FailureBurst));
        assert!(
            failed.clone().count() == 8
                && failed
                    .clone()
                    .all(|e| e.event.outcome == domain::event::Outcome::Failure)
        );
        assert!(frozen.iter().all(|e| e.source == "files"));
        assert!(
            snapshot
                .counterfactual
                .starts_with("No single signal decides"),
            "{}",
            snapshot.counterfactual
        );
        let history = alerts::history(&world.scope(), alert.id).await.unwrap();
        assert_eq!(history.last().unwrap().kind, "opened");
        assert!(
            history.iter().any(|h| h.text.ends_with("→ 88")),
            "{history:?}"
        );
    }
);

on_both!(
    late_events_give_the_same_scores_as_events_in_order,
    |db| async move {
        let mut ordered = World::new(db).await;
        let mut sent = [
            office_days("jane"),
            theft("jane"),
            office_days("mia"),
            late_reads("mia"),
        ]
        .concat();
        sent.sort_by_key(|e| e["timestamp"].as_str().unwrap().to_owned());
        ordered.send(&sent).await;
        ordered.score().await;

        let mut shuffled = World::new(TestDb::new(testkit::Engine::Sqlite).await).await;
        // Newest first, in small passes: almost every event is late.
        sent.reverse();
        for chunk in sent.chunks(23) {
            shuffled.send(chunk).await;
            shuffled.score().await;
        }
        assert_eq!(export(&ordered).await, export(&shuffled).await);
        let path = scores::of_actor(&shuffled.scope(), shuffled.actor("jane"), None, 200)
            .await
            .unwrap();
        assert!(
            path.iter().any(|row| row.cause == "late event"),
            "the history says why"
        );
        let highest =
            |alerts: Vec<Alert>| alerts.iter().map(|a| (a.actor_name.clone(), a.score)).max();
        assert_eq!(
            highest(ordered.alerts().await),
            highest(shuffled.alerts().await)
        );
    }
);

on_both!(profiles_are_rebuilt_alike, |db| async move {
    let mut world = World::new(db).await;
    world.send(&office_days("jane")).await;
    world.score().await;
    // A change of zone makes the profile unusable; it is rebuilt from events with the next one.
    let mut settings = Settings::from(&world.db.acme);
    settings.scoring.zone = domain::time::Zone::named("Europe/Berlin").unwrap();
    tenants::update(&world.scope(), &settings).await.unwrap();
    world.send(&theft("jane")).await;
    world.score().await;
    let alert = world.alerts().await.remove(0);
    assert_eq!(alert.score, Points::whole(88));
    let snapshot = alerts::snapshot(&world.scope(), alert.id).await.unwrap();
    assert_eq!(
        snapshot.assessment.as_ref().unwrap().typical_hours,
        [10, 11, 12, 13, 14, 15, 16, 17],
        "Berlin hours"
    );
});

on_both!(
    rules_and_threshold_are_really_used_by_the_next_pass,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.score().await;
        let change = async |settings: RuleSettings, world: &World| {
            rules::update(&world.scope(), &[settings]).await.unwrap();
        };
        let login_at = |time: &str| json!({"timestamp": time, "actor": "jane", "action": "read", "ip": "198.51.100.1"});
        let base = RuleSettings::default_for(RuleKey::NewIp);
        let score_of = async |world: &World| {
            scores::of_actor(&world.scope(), world.actor("jane"), None, 1)
                .await
                .unwrap()[0]
                .score
        };

        world.clock.set("2026-03-14T12:00:00Z");
        world.send(&[login_at("2026-03-14T10:00:00Z")]).await;
        world.score().await;
        assert_eq!(score_of(&world).await, Points::whole(5));

        change(
            RuleSettings {
                weight: Points::whole(90),
                ..base
            },
            &world,
        )
        .await;
        world.send(&[login_at("2026-03-14T10:05:00Z")]).await;
        world.score().await;
        assert_eq!(score_of(&world).await, Points::whole(30), "weight");

        change(
            RuleSettings {
                weight: Points::whole(90),
                threshold: 2.0,
                version: 2,
                ..base
            },
            &world,
        )
        .await;
        world.send(&[login_at("2026-03-14T10:10:00Z")]).await;
        world.score().await;
        assert_eq!(score_of(&world).await, Points::ZERO, "threshold");

        change(
            RuleSettings {
                weight: Points::whole(90),
                window_minutes: 5,
                version: 3,
                ..base
            },
            &world,
        )
        .await;
        let known = json!({"timestamp": "2026-03-14T10:30:00Z", "actor": "jane", "action": "read", "ip": "10.0.0.1"});
        world.send(&[login_at("2026-03-14T10:20:00Z")]).await;
        world.score().await;
        assert_eq!(score_of(&world).await, Points::whole(30), "threshold back");
        world.send(&[known]).await;
        world.score().await;
        assert_eq!(
            score_of(&world).await,
            Points::ZERO,
            "a window of five minutes holds only the known address"
        );

        change(
            RuleSettings {
                enabled: false,
                weight: Points::whole(90),
                window_minutes: 5,
                version: 4,
                ..base
            },
            &world,
        )
        .await;
        world.send(&[login_at("2026-03-14T11:00:00Z")]).await;
        world.score().await;
        assert_eq!(score_of(&world).await, Points::ZERO, "switch");

        change(
            RuleSettings {
                weight: Points::whole(90),
                version: 5,
                ..base
            },
            &world,
        )
        .await;
        assert!(world.alerts().await.is_empty());
        let mut settings = Settings::from(&world.db.acme);
        settings.scoring.alert_threshold = Points::whole(30);
        tenants::update(&world.scope(), &settings).await.unwrap();
        world.send(&[login_at("2026-03-14T11:10:00Z")]).await;
        world.score().await;
        assert_eq!(world.alerts().await.len(), 1, "alert threshold");
        assert!(export(&world).await.last().unwrap().3);
    }
);

on_both!(changed_rules_reach_the_score_shown_now, |db| async move {
    let mut world = World::new(db).await;
    world.send(&office_days("jane")).await;
    world.send(&theft("jane")).await;
    world.score().await;
    assert_eq!(
        world.score_now("jane").await,
        Points::whole(75),
        "the failures have left their ten minutes"
    );
    let off = RuleSettings {
        enabled: false,
        ..RuleSettings::default_for(RuleKey::VolumeSpike)
    };
    rules::update(&world.scope(), &[off]).await.unwrap();
    world.score().await;
    assert_eq!(world.score_now("jane").await, Points::whole(50));
});

on_both!(scores_fall_as_windows_empty, |db| async move {
    let mut world = World::new(db).await;
    world.send(&office_days("jane")).await;
    world.send(&theft("jane")).await;
    world.clock.set("2026-03-14T02:40:00Z");
    world.score().await;
    assert_eq!(world.score_now("jane").await, Points::whole(88));
    let mut path = Vec::new();
    for time in [
        "2026-03-14T03:00:00Z",
        "2026-03-14T05:00:00Z",
        "2026-03-15T12:00:00Z",
    ] {
        world.clock.set(time);
        world.score().await;
        path.push(world.score_now("jane").await);
    }
    assert_eq!(path, [Points::whole(75), Points::whole(45), Points::ZERO]);
    assert_eq!(
        world.alerts().await[0].score,
        Points::whole(88),
        "the alert keeps its highest score"
    );
});

on_both!(
    one_episode_is_one_alert_and_closing_is_respected,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.send(&theft("jane")).await;
        world.score().await;
        let first = world.alerts().await.remove(0);
        world.close(&first, Disposition::BenignExpected).await;
        // The same again within a day of a closed alert, no new rule, no 15 points more: swallowed.
        world.clock.set("2026-03-14T04:00:00Z");
        let again = |hour: u32, day: u32| -> Vec<Value> {
            theft("jane")
                .into_iter()
                .enumerate()
                .map(|(i, mut e)| {
                    e["timestamp"] = json!(format!(
                        "2026-03-{day:02}T{hour:02}:{:02}:{:02}Z",
                        30 + i / 4,
                        i % 4 * 15
                    ));
                    if day > 14 {
                        e["ip"] = json!(format!("198.51.100.{}", i % 3 + 1));
                    }
                    e
                })
                .collect()
        };
        world.send(&again(3, 14)).await;
        world.score().await;
        assert_eq!(world.alerts().await.len(), 1);
        let history = alerts::history(&world.scope(), first.id).await.unwrap();
        assert_eq!(
            history.iter().filter(|h| h.kind == "swallowed").count(),
            1,
            "told once"
        );
        // More than a day after the last signal: a new episode.
        world.clock.set("2026-03-16T04:00:00Z");
        world.send(&again(3, 16)).await;
        world.score().await;
        assert_eq!(world.alerts().await.len(), 2);
    }
);

on_both!(
    days_of_a_confirmed_incident_stay_out_of_the_baseline,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.send(&theft("jane")).await;
        world.score().await;
        let alert = world.alerts().await.remove(0);
        world.close(&alert, Disposition::TruePositiveImpact).await;
        world.clock.set("2026-03-16T12:00:00Z");
        world.send(&[json!({"timestamp": "2026-03-16T10:00:00Z", "actor": "jane", "action": "read", "ip": "203.0.113.1"})]).await;
        world.score().await;
        let row = scores::of_actor(&world.scope(), world.actor("jane"), None, 1)
            .await
            .unwrap()
            .remove(0);
        let Judgement::Classic(assessment) = row.judgement else {
            panic!("classic judges with numbers");
        };
        assert!(
            assessment.fired().any(|r| r == RuleKey::NewIp),
            "the thief's address is still new"
        );
        assert!(
            assessment
                .days_used
                .iter()
                .all(|d| d.to_string() != "2026-03-14")
        );
        baseline::run(&world.db.db, world.clock.now())
            .await
            .unwrap();
        let view = actors::baseline(&world.scope(), world.actor("jane"))
            .await
            .unwrap()
            .unwrap();
        let day = view
            .days
            .iter()
            .find(|d| d.day.to_string() == "2026-03-14")
            .unwrap();
        assert_eq!(day.state, domain::baseline::DayState::Excluded);
        let silent = view
            .days
            .iter()
            .find(|d| d.day.to_string() == "2026-03-15")
            .unwrap();
        assert_eq!(
            silent.state,
            domain::baseline::DayState::Silent,
            "no source delivered anything"
        );
    }
);

on_both!(tenants_are_scored_apart, |db| async move {
    let mut world = World::new(db).await;
    let globex = world.db.globex(NOW);
    let slug = "files".parse().unwrap();
    let source = sources::create(&globex, &slug, &SourceSettings::named("Files"), None)
        .await
        .unwrap();
    let events = normalised(&world.db.globex, source.id, NOW, &office_days("jane"));
    let batch = Batch {
        events,
        quarantined: Vec::new(),
    };
    world
        .appender
        .append(&world.db.globex, source.id, batch)
        .await
        .unwrap();
    world.send(&theft("jane")).await;
    world.score().await;
    let here = world.alerts().await;
    let there = alerts::list(&globex, &Filter::default(), Order::Newest, None, 10)
        .await
        .unwrap();
    assert_eq!((here.len(), there.len()), (1, 0));
    let snapshot = alerts::snapshot(&world.scope(), here[0].id).await.unwrap();
    assert_eq!(
        snapshot.assessment.as_ref().unwrap().baseline_events,
        0,
        "globex' history is not acme's"
    );
});

on_both!(
    retention_keeps_evidence_of_alerts_that_are_not_closed,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.send(&theft("jane")).await;
        world.send(&office_days("mia")).await;
        world.score().await;
        let alert = world.alerts().await.remove(0);
        let evidence = alerts::evidence(&world.scope(), alert.id, 500)
            .await
            .unwrap()
            .len() as u64;
        let kept = SourceSettings {
            retention_days: Some(30),
            ..SourceSettings::named("Files")
        };
        sources::update(&world.scope(), "files", &kept, None)
            .await
            .unwrap();
        let count = async |world: &World| {
            events::list(&world.scope(), &events::Filter::default(), None, 5000)
                .await
                .unwrap()
                .len() as u64
        };
        let all = count(&world).await;

        world.clock.set("2026-04-12T00:00:00Z");
        retention_job::run(&world.db.db, world.clock.now())
            .await
            .unwrap();
        assert_eq!(count(&world).await, all, "received less than 30 days ago");

        world.clock.set("2026-05-01T00:00:00Z");
        let term = retention::terms(&world.db.db)
            .await
            .unwrap()
            .into_iter()
            .find(|t| t.tenant == world.db.acme.id)
            .unwrap();
        let preview = retention::preview(&world.db.db, &term, world.clock.now())
            .await
            .unwrap();
        assert_eq!(
            preview,
            retention::Swept {
                events: all - evidence,
                kept_as_evidence: evidence
            }
        );
        assert_eq!(count(&world).await, all, "a dry run deletes nothing");
        let said = retention_job::run(&world.db.db, world.clock.now())
            .await
            .unwrap();
        assert!(
            said.starts_with(&format!(
                "{} events deleted, {evidence} kept as evidence",
                preview.events
            )),
            "{said}"
        );
        assert_eq!(count(&world).await, evidence);

        let still_there = alerts::find(&world.scope(), alert.code).await.unwrap();
        world.close(&still_there, Disposition::BenignExpected).await;
        retention_job::run(&world.db.db, world.clock.now())
            .await
            .unwrap();
        assert_eq!(count(&world).await, 0, "once closed, its events may go");
        let frozen = alerts::evidence(&world.scope(), alert.id, 500)
            .await
            .unwrap();
        assert_eq!(frozen.len() as u64, evidence, "the frozen copies stay");

        world.clock.set("2026-09-01T00:00:00Z");
        retention_job::run(&world.db.db, world.clock.now())
            .await
            .unwrap();
        let frozen = alerts::evidence(&world.scope(), alert.id, 500)
            .await
            .unwrap();
        assert!(frozen.is_empty(), "one term after closing, they end too");
        alerts::snapshot(&world.scope(), alert.id).await.unwrap();
    }
);

on_both!(a_second_scorer_stands_by, |db| async move {
    let mut world = World::new(db).await;
    world.send(&[login("jane", "2026-03-14T02:00:00Z")]).await;
    world.score().await;
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let mut other = Scorer::new("other".to_owned());
    let said = other.catch_up(&world.db.db, &clock).await.unwrap();
    assert_eq!(said, "standing by: another worker scores");
    world.scorer.release(&world.db.db).await.unwrap();
    let said = other.catch_up(&world.db.db, &clock).await.unwrap();
    assert!(said.starts_with("0 events"), "{said}");
});

on_both!(
    a_check_of_the_leases_moves_no_partition_back,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.score().await;
        let (store, now) = (&world.db.db, world.clock.now());
        world.scorer.release(store).await.unwrap();
        let end = log::end(store).await.unwrap();
        let held = partitions::acquire(store, "other", now).await.unwrap();
        let positions = async || -> Vec<log::Position> {
            let held = partitions::acquire(store, "other", now).await.unwrap();
            held.iter().map(|h| h.position).collect()
        };
        let mut slow = held.clone();
        slow[0].position = log::Position::START;
        let mut tx = store.begin().await.unwrap();
        partitions::hold(&mut tx, "other", &slow).await.unwrap();
        partitions::advance(&mut tx, "other", &slow, log::Position::START)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(positions().await.iter().all(|p| *p == end));
    }
);

on_both!(
    changed_rules_are_applied_though_the_first_attempt_failed,
    |db| async move {
        let mut world = World::new(db).await;
        world.send(&office_days("jane")).await;
        world.send(&theft("jane")).await;
        world.score().await;
        let off = RuleSettings {
            enabled: false,
            ..RuleSettings::default_for(RuleKey::VolumeSpike)
        };
        rules::update(&world.scope(), &[off]).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
        partitions::release(&world.db.db, "test").await.unwrap();
        let failed = world.scorer.catch_up(&world.db.db, &clock).await;
        assert!(failed.unwrap_err().is_lease_lost());
        world.clock.set("2026-03-14T03:00:30Z");
        world.score().await;
        assert_eq!(world.score_now("jane").await, Points::whole(50));
    }
);

on_both!(stopping_does_not_wait_for_the_backlog, |db| async move {
    let mut world = World::new(db).await;
    let sent: Vec<Value> = (0..10_500)
        .map(|i| {
            let time = format!("2026-03-14T01:{:02}:{:02}Z", i / 60 % 60, i % 60);
            json!({"timestamp": time, "actor": format!("a{}", i % 50), "action": "read",
                "resourceId": format!("{i}")})
        })
        .collect();
    for chunk in sent.chunks(4000) {
        world.send(chunk).await;
    }
    let stop = worker::Stop::new();
    stop.cancel();
    world.scorer = Scorer::new("test".to_owned()).until(stop);
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let pass = world.scorer.catch_up_quietly(&world.db.db, &clock).await;
    assert!(pass.unwrap().events <= 10_000, "the pass under way ends");
});

on_both!(a_job_that_was_taken_over_writes_nothing, |db| async move {
    let mut world = World::new(db).await;
    world.send(&office_days("jane")).await;
    world.score().await;
    let (store, now) = (&world.db.db, world.clock.now());
    jobs::ensure(store, "job", now).await.unwrap();
    let first = jobs::claim(store, "job", "a", now).await.unwrap().unwrap();
    jobs::give_back(store, &first).await.unwrap();
    let second = jobs::claim(store, "job", "b", now).await.unwrap().unwrap();

    let lost = baseline::run_under(store, now, Some(&first)).await;
    assert!(lost.unwrap_err().is_lease_lost());
    let old = "2027-03-14T03:00:00Z".parse().unwrap();
    let lost = retention_job::run_under(store, old, Some(&first)).await;
    assert!(lost.unwrap_err().is_lease_lost());
    let left = events::list(&world.scope(), &events::Filter::default(), None, 500).await;
    assert_eq!(left.unwrap().len(), 104, "nothing was deleted");
    let said = baseline::run_under(store, now, Some(&second)).await;
    assert_eq!(said.unwrap(), "1 baselines refreshed");
});

on_both!(old_items_put_aside_end_with_their_source, |db| async move {
    let world = World::new(db).await;
    let now = world.clock.now();
    let quarantined = normalised(
        &world.db.acme,
        world.source.id,
        NOW,
        &[login("jane", "2026-03-14T02:00:00Z")],
    );
    let batch = Batch {
        events: Vec::new(),
        quarantined: quarantined
            .into_iter()
            .map(|event| (event, "test".to_owned()))
            .collect(),
    };
    world
        .appender
        .append(&world.db.acme, world.source.id, batch)
        .await
        .unwrap();
    let store = &world.db.db;
    let said = retention_job::run(store, now).await.unwrap();
    assert!(said.contains(" 0 derived rows deleted"), "{said}");
    let later = "2027-03-14T03:00:00Z".parse().unwrap();
    let said = retention_job::run(store, later).await.unwrap();
    assert!(said.contains(" 1 derived rows deleted"), "{said}");
});

on_both!(silent_actors_go_however_many_there_are, |db| async move {
    let mut world = World::new(db).await;
    let sent: Vec<Value> = (0..1100)
        .map(|i| login(&format!("a{i}"), "2026-03-14T02:00:00Z"))
        .collect();
    world.send(&sent).await;
    world.score().await;
    let later = "2027-03-14T03:00:00Z".parse().unwrap();
    retention_job::run(&world.db.db, later).await.unwrap();
    for i in [0, 600, 1099] {
        let gone = actors::find(&world.scope(), world.actor(&format!("a{i}"))).await;
        assert!(matches!(gone, Err(store::Error::NotFound)));
    }
});

on_both!(
    an_actor_takes_the_kind_that_an_event_says,
    |db| async move {
        let world = World::new(db).await;
        let kind = async |world: &World| {
            let actor = actors::find(&world.scope(), world.actor("backup")).await;
            actor.unwrap().kind.word()
        };
        let plain = |at: &str| login("backup", at);
        world.send(&[plain("2026-03-14T02:00:00Z")]).await;
        assert_eq!(kind(&world).await, "person");
        let mut said = plain("2026-03-14T02:01:00Z");
        said["actorType"] = json!(domain::actor::ActorKind::Service.word());
        world.send(&[said]).await;
        assert_eq!(kind(&world).await, "service");
        world.send(&[plain("2026-03-14T02:02:00Z")]).await;
        assert_eq!(kind(&world).await, "service", "silence says nothing");
    }
);
