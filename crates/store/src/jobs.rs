//! The timetable in the database: when each job runs next, who runs it, how it went.

use domain::time::Timestamp;

use crate::db::{Db, Tx, sql};
use crate::error::{Error, Result};

/// How long a running job that does not renew is left alone before another process may take it:
/// 20 seconds.
pub const LEASE_US: i64 = 20_000_000;

/// A job's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// When it is due.
    pub next_run_at: Timestamp,
    /// Start of the latest run.
    pub started_at: Option<Timestamp>,
    /// End of the latest run.
    pub finished_at: Option<Timestamp>,
    /// `ok` or `failed`.
    pub outcome: Option<String>,
    /// What the latest run said.
    pub message: Option<String>,
}

/// A run that is this worker's to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub name: String,
    /// The fence under which its result may be written.
    pub fence: i64,
    /// When it was due.
    pub due_at: Timestamp,
}

/// Makes sure a job has a row. A new one is due at once.
pub async fn ensure(db: &Db, name: &str, now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    sql(
        "INSERT INTO jobs (name, next_run_at, fence, lease_until) VALUES ($1, $2, 0, 0)
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(now)
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// Claims a job when it is due and nobody runs it. Missed runs coalesce into this one.
pub async fn claim(db: &Db, name: &str, owner: &str, now: Timestamp) -> Result<Option<Claim>> {
    let clock = db.clock(now).await?;
    let due = sql("SELECT next_run_at FROM jobs
         WHERE name = $1 AND next_run_at <= $2 AND lease_until <= $3")
    .bind(name)
    .bind(now)
    .bind(clock)
    .fetch_optional(db)
    .await?;
    if due.is_none() {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    let row = sql("UPDATE jobs
         SET owner = $3, lease_until = $4, fence = fence + 1, started_at = $2
         WHERE name = $1 AND next_run_at <= $2 AND lease_until <= $5
         RETURNING fence, next_run_at")
    .bind(name)
    .bind(now)
    .bind(owner)
    .bind(clock.plus(LEASE_US))
    .bind(clock)
    .fetch_optional(&mut tx)
    .await?;
    tx.commit().await?;
    row.map(|row| {
        Ok(Claim {
            name: name.to_owned(),
            fence: row.get("fence")?,
            due_at: row.time("next_run_at")?,
        })
    })
    .transpose()
}

/// Keeps a run this worker's for another [`LEASE_US`].
pub async fn renew(db: &Db, claim: &Claim, now: Timestamp) -> Result<()> {
    let until = db.clock(now).await?.plus(LEASE_US);
    let mut tx = db.begin().await?;
    let held = sql(
        "UPDATE jobs SET lease_until = $3 WHERE name = $1 AND fence = $2 AND owner IS NOT NULL",
    )
    .bind(&claim.name)
    .bind(claim.fence)
    .bind(until)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    only_if_held(held)
}

/// Makes a transaction depend on the run being still this worker's. Without a claim, as in
/// commands that run a job themselves, there is nothing to depend on.
pub async fn hold(tx: &mut Tx, claim: Option<&Claim>) -> Result<()> {
    let Some(claim) = claim else {
        return Ok(());
    };
    // The update locks the row, so that nobody takes the job over before the commit.
    let held =
        sql("UPDATE jobs SET fence = fence WHERE name = $1 AND fence = $2 AND owner IS NOT NULL")
            .bind(&claim.name)
            .bind(claim.fence)
            .execute(tx)
            .await?;
    only_if_held(held)
}

/// Gives a run back unfinished: it stays due, and another worker need not wait.
pub async fn give_back(db: &Db, claim: &Claim) -> Result<()> {
    let mut tx = db.begin().await?;
    sql("UPDATE jobs SET owner = NULL, lease_until = 0 WHERE name = $1 AND fence = $2")
        .bind(&claim.name)
        .bind(claim.fence)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

fn only_if_held(rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::LeaseLost)
    }
}

/// Records how a run went and when the next is due.
pub async fn finish(
    db: &Db,
    claim: &Claim,
    outcome: std::result::Result<String, String>,
    next_run_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let (word, message) = match outcome {
        Ok(message) => ("ok", message),
        Err(message) => ("failed", message),
    };
    let mut tx = db.begin().await?;
    let changed = sql("UPDATE jobs
         SET owner = NULL, lease_until = 0, finished_at = $3, outcome = $4, message = $5,
            next_run_at = $6
         WHERE name = $1 AND fence = $2")
    .bind(&claim.name)
    .bind(claim.fence)
    .bind(now)
    .bind(word)
    .bind(message)
    .bind(next_run_at)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    only_if_held(changed)
}

/// Every job, by name.
pub async fn list(db: &Db) -> Result<Vec<Job>> {
    let rows = sql(
        "SELECT name, next_run_at, started_at, finished_at, outcome, message
         FROM jobs
         ORDER BY name",
    )
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Job {
                name: row.get("name")?,
                next_run_at: row.time("next_run_at")?,
                started_at: row.time_opt("started_at")?,
                finished_at: row.time_opt("finished_at")?,
                outcome: row.get("outcome")?,
                message: row.get("message")?,
            })
        })
        .collect()
}
