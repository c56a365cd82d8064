//! Who listens for an integration: the service itself, or an edge collector that reports.

use domain::id::IntegrationId;
use domain::time::{DAY_US, Timestamp};

use crate::db::sql;
use crate::error::Result;
use crate::scope::Scope;

/// One report of a collector or listener. Counters count since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Names the process among all that report for the integration.
    pub instance: String,
    /// `collector` or `listener`.
    pub kind: String,
    /// The machine it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Messages read from sockets. Equals parsed + rejected + dropped.
    pub received: i64,
    /// Messages that became events.
    pub parsed: i64,
    /// Messages that could not.
    pub rejected: i64,
    /// Messages it threw away for want of room.
    pub dropped: i64,
    /// Datagrams the kernel threw away before they could be read.
    pub kernel_dropped: i64,
    /// Messages waiting in its buffer.
    pub buffered: i64,
}

/// An instance as last reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The report.
    pub beat: Beat,
    /// When it came.
    pub last_beat_at: Timestamp,
}

/// Notes a report. Reports of different instances do not touch each other.
pub async fn note(scope: &Scope, integration: IntegrationId, beat: &Beat) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    sql(
        "INSERT INTO collector_instances (tenant_id, integration_id, instance, kind, host, version,
            started_at, last_beat_at, received, parsed, rejected, dropped, kernel_dropped, buffered)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (tenant_id, integration_id, instance) DO UPDATE
         SET kind = excluded.kind, host = excluded.host, version = excluded.version,
            started_at = excluded.started_at, last_beat_at = excluded.last_beat_at,
            received = excluded.received, parsed = excluded.parsed, rejected = excluded.rejected,
            dropped = excluded.dropped, kernel_dropped = excluded.kernel_dropped,
            buffered = excluded.buffered",
    )
    .bind(scope.tenant_id())
    .bind(integration)
    .bind(&beat.instance)
    .bind(&beat.kind)
    .bind(&beat.host)
    .bind(&beat.version)
    .bind(beat.started_at)
    .bind(scope.now)
    .bind(beat.received)
    .bind(beat.parsed)
    .bind(beat.rejected)
    .bind(beat.dropped)
    .bind(beat.kernel_dropped)
    .bind(beat.buffered)
    .execute(&mut tx)
    .await?;
    // An instance that was replaced would be shown as silent for ever.
    sql("DELETE FROM collector_instances
         WHERE tenant_id = $1 AND integration_id = $2 AND last_beat_at < $3")
    .bind(scope.tenant_id())
    .bind(integration)
    .bind(scope.now.plus(-7 * DAY_US))
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// The instances of an integration, the latest report first.
pub async fn list(scope: &Scope, integration: IntegrationId) -> Result<Vec<Instance>> {
    let rows = sql(
        "SELECT instance, kind, host, version, started_at, last_beat_at, received,
            parsed, rejected, dropped, kernel_dropped, buffered
         FROM collector_instances
         WHERE tenant_id = $1 AND integration_id = $2
         ORDER BY last_beat_at DESC, instance",
    )
    .bind(scope.tenant_id())
    .bind(integration)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Instance {
                last_beat_at: row.time("last_beat_at")?,
                beat: Beat {
                    instance: row.get("instance")?,
                    kind: row.get("kind")?,
                    host: row.get("host")?,
                    version: row.get("version")?,
                    started_at: row.time("started_at")?,
                    received: row.get("received")?,
                    parsed: row.get("parsed")?,
                    rejected: row.get("rejected")?,
                    dropped: row.get("dropped")?,
                    kernel_dropped: row.get("kernel_dropped")?,
                    buffered: row.get("buffered")?,
                },
            })
        })
        .collect()
}

/// The latest report of each integration.
pub(crate) async fn latest(scope: &Scope) -> Result<Vec<(IntegrationId, Timestamp)>> {
    let rows = sql("SELECT integration_id, MAX(last_beat_at) AS last_beat_at
         FROM collector_instances
         WHERE tenant_id = $1
         GROUP BY integration_id")
    .bind(scope.tenant_id())
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                IntegrationId(row.get("integration_id")?),
                row.time("last_beat_at")?,
            ))
        })
        .collect()
}
