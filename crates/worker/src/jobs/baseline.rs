//! Refreshes the stored 14-day views: closes day buckets, marks days without any data.

use std::collections::BTreeSet;

use domain::actor::ActorId;
use domain::baseline::BASELINE_DAYS;
use domain::tenant::Tenant;
use domain::time::{Day, HOUR_US, Timestamp, Zone};
use scoring::profile::Profile;
use store::jobs::Claim;
use store::{Db, scoring as rows, tenants};

use crate::error::Result;

/// Views computed and written together.
const PAGE: u32 = 500;

/// Brings every view up to date and says how many there were.
pub async fn run(db: &Db, now: Timestamp) -> Result<String> {
    run_under(db, now, None).await
}

/// Like [`run`], writing only while the claim holds.
pub async fn run_under(db: &Db, now: Timestamp, claim: Option<&Claim>) -> Result<String> {
    let mut refreshed = 0;
    for tenant in tenants::list(db).await? {
        refreshed += refresh(db, &tenant, now, claim).await?;
    }
    Ok(format!("{refreshed} baselines refreshed"))
}

async fn refresh(db: &Db, tenant: &Tenant, now: Timestamp, claim: Option<&Claim>) -> Result<usize> {
    let zone = &tenant.scoring.zone;
    let today = zone.local(now).day;
    let silent = silent_days(db, tenant, today).await?;
    let (mut after, mut refreshed) = (ActorId(i64::MIN), 0);
    loop {
        let day_start = zone.day_start(today);
        let page = rows::outdated_views(db, tenant.id, day_start, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(refreshed);
        };
        after = last.profile.actor;
        let actors: Vec<ActorId> = page.iter().map(|v| v.profile.actor).collect();
        let excluded = rows::excluded_days(db, tenant.id, &actors).await?;
        let mut tx = db.begin().await?;
        for view in &page {
            let actor = view.profile.actor;
            // An unreadable profile is rebuilt by the scorer with the actor's next event.
            let Ok(profile) = Profile::from_bytes(&view.profile.state) else {
                continue;
            };
            let left_out = excluded.get(&actor).cloned().unwrap_or_default();
            let own = Zone::named(&view.profile.zone).unwrap_or_else(|_| zone.clone());
            let view = scoring::baseline::view(&profile, now, &own, &left_out, &silent);
            rows::save_view(&mut tx, tenant.id, actor, &view).await?;
            refreshed += 1;
        }
        store::jobs::hold(&mut tx, claim).await?;
        tx.commit().await?;
    }
}

/// Days of the view on which no source delivered anything.
async fn silent_days(db: &Db, tenant: &Tenant, today: Day) -> Result<BTreeSet<Day>> {
    let zone = &tenant.scoring.zone;
    let hour = |day: Day| zone.day_start(day).micros().div_euclid(HOUR_US);
    let first = today.plus(-BASELINE_DAYS);
    let heard = rows::hours_with_events(db, tenant.id, (hour(first), hour(today))).await?;
    let days = (0..BASELINE_DAYS).map(|i| first.plus(i));
    Ok(days
        .filter(|day| heard.range(hour(*day)..hour(day.plus(1))).next().is_none())
        .collect())
}
