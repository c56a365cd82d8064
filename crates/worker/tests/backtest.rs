//! Backtests on both engines: the live rules replayed give what the scorer raised, a draft is told
//! apart from them, and a backtest stops, starts anew and waits as it should.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use domain::alert::Disposition;
use domain::backtest::{BacktestState, CriteriaDraft, Fate, ReplayedAlert};
use domain::rule::RuleSettings;
use domain::score::Points;
use domain::tenant::{RuleSetName, ScoringSettings};
use domain::time::{Clock, Minute};
use serde_json::Value;
use store::alerts::Alert;
use store::backtests::{self, Backtest, Ended, KEPT, MOST_PENDING};
use store::tenants::{self, Settings};
use store::{Error, log, rules};
use testkit::events::{office_days, theft};
use testkit::{TestDb, on_both};
use tokio_util::sync::CancellationToken;
use worker::jobs::backtest;
use world::World;

/// After everything that is sent.
const LATER: &str = "2027-01-01T00:00:00Z";

async fn world_with(db: TestDb, ruleset: RuleSetName) -> World {
    let mut world = World::new(db).await;
    world.clock.set(LATER);
    let mut settings = Settings::from(&world.db.acme);
    settings.scoring.ruleset = ruleset;
    world.db.acme = tenants::update(&world.scope(), &settings).await.unwrap();
    world
}

/// The organisation of the repository.
fn organisation() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/detection/org-small/events.ndjson.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let line = |line| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

/// The settings in force.
async fn live(world: &World) -> CriteriaDraft {
    let ScoringSettings {
        ruleset,
        alert_threshold,
        alert_rate,
        ..
    } = world.db.acme.scoring.clone();
    CriteriaDraft {
        ruleset,
        alert_threshold,
        alert_rate,
        rules: rules::list(&world.scope())
            .await
            .unwrap()
            .iter()
            .copied()
            .collect(),
    }
}

async fn start(world: &World, days: u32, draft: &CriteriaDraft) -> Backtest {
    let live = live(world).await;
    backtests::start(&world.scope(), days, &live, draft)
        .await
        .unwrap()
}

fn clock(world: &World) -> Arc<dyn Clock> {
    Arc::new(world.clock.clone())
}

async fn made(world: &World, days: u32, draft: &CriteriaDraft) -> Backtest {
    let asked = start(world, days, draft).await;
    assert!(
        backtest::run_next(&world.db.db, &clock(world), "w")
            .await
            .unwrap()
    );
    backtests::find(&world.scope(), asked.number).await.unwrap()
}

/// Everything an alert and its replay have in common.
fn line(actor: domain::actor::ActorId, opened: Minute, last: Minute, score: Points) -> String {
    format!("{actor:?} {opened:?} {last:?} {score}")
}

fn stored(alert: &Alert) -> String {
    line(
        alert.actor,
        alert.opened_minute,
        alert.last_signal_minute,
        alert.score,
    )
}

fn replayed(alert: &ReplayedAlert) -> String {
    line(alert.actor, alert.opened, alert.last, alert.score)
}

/// Every alert of a span is gained against rules that never alert: so the report lists them all.
async fn replays_what_was_raised(db: TestDb, ruleset: RuleSetName, days: u32) {
    let mut world = world_with(db, ruleset).await;
    let sent = organisation();
    for part in sent.chunks(5000) {
        world.send(part).await;
        world.score().await;
    }
    let live = live(&world).await;
    let nothing = CriteriaDraft {
        ruleset: RuleSetName::Classic,
        rules: live
            .rules
            .iter()
            .map(|rule| RuleSettings {
                enabled: false,
                ..*rule
            })
            .collect(),
        ..live.clone()
    };
    let scope = world.scope();
    backtests::start(&scope, days, &nothing, &live)
        .await
        .unwrap();
    assert!(
        backtest::run_next(&world.db.db, &clock(&world), "w")
            .await
            .unwrap()
    );
    let done = backtests::find(&scope, 1).await.unwrap();
    assert_eq!(done.state, BacktestState::Done, "{:?}", done.error);
    let report = done.report.unwrap();
    assert_eq!(report.events, sent.len() as u64);
    let from = report.from.utc_start().minute();
    let raised: Vec<Alert> = world.alerts().await;
    let raised = raised.iter().filter(|alert| alert.opened_minute >= from);
    let mut expected: Vec<String> = raised.map(stored).collect();
    let gained = report.differences.iter().filter_map(|d| d.after.as_ref());
    let mut told: Vec<String> = gained.map(replayed).collect();
    expected.sort();
    told.sort();
    assert!(!expected.is_empty(), "{ruleset:?}: nothing to compare");
    assert_eq!(told, expected, "{ruleset:?}");
    assert!(report.differences.iter().all(|d| d.alert.is_some()));
    assert_eq!(report.after.alerts as usize, expected.len());
    assert_eq!(report.before.alerts, 0);
    assert_eq!(report.after.daily.iter().sum::<u32>(), report.after.alerts);

    let same = made(&world, days, &live).await.report.unwrap();
    assert_eq!(same.same as usize, expected.len());
    assert_eq!(same.differences, Vec::new());
    assert_eq!(same.before, same.after);
}

