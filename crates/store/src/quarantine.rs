//! Events put aside: listed, replayed, discarded.

use domain::event::Event;
use domain::id::{EventId, SourceId};
use domain::time::Timestamp;

use crate::audit::{self, Change};
use crate::db::{Row, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// An event that was put aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id, which is the event's.
    pub id: EventId,
    /// Row id of its source.
    pub source_id: SourceId,
    /// Slug of its source.
    pub source: String,
    /// The complete, redacted event.
    pub event: Event,
    /// Why it was put aside.
    pub reason: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// `pending`, `replayed` or `discarded`.
    pub state: String,
    /// Who decided.
    pub decided_by: Option<String>,
}

const COLUMNS: &str = "SELECT q.id, q.source_id, q.event, q.reason, q.received_at, q.state,
    q.decided_by, s.slug
 FROM quarantine q
 JOIN sources s ON s.tenant_id = q.tenant_id AND s.id = q.source_id
 WHERE q.tenant_id = $1";

/// One page, newest receipt first, after a given item.
pub async fn list(
    scope: &Scope,
    source: Option<SourceId>,
    state: Option<&str>,
    after: Option<(Timestamp, EventId)>,
    limit: u32,
) -> Result<Vec<Item>> {
    let mut query = sql(COLUMNS).bind(scope.tenant_id());
    if let Some(source) = source {
        query = query.push(" AND q.source_id = ").push_bind(source);
    }
    if let Some(state) = state {
        query = query.push(" AND q.state = ").push_bind(state);
    }
    if let Some((at, id)) = after {
        query = query
            .push(" AND (q.received_at, q.id) < (")
            .push_bind(at)
            .push(", ")
            .push_bind(id)
            .push(")");
    }
    let rows = query
        .push(" ORDER BY q.received_at DESC, q.id DESC LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// How many wait for a decision.
pub async fn pending(scope: &Scope) -> Result<i64> {
    sql("SELECT COUNT(*) AS n FROM quarantine WHERE tenant_id = $1 AND state = 'pending'")
        .bind(scope.tenant_id())
        .fetch_one(&scope.db)
        .await?
        .get("n")
}

/// How many wait for a decision, by the slug of their source, most first. Deleted sources have
/// no page to decide on and are left out.
pub async fn pending_by_source(scope: &Scope) -> Result<Vec<(String, i64)>> {
    let rows = sql("SELECT s.slug, COUNT(*) AS n
         FROM quarantine q
         JOIN sources s ON s.tenant_id = q.tenant_id AND s.id = q.source_id
         WHERE q.tenant_id = $1 AND q.state = 'pending' AND s.deleted_at IS NULL
         GROUP BY s.slug
         ORDER BY n DESC, s.slug")
    .bind(scope.tenant_id())
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| Ok((row.get("slug")?, row.get("n")?)))
        .collect()
}

/// One item that waits for a decision.
pub async fn find_pending(scope: &Scope, id: EventId) -> Result<Item> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND q.state = 'pending' AND q.id = ")
        .push_bind(id)
        .fetch_one(&scope.db)
        .await?;
    read(&row)
}

/// Records a decision, `replayed` or `discarded`, about a waiting item.
pub async fn decide(scope: &Scope, id: EventId, state: &'static str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let changed = sql(
        "UPDATE quarantine SET state = $3, decided_at = $4, decided_by = $5
         WHERE tenant_id = $1 AND id = $2 AND state = 'pending'",
    )
    .bind(scope.tenant_id())
    .bind(id)
    .bind(state)
    .bind(scope.now)
    .bind(scope.principal.name())
    .execute(&mut tx)
    .await?;
    if changed != 1 {
        return Err(Error::NotFound);
    }
    let object = id.to_string();
    let change = Change {
        action: if state == "replayed" {
            "quarantine.replay"
        } else {
            "quarantine.discard"
        },
        kind: "quarantine",
        object: &object,
    };
    audit::record(&mut tx, scope, change, Some(&"pending"), Some(&state)).await?;
    tx.commit().await
}

fn read(row: &Row) -> Result<Item> {
    Ok(Item {
        id: row.event_id("id")?,
        source_id: SourceId(row.get("source_id")?),
        source: row.get("slug")?,
        event: row.json("event")?,
        reason: row.get("reason")?,
        received_at: row.time("received_at")?,
        state: row.get("state")?,
        decided_by: row.get("decided_by")?,
    })
}
