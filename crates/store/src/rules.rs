//! The rules of a tenant. Every version stays; the highest is in force.

use domain::actor::ActorId;
use domain::alert::{AlertCode, Disposition};
use domain::id::TenantId;
use domain::rule::{RuleKey, RuleSet, RuleSettings};
use domain::score::{Assessment, Contribution, Points, Signal};
use domain::time::{Minute, Timestamp};
use serde::Deserialize;

use crate::audit::{self, Change};
use crate::db::{Row, Target, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// One version of a rule's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The settings.
    pub settings: RuleSettings,
    /// When they came into force.
    pub changed_at: Timestamp,
    /// Who changed them.
    pub changed_by: String,
}

/// The rules in force.
pub async fn list(scope: &Scope) -> Result<RuleSet> {
    of_tenant(&scope.db, scope.tenant_id()).await
}

/// The rules in force of a tenant.
pub(crate) async fn of_tenant(target: impl Into<Target<'_>>, tenant: TenantId) -> Result<RuleSet> {
    let rows = sql(
        "SELECT r.key, r.version, r.enabled, r.weight, r.threshold, r.window_minutes
         FROM rules r
         WHERE r.tenant_id = $1 AND r.version =
            (SELECT MAX(v.version) FROM rules v WHERE v.tenant_id = $1 AND v.key = r.key)",
    )
    .bind(tenant)
    .fetch_all(target)
    .await?;
    let settings: Vec<RuleSettings> = rows.iter().map(read).collect::<Result<_>>()?;
    Ok(RuleSet::with(settings))
}

/// Every stored version of a rule, newest first. Version 1 is the default and not stored.
pub async fn versions(scope: &Scope, key: RuleKey) -> Result<Vec<Version>> {
    let rows = sql(
        "SELECT key, version, enabled, weight, threshold, window_minutes, changed_at,
            changed_by
         FROM rules
         WHERE tenant_id = $1 AND key = $2
         ORDER BY version DESC",
    )
    .bind(scope.tenant_id())
    .bind(key.word())
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Version {
                settings: read(row)?,
                changed_at: row.time("changed_at")?,
                changed_by: row.get("changed_by")?,
            })
        })
        .collect()
}

/// How the rules did in one alert, from its frozen reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The alert.
    pub code: AlertCode,
    /// Who.
    pub actor: ActorId,
    /// Name as first sent.
    pub actor_name: String,
    /// Event time at which it opened.
    pub opened: Minute,
    /// What it turned out to be, once closed.
    pub disposition: Option<Disposition>,
    /// The alert threshold that was in force.
    pub threshold: Points,
    /// Every `classic` rule that was evaluated, with or without points.
    pub signals: Vec<Signal>,
    /// The rows that sum to its score.
    pub contributions: Vec<Contribution>,
}

/// What is read of a frozen snapshot.
#[derive(Deserialize)]
struct Frozen {
    threshold: Points,
    assessment: Option<Assessment>,
    #[serde(default)]
    contributions: Vec<Contribution>,
}

/// How the rules did in the alerts opened since a minute of event time, newest first.
pub async fn records(scope: &Scope, since: Minute, limit: u32) -> Result<Vec<Record>> {
    let rows = sql(
        "SELECT l.number, l.actor_id, l.opened_minute, l.disposition, l.snapshot,
            a.name AS actor_name
         FROM alerts l
         JOIN actors a ON a.tenant_id = l.tenant_id AND a.id = l.actor_id
         WHERE l.tenant_id = $1 AND l.opened_minute >= $2
         ORDER BY l.opened_minute DESC, l.id DESC
         LIMIT $3",
    )
    .bind(scope.tenant_id())
    .bind(since)
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            let Frozen {
                threshold,
                assessment,
                contributions,
            } = row.json("snapshot")?;
            let signals = assessment.map_or_else(Vec::new, |a| {
                a.signals.into_iter().chain(a.normal).collect()
            });
            let disposition: Option<String> = row.get("disposition")?;
            Ok(Record {
                code: AlertCode(row.get("number")?),
                actor: ActorId(row.get("actor_id")?),
                actor_name: row.get("actor_name")?,
                opened: Minute(row.get("opened_minute")?),
                disposition: disposition.as_deref().and_then(Disposition::from_word),
                threshold,
                signals,
                contributions,
            })
        })
        .collect()
}

/// Changes rules in one transaction: all or none. Each must carry the version it was read with.
/// Settings equal to those in force make no new version.
pub async fn update(scope: &Scope, wanted: &[RuleSettings]) -> Result<RuleSet> {
    let mut tx = scope.db.begin().await?;
    let before = of_tenant(&mut tx, scope.tenant_id()).await?;
    let mut changed = false;
    for new in wanted {
        let Some(old) = before.iter().find(|r| r.key == new.key) else {
            return Err(Error::NotFound);
        };
        if old.version != new.version {
            return Err(Error::Stale);
        }
        if old == new {
            continue;
        }
        changed = true;
        let next = RuleSettings {
            version: old.version + 1,
            ..*new
        };
        insert(&mut tx, scope, &next).await?;
        let change = Change {
            action: "rule.update",
            kind: "rule",
            object: new.key.word(),
        };
        audit::record(&mut tx, scope, change, Some(old), Some(&next)).await?;
    }
    if changed {
        sql("UPDATE tenants SET criteria_version = criteria_version + 1 WHERE id = $1")
            .bind(scope.tenant_id())
            .execute(&mut tx)
            .await?;
    }
    let after = of_tenant(&mut tx, scope.tenant_id()).await?;
    tx.commit().await?;
    Ok(after)
}

async fn insert(tx: &mut crate::db::Tx, scope: &Scope, rule: &RuleSettings) -> Result<()> {
    let inserted = sql(
        "INSERT INTO rules (tenant_id, key, version, enabled, weight, threshold,
            window_minutes, changed_at, changed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(scope.tenant_id())
    .bind(rule.key.word())
    .bind(rule.version)
    .bind(rule.enabled)
    .bind(rule.weight)
    .bind(rule.threshold)
    .bind(rule.window_minutes)
    .bind(scope.now)
    .bind(scope.principal.name())
    .execute(tx)
    .await;
    match inserted {
        Err(error) if error.is_unique_violation() => Err(Error::Stale),
        other => other.map(drop),
    }
}

fn read(row: &Row) -> Result<RuleSettings> {
    Ok(RuleSettings {
        key: row.parse("key", RuleKey::from_word)?,
        version: row.get("version")?,
        enabled: row.get("enabled")?,
        weight: row.points("weight")?,
        threshold: row.get("threshold")?,
        window_minutes: row.get::<i64>("window_minutes")? as u32,
    })
}
