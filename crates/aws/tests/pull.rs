//! A pull from the API to the log, on both engines: whatever stops it, the exact set is stored.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::integration::{
    Configuration, Integration, Mode, Provider as Kind, RunOutcome, Schedule, Settings,
};
use domain::severity::Severity;
use domain::source::SourceSettings;
use domain::time::Clock;
use serde_json::Value;
use store::integrations::{self, ACCESS_KEY, NewIntegration};
use store::log::Appender;
use store::runs;
use store::seal::KeyRing;
use store::{Scope, events, quarantine};
use support::{NOW, client, configuration, fixture};
use testkit::guardduty::{EXTERNAL_ID, Fixture};
use testkit::{FixedClock, TestDb, on_both};
use tokio::sync::Notify;
use worker::jobs::pull::{self, Pulling};

const MASTER: [u8; 32] = [7; 32];

async fn connected(scope: &Scope, slug: &str) -> Integration {
    let settings = Settings {
        name: "GuardDuty".to_owned(),
        configuration: Configuration::GuarddutyPull(configuration()),
        schedule: Some(Schedule::EveryMinutes(10)),
        cadence_minutes: None,
    };
    let new = NewIntegration {
        slug: &slug.parse().unwrap(),
        provider: Kind::AwsGuardduty,
        mode: Mode::Pull,
        settings: &settings,
        source: &SourceSettings::named(slug),
        external_id: EXTERNAL_ID,
        key: None,
        secret: Some((ACCESS_KEY, &"secret".into())),
        paused: None,
        draft: None,
    };
    let ring = KeyRing::new(&MASTER, &[]);
    integrations::create(scope, &ring, &new).await.unwrap()
}

fn pulling(db: &TestDb, fixture: &Fixture) -> Pulling {
    Pulling {
        appender: Appender::start(db.db.clone(), Arc::new(Notify::new())),
        ring: Arc::new(KeyRing::new(&MASTER, &[])),
        redaction: Arc::new(|tenant| normalize::RedactionKey::derive(&MASTER, tenant)),
        providers: vec![Arc::new(client(fixture))],
    }
}

/// Identity and update of every stored finding; each must be there once.
async fn stored(scope: &Scope, integration: &Integration) -> BTreeSet<(String, String)> {
    let filter = events::Filter {
        source: Some(integration.source),
        ..events::Filter::default()
    };
    let all = events::list(scope, &filter, None, 1000).await.unwrap();
    let identity = |e: &events::Listed| {
        let attributes: Value = serde_json::from_str(e.event.attributes.as_ref().unwrap()).unwrap();
        let text = |name: &str| attributes[name].as_str().unwrap().to_owned();
        (
            format!("{} {}", text("region"), text("finding_id")),
            e.event.occurred_at.to_string(),
        )
    };
    let set: BTreeSet<_> = all.iter().map(identity).collect();
    assert_eq!(set.len(), all.len(), "stored once");
    set
}

fn expected(fixture: &Fixture) -> BTreeSet<(String, String)> {
    let state = fixture.state();
    let of = |(region, all): (&String, &Vec<Value>)| {
        let text = |f: &Value, name: &str| f[name].as_str().unwrap().to_owned();
        let one = |f: &Value| (format!("{region} {}", text(f, "id")), text(f, "updatedAt"));
        all.iter().map(one).collect::<Vec<_>>()
    };
    state.regions.iter().flat_map(of).collect()
}

// REL-20: a crash at every call, another worker goes on.
on_both!(
    a_run_that_vanishes_at_any_call_is_continued,
    |db| async move {
        let fixture = fixture(120).await;
        let clock = FixedClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let mut crashes = 0;
        for call in 0.. {
            clock.set(NOW);
            let scope = db.acme(NOW);
            let slug = format!("gd-{call}");
            let integration = connected(&scope, &slug).await;
            let first = pulling(&db, &fixture);
            {
                let mut state = fixture.state();
                state.silent_at = Some(state.calls.len() + call);
            }
            let run = {
                let (db, shared) = (db.db.clone(), Arc::clone(&shared));
                tokio::spawn(async move { pull::run_next(&db, &shared, "one", &first).await })
            };
            tokio::pin!(run);
            let crashed = tokio::select! {
                ended = &mut run => { assert!(ended.unwrap().unwrap()); false }
                () = fixture.silence() => true,
            };
            fixture.state().silent_at = None;
            if !crashed {
                assert_eq!(stored(&scope, &integration).await, expected(&fixture));
                break;
            }
            run.abort();
            let _ = run.await;
            crashes += 1;
            // Another worker takes over once the lease has ended.
            let second = pulling(&db, &fixture);
            assert!(
                !pull::run_next(&db.db, &shared, "two", &second)
                    .await
                    .unwrap()
            );
            clock.advance(runs::LEASE_US / 1_000_000 + 1);
            assert!(
                pull::run_next(&db.db, &shared, "two", &second)
                    .await
                    .unwrap()
            );
            assert_eq!(
                stored(&scope, &integration).await,
                expected(&fixture),
                "call {call}"
            );
            let all = runs::list(&scope, integration.id, None, 10).await.unwrap();
            let outcomes: Vec<_> = all.iter().map(|r| r.outcome).collect();
            assert_eq!(outcomes, [RunOutcome::Ok, RunOutcome::Failed]);
            assert_eq!(
                all[0].cursor_before, all[1].cursor_after,
                "goes on where it was"
            );
            assert_eq!(all[0].stored + all[1].stored, 240);
            assert_eq!(all[0].fetched, all[0].stored + all[0].duplicates);
            assert_eq!(all[0].rejected, 0);
            assert!(all[0].attempts >= 5);
            integrations::delete(&db.acme(NOW), &slug).await.unwrap();
        }
        assert!(crashes >= 10, "{crashes}");
    }
);

