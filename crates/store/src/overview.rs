//! The numbers of the overview, from rollups and indexes, never from scans of events.

use domain::alert::{Disposition, Status};
use domain::id::SourceId;
use domain::severity::Severity;
use domain::time::{Day, Timestamp};

use crate::db::sql;
use crate::error::Result;
use crate::scope::Scope;

/// Alerts that are not closed, by severity, worst first.
pub async fn open_by_severity(scope: &Scope) -> Result<Vec<(Severity, i64)>> {
    let rows = sql("SELECT severity, COUNT(*) AS n
         FROM alerts
         WHERE tenant_id = $1 AND closed_at IS NULL
         GROUP BY severity
         ORDER BY severity DESC")
    .bind(scope.tenant_id())
    .fetch_all(&scope.db)
    .await?;
    let mut out = Vec::new();
    for row in rows {
        let rank: i64 = row.get("severity")?;
        if let Some(level) = Severity::WORST_FIRST.into_iter().find(|s| s.rank() == rank) {
            out.push((level, row.get("n")?));
        }
    }
    Ok(out)
}

/// Alerts by status.
pub async fn by_status(scope: &Scope) -> Result<Vec<(Status, i64)>> {
    let rows = sql("SELECT status, COUNT(*) AS n FROM alerts WHERE tenant_id = $1 GROUP BY status")
        .bind(scope.tenant_id())
        .fetch_all(&scope.db)
        .await?;
    rows.iter()
        .map(|row| Ok((row.parse("status", Status::from_word)?, row.get("n")?)))
        .collect()
}

/// Microseconds from detection to acknowledgement of alerts acknowledged in a range.
pub async fn acknowledge_times(
    scope: &Scope,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<i64>> {
    let rows = sql("SELECT acknowledged_at - detected_at AS took
         FROM alerts
         WHERE tenant_id = $1 AND acknowledged_at >= $2 AND acknowledged_at < $3
         ORDER BY took
         LIMIT 10000")
    .bind(scope.tenant_id())
    .bind(from)
    .bind(until)
    .fetch_all(&scope.db)
    .await?;
    rows.iter().map(|row| row.get("took")).collect()
}

/// Events in a range of UTC hours, all sources.
pub async fn events(scope: &Scope, (from, until): (i64, i64)) -> Result<i64> {
    sql("SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) AS n
         FROM source_hours
         WHERE tenant_id = $1 AND hour >= $2 AND hour < $3")
    .bind(scope.tenant_id())
    .bind(from)
    .bind(until)
    .fetch_one(&scope.db)
    .await?
    .get("n")
}

/// What arrived from one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which source.
    pub source: SourceId,
    /// Events in the range.
    pub events: i64,
    /// Events ever counted.
    pub total: i64,
    /// Hours of the range that held at least one event.
    pub active_hours: i64,
    /// Latest receipt ever.
    pub last_received_at: Timestamp,
    /// Latest event ever.
    pub last_occurred_at: Timestamp,
}

/// What arrived from every source since an hour; sources that never sent anything are missing.
pub async fn arrivals(scope: &Scope, since_hour: i64) -> Result<Vec<Arrival>> {
    let rows = sql("SELECT source_id,
            CAST(COALESCE(SUM(CASE WHEN hour >= $2 THEN events ELSE 0 END), 0) AS BIGINT) AS n,
            CAST(SUM(events) AS BIGINT) AS total,
            COUNT(CASE WHEN hour >= $2 THEN 1 END) AS active_hours,
            MAX(last_received_at) AS last_received_at,
            MAX(last_occurred_at) AS last_occurred_at
         FROM source_hours
         WHERE tenant_id = $1
         GROUP BY source_id")
    .bind(scope.tenant_id())
    .bind(since_hour)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Arrival {
                source: SourceId(row.get("source_id")?),
                events: row.get("n")?,
                total: row.get("total")?,
                active_hours: row.get("active_hours")?,
                last_received_at: row.time("last_received_at")?,
                last_occurred_at: row.time("last_occurred_at")?,
            })
        })
        .collect()
}

/// Events per UTC hour of one source since an hour.
pub async fn hours_of(scope: &Scope, source: SourceId, since_hour: i64) -> Result<Vec<(i64, i64)>> {
    let rows = sql("SELECT hour, events
         FROM source_hours
         WHERE tenant_id = $1 AND source_id = $2 AND hour >= $3
         ORDER BY hour")
    .bind(scope.tenant_id())
    .bind(source)
    .bind(since_hour)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| Ok((row.get("hour")?, row.get("events")?)))
        .collect()
}

/// Alerts by UTC day of opening and disposition since a day; not closed ones have none.
pub async fn alerts_per_day(
    scope: &Scope,
    since: Day,
) -> Result<Vec<(Day, Option<Disposition>, i64)>> {
    let rows = sql(
        "SELECT opened_minute / 1440 AS day, disposition, COUNT(*) AS n
         FROM alerts
         WHERE tenant_id = $1 AND opened_minute >= $2
         GROUP BY opened_minute / 1440, disposition
         ORDER BY 1",
    )
    .bind(scope.tenant_id())
    .bind(since.utc_start().minute())
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            let disposition: Option<String> = row.get("disposition")?;
            Ok((
                Day(row.get::<i64>("day")? as i32),
                disposition.as_deref().and_then(Disposition::from_word),
                row.get("n")?,
            ))
        })
        .collect()
}

/// How many actors reach a score now.
pub async fn actors_scoring(scope: &Scope, at_least: domain::score::Points) -> Result<i64> {
    sql("SELECT COUNT(*) AS n FROM actors WHERE tenant_id = $1 AND score >= $2")
        .bind(scope.tenant_id())
        .bind(at_least)
        .fetch_one(&scope.db)
        .await?
        .get("n")
}

/// The highest score that was reached since a day, with how many actors were scored.
pub async fn scored_since(scope: &Scope, since: Day) -> Result<(i64, domain::score::Points)> {
    let row = sql(
        "SELECT COUNT(DISTINCT actor_id) AS n, COALESCE(MAX(score), 0) AS top
         FROM score_days
         WHERE tenant_id = $1 AND day >= $2",
    )
    .bind(scope.tenant_id())
    .bind(since)
    .fetch_one(&scope.db)
    .await?;
    Ok((row.get("n")?, row.points("top")?))
}
