//! API keys: a public id to find them by, a slow hash of the secret, one source each.

use std::collections::HashMap;

use domain::id::{ApiKeyId, SourceId, TenantId};
use domain::source::Source;
use domain::tenant::Slug;
use domain::time::{MINUTE_US, Timestamp};

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// A key to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// The public part.
    pub public_id: &'a str,
    /// bcrypt hash of the secret part.
    pub secret_hash: &'a str,
}

/// A key as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Row id.
    pub id: ApiKeyId,
    /// The public part.
    pub public_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// After a rotation: valid until then.
    pub expires_at: Option<Timestamp>,
    /// Its last use.
    pub last_used_at: Option<Timestamp>,
}

/// What checking a presented key needs.
#[derive(Debug, Clone)]
pub struct Presented {
    /// Row id.
    pub id: ApiKeyId,
    /// bcrypt hash of the secret part.
    pub secret_hash: String,
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key's source.
    pub source: Source,
    /// After a rotation: valid until then.
    pub expires_at: Option<Timestamp>,
    /// Its last use.
    pub last_used_at: Option<Timestamp>,
}

/// Stores a key inside a transaction.
pub(crate) async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    source: SourceId,
    slug: &Slug,
    key: &NewKey<'_>,
) -> Result<()> {
    sql(
        "INSERT INTO api_keys (tenant_id, source_id, public_id, secret_hash, created_at,
            created_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(scope.tenant_id())
    .bind(source)
    .bind(key.public_id)
    .bind(key.secret_hash)
    .bind(scope.now)
    .bind(scope.principal.name())
    .execute(tx)
    .await?;
    let change = Change {
        action: "key.create",
        kind: "source",
        object: slug.as_str(),
    };
    audit::record(tx, scope, change, NOTHING, Some(&key.public_id)).await
}

/// Replaces a source's keys by a new one. The old ones stay valid for `overlap_us`.
pub async fn rotate(scope: &Scope, slug: &str, key: &NewKey<'_>, overlap_us: i64) -> Result<()> {
    let source = crate::sources::find(scope, slug).await?;
    let mut tx = scope.db.begin().await?;
    let until = scope.now.plus(overlap_us.max(0));
    sql("UPDATE api_keys SET expires_at = $3
         WHERE tenant_id = $1 AND source_id = $2 AND revoked_at IS NULL
           AND (expires_at IS NULL OR expires_at > $3)")
    .bind(scope.tenant_id())
    .bind(source.id)
    .bind(until)
    .execute(&mut tx)
    .await?;
    insert(&mut tx, scope, source.id, &source.slug, key).await?;
    let change = Change {
        action: "key.rotate",
        kind: "source",
        object: slug,
    };
    audit::record(&mut tx, scope, change, NOTHING, Some(&until)).await?;
    tx.commit().await
}

/// Ends one key at once.
pub async fn revoke(scope: &Scope, slug: &str, public_id: &str) -> Result<()> {
    let source = crate::sources::find(scope, slug).await?;
    let mut tx = scope.db.begin().await?;
    let revoked = sql("UPDATE api_keys SET revoked_at = $4
         WHERE tenant_id = $1 AND source_id = $2 AND public_id = $3 AND revoked_at IS NULL")
    .bind(scope.tenant_id())
    .bind(source.id)
    .bind(public_id)
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    if revoked == 0 {
        return Err(Error::NotFound);
    }
    let change = Change {
        action: "key.revoke",
        kind: "source",
        object: slug,
    };
    audit::record(&mut tx, scope, change, Some(&public_id), NOTHING).await?;
    tx.commit().await
}

/// The keys of a source that are in force, newest first.
pub async fn list(scope: &Scope, source: SourceId) -> Result<Vec<ApiKey>> {
    let rows = sql(
        "SELECT id, public_id, created_at, created_by, expires_at, last_used_at
         FROM api_keys
         WHERE tenant_id = $1 AND source_id = $2 AND revoked_at IS NULL
           AND (expires_at IS NULL OR expires_at > $3)
         ORDER BY id DESC",
    )
    .bind(scope.tenant_id())
    .bind(source)
    .bind(scope.now)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ApiKey {
                id: ApiKeyId(row.get("id")?),
                public_id: row.get("public_id")?,
                created_at: row.time("created_at")?,
                created_by: row.get("created_by")?,
                expires_at: row.time_opt("expires_at")?,
                last_used_at: row.time_opt("last_used_at")?,
            })
        })
        .collect()
}

/// How many keys of each source are in force. A source without any is absent.
pub async fn counts(scope: &Scope) -> Result<HashMap<SourceId, usize>> {
    let rows = sql("SELECT source_id, COUNT(*) AS n
         FROM api_keys
         WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
         GROUP BY source_id")
    .bind(scope.tenant_id())
    .bind(scope.now)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            let count: i64 = row.get("n")?;
            Ok((SourceId(row.get("source_id")?), count as usize))
        })
        .collect()
}

/// The key of a public id with its source; `None` when unknown, revoked or its source deleted.
/// Crosses tenants: the key is what tells the tenant.
pub async fn find(db: &Db, public_id: &str) -> Result<Option<Presented>> {
    let row = sql(
        "SELECT s.id, s.slug, s.name, s.enabled, s.retention_days, s.rate_limit,
            s.redaction, s.version, s.created_at, k.id AS key_id, k.secret_hash, k.tenant_id,
            k.expires_at, k.last_used_at
         FROM api_keys k
         JOIN sources s ON s.id = k.source_id AND s.tenant_id = k.tenant_id
         WHERE k.public_id = $1 AND k.revoked_at IS NULL AND s.deleted_at IS NULL",
    )
    .bind(public_id)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Presented {
            id: ApiKeyId(row.get("key_id")?),
            secret_hash: row.get("secret_hash")?,
            tenant: TenantId(row.get("tenant_id")?),
            source: crate::sources::read(&row)?,
            expires_at: row.time_opt("expires_at")?,
            last_used_at: row.time_opt("last_used_at")?,
        })
    })
    .transpose()
}

/// Notes a use, at most once a minute.
pub async fn touch(db: &Db, key: &Presented, now: Timestamp) -> Result<()> {
    if key
        .last_used_at
        .is_some_and(|used| used.plus(MINUTE_US) > now)
    {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    sql("UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2")
        .bind(key.tenant)
        .bind(key.id)
        .bind(now)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}
