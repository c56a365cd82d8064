//! What only SQLite can say, or says better in its own way.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, Transaction};

use super::Durability;
use crate::error::Result;
use crate::log::{Position, Stored};

/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long until a file that another process is setting up is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// Connection options: write-ahead log, foreign keys, patience.
pub(super) fn options(path: &str, durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Normal => SqliteSynchronous::Normal,
        })
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // Checkpoints every 80 MB instead of 4: half of what a growing index costs comes back.
        .pragma("wal_autocheckpoint", "20000")
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY")
}

/// Opens the first connection. Switching a fresh file to the write-ahead log fails at once, in
/// spite of the busy timeout, when another process does the same: it is tried again.
/// <https://www.sqlite.org/wal.html>, "Sometimes Queries Return SQLITE_BUSY In WAL Mode"
pub(super) async fn patiently<T>(
    open: impl AsyncFn() -> std::result::Result<T, sqlx::Error>,
) -> std::result::Result<T, sqlx::Error> {
    for _ in 0..BUSY_TIMEOUT.as_millis() / PAUSE.as_millis() {
        match open().await {
            Err(error) if is_busy(&error) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
    open().await
}

/// `SQLITE_BUSY` (5) with any extension in the upper bytes.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|c| c.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

/// Inserts events from one JSON array: one statement text for any number of rows.
///
/// Returns the ids that were new.
pub(crate) async fn insert_events(
    tx: &mut Transaction<'static, Sqlite>,
    rows: &[Stored],
) -> Result<Vec<Vec<u8>>> {
    let json = serde_json::Value::Array(rows.iter().map(as_json).collect()).to_string();
    let inserted = sqlx::query(
        "INSERT INTO events (tenant_id, id, part, source_id, actor_id, occurred_at, received_at,
            action, outcome, outcome_word, resource, resource_id, ip, user_agent, bytes, severity,
            host, app, attributes)
         SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4,
            value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
            value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16,
            value ->> 17, value ->> 18
         FROM json_each(?)
         WHERE true
         ON CONFLICT (tenant_id, id) DO NOTHING
         RETURNING id",
    )
    .bind(json)
    .fetch_all(&mut **tx)
    .await?;
    Ok(inserted
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?)
}

fn as_json(row: &Stored) -> serde_json::Value {
    let e = &row.event;
    serde_json::json!([
        row.tenant.0,
        hex(e.id.as_bytes()),
        row.part.0,
        row.source.0,
        row.actor.0,
        e.occurred_at.micros(),
        e.received_at.micros(),
        e.action,
        e.outcome.word(),
        e.outcome_word,
        e.resource,
        e.resource_id,
        e.ip,
        e.user_agent,
        e.bytes,
        e.severity.map(domain::severity::Severity::word),
        e.host,
        e.app,
        e.attributes,
    ])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(32), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// The position after the last event. Autoincrement numbers are given in commit order, because
/// there is one writer.
pub(crate) const TAIL: &str = "SELECT e.seq AS lo, 0 AS hi, e.tenant_id, e.id, e.part, e.source_id,
    e.actor_id, e.occurred_at, e.received_at, e.action, e.outcome, e.resource, e.resource_id, e.ip,
    e.user_agent, e.bytes, e.severity, e.host
 FROM events e
 WHERE e.seq > $2 AND $1 = $1
 ORDER BY e.seq
 LIMIT $3";

/// The first event of a source after a position, within so many rows of the log, whose stored
/// fields hold a text.
pub(crate) const FIRST_HOLDING: &str = "SELECT e.seq AS lo, 0 AS hi, e.id, e.part, e.received_at
 FROM (SELECT seq, tenant_id, source_id, id, part, received_at, resource_id, attributes
    FROM events WHERE seq > $2 AND $1 = $1 ORDER BY seq LIMIT $3) e
 WHERE e.tenant_id = $4 AND e.source_id = $5
   AND (e.attributes LIKE $6 OR e.resource_id LIKE $6 OR $6 = '%')
 ORDER BY e.seq
 LIMIT 1";

/// The newest position of the log. Not the counter of autoincrement: that also moves for rows
/// that were not stored because they were there already.
pub(crate) const END: &str = "SELECT COALESCE(MAX(seq), 0) AS lo, 0 AS hi FROM events";

/// One actor's events between two instants that lie at or before a position.
pub(crate) const HISTORY: &str =
    "SELECT id, source_id, occurred_at, action, outcome, resource, resource_id, ip,
    user_agent, bytes, severity, host
 FROM events
 WHERE tenant_id = $1 AND actor_id = $2 AND occurred_at >= $3 AND occurred_at < $4
   AND $5 = $5 AND seq <= $6
   AND (occurred_at, id) > ($7, $8)
 ORDER BY occurred_at, id
 LIMIT $9";

/// The first possible position.
pub(crate) const START: Position = Position {
    epoch: 1,
    hi: 0,
    lo: 0,
};

/// One tenant's events of a day that lie at or before a position. Ids begin with the event time in
/// milliseconds: the range of ids finds them, the times make it exact.
pub(crate) const DAY: &str = "SELECT id, part, actor_id, occurred_at, action, outcome, resource,
    resource_id, ip, user_agent, bytes, severity, host
 FROM events
 WHERE tenant_id = $1 AND id > $2 AND id < $3 AND $4 = $4 AND seq <= $5
   AND occurred_at >= $6 AND occurred_at < $7
 ORDER BY id
 LIMIT $8";

/// A tenant's first event from an id on that lies at or before a position.
pub(crate) const NEXT: &str = "SELECT occurred_at
 FROM events
 WHERE tenant_id = $1 AND id > $2 AND $3 = $3 AND seq <= $4
 ORDER BY id
 LIMIT 1";
