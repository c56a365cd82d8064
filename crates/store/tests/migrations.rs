//! Migrations: once, checked, and the same tables and columns on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;

use sqlx::{Executor, Row};
use store::db::Durability;
use store::{Db, Error, migrate};
use testkit::{Engine, TestDb, on_both};

fn now() -> domain::time::Timestamp {
    testkit::database::BEGAN.parse().unwrap()
}

async fn execute(db: &Db, text: &'static str) {
    match db {
        Db::Sqlite { write, .. } => write.execute(text).await.map(drop),
        Db::Postgres(pool) => pool.execute(text).await.map(drop),
    }
    .unwrap();
}

on_both!(a_second_run_does_nothing, |db| async move {
    assert_eq!(migrate::run(&db.db, now()).await.unwrap(), 0);
    assert_eq!(
        migrate::version(&db.db).await.unwrap(),
        migrate::known_version()
    );
});

on_both!(a_newer_schema_is_refused, |db| async move {
    execute(
        &db.db,
        "INSERT INTO schema_migrations VALUES (9999, 'future', 'x', 0)",
    )
    .await;
    let refused = migrate::run(&db.db, now()).await.unwrap_err();
    assert!(
        matches!(refused, Error::NewerSchema { found: 9999, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("start the newer program"));
});

on_both!(an_edited_migration_is_refused, |db| async move {
    execute(&db.db, "UPDATE schema_migrations SET checksum = 'other'").await;
    let refused = migrate::run(&db.db, now()).await.unwrap_err();
    assert!(matches!(refused, Error::EditedMigration(1)), "{refused}");
});

async fn start_together(engine: Engine) {
    let (address, _folder) = testkit::database::empty(engine).await;
    let migrate_once = async |address: String| {
        let db = Db::open(&address, Durability::Normal).await.unwrap();
        migrate::run(&db, now()).await.unwrap()
    };
    let runs = tokio::join!(
        migrate_once(address.clone()),
        migrate_once(address.clone()),
        migrate_once(address.clone())
    );
    let mut runs = [runs.0, runs.1, runs.2];
    runs.sort_unstable();
    assert_eq!(runs, [0, 0, migrate::known_count()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_starting_together_migrate_once_sqlite() {
    start_together(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_starting_together_migrate_once_postgres() {
    start_together(Engine::Postgres).await;
}

async fn columns(db: &Db) -> BTreeSet<(String, String)> {
    match db {
        Db::Sqlite { read, .. } => sqlx::query(
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'",
        )
        .fetch_all(read)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get("t"), row.get("c")))
        .collect(),
        Db::Postgres(pool) => sqlx::query(
            "SELECT table_name::TEXT AS t, column_name::TEXT AS c FROM information_schema.columns
             WHERE table_schema = 'public'",
        )
        .fetch_all(pool)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get("t"), row.get("c")))
        .collect(),
    }
}

#[tokio::test]
async fn both_engines_have_the_same_columns() {
    let sqlite = columns(&TestDb::new(Engine::Sqlite).await.db).await;
    let mut postgres = columns(&TestDb::new(Engine::Postgres).await.db).await;
    assert!(
        postgres.remove(&("events".to_owned(), "tx".to_owned())),
        "the tail needs it"
    );
    assert_eq!(sqlite, postgres);
}

/// Every table that holds an organisation's data carries its tenant.
#[tokio::test]
async fn every_table_carries_the_tenant() {
    const OF_THE_INSTALLATION: [&str; 6] = [
        "tenants",
        "users",
        "setup",
        "jobs",
        "partitions",
        "schema_migrations",
    ];
    let columns = columns(&TestDb::new(Engine::Sqlite).await.db).await;
    let tables: BTreeSet<&String> = columns.iter().map(|(t, _)| t).collect();
    for table in tables {
        let carries = columns.contains(&(table.clone(), "tenant_id".to_owned()));
        assert_eq!(
            carries,
            !OF_THE_INSTALLATION.contains(&table.as_str()),
            "{table}"
        );
    }
}

#[tokio::test]
async fn addresses_that_name_no_engine_are_refused() {
    for address in ["mysql://x", "nonsense", ""] {
        let refused = Db::open(address, Durability::Normal).await.unwrap_err();
        assert!(
            refused.to_string().contains("sqlite:// or postgres://"),
            "{refused}"
        );
    }
}