on_both!(classic_rules_replayed, |db| replays_what_was_raised(
    db,
    RuleSetName::Classic,
    14
));

on_both!(calibrated_rules_replayed, |db| replays_what_was_raised(
    db,
    RuleSetName::Calibrated,
    30
));

/// A dozen ordinary people, and a theft by one of them.
fn story() -> Vec<Value> {
    let mut sent: Vec<Value> = (0..3)
        .flat_map(|i| office_days(&format!("person-{i}")))
        .collect();
    sent.extend(theft("person-1"));
    sent
}

async fn with_story(db: TestDb) -> World {
    let mut world = world_with(db, RuleSetName::Classic).await;
    world.send(&story()).await;
    world.score().await;
    world
}

on_both!(a_lost_confirmed_alert_is_told_first, |db| async move {
    let world = with_story(db).await;
    let alerts = world.alerts().await;
    assert_eq!(alerts.len(), 1);
    world
        .close(&alerts[0], Disposition::TruePositiveImpact)
        .await;
    let mut draft = live(&world).await;
    draft.alert_threshold = Points::whole(100);
    let done = made(&world, 7, &draft).await;
    let report = done.report.unwrap();
    assert_eq!(
        (report.lost, report.lost_confirmed, report.gained),
        (1, 1, 0)
    );
    let lost = &report.differences[0];
    assert_eq!(lost.fate, Fate::Lost);
    assert_eq!(lost.alert, Some(alerts[0].code.0));
    assert_eq!(lost.disposition, Some(Disposition::TruePositiveImpact));
    assert_eq!(
        report.before.scores, report.after.scores,
        "only the threshold differs"
    );

    let mut draft = live(&world).await;
    for rule in &mut draft.rules {
        rule.weight = Points::whole(17);
    }
    let report = made(&world, 7, &draft).await.report.unwrap();
    assert_eq!(report.changed, 1, "{report:?}");
    // Nothing of it has touched what is stored.
    assert_eq!(world.alerts().await.len(), 1);
    assert_eq!(world.alerts().await[0].score, alerts[0].score);
});

on_both!(nothing_stored_is_said, |db| async move {
    let world = world_with(db, RuleSetName::Calibrated).await;
    let done = made(&world, 7, &live(&world).await).await;
    assert_eq!(done.state, BacktestState::Failed);
    assert!(done.error.unwrap().contains("import a history"));
});

on_both!(no_more_than_three_wait_or_run, |db| async move {
    let world = with_story(db).await;
    let draft = live(&world).await;
    for _ in 0..MOST_PENDING {
        start(&world, 7, &draft).await;
    }
    let scope = world.scope();
    let full = backtests::start(&scope, 7, &draft, &draft).await;
    assert!(matches!(full, Err(Error::Full(_))), "{full:?}");
    // Another tenant has its own three.
    let other = world.db.globex(LATER);
    backtests::start(&other, 7, &draft, &draft).await.unwrap();
    let cancelled = backtests::cancel(&scope, 2).await.unwrap();
    assert_eq!(cancelled.state, BacktestState::Cancelled);
    start(&world, 7, &draft).await;
    let mut left = 0;
    while backtest::run_next(&world.db.db, &clock(&world), "w")
        .await
        .unwrap()
    {
        left += 1;
    }
    assert_eq!(left, 4, "three of one tenant and one of the other");
    let states: Vec<_> = backtests::list(&scope, None, 10).await.unwrap();
    let states: Vec<_> = states.iter().map(|b| (b.number, b.state)).collect();
    assert_eq!(
        states,
        [
            (4, BacktestState::Done),
            (3, BacktestState::Done),
            (2, BacktestState::Cancelled),
            (1, BacktestState::Done)
        ]
    );
    for _ in 0..KEPT {
        let asked = start(&world, 7, &draft).await;
        backtests::cancel(&scope, asked.number).await.unwrap();
    }
    let kept = backtests::list(&scope, None, 200).await.unwrap();
    assert!(kept.len() as i64 <= KEPT, "{} are kept", kept.len());
});

