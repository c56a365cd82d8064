//! Backtests: asked for by people, claimed by workers under a fence, told as they go on.

use domain::actor::ActorId;
use domain::alert::Disposition;
use domain::backtest::{BacktestState, CriteriaDraft, PastAlert, Report};
use domain::id::TenantId;
use domain::tenant::Tenant;
use domain::time::{MINUTE_US, Minute, Timestamp};
use serde::Serialize;

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Statement, Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// How long a running backtest is left alone without a sign of life before another worker may
/// start it anew.
pub const LEASE_US: i64 = MINUTE_US;
/// Most backtests of a tenant that wait or run.
pub const MOST_PENDING: i64 = 3;
/// Backtests of a tenant that are kept.
pub const KEPT: i64 = 50;
/// Workers that may take one before it counts as failed.
const MOST_STARTS: i64 = 10;

/// A backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// Counts up within its tenant.
    pub number: i64,
    /// Where it stands.
    pub state: BacktestState,
    /// Days it looks back over.
    pub days: u32,
    /// The settings that were in force when it was asked for.
    pub live: CriteriaDraft,
    /// What is tried instead.
    pub draft: CriteriaDraft,
    /// Share of the stored days that is replayed, 0..=1.
    pub progress: f64,
    /// Whether somebody wants it stopped.
    pub cancelling: bool,
    /// What it found, once done.
    pub report: Option<Report>,
    /// Why it failed.
    pub error: Option<String>,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// When a worker last began with it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

fn columns() -> Statement {
    sql(
        "SELECT number, state, days, live, draft, progress, cancelling, report, error, asked_by,
            asked_at, started_at, finished_at
         FROM backtests
         WHERE tenant_id = $1",
    )
}

fn read(row: &Row) -> Result<Backtest> {
    let report: Option<String> = row.get("report")?;
    let report = report.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Backtest {
        number: row.get("number")?,
        state: row.parse("state", BacktestState::from_word)?,
        days: row.get::<i64>("days")? as u32,
        live: row.json("live")?,
        draft: row.json("draft")?,
        progress: row.get::<i64>("progress")? as f64 / 1000.0,
        cancelling: row.get::<i64>("cancelling")? != 0,
        report: report.map_err(|e| Error::Inconsistent(format!("column report: {e}")))?,
        error: row.get("error")?,
        asked_by: row.get("asked_by")?,
        asked_at: row.time("asked_at")?,
        started_at: row.time_opt("started_at")?,
        finished_at: row.time_opt("finished_at")?,
    })
}

