//! Deleting what is older than its source allows, in small batches. Evidence of alerts that are
//! not closed is never deleted.

use domain::id::{SourceId, TenantId};
use domain::time::{DAY_US, Timestamp};

use crate::db::{Db, Row, Statement, sql};
use crate::error::Result;
use crate::jobs::{self, Claim};

/// Rows looked at in one batch, each its own transaction.
const BATCH: i64 = 5_000;

/// How long one source's raw events are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whose.
    pub tenant: TenantId,
    /// Which source.
    pub source: SourceId,
    /// Its slug.
    pub slug: String,
    /// Days, from the source or its tenant.
    pub days: u32,
}

/// The terms of every source, deleted ones included.
pub async fn terms(db: &Db) -> Result<Vec<Term>> {
    let rows = sql("SELECT s.tenant_id, s.id, s.slug,
            COALESCE(s.retention_days, t.retention_days) AS days
         FROM sources s
         JOIN tenants t ON t.id = s.tenant_id
         ORDER BY s.id")
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Term {
                tenant: TenantId(row.get("tenant_id")?),
                source: SourceId(row.get("id")?),
                slug: row.get("slug")?,
                days: row.get::<i64>("days")? as u32,
            })
        })
        .collect()
}

/// The instant before which events of a term end, counted from the later of event time and
/// receipt.
pub fn cutoff(days: u32, now: Timestamp) -> Timestamp {
    now.plus(-i64::from(days) * DAY_US)
}

/// What a run deletes, or would delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Raw events gone.
    pub events: u64,
    /// Raw events old enough, but kept as evidence of alerts that are not closed.
    pub kept_as_evidence: u64,
}

/// Counts what [`delete_events`] would delete.
pub async fn preview(db: &Db, term: &Term, now: Timestamp) -> Result<Swept> {
    let cutoff = cutoff(term.days, now);
    let row = sql(
        "SELECT COUNT(*) AS n,
            COUNT(CASE WHEN EXISTS (
                SELECT 1 FROM alert_evidence v
                JOIN alerts l ON l.tenant_id = v.tenant_id AND l.id = v.alert_id
                WHERE v.tenant_id = e.tenant_id AND v.event_id = e.id AND l.closed_at IS NULL
            ) THEN 1 END) AS kept
         FROM events e
         WHERE e.tenant_id = $1 AND e.source_id = $2 AND e.received_at < $3 AND e.occurred_at < $3",
    )
    .bind(term.tenant)
    .bind(term.source)
    .bind(cutoff)
    .fetch_one(db)
    .await?;
    let (all, kept) = (row.get::<i64>("n")? as u64, row.get::<i64>("kept")? as u64);
    Ok(Swept {
        events: all - kept,
        kept_as_evidence: kept,
    })
}

/// Deletes the old events of a source, batch by batch, until none is left. Fails with
/// [`crate::Error::LeaseLost`] once the claim is lost.
pub async fn delete_events(
    db: &Db,
    term: &Term,
    now: Timestamp,
    claim: Option<&Claim>,
) -> Result<Swept> {
    let cutoff = cutoff(term.days, now);
    let mut swept = Swept::default();
    let mut after = 0_i64;
    loop {
        // Numbers follow receipt, so old events stand at the beginning of the log.
        let last = sql("SELECT MAX(seq) AS last FROM (
                SELECT seq FROM events WHERE seq > $1 ORDER BY seq LIMIT $2
             ) AS batch")
        .bind(after)
        .bind(BATCH)
        .fetch_one(db)
        .await?
        .get::<Option<i64>>("last")?;
        let Some(last) = last else {
            return Ok(swept);
        };
        swept = add(
            swept,
            delete_batch(db, term, cutoff, (after, last), claim).await?,
        );
        after = last;
        let newer = sql("SELECT seq FROM events WHERE seq = $1 AND received_at >= $2")
            .bind(last)
            .bind(cutoff)
            .fetch_optional(db)
            .await?;
        if newer.is_some() {
            return Ok(swept);
        }
    }
}

