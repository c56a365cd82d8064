//! Whole organisations through the real binary: what an import leaves in either database is what
//! `evaluate` computes from the file, to the last alert.
//!
//! Reads every `*/events.ndjson.gz` below `DETECTION_DIR`; without it, the small organisation of
//! this repository. `ORGANISATION_SHARE` says that one actor in so many is taken (16 when unset;
//! 1, everybody, in `scripts/soak`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use domain::tenant::RuleSetName;
use serde_json::Value;
use testkit::Engine;
use testkit::binary::{Installation, Server};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");

/// The events of a share of all actors, as a file in `folder`.
fn share_of(file: &Path, folder: &Path) -> PathBuf {
    let share = std::env::var("ORGANISATION_SHARE").ok();
    let share: u64 = share.and_then(|s| s.parse().ok()).unwrap_or(16);
    let taken = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let mut hasher = DefaultHasher::new();
        event["actor"].as_str().unwrap().hash(&mut hasher);
        hasher.finish().is_multiple_of(share)
    };
    let out = folder.join("events.ndjson");
    let mut sink = BufWriter::new(std::fs::File::create(&out).unwrap());
    let unpacked = flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap());
    for line in BufReader::new(unpacked).lines() {
        let line = line.unwrap();
        if share == 1 || taken(&line) {
            writeln!(sink, "{line}").unwrap();
        }
    }
    sink.flush().unwrap();
    out
}

/// The event files of the organisations to test with, and whether they are whole already.
fn organisations() -> (Vec<PathBuf>, bool) {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/detection");
    let given = std::env::var("DETECTION_DIR")
        .ok()
        .filter(|d| !d.is_empty());
    let is_small = given.is_none();
    let folder = given.map_or_else(
        || {
            println!("DETECTION_DIR is not set: testing with the organisation of the repository");
            small
        },
        PathBuf::from,
    );
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("events.ndjson.gz"))
        .filter(|file| file.exists())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds none", folder.display());
    (files, is_small)
}

/// What an installation says after an import.
#[derive(Debug)]
struct Judged {
    scores: String,
    alerts: Vec<String>,
}

async fn imported(engine: Engine, ruleset: RuleSetName, file: &str) -> Judged {
    let installation = Installation::new(BINARY, engine).await;
    installation.choose(ruleset).await;
    let printed = installation.run(&["import", "--source", "history", file]);
    println!("{engine:?}\n{printed}");
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
    let server = installation.serve().await;
    let scores = get(&server, &token, "/api/export/scores").await;
    let mut alerts = Vec::new();
    let mut page = "/api/alerts?limit=200".to_owned();
    loop {
        let list: Value = serde_json::from_str(&get(&server, &token, &page).await).unwrap();
        for alert in list["items"].as_array().unwrap() {
            alerts.push(line_of(alert));
        }
        match list["next"].as_str() {
            Some(next) => page = format!("/api/alerts?limit=200&after={next}"),
            None => break,
        }
    }
    alerts.sort();
    Judged { scores, alerts }
}

/// All of an alert but the identities, which differ between installations.
fn line_of(alert: &Value) -> String {
    let parts = ["openedAt", "score", "severity", "sentence"].map(|p| alert[p].to_string());
    let reasons = alert["contributions"].as_array().unwrap().iter();
    let reasons = reasons.map(|c| format!("{} {} {}", c["rule"], c["points"], c["sentence"]));
    let reasons: Vec<String> = reasons.collect();
    let actor = &alert["actor"]["name"];
    format!("{actor} {} {}", parts.join(" "), reasons.join(" "))
}

async fn get(server: &Server, token: &str, path: &str) -> String {
    let request = reqwest::Client::new().get(format!("{}{path}", server.origin));
    let answer = request.bearer_auth(token).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.text().await.unwrap()
}

fn evaluated(ruleset: RuleSetName, file: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["evaluate", "--events", file, "--out", "scores.csv"];
    let arguments = [&arguments[..], &["--ruleset", ruleset.word()]].concat();
    testkit::binary::run(BINARY, folder.path(), "sqlite://unused.db", &arguments);
    std::fs::read_to_string(folder.path().join("scores.csv")).unwrap()
}

/// Says where two exports part, instead of printing megabytes.
fn assert_same(what: &str, left: &str, right: &str) {
    let parted = left.lines().zip(right.lines()).find(|(a, b)| a != b);
    assert_eq!(parted, None, "{what}");
    assert_eq!(left.lines().count(), right.lines().count(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_agree_with_evaluate() {
    let (files, whole) = organisations();
    for file in files {
        let folder = tempfile::tempdir().unwrap();
        let file = if whole {
            std::fs::canonicalize(file).unwrap()
        } else {
            share_of(&file, folder.path())
        };
        let file = file.to_str().unwrap();
        for ruleset in [RuleSetName::Classic, RuleSetName::Calibrated] {
            agree(ruleset, file).await;
        }
    }
}

async fn agree(ruleset: RuleSetName, file: &str) {
    let what = format!("{file} {}", ruleset.word());
    let expected = evaluated(ruleset, file);
    let sqlite = imported(Engine::Sqlite, ruleset, file).await;
    assert_same(
        &format!("SQLite and evaluate, {what}"),
        &sqlite.scores,
        &expected,
    );
    let postgres = imported(Engine::Postgres, ruleset, file).await;
    assert_same(
        &format!("PostgreSQL and evaluate, {what}"),
        &postgres.scores,
        &expected,
    );
    assert_eq!(sqlite.alerts.len(), postgres.alerts.len(), "{what}");
    for (a, b) in sqlite.alerts.iter().zip(&postgres.alerts) {
        assert_eq!(a, b, "{what}");
    }
    let alerted = expected.lines().any(|line| line.ends_with(",1"));
    assert_eq!(alerted, !sqlite.alerts.is_empty(), "{what}");
}
