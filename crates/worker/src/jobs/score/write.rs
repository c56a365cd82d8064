//! Writing one pass: everything in the transaction that also moves the cursor.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

use domain::actor::ActorId;
use domain::rule::RuleSet;
use domain::score::{Assessment, Judgement};
use domain::suppression::Suppression;
use domain::tenant::RuleSetName;
use domain::tenant::Tenant;
use domain::time::{Day, Minute, Timestamp, Zone};
use scoring::explain;
use scoring::profile::Profile;
use scoring::suppress::Suppressions;
use scoring::track::Tracker;
use store::db::Tx;
use store::log::Position;
use store::scoring::{
    self as rows, ActorUpdate, DayUpdate, ProfileUpdate, ScoreUpdate, StoredProfile,
};

use store::suppressions::{self, Hit};

use super::episodes::{self, Alerting, Moment};
use super::follow::{Followed, criteria, due, sightings};
use super::{TenantPass, current_minute};
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
        actors,
        hours,
    } = pass;
    rows::add_hours(tx, tenant.id, &hours).await?;
    if tenant.scoring.ruleset == RuleSetName::Calibrated {
        return save_profiles(tx, &tenant, actors, now).await;
    }
    for actor in &actors {
        if let Some(from) = actor.replaced_from {
            rows::forget_scores(tx, tenant.id, actor.actor, from).await?;
        }
    }
    let mut alerting = Vec::new();
    let mut updates = Updates::default();
    for mut actor in actors {
        updates.take(&tenant, &mut actor);
        if !actor.alerting.is_empty() {
            let moments = actor.alerting.into_iter().map(Box::new);
            alerting.push(Alerting {
                actor: actor.actor,
                part: actor.part,
                late: actor.replaced_from.is_some(),
                moments: moments.map(Moment::Classic).collect(),
                zone: actor.zone,
            });
        }
    }
    rows::save_profiles(tx, tenant.id, updates.profiles, now).await?;
    rows::save_actors(tx, tenant.id, updates.actors).await?;
    rows::save_scores(tx, tenant.id, updates.scores, now).await?;
    rows::save_days(tx, tenant.id, updates.days, now).await?;
    suppressions::save_hits(tx, tenant.id, updates.hits).await?;
    episodes::raise(tx, &tenant, alerting, until, now).await
}

/// Where another grading scores, only what people see as usual is kept from here.
async fn save_profiles(
    tx: &mut Tx,
    tenant: &Tenant,
    actors: Vec<Followed>,
    now: Timestamp,
) -> Result<usize> {
    let mut updates = Updates::default();
    for mut actor in actors {
        updates.take(tenant, &mut actor);
    }
    for profile in &mut updates.profiles {
        profile.due = None;
    }
    rows::save_profiles(tx, tenant.id, updates.profiles, now).await?;
    rows::save_seen(tx, tenant.id, updates.actors).await?;
    Ok(0)
}

/// The rows of one pass, gathered so that each table is written at once.
#[derive(Default)]
struct Updates {
    profiles: Vec<ProfileUpdate>,
    actors: Vec<ActorUpdate>,
    scores: Vec<ScoreUpdate>,
    days: Vec<DayUpdate>,
    hits: Vec<Hit>,
}

impl Updates {
    fn take(&mut self, tenant: &Tenant, followed: &mut Followed) {
        let (actor, part) = (followed.actor, followed.part);
        let cause = match followed.replaced_from {
            Some(_) => "late event",
            None => "in order",
        };
        let changed = std::mem::take(&mut followed.rows).into_iter();
        self.scores.extend(changed.map(|assessment| ScoreUpdate {
            actor,
            part,
            judgement: Judgement::Classic(assessment),
            cause,
        }));
        self.days
            .extend(followed.days.values().map(|(minute, score)| DayUpdate {
                actor,
                part,
                minute: *minute,
                score: *score,
                alerted: *score >= tenant.scoring.alert_threshold,
            }));
        self.hits.append(&mut followed.hits);
        self.profiles.push(ProfileUpdate {
            actor,
            part,
            zone: followed.zone.name().to_owned(),
            newest: followed.profile.newest().unwrap_or_default(),
            due: followed.due,
            state: followed.profile.to_bytes(),
            points: std::mem::take(&mut followed.points),
        });
        self.actors.push(ActorUpdate {
            actor,
            first_seen_at: followed.first_seen,
            last_seen_at: followed.last_seen,
            last_received_at: followed.last_received,
            score: followed.now.score,
            score_at: followed.now.minute.end(),
            reasons: reasons(&followed.now),
        });
    }
}

/// Judges a stored profile at the present minute, so that its score falls.
pub(crate) async fn judge_now<S: BuildHasher>(
    tx: &mut Tx,
    (tenant, rules, all): (&Tenant, &RuleSet, &[Suppression]),
    stored: &StoredProfile,
    excluded: &HashMap<ActorId, BTreeSet<Day>, S>,
    (folded, now): (Position, Timestamp),
) -> Result<()> {
    let Ok(profile) = Profile::from_bytes(&stored.state) else {
        // Unreadable: it is rebuilt with the actor's next event. Until then nothing falls due.
        return Ok(rows::save_due(tx, tenant.id, stored.actor, None).await?);
    };
    let left_out = excluded.get(&stored.actor).cloned().unwrap_or_default();
    let zone = Zone::named(&stored.zone).unwrap_or_else(|_| tenant.scoring.zone.clone());
    let minute = current_minute(now).max(stored.newest);
    let suppressions = Suppressions::of(all, stored.actor, (minute, Minute(i64::MAX)));
    let mut tracker = Tracker::new(profile, criteria((tenant, &zone), rules, &left_out))
        .with_suppressions(&suppressions);
    if suppressions.need_events() {
        let who = (tenant.id, stored.actor);
        tracker = tracker.with_sightings(sightings(tx, who, (minute, minute), folded).await?);
    }
    let judged = tracker.judge_at(minute).assessment;
    let at = judged.minute.end();
    let reasons = reasons(&judged);
    rows::save_score_now(tx, tenant.id, stored.actor, (judged.score, at), &reasons).await?;
    let due = due(&judged, &suppressions);
    rows::save_due(tx, tenant.id, stored.actor, due).await?;
    Ok(())
}

fn reasons(assessment: &Assessment) -> String {
    let short = explain::short_assessment(assessment);
    serde_json::to_string(&short).unwrap_or_else(|_| "[]".to_owned())
}
