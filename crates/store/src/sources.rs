//! Sources: who may send events, and under which rules.

use domain::id::{SourceId, TenantId};
use domain::source::{Source, SourceSettings};
use domain::tenant::Slug;

use crate::api_keys::{self, NewKey};
use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

const COLUMNS: &str = "SELECT id, slug, name, enabled, retention_days, rate_limit, redaction,
    version, created_at
 FROM sources
 WHERE tenant_id = $1 AND deleted_at IS NULL";

/// Creates a source, with its first key when one is given.
pub async fn create(
    scope: &Scope,
    slug: &Slug,
    settings: &SourceSettings,
    key: Option<&NewKey<'_>>,
) -> Result<Source> {
    let mut tx = scope.db.begin().await?;
    insert(&mut tx, scope, slug, settings, key).await?;
    let source = find_in(&mut tx, scope, slug.as_str()).await?;
    tx.commit().await?;
    Ok(source)
}

/// Creates a source inside a transaction.
pub(crate) async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    slug: &Slug,
    settings: &SourceSettings,
    key: Option<&NewKey<'_>>,
) -> Result<SourceId> {
    let inserted = sql(
        "INSERT INTO sources (tenant_id, slug, name, enabled, retention_days,
            rate_limit, redaction, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)
         RETURNING id",
    )
    .bind(scope.tenant_id())
    .bind(slug.as_str())
    .bind(&settings.name)
    .bind(settings.enabled)
    .bind(settings.retention_days)
    .bind(settings.rate_limit_per_minute)
    .bind(redaction(settings)?)
    .bind(scope.now)
    .fetch_one(&mut *tx)
    .await;
    let id = match inserted {
        Err(error) if error.is_unique_violation() => return Err(Error::Exists("source")),
        other => SourceId(other?.get("id")?),
    };
    let created = change("source.create", slug);
    audit::record(tx, scope, created, NOTHING, Some(settings)).await?;
    if let Some(key) = key {
        api_keys::insert(tx, scope, id, slug, key).await?;
    }
    Ok(id)
}

/// Every source that is not deleted, by name.
pub async fn list(scope: &Scope) -> Result<Vec<Source>> {
    let rows = sql(COLUMNS)
        .push(" ORDER BY slug")
        .bind(scope.tenant_id())
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// One source by its slug.
pub async fn find(scope: &Scope, slug: &str) -> Result<Source> {
    find_in(&scope.db, scope, slug).await
}

pub(crate) async fn find_in(
    target: impl Into<Target<'_>>,
    scope: &Scope,
    slug: &str,
) -> Result<Source> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND slug = ")
        .push_bind(slug)
        .fetch_one(target)
        .await?;
    read(&row)
}

/// One source of a tenant by its row, deleted or not.
pub(crate) async fn by_id(db: &Db, tenant: TenantId, id: SourceId) -> Result<Source> {
    let row = sql(
        "SELECT id, slug, name, enabled, retention_days, rate_limit, redaction, version,
            created_at
         FROM sources
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_one(db)
    .await?;
    read(&row)
}

/// Changes a source. `version` guards against overwriting somebody else's change.
pub async fn update(
    scope: &Scope,
    slug: &str,
    settings: &SourceSettings,
    version: Option<i64>,
) -> Result<Source> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, slug).await?;
    if version.is_some_and(|v| v != before.version) {
        return Err(Error::Stale);
    }
    apply(&mut tx, scope, &before, settings).await?;
    let after = find_in(&mut tx, scope, slug).await?;
    tx.commit().await?;
    Ok(after)
}

/// Changes a source inside a transaction.
pub(crate) async fn apply(
    tx: &mut Tx,
    scope: &Scope,
    before: &Source,
    settings: &SourceSettings,
) -> Result<()> {
    sql("UPDATE sources
         SET name = $3, enabled = $4, retention_days = $5, rate_limit = $6, redaction = $7,
            version = version + 1
         WHERE tenant_id = $1 AND id = $2")
    .bind(scope.tenant_id())
    .bind(before.id)
    .bind(&settings.name)
    .bind(settings.enabled)
    .bind(settings.retention_days)
    .bind(settings.rate_limit_per_minute)
    .bind(redaction(settings)?)
    .execute(&mut *tx)
    .await?;
    let change = change("source.update", &before.slug);
    audit::record(tx, scope, change, Some(&before.settings), Some(settings)).await
}

/// Deletes a source and its keys. Its events stay until their retention ends. A source of an
/// integration is deleted with that only.
pub async fn delete(scope: &Scope, slug: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let source = find_in(&mut tx, scope, slug).await?;
    let owner = sql("SELECT slug FROM integrations
         WHERE tenant_id = $1 AND source_id = $2 AND deleted_at IS NULL")
    .bind(scope.tenant_id())
    .bind(source.id)
    .fetch_optional(&mut tx)
    .await?;
    if let Some(owner) = owner {
        return Err(Error::OwnedBy(owner.get("slug")?));
    }
    remove(&mut tx, scope, &source).await?;
    tx.commit().await
}

/// Deletes a source inside a transaction.
pub(crate) async fn remove(tx: &mut Tx, scope: &Scope, source: &Source) -> Result<()> {
    sql("UPDATE sources SET deleted_at = $3, enabled = $4 WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(source.id)
        .bind(scope.now)
        .bind(false)
        .execute(&mut *tx)
        .await?;
    revoke_keys(tx, scope, source.id).await?;
    let change = change("source.delete", &source.slug);
    audit::record(tx, scope, change, Some(&source.settings), NOTHING).await
}

async fn revoke_keys(tx: &mut Tx, scope: &Scope, source: SourceId) -> Result<()> {
    sql("UPDATE api_keys SET revoked_at = $3
         WHERE tenant_id = $1 AND source_id = $2 AND revoked_at IS NULL")
    .bind(scope.tenant_id())
    .bind(source)
    .bind(scope.now)
    .execute(tx)
    .await
    .map(drop)
}

fn change<'a>(action: &'static str, slug: &'a Slug) -> Change<'a> {
    Change {
        action,
        kind: "source",
        object: slug.as_str(),
    }
}

fn redaction(settings: &SourceSettings) -> Result<String> {
    serde_json::to_string(&settings.redaction)
        .map_err(|e| Error::Inconsistent(format!("redaction: {e}")))
}

pub(crate) fn read(row: &Row) -> Result<Source> {
    Ok(Source {
        id: SourceId(row.get("id")?),
        slug: row.parse("slug", |s| s.parse().ok())?,
        settings: SourceSettings {
            name: row.get("name")?,
            enabled: row.get("enabled")?,
            retention_days: row.get::<Option<i64>>("retention_days")?.map(|d| d as u32),
            rate_limit_per_minute: row.get::<i64>("rate_limit")? as u32,
            redaction: row.json("redaction")?,
        },
        version: row.get("version")?,
        created_at: row.time("created_at")?,
    })
}
