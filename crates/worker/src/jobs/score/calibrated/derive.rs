//! Deriving everything again from the stored events: when an organisation changes to this
//! grading, when what was stored is of another version, and when events came too late.
//!
//! Day by day, each in a transaction of its own: a crash goes on where it stopped. No other pass
//! of the organisation runs meanwhile, so the position stands still.

use domain::tenant::Tenant;
use domain::time::{DAY_US, Day, Timestamp};
use store::Db;
use store::calibrated::{self as rows, Again};
use store::log::{self, Position};
use store::partitions::{self, Held};

use super::{Folded, Ledger};
use crate::error::Result;

/// So many late events are taken in at once.
const MANY: i64 = 1000;
/// The wait between two derivations for each actor-day of the last 28 days: a hundred times what
/// deriving one costs, so that late events never take more than a hundredth of the time.
const WAIT_FOR_ACTOR_DAY_US: i64 = 100_000;
/// The shortest wait: late events seldom come alone.
const SHORTEST_WAIT_US: i64 = 5_000_000;

/// True when late events should be taken in now: at once when they are many, else after a wait
/// that grows with the organisation, a day at most. The same for days that were left out or taken
/// back: at once when an analyst did it, after the wait when they are of a confirmed incident.
pub(crate) fn is_due(ledger: &Ledger, now: Timestamp) -> bool {
    let kept = &ledger.kept;
    let actor_days: i64 = ledger
        .organisation
        .recent()
        .map(|d| i64::from(d.actors))
        .sum();
    let wait = (actor_days * WAIT_FOR_ACTOR_DAY_US).clamp(SHORTEST_WAIT_US, DAY_US);
    let waited = now.micros() - kept.rebuilt_at.micros() >= wait;
    kept.rebuilding_from.is_some()
        || kept.changed == Some(Again::Now)
        || kept.late >= MANY
        || ((kept.late > 0 || kept.changed.is_some()) && waited)
}

/// Derives a tenant's memory and scores from the events up to a position, and returns what is in
/// force then. Alerts open from `alerts_from` on: those of days before it are history, whoever
/// judged them then.
pub(crate) async fn derive(
    db: &Db,
    tenant: &Tenant,
    alerts_from: Option<Day>,
    until: Position,
    (owner, held): (&str, &[Held]),
    now: Timestamp,
) -> Result<Ledger> {
    let mut ledger = match Ledger::load(db, tenant, Position::START).await? {
        // What people said about days that are closed already begins it anew.
        Some(going_on)
            if going_on.kept.rebuilding_from.is_some() && going_on.kept.changed.is_none() =>
        {
            going_on
        }
        _ => begin(db, tenant, alerts_from, (owner, held), now).await?,
    };
    let mut after = ledger.organisation.last();
    while let Some(day) = log::next_day(db, tenant.id, after, until).await? {
        ledger.read_day(db, tenant, day, until).await?;
        after = Some(day);
        if ledger.days.len() < 2 {
            continue;
        }
        let mut pass = Folded::new(tenant.clone(), ledger);
        pass.derived = true;
        pass.alerts_from = pass.ledger.kept.rebuilding_from.unwrap_or(Day(i32::MIN));
        pass.close_first(db).await?;
        let mut tx = db.begin().await?;
        let (_, closed) = pass.save(&mut tx, until, now).await?;
        partitions::hold(&mut tx, owner, held).await?;
        tx.commit().await?;
        ledger = closed;
    }
    ledger.kept.rebuilding_from = None;
    ledger.kept.late = 0;
    ledger.kept.late_from = None;
    ledger.judge_everybody();
    let mut kept = ledger.remembered(None);
    let mut tx = db.begin().await?;
    if let Some(open) = ledger.days.keys().next() {
        store::scoring::forget_day(&mut tx, tenant.id, *open).await?;
    }
    rows::save_organisation(&mut tx, tenant.id, &kept, now).await?;
    partitions::hold(&mut tx, owner, held).await?;
    tx.commit().await?;
    kept.revision += 1;
    kept.state = Vec::new();
    ledger.kept = kept;
    Ok(ledger)
}

async fn begin(
    db: &Db,
    tenant: &Tenant,
    alerts_from: Option<Day>,
    (owner, held): (&str, &[Held]),
    now: Timestamp,
) -> Result<Ledger> {
    let mut ledger = Ledger::empty(db, tenant, now).await?;
    ledger.kept.rebuilding_from = Some(alerts_from.unwrap_or(Day(i32::MAX)));
    let mut kept = ledger.remembered(None);
    let mut tx = db.begin().await?;
    rows::forget(&mut tx, tenant.id).await?;
    rows::save_organisation(&mut tx, tenant.id, &kept, now).await?;
    partitions::hold(&mut tx, owner, held).await?;
    tx.commit().await?;
    kept.revision += 1;
    kept.state = Vec::new();
    ledger.kept = kept;
    Ok(ledger)
}
