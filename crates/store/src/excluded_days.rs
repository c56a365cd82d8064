//! Days that teach nothing about an actor: left out by an analyst, or part of a confirmed incident.

use std::collections::{BTreeMap, BTreeSet};

use domain::actor::ActorId;
use domain::id::TenantId;
use domain::time::{Day, Timestamp};
use serde::Serialize;

use crate::audit::{self, Change, NOTHING};
use crate::calibrated::{self, Again};
use crate::db::{Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// A day that an analyst left out of an actor's baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludedDay {
    /// Which day.
    pub day: Day,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub who: String,
    /// When.
    pub made_at: Timestamp,
}

/// Days as the audit log shows them.
#[derive(Serialize)]
struct Entry<'a> {
    from: String,
    until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The days left out of an actor's baseline, newest first.
pub async fn list(scope: &Scope, actor: ActorId) -> Result<Vec<ExcludedDay>> {
    let rows = sql("SELECT day, reason, who, made_at FROM actor_excluded_days
         WHERE tenant_id = $1 AND actor_id = $2
         ORDER BY day DESC")
    .bind(scope.tenant_id())
    .bind(actor)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ExcludedDay {
                day: Day(row.get::<i64>("day")? as i32),
                reason: row.get("reason")?,
                who: row.get("who")?,
                made_at: row.time("made_at")?,
            })
        })
        .collect()
}

/// Every day that teaches nothing about an actor of a tenant: left out or confirmed.
pub async fn all(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
) -> Result<BTreeMap<Day, BTreeSet<ActorId>>> {
    let rows = sql(
        "SELECT actor_id, day FROM excluded_days WHERE tenant_id = $1
         UNION SELECT actor_id, day FROM actor_excluded_days WHERE tenant_id = $1",
    )
    .bind(tenant)
    .fetch_all(target)
    .await?;
    let mut days: BTreeMap<Day, BTreeSet<ActorId>> = BTreeMap::new();
    for row in rows {
        let day = Day(row.get::<i64>("day")? as i32);
        days.entry(day)
            .or_default()
            .insert(ActorId(row.get("actor_id")?));
    }
    Ok(days)
}

/// Leaves days out of an actor's baseline, first to last, and returns how many were not yet. What
/// was derived from them is derived again.
pub async fn add(
    scope: &Scope,
    actor: ActorId,
    (from, until): (Day, Day),
    reason: &str,
) -> Result<usize> {
    let mut tx = scope.db.begin().await?;
    exists(&mut tx, scope, actor).await?;
    let (mut day, mut added) = (from, 0);
    while day <= until {
        added += sql(
            "INSERT INTO actor_excluded_days (tenant_id, actor_id, day, reason, who, made_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING",
        )
        .bind(scope.tenant_id())
        .bind(actor)
        .bind(day)
        .bind(reason)
        .bind(scope.principal.name())
        .bind(scope.now)
        .execute(&mut tx)
        .await?;
        day = day.plus(1);
    }
    if added > 0 {
        derive_again(&mut tx, scope, actor, from).await?;
        let entry = Entry {
            from: from.to_string(),
            until: until.to_string(),
            reason: Some(reason),
        };
        let object = actor.code();
        let change = Change {
            action: "actor.exclude_days",
            kind: "actor",
            object: &object,
        };
        audit::record(&mut tx, scope, change, NOTHING, Some(&entry)).await?;
    }
    tx.commit().await?;
    Ok(added as usize)
}

/// Takes days back into an actor's baseline, first to last. [`Error::NotFound`] when none of them
/// was left out.
pub async fn remove(scope: &Scope, actor: ActorId, (from, until): (Day, Day)) -> Result<usize> {
    let mut tx = scope.db.begin().await?;
    exists(&mut tx, scope, actor).await?;
    let removed = sql("DELETE FROM actor_excluded_days
         WHERE tenant_id = $1 AND actor_id = $2 AND day >= $3 AND day <= $4")
    .bind(scope.tenant_id())
    .bind(actor)
    .bind(from)
    .bind(until)
    .execute(&mut tx)
    .await?;
    if removed == 0 {
        return Err(Error::NotFound);
    }
    derive_again(&mut tx, scope, actor, from).await?;
    let entry = Entry {
        from: from.to_string(),
        until: until.to_string(),
        reason: None,
    };
    let object = actor.code();
    let change = Change {
        action: "actor.include_days",
        kind: "actor",
        object: &object,
    };
    audit::record(&mut tx, scope, change, Some(&entry), NOTHING).await?;
    tx.commit().await?;
    Ok(removed as usize)
}

async fn exists(tx: &mut Tx, scope: &Scope, actor: ActorId) -> Result<()> {
    sql("SELECT id FROM actors WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(actor)
        .fetch_one(tx)
        .await
        .map(drop)
}

async fn derive_again(tx: &mut Tx, scope: &Scope, actor: ActorId, from: Day) -> Result<()> {
    let tenant = scope.tenant_id();
    calibrated::derive_again(tx, tenant, from, Again::Now).await?;
    calibrated::criteria_changed(tx, tenant).await?;
    sql("UPDATE profiles SET baseline_at = 0 WHERE tenant_id = $1 AND actor_id = $2")
        .bind(tenant)
        .bind(actor)
        .execute(tx)
        .await
        .map(drop)
}
