//! Writing one pass: everything in the transaction that also moves the cursor.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

use domain::actor::ActorId;
use domain::rule::RuleSet;
use domain::score::Assessment;
use domain::tenant::Tenant;
use domain::time::{Day, Timestamp};
use scoring::explain;
use scoring::profile::Profile;
use scoring::track::Tracker;
use store::db::Tx;
use store::log::Position;
use store::scoring::{self as rows, ActorUpdate, ProfileUpdate, StoredProfile};

use super::follow::{Followed, criteria};
use super::{TenantPass, current_minute, episodes};
use crate::error::Result;

/// Writes a tenant's pass and returns how many alerts opened.
pub(crate) async fn save(
    tx: &mut Tx,
    pass: TenantPass,
    until: Position,
    now: Timestamp,
) -> Result<usize> {
    let TenantPass {
        tenant,
        rules,
        mut actors,
        hours,
    } = pass;
    for (key, count) in &hours {
        rows::add_hour(tx, tenant.id, *key, count).await?;
    }
    for actor in &actors {
        save_followed(tx, &tenant, actor, now).await?;
    }
    actors.retain(|a| !a.alerting.is_empty());
    episodes::raise(tx, (&tenant, &rules), actors, until, now).await
}

async fn save_followed(
    tx: &mut Tx,
    tenant: &Tenant,
    followed: &Followed,
    now: Timestamp,
) -> Result<()> {
    let key = (followed.actor, followed.part);
    let cause = match followed.replaced_from {
        Some(from) => {
            rows::forget_scores(tx, tenant.id, followed.actor, from).await?;
            "late event"
        }
        None => "in order",
    };
    for assessment in &followed.rows {
        rows::save_score(tx, tenant.id, key, assessment, cause, now).await?;
    }
    for highest in followed.days.values() {
        let alerted = highest.1 >= tenant.scoring.alert_threshold;
        rows::save_day(tx, tenant.id, key, *highest, alerted, now).await?;
    }
    let profile = ProfileUpdate {
        actor: followed.actor,
        part: followed.part,
        zone: tenant.scoring.zone.name(),
        newest: followed.profile.newest().unwrap_or_default(),
        due: followed.now.falls_at,
        state: &followed.profile.to_bytes(),
        points: &followed.points,
    };
    rows::save_profile(tx, tenant.id, &profile, now).await?;
    let actor = ActorUpdate {
        actor: followed.actor,
        first_seen_at: followed.first_seen,
        last_seen_at: followed.last_seen,
        last_received_at: followed.last_received,
        score: followed.now.score,
        score_at: followed.now.minute.end(),
        reasons: &reasons(&followed.now),
    };
    rows::save_actor(tx, tenant.id, &actor).await?;
    Ok(())
}

/// Judges a stored profile at the present minute, so that its score falls.
pub(crate) async fn judge_now<S: BuildHasher>(
    tx: &mut Tx,
    (tenant, rules): (&Tenant, &RuleSet),
    stored: &StoredProfile,
    excluded: &HashMap<ActorId, BTreeSet<Day>, S>,
    now: Timestamp,
) -> Result<()> {
    let Ok(profile) = Profile::from_bytes(&stored.state) else {
        // Unreadable: it is rebuilt with the actor's next event. Until then nothing falls due.
        return Ok(rows::save_due(tx, tenant.id, stored.actor, None).await?);
    };
    let left_out = excluded.get(&stored.actor).cloned().unwrap_or_default();
    let mut tracker = Tracker::new(profile, criteria(tenant, rules, &left_out));
    let minute = current_minute(now).max(stored.newest);
    let judged = tracker.judge_at(minute).assessment;
    let at = judged.minute.end();
    let reasons = reasons(&judged);
    rows::save_score_now(tx, tenant.id, stored.actor, (judged.score, at), &reasons).await?;
    rows::save_due(tx, tenant.id, stored.actor, judged.falls_at).await?;
    Ok(())
}

fn reasons(assessment: &Assessment) -> String {
    let short: Vec<String> = assessment.signals.iter().map(explain::short).collect();
    serde_json::to_string(&short).unwrap_or_else(|_| "[]".to_owned())
}
