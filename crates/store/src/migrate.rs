//! Bringing the schema up to date: embedded migrations, run under a lock, each in a transaction.

use domain::time::Timestamp;
use sqlx::{Connection, Executor};

use crate::db::{Db, sql};
use crate::error::{Error, Result};

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// A migration whose files carry the same name for both engines.
macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../../migrations/postgres/", $file)),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "initial", "0001_initial.sql"),
    migration!(2, "integrations", "0002_integrations.sql"),
    migration!(3, "calibrated", "0003_calibrated.sql"),
    migration!(4, "backtests", "0004_backtests.sql"),
    migration!(5, "suppressions", "0005_suppressions.sql"),
    migration!(6, "told", "0006_told.sql"),
];

/// The number under which PostgreSQL serialises migrating processes.
const LOCK: i64 = 0x0069_6e73_6964_6572;

/// The highest schema version this program knows.
pub fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.version)
}

/// How many migrations this program knows; numbers may have gaps.
pub fn known_count() -> usize {
    MIGRATIONS.len()
}

/// Applies what is missing and returns how many migrations ran.
///
/// Two processes starting together: one migrates, the other waits and finds nothing to do. A
/// schema newer than this program, or an applied migration that differs, is refused.
pub async fn run(db: &Db, now: Timestamp) -> Result<usize> {
    match db {
        Db::Sqlite { write, .. } => {
            let mut conn = write.acquire().await?;
            let mut tx = conn.begin_with("BEGIN EXCLUSIVE").await?;
            tx.execute(LEDGER).await?;
            let applied: Vec<(i64, String)> = sqlx::query_as(APPLIED).fetch_all(&mut *tx).await?;
            let missing = missing(&applied, |m| m.sqlite)?;
            for migration in &missing {
                tx.execute(sqlx::raw_sql(migration.sqlite)).await?;
                let record = sqlx::query(RECORD)
                    .bind(migration.version)
                    .bind(migration.name);
                let record = record.bind(checksum(migration.sqlite)).bind(now.micros());
                record.execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(missing.len())
        }
        Db::Postgres(pool) => {
            let mut conn = pool.acquire().await?;
            let mut tx = conn.begin().await?;
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(LOCK)
                .execute(&mut *tx)
                .await?;
            tx.execute(LEDGER).await?;
            let applied: Vec<(i64, String)> = sqlx::query_as(APPLIED).fetch_all(&mut *tx).await?;
            let missing = missing(&applied, |m| m.postgres)?;
            for migration in &missing {
                tx.execute(sqlx::raw_sql(migration.postgres)).await?;
                let record = sqlx::query(RECORD)
                    .bind(migration.version)
                    .bind(migration.name);
                let record = record.bind(checksum(migration.postgres)).bind(now.micros());
                record.execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(missing.len())
        }
    }
}

/// The schema version of a database; 0 when it is empty.
pub async fn version(db: &Db) -> Result<i64> {
    let exists = match db {
        Db::Sqlite { .. } => sql("SELECT name FROM sqlite_master WHERE name = 'schema_migrations'"),
        Db::Postgres(_) => {
            sql("SELECT 1 AS one WHERE to_regclass('schema_migrations') IS NOT NULL")
        }
    };
    if exists.fetch_optional(db).await?.is_none() {
        return Ok(0);
    }
    sql("SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations")
        .fetch_one(db)
        .await?
        .get("version")
}

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)";
const APPLIED: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";
const RECORD: &str = "INSERT INTO schema_migrations (version, name, checksum, applied_at)
 VALUES ($1, $2, $3, $4)";

fn checksum(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn missing(
    applied: &[(i64, String)],
    text: impl Fn(&Migration) -> &'static str,
) -> Result<Vec<&'static Migration>> {
    if let Some((found, _)) = applied.last().filter(|(v, _)| *v > known_version()) {
        return Err(Error::NewerSchema {
            found: *found,
            known: known_version(),
        });
    }
    let mut missing = Vec::new();
    for migration in MIGRATIONS {
        match applied.iter().find(|(v, _)| *v == migration.version) {
            None => missing.push(migration),
            Some((_, sum)) if *sum == checksum(text(migration)) => {}
            Some(_) => return Err(Error::EditedMigration(migration.version)),
        }
    }
    Ok(missing)
}
