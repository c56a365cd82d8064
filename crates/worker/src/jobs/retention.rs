//! Deletes what is older than its source allows. Catches up after downtime, because it looks at
//! what is there and not at when it last ran.

use domain::time::Timestamp;
use store::jobs::Claim;
use store::{Db, drafts, retention, sessions, tenants};

use crate::error::Result;

/// Deletes everything that is due and says how much.
pub async fn run(db: &Db, now: Timestamp) -> Result<String> {
    run_under(db, now, None).await
}

/// Like [`run`], deleting only while the claim holds.
pub async fn run_under(db: &Db, now: Timestamp, claim: Option<&Claim>) -> Result<String> {
    let (mut events, mut kept, mut derived) = (0, 0, 0);
    for term in retention::terms(db).await? {
        let swept = retention::delete_events(db, &term, now, claim).await?;
        events += swept.events;
        kept += swept.kept_as_evidence;
        derived += retention::delete_quarantined(db, &term, now, claim).await?;
    }
    for tenant in tenants::list(db).await? {
        let cutoff = retention::cutoff(tenant.retention_days, now);
        derived += retention::delete_derived(db, tenant.id, cutoff, claim).await?;
    }
    sessions::sweep(db, now).await?;
    let drafts = drafts::sweep(db, now).await?;
    Ok(format!(
        "{events} events deleted, {kept} kept as evidence, {derived} derived rows deleted, {drafts} drafts deleted"
    ))
}
