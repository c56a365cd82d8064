//! Reading the log in commit order, from a position on.

use std::net::IpAddr;

use domain::actor::{ActorId, Partition};
use domain::event::Outcome;
use domain::id::{EventId, SourceId, TenantId};
use domain::severity::Severity;
use domain::time::{Day, Timestamp};

use crate::db::{Db, Row, Target, Tx, postgres_only, sql, sqlite_only};
use crate::error::Result;
use crate::events::first_id;

/// A place in the log. Opaque: only this module knows what the numbers mean on which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counts up when a database is restored, so that old positions are recognised.
    pub(crate) epoch: i64,
    /// The writing transaction on PostgreSQL, 0 on SQLite.
    pub(crate) hi: i64,
    /// The sequence number.
    pub(crate) lo: i64,
}

impl Position {
    /// Before the first event.
    pub const START: Self = sqlite_only::START;
}

/// What scoring needs of a stored event.
#[derive(Debug, Clone)]
pub struct Tailed {
    /// Where it stands.
    pub position: Position,
    /// Whose event.
    pub tenant: TenantId,
    /// Share of the scoring work.
    pub part: Partition,
    /// Who sent it.
    pub source: SourceId,
    /// Who acted.
    pub actor: ActorId,
    /// Identity.
    pub id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// What was done.
    pub action: String,
    /// Whether it worked.
    pub outcome: Outcome,
    /// Kind of thing acted on.
    pub resource: Option<String>,
    /// The one thing acted on.
    pub resource_id: Option<String>,
    /// Where the actor came from.
    pub ip: Option<IpAddr>,
    /// Client program.
    pub user_agent: Option<String>,
    /// Bytes moved.
    pub bytes: Option<i64>,
    /// How bad its sender called it.
    pub severity: Option<Severity>,
    /// Machine.
    pub host: Option<String>,
}

/// Up to `limit` events after a position, in commit order. Crosses tenants: for the worker only.
pub async fn tail(db: &Db, after: Position, limit: u32) -> Result<Vec<Tailed>> {
    let text = match db {
        Db::Sqlite { .. } => sqlite_only::TAIL,
        Db::Postgres(_) => postgres_only::TAIL,
    };
    let rows = sql(text)
        .bind(after.hi)
        .bind(after.lo)
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Tailed {
                position: Position {
                    epoch: after.epoch,
                    hi: row.get("hi")?,
                    lo: row.get("lo")?,
                },
                tenant: TenantId(row.get("tenant_id")?),
                part: Partition(row.get::<i64>("part")? as u8),
                source: SourceId(row.get("source_id")?),
                actor: ActorId(row.get("actor_id")?),
                received_at: row.time("received_at")?,
                ..observed(row)?
            })
        })
        .collect()
}

/// The newest position of the log.
pub async fn end(db: &Db) -> Result<Position> {
    let text = match db {
        Db::Sqlite { .. } => sqlite_only::END,
        Db::Postgres(_) => postgres_only::END,
    };
    let row = sql(text).fetch_optional(db).await?;
    row.map_or(Ok(Position::START), |row| {
        Ok(Position {
            epoch: Position::START.epoch,
            hi: row.get("hi")?,
            lo: row.get("lo")?,
        })
    })
}

/// Events of one page of [`history`].
const PAGE: usize = 20_000;

/// One actor's events with `from <= occurred_at < until` that lie at or before `position`, in
/// order of time, handed to `each` page by page so that memory stays bounded.
pub async fn history(
    target: impl Into<Target<'_>>,
    (tenant, actor): (TenantId, ActorId),
    (from, until): (Timestamp, Timestamp),
    position: Position,
    mut each: impl FnMut(Tailed),
) -> Result<()> {
    let mut target = target.into();
    let text = match &target {
        Target::Db(Db::Sqlite { .. }) | Target::Tx(Tx::Sqlite(_)) => sqlite_only::HISTORY,
        Target::Db(Db::Postgres(_)) | Target::Tx(Tx::Postgres(_)) => postgres_only::HISTORY,
    };
    let mut after = (from.plus(-1), EventId::from_bytes([0xff; 16]));
    loop {
        let rows = sql(text)
            .bind(tenant)
            .bind(actor)
            .bind(from)
            .bind(until)
            .bind(position.hi)
            .bind(position.lo)
            .bind(after.0)
            .bind(after.1)
            .bind(PAGE as i64)
            .fetch_all(target.again())
            .await?;
        for row in &rows {
            let event = Tailed {
                tenant,
                actor,
                source: SourceId(row.get("source_id")?),
                ..observed(row)?
            };
            after = (event.occurred_at, event.id);
            each(event);
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

/// A tenant's events of one UTC day that lie at or before `position`, handed to `each` page by page
/// in the order of their ids, so that memory stays bounded.
pub async fn day(
    db: &Db,
    tenant: TenantId,
    day: Day,
    position: Position,
    mut each: impl FnMut(Tailed),
) -> Result<()> {
    let text = match db {
        Db::Sqlite { .. } => sqlite_only::DAY,
        Db::Postgres(_) => postgres_only::DAY,
    };
    let (from, until) = (day.utc_start(), day.plus(1).utc_start());
    let mut after = first_id(from);
    loop {
        let rows = sql(text)
            .bind(tenant)
            .bind(after)
            .bind(first_id(until))
            .bind(position.hi)
            .bind(position.lo)
            .bind(from)
            .bind(until)
            .bind(PAGE as i64)
            .fetch_all(db)
            .await?;
        for row in &rows {
            let event = Tailed {
                tenant,
                part: Partition(row.get::<i64>("part")? as u8),
                actor: ActorId(row.get("actor_id")?),
                ..observed(row)?
            };
            after = event.id;
            each(event);
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

/// The first UTC day after `after`, or of all when `None`, on which a tenant has an event at or
/// before `position`.
pub async fn next_day(
    db: &Db,
    tenant: TenantId,
    after: Option<Day>,
    position: Position,
) -> Result<Option<Day>> {
    let text = match db {
        Db::Sqlite { .. } => sqlite_only::NEXT,
        Db::Postgres(_) => postgres_only::NEXT,
    };
    let from = after.map_or(Timestamp::default(), |day| day.plus(1).utc_start());
    let row = sql(text)
        .bind(tenant)
        .bind(first_id(from))
        .bind(position.hi)
        .bind(position.lo)
        .fetch_optional(db)
        .await?;
    row.map(|row| Ok(row.time("occurred_at")?.utc_day()))
        .transpose()
}

/// The columns that both readings share; the others get neutral values.
fn observed(row: &Row) -> Result<Tailed> {
    let ip: Option<String> = row.get("ip")?;
    let severity: Option<String> = row.get("severity")?;
    Ok(Tailed {
        position: Position::START,
        tenant: TenantId(0),
        part: Partition(0),
        source: SourceId(0),
        actor: ActorId(0),
        id: row.event_id("id")?,
        occurred_at: row.time("occurred_at")?,
        received_at: Timestamp::default(),
        action: row.get("action")?,
        outcome: row.parse("outcome", |word| Some(Outcome::from_word(word)))?,
        resource: row.get("resource")?,
        resource_id: row.get("resource_id")?,
        ip: ip.and_then(|ip| ip.parse().ok()),
        user_agent: row.get("user_agent")?,
        bytes: row.get("bytes")?,
        severity: severity.as_deref().and_then(Severity::from_word),
        host: row.get("host")?,
    })
}
