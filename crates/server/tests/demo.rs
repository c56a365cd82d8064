//! `demo --no-serve` with the real binary: interrupted, finished, and run again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};
use testkit::binary::eventually;

/// The command in a folder and an environment that are made for another installation.
fn demo(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_insider-risk"));
    command
        .current_dir(folder)
        .env_clear()
        .env("IRM_TEST_BCRYPT_COST", "4")
        .env("ADMIN_EMAIL", "ada@example.org")
        .env("INTEGRATION_ENCRYPTION_KEY", "change-me")
        .env("DATABASE_URL", "postgres://irm@127.0.0.1:1/nothing")
        .env("DATA_RETENTION_DAYS", "1")
        .env("LISTEN_ADDR", "nowhere")
        .args(["demo", "--no-serve"])
        .args(arguments);
    command
}

fn run(folder: &Path) -> Value {
    let output = demo(folder, &["--json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn open(folder: &Path) -> Option<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(folder.join("data/demo/demo.db"));
    options.read_only(true).connect().await.ok()
}

async fn count(db: &mut SqliteConnection, table: &str) -> Option<i64> {
    let query = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let row = sqlx::query(query).fetch_one(db).await.ok()?;
    row.try_get(0).ok()
}

/// Rows of every table.
async fn counts(folder: &Path) -> BTreeMap<String, i64> {
    let mut db = open(folder).await.unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let tables = sqlx::query(tables).fetch_all(&mut db).await.unwrap();
    let mut counts = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = count(&mut db, &table).await.unwrap();
        counts.insert(table, rows);
    }
    db.close().await.unwrap();
    counts
}

#[tokio::test]
async fn an_interrupted_load_is_finished_and_a_finished_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("insider-risk.toml"), "listen_adr = 1\n").unwrap();

    let mut first = demo(folder, &[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("some events", async || {
        let Some(mut db) = open(folder).await else {
            return false;
        };
        count(&mut db, "events").await.is_some_and(|n| n > 500)
    })
    .await;
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!folder.join("data/demo/loaded").exists(), "killed midway");

    let summary = run(folder);
    assert_eq!(summary["sources"], 7, "{summary}");
    let alerts = summary["alerts"].as_array().unwrap();
    let of = |status: &str| alerts.iter().filter(|a| a["status"] == status).count();
    assert_eq!(of("false_positive"), 1, "{summary}");
    assert!(of("open") >= 2, "{summary}");
    let loaded = counts(folder).await;
    assert_eq!(loaded["quarantine"], 3, "the clock ahead: {loaded:?}");

    let again = run(folder);
    assert_eq!(again, summary);
    assert_eq!(counts(folder).await, loaded, "seeded twice is seeded once");
}
