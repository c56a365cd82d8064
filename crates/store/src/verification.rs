//! How far one event of an integration has come: put aside, stored, scored.

use domain::actor::Partition;
use domain::id::SourceId;
use domain::time::Timestamp;

use crate::db::{Db, postgres_only, sql, sqlite_only};
use crate::error::Result;
use crate::log::{Position, end};
use crate::scope::Scope;

/// Rows of the log after its beginning that a search looks at.
const SEARCHED: u32 = 200_000;

/// Where a search begins: nothing before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The writing transaction on PostgreSQL, 0 on SQLite.
    pub hi: i64,
    /// The sequence number.
    pub lo: i64,
}

/// Where the log ends now.
pub async fn mark(db: &Db) -> Result<Mark> {
    let Position { hi, lo, .. } = end(db).await?;
    Ok(Mark { hi, lo })
}

/// What has become of the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// Why it was put aside instead of stored.
    pub put_aside: Option<String>,
    /// It is in the log.
    pub stored: bool,
    /// Scoring has passed it.
    pub scored: bool,
}

/// Looks for the event of a source, received since the mark, that holds `text`; with `None` the
/// first event of the source.
///
/// `text` holds letters, digits and `-` only.
pub async fn find(
    scope: &Scope,
    source: SourceId,
    mark: Mark,
    since: Timestamp,
    text: Option<&str>,
) -> Result<Whereabouts> {
    let like = text.map_or_else(|| "%".to_owned(), |text| format!("%{text}%"));
    let statement = match scope.db {
        Db::Sqlite { .. } => sqlite_only::FIRST_HOLDING,
        Db::Postgres(_) => postgres_only::FIRST_HOLDING,
    };
    let row = sql(statement)
        .bind(mark.hi)
        .bind(mark.lo)
        .bind(SEARCHED)
        .bind(scope.tenant_id())
        .bind(source)
        .bind(&like)
        .fetch_optional(&scope.db)
        .await?;
    let Some(row) = row else {
        return put_aside(scope, source, since, &like).await;
    };
    let position = Position {
        epoch: Position::START.epoch,
        hi: row.get("hi")?,
        lo: row.get("lo")?,
    };
    let part = Partition(row.get::<i64>("part")? as u8);
    Ok(Whereabouts {
        received_at: Some(row.time("received_at")?),
        put_aside: None,
        stored: true,
        scored: folded(&scope.db, part).await? >= position,
    })
}

async fn put_aside(
    scope: &Scope,
    source: SourceId,
    since: Timestamp,
    like: &str,
) -> Result<Whereabouts> {
    let row = sql("SELECT reason, received_at FROM quarantine
         WHERE tenant_id = $1 AND state = 'pending' AND received_at >= $2 AND source_id = $3
           AND event LIKE $4
         ORDER BY received_at
         LIMIT 1")
    .bind(scope.tenant_id())
    .bind(since)
    .bind(source)
    .bind(like)
    .fetch_optional(&scope.db)
    .await?;
    let Some(row) = row else {
        return Ok(Whereabouts::default());
    };
    Ok(Whereabouts {
        received_at: Some(row.time("received_at")?),
        put_aside: Some(row.get("reason")?),
        ..Whereabouts::default()
    })
}

/// Everything of a partition up to here is scored.
async fn folded(db: &Db, part: Partition) -> Result<Position> {
    let row = sql("SELECT epoch, hi, lo FROM partitions WHERE part = $1")
        .bind(part)
        .fetch_optional(db)
        .await?;
    row.map_or(Ok(Position::START), |row| {
        Ok(Position {
            epoch: row.get("epoch")?,
            hi: row.get("hi")?,
            lo: row.get("lo")?,
        })
    })
}