async fn delete_batch(
    db: &Db,
    term: &Term,
    cutoff: Timestamp,
    (after, last): (i64, i64),
    claim: Option<&Claim>,
) -> Result<Swept> {
    let mut tx = db.begin().await?;
    let events = sql("DELETE FROM events
         WHERE tenant_id = $1 AND source_id = $2 AND received_at < $3 AND occurred_at < $3
           AND seq > $4 AND seq <= $5
           AND NOT EXISTS (
                SELECT 1 FROM alert_evidence v
                JOIN alerts l ON l.tenant_id = v.tenant_id AND l.id = v.alert_id
                WHERE v.tenant_id = events.tenant_id AND v.event_id = events.id
                  AND l.closed_at IS NULL)")
    .bind(term.tenant)
    .bind(term.source)
    .bind(cutoff)
    .bind(after)
    .bind(last)
    .execute(&mut tx)
    .await?;
    let kept: i64 = sql("SELECT COUNT(*) AS n FROM events
         WHERE tenant_id = $1 AND source_id = $2 AND received_at < $3 AND occurred_at < $3
           AND seq > $4 AND seq <= $5")
    .bind(term.tenant)
    .bind(term.source)
    .bind(cutoff)
    .bind(after)
    .bind(last)
    .fetch_one(&mut tx)
    .await?
    .get("n")?;
    jobs::hold(&mut tx, claim).await?;
    tx.commit().await?;
    Ok(Swept {
        events,
        kept_as_evidence: kept as u64,
    })
}

fn add(a: Swept, b: Swept) -> Swept {
    Swept {
        events: a.events + b.events,
        kept_as_evidence: a.kept_as_evidence + b.kept_as_evidence,
    }
}

/// Deletes events that were put aside longer ago than their source's term, decided or not.
pub async fn delete_quarantined(
    db: &Db,
    term: &Term,
    now: Timestamp,
    claim: Option<&Claim>,
) -> Result<u64> {
    let statement = || {
        sql("DELETE FROM quarantine WHERE tenant_id = $1 AND id IN (
                SELECT id FROM quarantine
                WHERE tenant_id = $1 AND source_id = $2 AND received_at < $3
                LIMIT $4)")
        .bind(term.tenant)
        .bind(term.source)
        .bind(cutoff(term.days, now))
        .bind(BATCH)
    };
    in_batches(db, statement, claim).await
}

/// What ends with a tenant's term besides events. Each takes the tenant, the cutoff, the cutoff's
/// minute and the size of a batch.
const DERIVED: [&str; 5] = [
    "DELETE FROM scores WHERE tenant_id = $1 AND (actor_id, minute) IN (
        SELECT actor_id, minute FROM scores
        WHERE tenant_id = $1 AND scored_at < $2 AND minute < $3
        LIMIT $4)",
    "DELETE FROM score_days WHERE tenant_id = $1 AND (day, actor_id) IN (
        SELECT day, actor_id FROM score_days
        WHERE tenant_id = $1 AND scored_at < $2 AND minute < $3
        LIMIT $4)",
    "DELETE FROM profiles WHERE tenant_id = $1 AND actor_id IN (
        SELECT actor_id FROM profiles
        WHERE tenant_id = $1 AND updated_at < $2 AND newest < $3
        LIMIT $4)",
    "DELETE FROM source_hours WHERE tenant_id = $1 AND (hour, source_id) IN (
        SELECT hour, source_id FROM source_hours
        WHERE tenant_id = $1 AND last_received_at < $2 AND hour < $3 / 60
        LIMIT $4)",
    // The copies are raw events: they end, too, one term after the alert was closed.
    "DELETE FROM alert_evidence WHERE tenant_id = $1 AND (alert_id, event_id) IN (
        SELECT v.alert_id, v.event_id FROM alert_evidence v
        JOIN alerts l ON l.tenant_id = v.tenant_id AND l.id = v.alert_id
        WHERE v.tenant_id = $1 AND l.closed_at < $2 AND l.opened_minute < $3
        LIMIT $4)",
];

/// Deletes a tenant's old scores, rollups, frozen copies behind alerts that were closed before the
/// cutoff, and the profiles and actors of which nothing was heard within the term, in batches.
pub async fn delete_derived(
    db: &Db,
    tenant: TenantId,
    cutoff: Timestamp,
    claim: Option<&Claim>,
) -> Result<u64> {
    let mut gone = 0;
    for text in DERIVED {
        let statement = || {
            sql(text)
                .bind(tenant)
                .bind(cutoff)
                .bind(cutoff.minute())
                .bind(BATCH)
        };
        gone += in_batches(db, statement, claim).await?;
    }
    loop {
        let actors = delete_actors(db, tenant, cutoff, claim).await?;
        gone += actors;
        if actors == 0 {
            return Ok(gone);
        }
    }
}

/// Repeats a deletion of at most [`BATCH`] rows, each time in a transaction of its own, until
/// nothing is left.
async fn in_batches(
    db: &Db,
    statement: impl Fn() -> Statement,
    claim: Option<&Claim>,
) -> Result<u64> {
    let mut gone = 0;
    loop {
        let mut tx = db.begin().await?;
        let rows = statement().execute(&mut tx).await?;
        jobs::hold(&mut tx, claim).await?;
        tx.commit().await?;
        gone += rows;
        if rows < BATCH as u64 {
            return Ok(gone);
        }
    }
}

/// Up to 1,000 actors nobody has heard of within the term and who have neither alerts nor events.
async fn delete_actors(
    db: &Db,
    tenant: TenantId,
    cutoff: Timestamp,
    claim: Option<&Claim>,
) -> Result<u64> {
    let mut tx = db.begin().await?;
    let silent = sql("SELECT a.id FROM actors a
         WHERE a.tenant_id = $1 AND a.last_received_at < $2
           AND NOT EXISTS (SELECT 1 FROM alerts l WHERE l.tenant_id = $1 AND l.actor_id = a.id)
           AND NOT EXISTS (SELECT 1 FROM events e WHERE e.tenant_id = $1 AND e.actor_id = a.id)
         LIMIT 1000")
    .bind(tenant)
    .bind(cutoff)
    .fetch_all(&mut tx)
    .await?;
    let ids: Vec<i64> = silent
        .iter()
        .map(|r: &Row| r.get("id"))
        .collect::<Result<_>>()?;
    let mut gone = 0;
    if !ids.is_empty() {
        for text in [
            "DELETE FROM score_days WHERE tenant_id = $1 AND actor_id IN ",
            "DELETE FROM scores WHERE tenant_id = $1 AND actor_id IN ",
            "DELETE FROM actor_excluded_days WHERE tenant_id = $1 AND actor_id IN ",
            "DELETE FROM actors WHERE tenant_id = $1 AND id IN ",
        ] {
            gone += sql(text)
                .bind(tenant)
                .push_list(ids.iter().copied())
                .execute(&mut tx)
                .await?;
        }
    }
    jobs::hold(&mut tx, claim).await?;
    tx.commit().await?;
    Ok(gone)
}
