//! What only PostgreSQL can say, or says better in its own way.

use domain::time::Timestamp;
use sqlx::{PgPool, Postgres, Row as _, Transaction};

use crate::error::Result;
use crate::log::Stored;

/// The server's clock.
pub(super) async fn clock(pool: &PgPool) -> Result<Timestamp> {
    let row = sqlx::query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT")
        .fetch_one(pool)
        .await?;
    Ok(Timestamp::from_micros(row.try_get(0)?))
}

/// Settings without which a commit does not survive a crash, as `name = value`.
pub async fn unsafe_settings(pool: &PgPool) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT name || ' = ' || setting
         FROM pg_settings
         WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off'
         ORDER BY name",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?)
}

/// Inserts events from arrays. Returns the ids that were new.
pub(crate) async fn insert_events(
    tx: &mut Transaction<'static, Postgres>,
    rows: &[Stored],
) -> Result<Vec<Vec<u8>>> {
    let inserted = sqlx::query(
        "INSERT INTO events (tenant_id, id, part, source_id, actor_id, occurred_at, received_at,
            action, outcome, outcome_word, resource, resource_id, ip, user_agent, bytes, severity,
            host, app, attributes)
         SELECT * FROM UNNEST($1::BIGINT[], $2::BYTEA[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[],
            $6::BIGINT[], $7::BIGINT[], $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::TEXT[],
            $12::TEXT[], $13::TEXT[], $14::TEXT[], $15::BIGINT[], $16::TEXT[], $17::TEXT[],
            $18::TEXT[], $19::TEXT[])
         ON CONFLICT (tenant_id, id) DO NOTHING
         RETURNING id",
    )
    .bind(column(rows, |r| r.tenant.0))
    .bind(column(rows, |r| r.event.id.as_bytes().to_vec()))
    .bind(column(rows, |r| i64::from(r.part.0)))
    .bind(column(rows, |r| r.source.0))
    .bind(column(rows, |r| r.actor.0))
    .bind(column(rows, |r| r.event.occurred_at.micros()))
    .bind(column(rows, |r| r.event.received_at.micros()))
    .bind(column(rows, |r| r.event.action.clone()))
    .bind(column(rows, |r| r.event.outcome.word()))
    .bind(column(rows, |r| r.event.outcome_word.clone()))
    .bind(column(rows, |r| r.event.resource.clone()))
    .bind(column(rows, |r| r.event.resource_id.clone()))
    .bind(column(rows, |r| r.event.ip.map(|ip| ip.to_string())))
    .bind(column(rows, |r| r.event.user_agent.clone()))
    .bind(column(rows, |r| r.event.bytes))
    .bind(column(rows, |r| {
        r.event.severity.map(domain::severity::Severity::word)
    }))
    .bind(column(rows, |r| r.event.host.clone()))
    .bind(column(rows, |r| r.event.app.clone()))
    .bind(column(rows, |r| r.event.attributes.clone()))
    .fetch_all(&mut **tx)
    .await?;
    Ok(inserted
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?)
}

fn column<T>(rows: &[Stored], pick: impl Fn(&Stored) -> T) -> Vec<T> {
    rows.iter().map(pick).collect()
}

/// Events after a position, up to the oldest transaction that is still running: rows become
/// visible in any order, so nothing behind that horizon may be passed over.
pub(crate) const TAIL: &str = "SELECT e.seq AS lo, e.tx::TEXT::BIGINT AS hi, e.tenant_id, e.id,
    e.part, e.source_id, e.actor_id, e.occurred_at, e.received_at, e.action, e.outcome, e.resource,
    e.resource_id, e.ip, e.user_agent, e.bytes, e.severity, e.host
 FROM events e
 WHERE (e.tx, e.seq) > ($1::BIGINT::TEXT::xid8, $2)
   AND e.tx < pg_snapshot_xmin(pg_current_snapshot())
 ORDER BY e.tx, e.seq
 LIMIT $3";

/// The first event of a source after a position, within so many rows of the log, whose stored
/// fields hold a text.
pub(crate) const FIRST_HOLDING: &str =
    "SELECT e.seq AS lo, e.tx::TEXT::BIGINT AS hi, e.id, e.part, e.received_at
 FROM (SELECT seq, tx, tenant_id, source_id, id, part, received_at, resource_id, attributes
    FROM events WHERE (tx, seq) > ($1::BIGINT::TEXT::xid8, $2) ORDER BY tx, seq LIMIT $3) e
 WHERE e.tenant_id = $4 AND e.source_id = $5
   AND (e.attributes::TEXT LIKE $6 OR e.resource_id LIKE $6 OR $6 = '%')
 ORDER BY e.tx, e.seq
 LIMIT 1";

/// The newest position of the log that can be tailed now.
pub(crate) const END: &str = "SELECT tx::TEXT::BIGINT AS hi, seq AS lo
 FROM events
 ORDER BY tx DESC, seq DESC
 LIMIT 1";

/// One actor's events between two instants that lie at or before a position.
pub(crate) const HISTORY: &str =
    "SELECT id, source_id, occurred_at, action, outcome, resource, resource_id, ip,
    user_agent, bytes, severity, host
 FROM events
 WHERE tenant_id = $1 AND actor_id = $2 AND occurred_at >= $3 AND occurred_at < $4
   AND (tx, seq) <= ($5::BIGINT::TEXT::xid8, $6)
   AND (occurred_at, id) > ($7, $8)
 ORDER BY occurred_at, id
 LIMIT $9";

/// One tenant's events of a day that lie at or before a position. Ids begin with the event time in
/// milliseconds: the range of ids finds them, the times make it exact.
pub(crate) const DAY: &str = "SELECT id, part, actor_id, occurred_at, action, outcome, resource,
    resource_id, ip, user_agent, bytes, severity, host
 FROM events
 WHERE tenant_id = $1 AND id > $2 AND id < $3 AND (tx, seq) <= ($4::BIGINT::TEXT::xid8, $5)
   AND occurred_at >= $6 AND occurred_at < $7
 ORDER BY id
 LIMIT $8";

/// A tenant's first event from an id on that lies at or before a position.
pub(crate) const NEXT: &str = "SELECT occurred_at
 FROM events
 WHERE tenant_id = $1 AND id > $2 AND (tx, seq) <= ($3::BIGINT::TEXT::xid8, $4)
 ORDER BY id
 LIMIT 1";
