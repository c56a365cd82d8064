//! Pulls: every page is stored once whatever stops them, failures are told and wait.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use collectors::provider::{Page, PageSink, Provider, PullFailure, Pulled, Task};
use domain::integration::check::Report;
use domain::integration::config::{Credentials, GuarddutyPull};
use domain::integration::{Configuration, Mode, Provider as Kind, RunOutcome, Schedule, Settings};
use domain::source::SourceSettings;
use domain::time::Clock;
use futures_util::future::BoxFuture;
use serde_json::json;
use store::integrations::{self, NewIntegration};
use store::log::Appender;
use store::runs;
use store::seal::KeyRing;
use store::{Scope, events};
use testkit::{FixedClock, TestDb, on_both};
use tokio::sync::Notify;
use worker::jobs::pull::{self, Pulling};

const NOW: &str = "2026-03-02T12:00:00Z";
const PAGES: usize = 4;

/// Four pages of two findings; the second finding of a page is the first of the next. Stops
/// after so many pages of a run, as told.
#[derive(Debug)]
struct Stub {
    stops: Mutex<Vec<usize>>,
    seen_external_id: Mutex<Option<String>>,
    failure: Mutex<Option<PullFailure>>,
    runs: AtomicUsize,
}

impl Stub {
    fn new(stops: &[usize]) -> Arc<Self> {
        Arc::new(Self {
            stops: Mutex::new(stops.to_vec()),
            seen_external_id: Mutex::new(None),
            failure: Mutex::new(None),
            runs: AtomicUsize::new(0),
        })
    }
}

fn finding(number: usize) -> String {
    json!({
        "AccountId": "123456789012", "Region": "eu-central-1", "Id": format!("f{number}"),
        "Type": "Recon:IAMUser/MaliciousIPCaller", "Severity": 5.0, "UpdatedAt": format!("2026-03-02T11:{number:02}:00Z"),
        "Resource": {"ResourceType": "AccessKey", "AccessKeyDetails": {"UserName": "jane"}},
        "Service": {"Action": {"ActionType": "AWS_API_CALL"}},
    })
    .to_string()
}

impl Provider for Stub {
    fn kind(&self) -> Kind {
        Kind::AwsGuardduty
    }

    fn check<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            Report {
                at: task.clock.now(),
                checks: Vec::new(),
            }
        })
    }

    fn pull<'a>(
        &'a self,
        task: &'a Task,
        sink: &'a dyn PageSink,
    ) -> BoxFuture<'a, Result<Pulled, PullFailure>> {
        Box::pin(async move {
            self.runs.fetch_add(1, Ordering::SeqCst);
            *self.seen_external_id.lock().unwrap() = Some(task.external_id.clone());
            if let Some(failure) = self.failure.lock().unwrap().clone() {
                return Err(failure);
            }
            let stop = {
                let mut stops = self.stops.lock().unwrap();
                if stops.is_empty() {
                    PAGES
                } else {
                    stops.remove(0)
                }
            };
            let first = task.cursor.as_deref().map_or(0, |c| c.parse().unwrap());
            for page in first..PAGES {
                if page - first == stop {
                    return Err(PullFailure::new("the connection broke"));
                }
                let items = vec![finding(page), finding(page + 1), "{\"Id\":5}".to_owned()];
                let cursor = (page + 1).to_string();
                sink.deliver(Page {
                    items,
                    cursor,
                    attempts: 2,
                })
                .await?;
            }
            Ok(Pulled { more: false })
        })
    }
}

async fn connected(scope: &Scope) -> domain::integration::Integration {
    let settings = Settings {
        name: "GD".to_owned(),
        configuration: Configuration::GuarddutyPull(GuarddutyPull {
            role_arn: "arn:aws:iam::123456789012:role/read".to_owned(),
            regions: vec!["eu-central-1".to_owned()],
            min_severity: 1.0,
            credentials: Credentials::Instance,
            access_key_id: None,
        }),
        schedule: Some(Schedule::EveryMinutes(10)),
        cadence_minutes: None,
    };
    let new = NewIntegration {
        slug: &"gd".parse().unwrap(),
        provider: Kind::AwsGuardduty,
        mode: Mode::Pull,
        settings: &settings,
        source: &SourceSettings::named("GD"),
        external_id: "irm-a-b",
        key: None,
        secret: None,
        paused: None,
        draft: None,
    };
    integrations::create(scope, &KeyRing::new(&[7; 32], &[]), &new)
        .await
        .unwrap()
}