// SEC-42: unreadable findings stop nothing.
on_both!(
    what_cannot_be_read_is_counted_and_stops_nothing,
    |db| async move {
        let fixture = fixture(6).await;
        {
            let mut state = fixture.state();
            let all = state.regions.get_mut("eu-west-1").unwrap();
            all[0]["type"] = serde_json::json!(["odd"]);
            all[1]["updatedAt"] = "2026-03-14T13:30:00Z".into();
            all[2]["resource"]["accessKeyDetails"]["userName"] = "x".repeat(70_000).into();
            all[3]["severity"] = 9.1.into();
        }
        let (scope, clock) = (db.acme(NOW), FixedClock::at(NOW));
        let integration = connected(&scope, "gd").await;
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let pulling = pulling(&db, &fixture);
        assert!(
            pull::run_next(&db.db, &shared, "w", &pulling)
                .await
                .unwrap()
        );
        let run = runs::find(&scope, integration.id, 1).await.unwrap();
        assert_eq!(
            (run.outcome, run.fetched, run.stored, run.rejected),
            (RunOutcome::Ok, 12, 9, 2),
            "{run:?}"
        );
        assert_eq!(
            quarantine::pending(&scope).await.unwrap(),
            1,
            "an hour and a half ahead"
        );
        let after = integrations::find(&scope, "gd").await.unwrap();
        assert!(
            !after.cursor.unwrap().contains("13:30"),
            "no future moves the cursor"
        );
        let all = events::list(&scope, &events::Filter::default(), None, 100)
            .await
            .unwrap();
        let worst = all.iter().filter_map(|e| e.event.severity).max();
        assert_eq!(worst, Some(Severity::Critical));
        assert!(all.iter().all(|e| e.event.severity.is_some()));
        clock.advance(600);
        assert!(
            pull::run_next(&db.db, &shared, "w", &pulling)
                .await
                .unwrap()
        );
        let run = runs::find(&scope, integration.id, 2).await.unwrap();
        assert_eq!((run.stored, run.outcome), (0, RunOutcome::Ok));
    }
);

on_both!(a_denied_call_is_told_and_waited_for, |db| async move {
    let fixture = fixture(3).await;
    fixture
        .state()
        .denied
        .insert("guardduty:GetFindings".to_owned());
    let (scope, clock) = (db.acme(NOW), FixedClock::at(NOW));
    let integration = connected(&scope, "gd").await;
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let pulling = pulling(&db, &fixture);
    assert!(
        pull::run_next(&db.db, &shared, "w", &pulling)
            .await
            .unwrap()
    );
    let run = runs::find(&scope, integration.id, 1).await.unwrap();
    assert_eq!(run.outcome, RunOutcome::Failed);
    assert_eq!(
        run.error.as_deref(),
        Some(
            "AccessDeniedException on guardduty:GetFindings in eu-central-1 (and 1 more regions failed)"
        )
    );
    assert!(
        run.remedy
            .unwrap()
            .contains("allow guardduty:ListDetectors")
    );
    assert!(run.attempts >= 7, "{}", run.attempts);
    let after = integrations::find(&scope, "gd").await.unwrap();
    assert_eq!(after.errors_in_row, 1);
    assert!(after.next_run_at.unwrap() > clock.now());
    fixture.state().denied.clear();
    clock.advance(600);
    assert!(
        pull::run_next(&db.db, &shared, "w", &pulling)
            .await
            .unwrap()
    );
    assert_eq!(stored(&scope, &integration).await, expected(&fixture));
});
