//! Runs of pulled integrations: asked for, claimed under a fence, moved on with what they stored,
//! recorded.

use domain::id::{IntegrationId, TenantId};
use domain::integration::{Integration, RunOutcome};
use domain::tenant::Tenant;
use domain::time::{MINUTE_US, Timestamp};

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Tx, sql};
use crate::error::{Error, Result};
use crate::integrations;
use crate::scope::Scope;

/// How long a run is left alone without a sign of life before another worker may take over.
pub const LEASE_US: i64 = 2 * MINUTE_US;
/// Runs of an integration that are kept.
pub const KEPT: i64 = 1000;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Counts up within its integration.
    pub number: i64,
    /// `schedule`, or who asked.
    pub cause: String,
    /// What became of it.
    pub outcome: RunOutcome,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Requests that were sent, repeated ones included.
    pub attempts: i64,
    /// Items the provider gave.
    pub fetched: i64,
    /// Items that were new.
    pub stored: i64,
    /// Items that were stored before.
    pub duplicates: i64,
    /// Items that could not be read.
    pub rejected: i64,
    /// The cursor it began at.
    pub cursor_before: Option<String>,
    /// The cursor it reached.
    pub cursor_after: Option<String>,
    /// What it failed with.
    pub error: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// When the next one was due after it.
    pub next_run_at: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT number, cause, outcome, started_at, finished_at, attempts, fetched,
    stored, duplicates, rejected, cursor_before, cursor_after, error, remedy, next_run_at
 FROM integration_runs
 WHERE tenant_id = $1 AND integration_id = $2";