on_both!(a_running_one_is_cancelled, |db| async move {
    let world = with_story(db).await;
    start(&world, 7, &live(&world).await).await;
    let (db, clock) = (&world.db.db, clock(&world));
    let claim = backtests::claim(db, "w", clock.now())
        .await
        .unwrap()
        .unwrap();
    assert!(
        backtests::advance(db, &claim, Some(0.25), clock.now())
            .await
            .unwrap()
    );
    let scope = world.scope();
    let running = backtests::find(&scope, 1).await.unwrap();
    assert_eq!(
        (running.state, running.progress),
        (BacktestState::Running, 0.25)
    );
    let asked = backtests::cancel(&scope, 1).await.unwrap();
    assert_eq!(
        (asked.state, asked.cancelling),
        (BacktestState::Running, true)
    );
    backtest::run(db, &clock, &claim, &CancellationToken::new())
        .await
        .unwrap();
    let ended = backtests::find(&scope, 1).await.unwrap();
    assert_eq!(
        (ended.state, ended.report),
        (BacktestState::Cancelled, None)
    );
    // It stays as it ended.
    backtests::cancel(&scope, 1).await.unwrap();
    assert!(!backtest::run_next(db, &clock, "w").await.unwrap());
});

on_both!(a_killed_one_starts_anew, |db| async move {
    let world = with_story(db).await;
    start(&world, 7, &live(&world).await).await;
    let (db, clock) = (&world.db.db, clock(&world));
    let dead = backtests::claim(db, "dead", clock.now())
        .await
        .unwrap()
        .unwrap();
    backtests::advance(db, &dead, Some(0.5), clock.now())
        .await
        .unwrap();
    let postgres = db.engine() == "PostgreSQL";
    assert_eq!(backtests::claim(db, "w", clock.now()).await.unwrap(), None);
    // PostgreSQL's own clock decides about leases; there the first worker gives it back.
    if postgres {
        let ended = Ended::GivenBack;
        backtests::finish(db, &dead, &ended, clock.now())
            .await
            .unwrap();
    } else {
        world.clock.advance(61);
    }
    let anew = backtests::claim(db, "w", clock.now())
        .await
        .unwrap()
        .unwrap();
    assert!(anew.fence > dead.fence);
    let late = backtests::advance(db, &dead, Some(0.9), clock.now()).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    let late = backtests::finish(db, &dead, &Ended::Cancelled, clock.now()).await;
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    let begun = backtests::find(&world.scope(), 1).await.unwrap();
    assert!(
        begun.progress < 0.001,
        "nothing of the dead one's work counts"
    );
    backtest::run(db, &clock, &anew, &CancellationToken::new())
        .await
        .unwrap();
    let done = backtests::find(&world.scope(), 1).await.unwrap();
    assert_eq!((done.state, done.progress), (BacktestState::Done, 1.0));
    assert_eq!(done.report.unwrap().same, 1);
});

on_both!(a_stopping_worker_gives_it_back, |db| async move {
    let world = with_story(db).await;
    start(&world, 7, &live(&world).await).await;
    let (db, clock) = (&world.db.db, clock(&world));
    let claim = backtests::claim(db, "w", clock.now())
        .await
        .unwrap()
        .unwrap();
    let stop = CancellationToken::new();
    let making = backtest::run(db, &clock, &claim, &stop);
    // Stopped while it is under way, at its first pause at the latest.
    let (made, ()) = tokio::join!(making, async { stop.cancel() });
    made.unwrap();
    let given = backtests::find(&world.scope(), 1).await.unwrap();
    assert_eq!(given.state, BacktestState::Queued);
    assert!(backtest::run_next(db, &clock, "other").await.unwrap());
    let done = backtests::find(&world.scope(), 1).await.unwrap();
    assert_eq!(done.state, BacktestState::Done);
});

on_both!(three_at_once_lose_no_event, |db| async move {
    let mut world = with_story(db).await;
    let draft = live(&world).await;
    for _ in 0..MOST_PENDING {
        start(&world, 30, &draft).await;
    }
    let (db, clock) = (world.db.db.clone(), clock(&world));
    let mut running = tokio::task::JoinSet::new();
    for worker in ["a", "b", "c"] {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        running.spawn(async move { backtest::run_next(&db, &clock, worker).await });
    }
    let (mut sent, end) = (story().len(), log::end(&db).await.unwrap());
    for i in 0..20 {
        let events = office_days(&format!("joiner-{i}"));
        sent += events.len();
        world.send(&events).await;
    }
    assert!(log::end(&db).await.unwrap() > end);
    while let Some(made) = running.join_next().await {
        assert!(made.unwrap().unwrap());
    }
    for backtest in backtests::list(&world.scope(), None, 10).await.unwrap() {
        assert_eq!(backtest.state, BacktestState::Done, "{:?}", backtest.error);
        let report = backtest.report.unwrap();
        assert_eq!((report.same, report.differences.len()), (1, 0));
    }
    world.score().await;
    let done = made(&world, 30, &draft).await.report.unwrap();
    assert_eq!(
        done.events as usize, sent,
        "everything that was sent is there once"
    );
});