/// The backtests of a tenant, newest first, before a given number.
pub async fn list(scope: &Scope, before: Option<i64>, limit: u32) -> Result<Vec<Backtest>> {
    let rows = columns()
        .bind(scope.tenant_id())
        .push(" AND number < ")
        .push_bind(before.unwrap_or(i64::MAX))
        .push(" ORDER BY number DESC LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// One backtest.
pub async fn find(scope: &Scope, number: i64) -> Result<Backtest> {
    find_in(&scope.db, scope, number).await
}

async fn find_in(target: impl Into<Target<'_>>, scope: &Scope, number: i64) -> Result<Backtest> {
    let row = columns()
        .bind(scope.tenant_id())
        .push(" AND number = ")
        .push_bind(number)
        .fetch_one(target)
        .await?;
    read(&row)
}

/// What the audit log keeps of a backtest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    days: u32,
    draft: &'a CriteriaDraft,
}

/// Asks for a backtest. Fails with [`Error::Full`] while [`MOST_PENDING`] wait or run.
pub async fn start(
    scope: &Scope,
    days: u32,
    live: &CriteriaDraft,
    draft: &CriteriaDraft,
) -> Result<Backtest> {
    let tenant = scope.tenant_id();
    let mut tx = scope.db.begin().await?;
    // The tenant's row is the lock: two requests count one after the other.
    sql("UPDATE tenants SET criteria_version = criteria_version WHERE id = $1")
        .bind(tenant)
        .execute(&mut tx)
        .await?;
    let row = sql("SELECT COUNT(*) AS pending FROM backtests
         WHERE tenant_id = $1 AND state IN ('queued', 'running')")
    .bind(tenant)
    .fetch_one(&mut tx)
    .await?;
    if row.get::<i64>("pending")? >= MOST_PENDING {
        return Err(Error::Full("backtests"));
    }
    let row = sql(
        "INSERT INTO backtests (tenant_id, number, state, days, live, draft, progress,
            cancelling, asked_by, asked_at, fence, lease_until)
         SELECT $1, COALESCE(MAX(number), 0) + 1, 'queued', $2, $3, $4, 0, 0, $5, $6, 0, 0
         FROM backtests
         WHERE tenant_id = $1
         RETURNING number",
    )
    .bind(tenant)
    .bind(days)
    .bind(json(live)?)
    .bind(json(draft)?)
    .bind(scope.principal.name())
    .bind(scope.now)
    .fetch_one(&mut tx)
    .await?;
    let number: i64 = row.get("number")?;
    sql("DELETE FROM backtests
         WHERE tenant_id = $1 AND number <= $2 AND state NOT IN ('queued', 'running')")
    .bind(tenant)
    .bind(number - KEPT)
    .execute(&mut tx)
    .await?;
    let object = number.to_string();
    let change = Change {
        action: "backtest.start",
        kind: "backtest",
        object: &object,
    };
    let asked = Asked { days, draft };
    audit::record(&mut tx, scope, change, NOTHING, Some(&asked)).await?;
    let backtest = find_in(&mut tx, scope, number).await?;
    tx.commit().await?;
    Ok(backtest)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Inconsistent(format!("a backtest: {e}")))
}

/// Stops a backtest: a waiting one at once, a running one as soon as its worker looks. One that
/// has ended stays as it is.
pub async fn cancel(scope: &Scope, number: i64) -> Result<Backtest> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, number).await?;
    if !before.state.is_pending() || before.cancelling {
        return Ok(before);
    }
    sql("UPDATE backtests SET cancelling = 1,
            finished_at = CASE WHEN state = 'queued' THEN $3 ELSE finished_at END,
            state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
         WHERE tenant_id = $1 AND number = $2 AND state IN ('queued', 'running')")
    .bind(scope.tenant_id())
    .bind(number)
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    let object = number.to_string();
    let change = Change {
        action: "backtest.cancel",
        kind: "backtest",
        object: &object,
    };
    audit::record(&mut tx, scope, change, NOTHING, NOTHING).await?;
    let after = find_in(&mut tx, scope, number).await?;
    tx.commit().await?;
    Ok(after)
}

/// A backtest that is this worker's to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Whose.
    pub tenant: Tenant,
    /// Which one.
    pub number: i64,
    /// Days it looks back over.
    pub days: u32,
    /// The settings that were in force.
    pub live: CriteriaDraft,
    /// What is tried instead.
    pub draft: CriteriaDraft,
    /// Only under it may anything be written.
    pub fence: i64,
}

