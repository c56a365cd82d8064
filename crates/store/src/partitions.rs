//! Who scores which share of the work, under which fence, and how far.
//!
//! A worker holds partitions by lease. Every take-over raises the fence; a pass commits only
//! while owner and fence are still its own, so a worker that was asleep cannot write.

use domain::actor::Partition;
use domain::time::Timestamp;

use crate::db::{Db, Statement, Tx, sql};
use crate::error::{Error, Result};
use crate::log::Position;

/// How long a lease lasts without being renewed: 20 seconds.
pub const LEASE_US: i64 = 20_000_000;

/// One partition held by a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub part: Partition,
    /// Under which fence.
    pub fence: i64,
    /// Everything up to here is folded.
    pub position: Position,
}

/// Takes every partition that is free or whose lease has ended, renews those already held, and
/// returns all that `owner` holds now.
pub async fn acquire(db: &Db, owner: &str, now: Timestamp) -> Result<Vec<Held>> {
    let now = db.clock(now).await?;
    let until = now.plus(LEASE_US);
    let mut tx = db.begin().await?;
    sql("UPDATE partitions SET lease_until = $2 WHERE owner = $1 AND lease_until > $3")
        .bind(owner)
        .bind(until)
        .bind(now)
        .execute(&mut tx)
        .await?;
    sql(
        "UPDATE partitions SET owner = $1, lease_until = $2, fence = fence + 1
         WHERE owner IS NULL OR lease_until <= $3",
    )
    .bind(owner)
    .bind(until)
    .bind(now)
    .execute(&mut tx)
    .await?;
    let rows = sql("SELECT part, fence, epoch, hi, lo FROM partitions
         WHERE owner = $1
         ORDER BY part")
    .bind(owner)
    .fetch_all(&mut tx)
    .await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                part: Partition(row.get::<i64>("part")? as u8),
                fence: row.get("fence")?,
                position: Position {
                    epoch: row.get("epoch")?,
                    hi: row.get("hi")?,
                    lo: row.get("lo")?,
                },
            })
        })
        .collect()
}

/// Moves the position of the held partitions forward, in the transaction of everything the pass
/// wrote. Partitions that are further already stay where they are.
///
/// Fails with [`Error::LeaseLost`] when one of them is no longer held under its fence.
pub async fn advance(tx: &mut Tx, owner: &str, held: &[Held], to: Position) -> Result<()> {
    hold(tx, owner, held).await?;
    let behind: Vec<Held> = held.iter().filter(|h| h.position < to).copied().collect();
    if behind.is_empty() {
        return Ok(());
    }
    let update = sql("UPDATE partitions SET epoch = $2, hi = $3, lo = $4 WHERE owner = $1")
        .bind(owner)
        .bind(to.epoch)
        .bind(to.hi)
        .bind(to.lo);
    still_held(tx, owner, &behind, update).await
}

/// Makes a transaction that moves no position depend on the leases all the same.
///
/// Fails like [`advance`].
pub async fn hold(tx: &mut Tx, owner: &str, held: &[Held]) -> Result<()> {
    let update = sql("UPDATE partitions SET fence = fence WHERE owner = $1").bind(owner);
    still_held(tx, owner, held, update).await
}

async fn still_held(tx: &mut Tx, owner: &str, held: &[Held], update: Statement) -> Result<()> {
    if held.is_empty() {
        return Err(Error::LeaseLost);
    }
    let fence = held.iter().map(|h| h.fence).sum::<i64>();
    let changed = update
        .push(" AND part IN ")
        .push_list(held.iter().map(|h| h.part))
        .execute(&mut *tx)
        .await?;
    // The rows are locked by the update: the fences read now are those at commit.
    let now: i64 = sql(
        "SELECT CAST(COALESCE(SUM(fence), 0) AS BIGINT) AS fence FROM partitions
         WHERE owner = $1",
    )
    .bind(owner)
    .push(" AND part IN ")
    .push_list(held.iter().map(|h| h.part))
    .fetch_one(tx)
    .await?
    .get("fence")?;
    if changed as usize != held.len() || now != fence {
        return Err(Error::LeaseLost);
    }
    Ok(())
}

/// Gives everything back, so that another worker need not wait for the lease to end.
pub async fn release(db: &Db, owner: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    sql("UPDATE partitions SET owner = NULL, lease_until = 0 WHERE owner = $1")
        .bind(owner)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// How far the slowest partition has been folded, and whether anybody holds it.
pub async fn progress(db: &Db, now: Timestamp) -> Result<(Position, bool)> {
    let now = db.clock(now).await?;
    let row =
        sql("SELECT epoch, hi, lo, lease_until FROM partitions ORDER BY epoch, hi, lo LIMIT 1")
            .fetch_one(db)
            .await?;
    let position = Position {
        epoch: row.get("epoch")?,
        hi: row.get("hi")?,
        lo: row.get("lo")?,
    };
    Ok((position, row.time("lease_until")? > now))
}
