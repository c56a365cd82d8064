//! Tenants and the settings that shape their scoring.

use domain::id::{TenantId, TenantKey};
use domain::score::Points;
use domain::tenant::{RuleSetName, ScoringSettings, Slug, Tenant};
use domain::time::{Timestamp, Zone};
use serde::Serialize;
use uuid::Uuid;

use crate::audit::{self, Change};
use crate::db::{Db, Row, Target, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// The number before the first alert's.
const FIRST_ALERT: i64 = 1000;

/// What a new tenant starts with.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Name in addresses.
    pub slug: Slug,
    /// Name for people.
    pub name: String,
    /// Zone of its people.
    pub zone: Zone,
    /// How a deviation becomes points.
    pub ruleset: RuleSetName,
    /// Score from which an alert opens.
    pub alert_threshold: Points,
    /// Days raw events are kept.
    pub retention_days: u32,
    /// Whether it holds example data.
    pub demo: bool,
}

/// Creates a tenant.
pub async fn create(db: &Db, new: &NewTenant, now: Timestamp) -> Result<Tenant> {
    let mut tx = db.begin().await?;
    let inserted = sql(
        "INSERT INTO tenants (key, slug, name, zone, ruleset, alert_threshold,
            alert_rate, retention_days, demo, next_alert, criteria_version, created_at)
         VALUES ($1, $2, $3, $4, $10, $5, 5, $6, $7, $8, 1, $9)
         RETURNING id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(new.slug.as_str())
    .bind(&new.name)
    .bind(new.zone.name())
    .bind(new.alert_threshold)
    .bind(new.retention_days)
    .bind(new.demo)
    .bind(FIRST_ALERT)
    .bind(now)
    .bind(new.ruleset.word())
    .fetch_one(&mut tx)
    .await;
    let id = match inserted {
        Err(error) if error.is_unique_violation() => return Err(Error::Exists("tenant")),
        other => TenantId(other?.get("id")?),
    };
    let tenant = find_in(&mut tx, id).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// Every tenant, oldest first.
pub async fn list(db: &Db) -> Result<Vec<Tenant>> {
    let rows = sql(
        "SELECT id, key, slug, name, zone, ruleset, alert_threshold, alert_rate, retention_days,
            demo
         FROM tenants
         ORDER BY id",
    )
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// One tenant.
pub async fn find(db: &Db, id: TenantId) -> Result<Tenant> {
    find_in(db, id).await
}

async fn find_in(target: impl Into<Target<'_>>, id: TenantId) -> Result<Tenant> {
    let row = sql(
        "SELECT id, key, slug, name, zone, ruleset, alert_threshold, alert_rate, retention_days,
            demo
         FROM tenants
         WHERE id = $1",
    )
    .bind(id)
    .fetch_one(target)
    .await?;
    read(&row)
}

/// The tenant that exists, or a first one when there is none.
pub async fn first_or_create(db: &Db, new: &NewTenant, now: Timestamp) -> Result<Tenant> {
    if let Some(tenant) = list(db).await?.into_iter().next() {
        return Ok(tenant);
    }
    match create(db, new, now).await {
        Err(Error::Exists(_)) => list(db).await?.into_iter().next().ok_or(Error::NotFound),
        other => other,
    }
}

/// How often rules or settings were changed, for noticing that they were.
pub async fn criteria_version(db: &Db, id: TenantId) -> Result<i64> {
    sql("SELECT criteria_version FROM tenants WHERE id = $1")
        .bind(id)
        .fetch_one(db)
        .await?
        .get("criteria_version")
}

/// What may be changed about a tenant in one go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Name for people.
    pub name: String,
    /// How scores are made.
    #[serde(flatten)]
    pub scoring: ScoringSettings,
    /// Days raw events are kept.
    pub retention_days: u32,
}

impl From<&Tenant> for Settings {
    fn from(tenant: &Tenant) -> Self {
        Self {
            name: tenant.name.clone(),
            scoring: tenant.scoring.clone(),
            retention_days: tenant.retention_days,
        }
    }
}

/// Changes a tenant's settings; the next scoring pass uses them.
pub async fn update(scope: &Scope, settings: &Settings) -> Result<Tenant> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope.tenant_id()).await?;
    sql("UPDATE tenants
         SET name = $2, zone = $3, ruleset = $4, alert_threshold = $5, alert_rate = $6,
            retention_days = $7, criteria_version = criteria_version + 1
         WHERE id = $1")
    .bind(scope.tenant_id())
    .bind(&settings.name)
    .bind(settings.scoring.zone.name())
    .bind(settings.scoring.ruleset.word())
    .bind(settings.scoring.alert_threshold)
    .bind(settings.scoring.alert_rate)
    .bind(settings.retention_days)
    .execute(&mut tx)
    .await?;
    let change = Change {
        action: "settings.update",
        kind: "settings",
        object: "settings",
    };
    audit::record(
        &mut tx,
        scope,
        change,
        Some(&Settings::from(&before)),
        Some(settings),
    )
    .await?;
    let after = find_in(&mut tx, scope.tenant_id()).await?;
    tx.commit().await?;
    Ok(after)
}

fn read(row: &Row) -> Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.get("id")?),
        key: TenantKey(row.parse("key", |k| k.parse().ok())?),
        slug: row.parse("slug", |s| s.parse().ok())?,
        name: row.get("name")?,
        scoring: ScoringSettings {
            ruleset: row.parse("ruleset", RuleSetName::from_word)?,
            alert_threshold: row.points("alert_threshold")?,
            zone: row.parse("zone", |z| Zone::named(z).ok())?,
            alert_rate: row.get("alert_rate")?,
        },
        retention_days: row.get::<i64>("retention_days")? as u32,
        demo: row.get("demo")?,
    })
}
