//! Power cuts: `serve` is killed during an import and during a posting loop. Everything that was
//! acknowledged is there once, and the scores equal those of an undisturbed run.
//!
//! `CRASH_ROUNDS` sets how often each is done (2 when unset).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use domain::tenant::RuleSetName;
use domain::time::{DAY_US, MINUTE_US, Timestamp};
use serde_json::{Value, json};
use server::clock::SystemClock;
use store::Db;
use store::db::Durability;
use testkit::Engine;
use testkit::binary::{Installation, Server, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");
/// Actors in the imported history.
const ACTORS: usize = 150;
/// Batches that are posted, and the events in each.
const BATCHES: usize = 120;
const BATCH: usize = 25;

fn rounds() -> usize {
    let rounds = std::env::var("CRASH_ROUNDS").ok();
    rounds.and_then(|r| r.parse().ok()).unwrap_or(2)
}

/// Midnight sixteen days ago: recent enough that retention leaves everything alone.
fn start() -> Timestamp {
    let now = domain::time::Clock::now(&SystemClock);
    Timestamp::from_micros(now.micros() / DAY_US * DAY_US - 16 * DAY_US)
}

fn event(actor: usize, at: i64, more: &Value) -> Value {
    let mut event = json!({
        "timestamp": start().plus(at).to_string(), "actor": format!("actor-{actor}"),
        "action": "read", "resource": "document", "ip": "10.0.0.1", "success": true,
    });
    let members = more.as_object().unwrap().clone();
    event.as_object_mut().unwrap().extend(members);
    event
}

/// Fourteen ordinary days of everybody.
fn history() -> String {
    let mut lines = String::new();
    for day in 0..14_i64 {
        for hour in 9..17_i64 {
            for actor in 0..ACTORS {
                let at = day * DAY_US + hour * 60 * MINUTE_US + actor as i64 * 1_000_000;
                let more = json!({"resourceId": format!("doc-{}", hour % 5), "bytes": 1_000_000});
                lines += &event(actor, at, &more).to_string();
                lines.push('\n');
            }
        }
    }
    lines
}

/// The day after: a tenth of the actors take a lot at night from several new addresses, the
/// others go on as ever. The batches mix all of them.
fn posted() -> Vec<Vec<Value>> {
    let at = |i: usize| 14 * DAY_US + (150 + i as i64 % 10) * MINUTE_US + i as i64 * 1_000;
    let stolen = |i: usize| {
        json!({
            "resourceId": format!("secret-{i}"), "bytes": 50_000_000,
            "ip": format!("203.0.113.{}", i % 3 + 1), "success": !i.is_multiple_of(5),
        })
    };
    let office = |i: usize| json!({"resourceId": format!("doc-{}", i % 5), "bytes": 1_000 + i});
    let one = |i: usize| match i % 10 {
        0 => event(i % ACTORS, at(i), &stolen(i)),
        _ => event(i % ACTORS, at(i) + 7 * 60 * MINUTE_US, &office(i)),
    };
    let all: Vec<Value> = (0..BATCHES * BATCH).map(one).collect();
    all.chunks(BATCH).map(<[Value]>::to_vec).collect()
}

/// One event of the day after that, which closes it.
fn next_day() -> Vec<Value> {
    let at = 15 * DAY_US + 600 * MINUTE_US;
    vec![event(
        0,
        at,
        &json!({"resourceId": "doc-0", "bytes": 1_000}),
    )]
}

/// An installation with a source, its key and a token that reads everything.
struct Site {
    installation: Installation,
    key: String,
    token: String,
    http: reqwest::Client,
}

impl Site {
    async fn new(engine: Engine, ruleset: RuleSetName) -> Self {
        let installation = Installation::new(BINARY, engine).await;
        installation.choose(ruleset).await;
        installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
        let key = installation.last_line(&["source", "create", "files"]);
        let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
        std::fs::write(installation.folder.path().join("history.ndjson"), history()).unwrap();
        Self {
            installation,
            key,
            token,
            http: reqwest::Client::new(),
        }
    }

    async fn get(&self, server: &Server, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", server.origin));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// Posts a batch; true only when it was acknowledged.
    async fn post(&self, origin: &str, batch: &[Value]) -> bool {
        let request = self.http.post(format!("{origin}/api/ingest/files"));
        let request = request.header("x-api-key", &self.key);
        match request.json(batch).send().await {
            Ok(answer) => answer.status() == 202,
            Err(_) => false,
        }
    }

    async fn db(&self) -> Db {
        Db::open(&self.installation.database, Durability::Normal)
            .await
            .unwrap()
    }

    /// How many events are stored, by whatever way they came, counted up to a limit.
    async fn stored(&self, db: &Db, limit: i64) -> i64 {
        let (tenants, clock) = (store::tenants::list(db).await.unwrap(), SystemClock);
        let scope = store::Scope::new(
            db.clone(),
            tenants[0].clone(),
            store::Principal::CommandLine,
            store::Via::CommandLine,
            domain::time::Clock::now(&clock),
        );
        let everything = store::events::Filter::default();
        let all = store::events::list(&scope, &everything, None, limit as u32);
        all.await.unwrap().len() as i64
    }

    /// Waits until the server has scored all that is stored.
    async fn until_scored(&self) {
        let db = self.db().await;
        let end = store::log::end(&db).await.unwrap();
        eventually("scoring", async || {
            let now = domain::time::Clock::now(&SystemClock);
            store::partitions::progress(&db, now).await.unwrap().0 >= end
        })
        .await;
        db.close().await;
    }

    /// Imports the history; the server is killed once `cut` events are stored, and the import with
    /// it or not.
    async fn import_with_power_cut(&self, cut: i64, both: bool) {
        let server = self.installation.serve().await;
        let mut import = self
            .installation
            .command(&["import", "--source", "files", "history.ndjson"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let db = self.db().await;
        eventually("storing", async || self.stored(&db, cut).await >= cut).await;
        db.close().await;
        server.kill();
        if both {
            import.kill().unwrap();
            import.wait().unwrap();
        } else {
            assert!(import.wait().unwrap().success());
        }
    }

    /// Posts what is not acknowledged yet from four senders; the server is killed after `cut`
    /// acknowledgements, while the others are under way.
    async fn post_with_power_cut(
        self: &Arc<Self>,
        left: &BTreeMap<usize, Vec<Value>>,
        cut: usize,
    ) -> BTreeSet<usize> {
        let server = self.installation.serve().await;
        let (dead, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..4 {
            let mine: Vec<(usize, Vec<Value>)> = left
                .iter()
                .filter(|(number, _)| *number % 4 == sender)
                .map(|(number, batch)| (*number, batch.clone()))
                .collect();
            let (site, origin) = (Arc::clone(self), server.origin.clone());
            let (dead, count) = (Arc::clone(&dead), Arc::clone(&count));
            senders.spawn(async move {
                let mut acknowledged = BTreeSet::new();
                for (number, batch) in mine {
                    if dead.load(Ordering::Relaxed) {
                        break;
                    }
                    if site.post(&origin, &batch).await {
                        acknowledged.insert(number);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                acknowledged
            });
        }
        let enough = cut.min(left.len());
        eventually("acknowledging", async || {
            count.load(Ordering::Relaxed) >= enough
        })
        .await;
        server.kill();
        dead.store(true, Ordering::Relaxed);
        senders.join_all().await.into_iter().flatten().collect()
    }
}

/// What must be the same: the export of scores, and who was alerted about, under `classic` with
/// which score. Calibrated judges a day that is under way against what others did on it so far: a
/// complete day comes out the same whatever the passes were, the height of an alert that was raised
/// in its course depends on them.
#[derive(Debug, PartialEq)]
struct Judgement {
    scores: String,
    alerts: BTreeSet<String>,
}

async fn judgement(site: &Site, server: &Server, ruleset: RuleSetName) -> Judgement {
    assert!(site.post(&server.origin, &next_day()).await);
    site.until_scored().await;
    let alerts: Value =
        serde_json::from_str(&site.get(server, "/api/alerts?limit=200").await).unwrap();
    let alerts = alerts["items"].as_array().unwrap().iter();
    Judgement {
        scores: site.get(server, "/api/export/scores").await,
        alerts: alerts
            .map(|a| match ruleset {
                RuleSetName::Classic => {
                    format!("{} {} {}", a["actor"]["name"], a["score"], a["openedAt"])
                }
                RuleSetName::Calibrated => a["actor"]["name"].to_string(),
            })
            .collect(),
    }
}

async fn undisturbed(engine: Engine, ruleset: RuleSetName) -> Judgement {
    let site = Site::new(engine, ruleset).await;
    let import = ["import", "--source", "files", "history.ndjson"];
    site.installation.run(&import);
    let server = site.installation.serve().await;
    for batch in posted() {
        assert!(site.post(&server.origin, &batch).await);
    }
    judgement(&site, &server, ruleset).await
}

async fn power_cuts(engine: Engine, ruleset: RuleSetName) {
    let (site, rounds) = (Arc::new(Site::new(engine, ruleset).await), rounds());
    let lines = history().lines().count() as i64;
    for round in 1..=rounds as i64 {
        site.import_with_power_cut(lines * round / (rounds as i64 + 1), round % 2 == 1)
            .await;
    }
    let import = ["import", "--source", "files", "history.ndjson"];
    let printed = site.installation.run(&import);
    assert!(printed.contains(&format!("{lines} lines")), "{printed}");

    let mut left: BTreeMap<usize, Vec<Value>> = posted().into_iter().enumerate().collect();
    let mut acknowledged = 0;
    for round in 1..=rounds {
        let cut = BATCHES * round / (rounds + 1) - acknowledged;
        let done = site.post_with_power_cut(&left, cut).await;
        acknowledged += done.len();
        left.retain(|number, _| !done.contains(number));
        let db = site.db().await;
        let stored = site.stored(&db, 100_000).await - lines;
        db.close().await;
        assert!(
            stored >= (acknowledged * BATCH) as i64,
            "{acknowledged} batches were acknowledged, {stored} events are there"
        );
    }

    let server = site.installation.serve().await;
    for batch in left.values() {
        assert!(site.post(&server.origin, batch).await);
    }
    let after = judgement(&site, &server, ruleset).await;
    let db = site.db().await;
    let all = lines + (BATCHES * BATCH) as i64 + 1;
    assert_eq!(site.stored(&db, 100_000).await, all, "once each");
    db.close().await;
    let expected = undisturbed(engine, ruleset).await;
    assert_eq!(after.scores, expected.scores);
    assert_eq!(after.alerts, expected.alerts);
    assert!(!after.alerts.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn classic_on_sqlite() {
    power_cuts(Engine::Sqlite, RuleSetName::Classic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calibrated_on_sqlite() {
    power_cuts(Engine::Sqlite, RuleSetName::Calibrated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn classic_on_postgres() {
    power_cuts(Engine::Postgres, RuleSetName::Classic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calibrated_on_postgres() {
    power_cuts(Engine::Postgres, RuleSetName::Calibrated).await;
}