fn pulling(db: &TestDb, providers: Vec<Arc<dyn Provider>>) -> Pulling {
    Pulling {
        appender: Appender::start(db.db.clone(), Arc::new(Notify::new())),
        ring: Arc::new(KeyRing::new(&[7; 32], &[])),
        redaction: Arc::new(|tenant| normalize::RedactionKey::derive(&[7; 32], tenant)),
        providers,
    }
}

async fn stored(scope: &Scope) -> BTreeSet<String> {
    let all = events::list(scope, &events::Filter::default(), None, 100)
        .await
        .unwrap();
    let set: BTreeSet<String> = all
        .iter()
        .map(|e| e.event.occurred_at.to_string())
        .collect();
    assert_eq!(set.len(), all.len(), "stored once");
    set
}

on_both!(
    a_pull_stopped_at_any_page_ends_with_the_exact_set,
    |db| async move {
        let scope = db.acme(NOW);
        let made = connected(&scope).await;
        let clock = FixedClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let stub = Stub::new(&[0, 1, 2, 1]);
        let pulling = pulling(&db, vec![stub.clone()]);
        let mut ran = 0;
        while ran < 12
            && integrations::find(&scope, "gd")
                .await
                .unwrap()
                .last_ok_at
                .is_none()
        {
            assert!(
                pull::run_next(&db.db, &shared, "w", &pulling)
                    .await
                    .unwrap()
            );
            ran += 1;
            clock.advance(1000);
        }
        assert_eq!(stored(&scope).await.len(), PAGES + 1);
        assert_eq!(
            stub.seen_external_id.lock().unwrap().as_deref(),
            Some("irm-a-b")
        );
        let all = runs::list(&scope, made.id, None, 20).await.unwrap();
        let words: Vec<_> = all
            .iter()
            .rev()
            .map(|r| (r.outcome.word(), r.cursor_after.as_deref()))
            .collect();
        assert_eq!(
            words,
            [
                ("failed", None),
                ("failed", Some("1")),
                ("failed", Some("3")),
                ("ok", Some("4"))
            ]
        );
        let sum = |f: fn(&runs::Run) -> i64| all.iter().map(f).sum::<i64>();
        assert_eq!(
            (
                sum(|r| r.fetched),
                sum(|r| r.stored),
                sum(|r| r.duplicates),
                sum(|r| r.rejected)
            ),
            (12, 5, 3, 4)
        );
        assert_eq!(sum(|r| r.attempts), 8);
        let after = integrations::find(&scope, "gd").await.unwrap();
        assert_eq!((after.errors_in_row, after.last_error), (0, None));
    }
);

on_both!(
    failures_wait_and_honour_what_the_provider_asks,
    |db| async move {
        let scope = db.acme(NOW);
        let made = connected(&scope).await;
        let clock = FixedClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let stub = Stub::new(&[]);
        let asked = clock.now().plus(3_600_000_000);
        *stub.failure.lock().unwrap() = Some(PullFailure {
            remedy: Some("ask less".to_owned()),
            not_before: Some(asked),
            partial: true,
            ..PullFailure::new("Throttled")
        });
        let pulling = pulling(&db, vec![stub.clone()]);
        assert!(
            pull::run_next(&db.db, &shared, "w", &pulling)
                .await
                .unwrap()
        );
        let run = runs::find(&scope, made.id, 1).await.unwrap();
        assert_eq!(
            (run.outcome, run.error.as_deref(), run.remedy.as_deref()),
            (RunOutcome::Partial, Some("Throttled"), Some("ask less"))
        );
        assert_eq!(run.next_run_at, Some(asked));
        assert!(
            !pull::run_next(&db.db, &shared, "w", &pulling)
                .await
                .unwrap(),
            "not due"
        );
        *stub.failure.lock().unwrap() = Some(PullFailure::new("broken"));
        clock.advance(3600);
        assert!(
            pull::run_next(&db.db, &shared, "w", &pulling)
                .await
                .unwrap()
        );
        let run = runs::find(&scope, made.id, 2).await.unwrap();
        let wait = run.next_run_at.unwrap().micros() - clock.now().micros();
        assert!((30_000_000..60_000_000).contains(&wait), "{wait}");
    }
);

on_both!(a_build_without_the_client_says_so, |db| async move {
    let scope = db.acme(NOW);
    let made = connected(&scope).await;
    let shared: Arc<dyn Clock> = Arc::new(FixedClock::at(NOW));
    let pulling = pulling(&db, Vec::new());
    assert!(
        pull::run_next(&db.db, &shared, "w", &pulling)
            .await
            .unwrap()
    );
    let run = runs::find(&scope, made.id, 1).await.unwrap();
    assert_eq!(
        run.error.as_deref(),
        Some("this version has no client for AWS GuardDuty")
    );
    assert!(run.remedy.is_some());
});