/// The latest runs, newest first, before a given number.
pub async fn list(
    scope: &Scope,
    integration: IntegrationId,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Run>> {
    let mut query = sql(COLUMNS).bind(scope.tenant_id()).bind(integration);
    if let Some(before) = before {
        query = query.push(" AND number < ").push_bind(before);
    }
    let rows = query
        .push(" ORDER BY number DESC LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// One run.
pub async fn find(scope: &Scope, integration: IntegrationId, number: i64) -> Result<Run> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .bind(integration)
        .push(" AND number = ")
        .push_bind(number)
        .fetch_one(&scope.db)
        .await?;
    read(&row)
}

fn read(row: &Row) -> Result<Run> {
    Ok(Run {
        number: row.get("number")?,
        cause: row.get("cause")?,
        outcome: row.parse("outcome", RunOutcome::from_word)?,
        started_at: row.time("started_at")?,
        finished_at: row.time_opt("finished_at")?,
        attempts: row.get("attempts")?,
        fetched: row.get("fetched")?,
        stored: row.get("stored")?,
        duplicates: row.get("duplicates")?,
        rejected: row.get("rejected")?,
        cursor_before: row.get("cursor_before")?,
        cursor_after: row.get("cursor_after")?,
        error: row.get("error")?,
        remedy: row.get("remedy")?,
        next_run_at: row.time_opt("next_run_at")?,
    })
}

/// Who runs an integration now.
pub async fn owner(scope: &Scope, integration: IntegrationId) -> Result<Option<String>> {
    let row = sql("SELECT owner FROM integrations
         WHERE tenant_id = $1 AND id = $2 AND lease_until > $3")
    .bind(scope.tenant_id())
    .bind(integration)
    .bind(scope.now)
    .fetch_optional(&scope.db)
    .await?;
    row.map_or(Ok(None), |row| row.get("owner"))
}

/// Asks for a run now. The worker takes it at its next tick.
pub async fn ask(scope: &Scope, slug: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let integration = integrations::find_in(&mut tx, scope, slug).await?;
    let asked = sql("UPDATE integrations SET next_run_at = $3, asked_by = $4
         WHERE tenant_id = $1 AND id = $2 AND lease_until <= $3")
    .bind(scope.tenant_id())
    .bind(integration.id)
    .bind(scope.now)
    .bind(scope.principal.name())
    .execute(&mut tx)
    .await?;
    if asked == 0 {
        let holder = owner(scope, integration.id).await?;
        return Err(Error::Running(holder.unwrap_or_default()));
    }
    let change = Change {
        action: "integration.run",
        kind: "integration",
        object: slug,
    };
    audit::record(&mut tx, scope, change, NOTHING, NOTHING).await?;
    tx.commit().await
}

/// A run that is this worker's to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Whose integration.
    pub tenant: Tenant,
    /// The integration, with the cursor to go on from.
    pub integration: Integration,
    /// The run's number.
    pub number: i64,
    /// Only under it may anything be written.
    pub fence: i64,
}

/// Claims the pull that has been due longest, of any tenant; `None` when none is.
pub async fn claim(db: &Db, owner: &str, now: Timestamp) -> Result<Option<Claim>> {
    // Asked at every tick; only what is due costs a write.
    let due = sql("SELECT id FROM integrations
         WHERE next_run_at <= $1 AND lease_until <= $1 AND deleted_at IS NULL
           AND paused IS NULL AND mode = 'pull'
         LIMIT 1")
    .bind(now)
    .fetch_optional(db)
    .await?;
    if due.is_none() {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    let row = sql("UPDATE integrations
         SET owner = $1, fence = fence + 1, lease_until = $2
         WHERE id = (
            SELECT id FROM integrations
            WHERE next_run_at <= $3 AND lease_until <= $3 AND deleted_at IS NULL
              AND paused IS NULL AND mode = 'pull'
            ORDER BY next_run_at, id
            LIMIT 1)
           AND lease_until <= $3
         RETURNING id, tenant_id, slug, fence, cursor, asked_by")
    .bind(owner)
    .bind(now.plus(LEASE_US))
    .bind(now)
    .fetch_optional(&mut tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (tenant, id) = (
        TenantId(row.get("tenant_id")?),
        IntegrationId(row.get("id")?),
    );
    let asked: Option<String> = row.get("asked_by")?;
    let cursor: Option<String> = row.get("cursor")?;
    abandon(&mut tx, tenant, id, now).await?;
    let number = insert(
        &mut tx,
        (tenant, id),
        asked.as_deref(),
        cursor.as_deref(),
        now,
    )
    .await?;
    tx.commit().await?;
    let tenant = crate::tenants::find(db, tenant).await?;
    let slug: String = row.get("slug")?;
    let system = crate::Principal::System("pull");
    let scope = Scope::new(db.clone(), tenant.clone(), system, crate::Via::Job, now);
    Ok(Some(Claim {
        integration: integrations::find(&scope, &slug).await?,
        tenant,
        number,
        fence: row.get("fence")?,
    }))
}

/// Ends what a worker that vanished left running.
async fn abandon(tx: &mut Tx, tenant: TenantId, id: IntegrationId, now: Timestamp) -> Result<()> {
    sql(
        "UPDATE integration_runs SET outcome = 'failed', finished_at = $3,
            error = 'the worker stopped before the run ended'
         WHERE tenant_id = $1 AND integration_id = $2 AND outcome = 'running'",
    )
    .bind(tenant)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

async fn insert(
    tx: &mut Tx,
    (tenant, id): (TenantId, IntegrationId),
    asked_by: Option<&str>,
    cursor: Option<&str>,
    now: Timestamp,
) -> Result<i64> {
    let row = sql(
        "INSERT INTO integration_runs (tenant_id, integration_id, number, cause, outcome,
            started_at, attempts, fetched, stored, duplicates, rejected, cursor_before,
            cursor_after)
         SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, 'running', $4, 0, 0, 0, 0, 0, $5, $5
         FROM integration_runs
         WHERE tenant_id = $1 AND integration_id = $2
         RETURNING number",
    )
    .bind(tenant)
    .bind(id)
    .bind(asked_by.unwrap_or("schedule"))
    .bind(now)
    .bind(cursor)
    .fetch_one(&mut *tx)
    .await?;
    let number: i64 = row.get("number")?;
    sql("DELETE FROM integration_runs
         WHERE tenant_id = $1 AND integration_id = $2 AND number <= $3")
    .bind(tenant)
    .bind(id)
    .bind(number - KEPT)
    .execute(tx)
    .await?;
    Ok(number)
}

/// How far a page of a pull moves its integration on, in the transaction that stores the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// Which integration.
    pub integration: IntegrationId,
    /// Which run.
    pub number: i64,
    /// The fence of its claim.
    pub fence: i64,
    /// The cursor after this page.
    pub cursor: String,
    /// Items of the page.
    pub fetched: i64,
    /// Items of the page that could not be read.
    pub rejected: i64,
    /// Requests sent for the page.
    pub attempts: i64,
    /// When the page came.
    pub at: Timestamp,
}

/// Moves cursor, counters and lease on; refused once the fence is not this worker's any more.
pub(crate) async fn advance(
    tx: &mut Tx,
    tenant: TenantId,
    to: &Advance,
    stored: i64,
    duplicates: i64,
) -> Result<()> {
    let held = sql("UPDATE integrations SET cursor = $4, lease_until = $5
         WHERE tenant_id = $1 AND id = $2 AND fence = $3")
    .bind(tenant)
    .bind(to.integration)
    .bind(to.fence)
    .bind(&to.cursor)
    .bind(to.at.plus(LEASE_US))
    .execute(&mut *tx)
    .await?;
    if held == 0 {
        return Err(Error::LeaseLost);
    }
    sql("UPDATE integration_runs
         SET cursor_after = $4, attempts = attempts + $5, fetched = fetched + $6,
            stored = stored + $7, duplicates = duplicates + $8, rejected = rejected + $9
         WHERE tenant_id = $1 AND integration_id = $2 AND number = $3")
    .bind(tenant)
    .bind(to.integration)
    .bind(to.number)
    .bind(&to.cursor)
    .bind(to.attempts)
    .bind(to.fetched)
    .bind(stored)
    .bind(duplicates)
    .bind(to.rejected)
    .execute(tx)
    .await
    .map(drop)
}

/// A sign of life between pages: the claim is held on. Refused once the integration was paused,
/// deleted or taken over.
pub async fn hold(db: &Db, claim: &Claim, now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    let held = sql("UPDATE integrations SET lease_until = $4
         WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND paused IS NULL
           AND deleted_at IS NULL")
    .bind(claim.tenant.id)
    .bind(claim.integration.id)
    .bind(claim.fence)
    .bind(now.plus(LEASE_US))
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    if held == 1 {
        Ok(())
    } else {
        Err(Error::LeaseLost)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Ok, partial or failed.
    pub outcome: RunOutcome,
    /// What it failed with.
    pub error: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// When the next one is due, unless the integration was paused meanwhile.
    pub next_run_at: Option<Timestamp>,
}

/// Records how a run ended and gives its claim back. A partial run without an error only left
/// something for the next one and is as good as a whole one.
pub async fn finish(db: &Db, claim: &Claim, ended: &Ended, now: Timestamp) -> Result<()> {
    let ok = ended.outcome != RunOutcome::Failed && ended.error.is_none();
    let mut tx = db.begin().await?;
    let held = sql("UPDATE integrations
         SET owner = NULL, lease_until = 0, asked_by = NULL,
            next_run_at = CASE WHEN paused IS NULL THEN $4 ELSE NULL END,
            errors_in_row = CASE WHEN $5 = 1 THEN 0 ELSE errors_in_row + 1 END,
            last_ok_at = CASE WHEN $5 = 1 THEN $6 ELSE last_ok_at END, last_error = $7
         WHERE tenant_id = $1 AND id = $2 AND fence = $3")
    .bind(claim.tenant.id)
    .bind(claim.integration.id)
    .bind(claim.fence)
    .bind(ended.next_run_at)
    .bind(i64::from(ok))
    .bind(now)
    .bind(ended.error.as_deref())
    .execute(&mut tx)
    .await?;
    if held == 0 {
        return Err(Error::LeaseLost);
    }
    sql("UPDATE integration_runs
         SET outcome = $4, finished_at = $5, error = $6, remedy = $7, next_run_at = $8
         WHERE tenant_id = $1 AND integration_id = $2 AND number = $3")
    .bind(claim.tenant.id)
    .bind(claim.integration.id)
    .bind(claim.number)
    .bind(ended.outcome.word())
    .bind(now)
    .bind(ended.error.as_deref())
    .bind(ended.remedy.as_deref())
    .bind(ended.next_run_at)
    .execute(&mut tx)
    .await?;
    tx.commit().await
}