/// Claims the backtest that has waited longest, of any tenant, or one whose worker has gone.
pub async fn claim(db: &Db, owner: &str, now: Timestamp) -> Result<Option<Claim>> {
    // Asked at every tick; only what waits costs a write.
    let clock = db.clock(now).await?;
    let waiting = sql("SELECT tenant_id FROM backtests
         WHERE state IN ('queued', 'running') AND lease_until <= $1
         LIMIT 1")
    .bind(clock)
    .fetch_optional(db)
    .await?;
    if waiting.is_none() {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    give_up(&mut tx, clock, now).await?;
    let next = sql("SELECT tenant_id, number FROM backtests
         WHERE state IN ('queued', 'running') AND lease_until <= $1
         ORDER BY asked_at, tenant_id, number
         LIMIT 1")
    .bind(clock)
    .fetch_optional(&mut tx)
    .await?;
    let Some(next) = next else {
        tx.commit().await?;
        return Ok(None);
    };
    let (tenant, number) = (TenantId(next.get("tenant_id")?), next.get::<i64>("number")?);
    let row = sql("UPDATE backtests
         SET state = 'running', owner = $3, fence = fence + 1, lease_until = $4, started_at = $5,
            progress = 0
         WHERE tenant_id = $1 AND number = $2 AND state IN ('queued', 'running')
           AND lease_until <= $6
         RETURNING days, live, draft, fence")
    .bind(tenant)
    .bind(number)
    .bind(owner)
    .bind(clock.plus(LEASE_US))
    .bind(now)
    .bind(clock)
    .fetch_optional(&mut tx)
    .await?;
    tx.commit().await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Claim {
        tenant: crate::tenants::find(db, tenant).await?,
        number,
        days: row.get::<i64>("days")? as u32,
        live: row.json("live")?,
        draft: row.json("draft")?,
        fence: row.get("fence")?,
    }))
}

/// Ends what was to be stopped when its worker went away, and what no worker survives.
async fn give_up(tx: &mut Tx, clock: Timestamp, now: Timestamp) -> Result<()> {
    sql(
        "UPDATE backtests SET state = 'cancelled', owner = NULL, finished_at = $2
         WHERE state = 'running' AND lease_until <= $1 AND cancelling = 1",
    )
    .bind(clock)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    sql(
        "UPDATE backtests SET state = 'failed', owner = NULL, finished_at = $2,
            error = 'it was interrupted again and again; look into the log of the workers'
         WHERE state = 'running' AND lease_until <= $1 AND fence >= $3",
    )
    .bind(clock)
    .bind(now)
    .bind(MOST_STARTS)
    .execute(&mut *tx)
    .await
    .map(drop)
}

/// Gives a sign of life, with the share of days replayed when there is news, and says whether to
/// go on: false when somebody wants it stopped.
pub async fn advance(
    db: &Db,
    claim: &Claim,
    progress: Option<f64>,
    now: Timestamp,
) -> Result<bool> {
    let until = db.clock(now).await?.plus(LEASE_US);
    let thousandths = progress.map(|share| (share.clamp(0.0, 1.0) * 1000.0) as i64);
    let mut tx = db.begin().await?;
    let row = sql(
        "UPDATE backtests SET lease_until = $4, progress = COALESCE($5, progress)
         WHERE tenant_id = $1 AND number = $2 AND fence = $3 AND state = 'running'
         RETURNING cancelling",
    )
    .bind(claim.tenant.id)
    .bind(claim.number)
    .bind(claim.fence)
    .bind(until)
    .bind(thousandths)
    .fetch_optional(&mut tx)
    .await?;
    tx.commit().await?;
    let row = row.ok_or(Error::LeaseLost)?;
    Ok(row.get::<i64>("cancelling")? == 0)
}

/// How a claimed backtest ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With a report.
    Done(Box<Report>),
    /// Without one, and why.
    Failed(String),
    /// Somebody wanted it stopped.
    Cancelled,
    /// The worker stops: another one may begin anew.
    GivenBack,
}

/// Records how a claimed backtest ended.
pub async fn finish(db: &Db, claim: &Claim, ended: &Ended, now: Timestamp) -> Result<()> {
    let (state, report, error) = match ended {
        Ended::Done(report) => (BacktestState::Done, Some(json(report)?), None),
        Ended::Failed(why) => (BacktestState::Failed, None, Some(why.as_str())),
        Ended::Cancelled => (BacktestState::Cancelled, None, None),
        Ended::GivenBack => (BacktestState::Queued, None, None),
    };
    let finished = (state != BacktestState::Queued).then_some(now);
    let whole = (state == BacktestState::Done).then_some(1000_i64);
    let mut tx = db.begin().await?;
    let changed = sql(
        "UPDATE backtests SET state = $4, report = $5, error = $6, finished_at = $7,
            progress = COALESCE($8, progress), owner = NULL, lease_until = 0
         WHERE tenant_id = $1 AND number = $2 AND fence = $3 AND state = 'running'",
    )
    .bind(claim.tenant.id)
    .bind(claim.number)
    .bind(claim.fence)
    .bind(state.word())
    .bind(report)
    .bind(error)
    .bind(finished)
    .bind(whole)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::LeaseLost)
    }
}

/// The stored alerts whose episodes reach beyond a minute, in order of their opening.
pub async fn past_alerts(db: &Db, tenant: TenantId, since: Minute) -> Result<Vec<PastAlert>> {
    let rows = sql(
        "SELECT number, actor_id, opened_minute, last_signal_minute, disposition
         FROM alerts
         WHERE tenant_id = $1 AND last_signal_minute >= $2
         ORDER BY opened_minute, id",
    )
    .bind(tenant)
    .bind(since)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let disposition: Option<String> = row.get("disposition")?;
            Ok(PastAlert {
                number: row.get("number")?,
                actor: ActorId(row.get("actor_id")?),
                opened: Minute(row.get("opened_minute")?),
                last: Minute(row.get("last_signal_minute")?),
                disposition: disposition.as_deref().and_then(Disposition::from_word),
            })
        })
        .collect()
}

/// The settings in force, as a draft to begin with.
pub async fn in_force(scope: &Scope) -> Result<CriteriaDraft> {
    let scoring = &scope.tenant.scoring;
    Ok(CriteriaDraft {
        ruleset: scoring.ruleset,
        alert_threshold: scoring.alert_threshold,
        alert_rate: scoring.alert_rate,
        rules: crate::rules::list(scope).await?.iter().copied().collect(),
    })
}
