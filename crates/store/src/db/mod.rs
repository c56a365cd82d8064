//! One database, two engines: connections, transactions, and statements that run on both.

pub mod postgres_only;
mod row;
pub mod sqlite_only;
mod statement;

use std::time::Duration;

use domain::time::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Postgres, Sqlite, Transaction};

pub(crate) use row::Row;
pub(crate) use statement::{Statement, bytes, execute_rows, sql};

use crate::error::{Error, Result};

/// How long a statement may run before the server stops it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long noting a use may hold up the request it belongs to.
const NOTING: Duration = Duration::from_millis(500);

/// Writes what is only good to know beside a request. When that cannot be written soon it is left
/// out: reading goes on while the database does not write.
pub(crate) async fn note_beside(what: &'static str, write: impl Future<Output = Result<()>>) {
    match tokio::time::timeout(NOTING, write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(what, %error, "not noted"),
        Err(_) => tracing::warn!(what, "not noted: the database does not write now"),
    }
}

/// How far SQLite goes for a committed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit reaches the disk before it is acknowledged.
    Full,
    /// A power cut may lose the last commits, a crash of the process none. For example data.
    Normal,
}

/// A database.
#[derive(Debug, Clone)]
pub enum Db {
    /// Embedded. One writer, many readers.
    Sqlite {
        /// Readers.
        read: SqlitePool,
        /// The one writer.
        write: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// A write transaction. Dropped without [`Tx::commit`], it is undone.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite, begun as IMMEDIATE: a deferred one that reads first fails when another writes.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// Where a statement runs.
#[derive(Debug)]
pub enum Target<'a> {
    /// On any connection, for reading.
    Db(&'a Db),
    /// Inside a transaction.
    Tx(&'a mut Tx),
}

impl Target<'_> {
    /// The same target for one more statement.
    pub(crate) fn again(&mut self) -> Target<'_> {
        match self {
            Self::Db(db) => Target::Db(db),
            Self::Tx(tx) => Target::Tx(tx),
        }
    }
}

impl<'a> From<&'a Db> for Target<'a> {
    fn from(db: &'a Db) -> Self {
        Self::Db(db)
    }
}

impl<'a> From<&'a mut Tx> for Target<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

impl Db {
    /// Opens `sqlite://PATH` (created when missing) or `postgres://…`.
    pub async fn open(address: &str, durability: Durability) -> Result<Self> {
        if let Some(path) = sqlite_path(address) {
            return Self::open_sqlite(path, durability).await;
        }
        if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            return Self::open_postgres(address).await;
        }
        Err(Error::Address(
            "the database address must begin with sqlite:// or postgres://".to_owned(),
        ))
    }

    async fn open_sqlite(path: &str, durability: Durability) -> Result<Self> {
        if let Some(folder) = std::path::Path::new(path).parent() {
            std::fs::create_dir_all(folder).map_err(|e| {
                Error::Address(format!(
                    "cannot create the folder {}: {e}",
                    folder.display()
                ))
            })?;
        }
        let options = sqlite_only::options(path, durability);
        let pool = |max| {
            SqlitePoolOptions::new()
                .max_connections(max)
                .acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let write = sqlite_only::patiently(|| pool(1).connect_with(options.clone())).await?;
        let read = pool(8).connect_with(reading(options)).await?;
        Ok(Self::Sqlite { read, write })
    }

    async fn open_postgres(address: &str) -> Result<Self> {
        let options: PgConnectOptions = address
            .parse()
            .map_err(|_| Error::Address("the postgres:// address cannot be read".to_owned()))?;
        let timeout = STATEMENT_TIMEOUT.as_millis().to_string();
        let options = options.application_name("insider-risk").options([
            ("statement_timeout", timeout.as_str()),
            ("idle_in_transaction_session_timeout", "60000"),
            ("lock_timeout", "20000"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// The engine's name for people.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// The database's own clock where it has one, so that leases of several machines agree;
    /// `fallback` otherwise.
    pub async fn clock(&self, fallback: Timestamp) -> Result<Timestamp> {
        match self {
            Self::Sqlite { .. } => Ok(fallback),
            Self::Postgres(pool) => postgres_only::clock(pool).await,
        }
    }

    /// Checks that the database answers.
    pub async fn ping(&self) -> Result<()> {
        sql("SELECT 1 AS one").fetch_optional(self).await.map(drop)
    }

    /// Closes all connections. On SQLite this also folds the write-ahead log back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A pattern for `LIKE … ESCAPE '!'` that matches the folded text anywhere.
pub(crate) fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.trim().to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The path of a `sqlite://` address.
pub fn sqlite_path(address: &str) -> Option<&str> {
    address
        .strip_prefix("sqlite://")
        .or_else(|| address.strip_prefix("sqlite:"))
}

fn reading(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("query_only", "ON")
}
