//! Drafts of the wizard: answers as typed, kept on the server until the integration is created.

use std::collections::BTreeMap;

use domain::integration::{DRAFT_DAYS, check::Report};
use domain::secret::SecretString;
use domain::time::{DAY_US, Timestamp};

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;
use crate::seal::KeyRing;
use crate::secrets::{self, Owner};

/// Most drafts of a tenant at a time.
pub const MAX_DRAFTS: i64 = 50;

/// A draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its code in addresses.
    pub code: String,
    /// The first step that is not answered yet, 1 to 7.
    pub step: u8,
    /// Answers by field name, as typed. Secrets are not among them.
    pub fields: BTreeMap<String, String>,
    /// The external id the integration will have.
    pub external_id: String,
    /// The latest test.
    pub last_test: Option<Report>,
    /// Who began it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Begins a draft. `code` and `external_id` are random.
pub async fn create(
    scope: &Scope,
    code: &str,
    external_id: &str,
    fields: &BTreeMap<String, String>,
    step: u8,
) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let held = sql("SELECT COUNT(*) AS n FROM integration_drafts WHERE tenant_id = $1")
        .bind(scope.tenant_id())
        .fetch_one(&mut tx)
        .await?;
    if held.get::<i64>("n")? >= MAX_DRAFTS {
        return Err(Error::Exists("the highest number of drafts (50)"));
    }
    sql(
        "INSERT INTO integration_drafts (tenant_id, code, step, fields, external_id, created_at,
            created_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $6)",
    )
    .bind(scope.tenant_id())
    .bind(code)
    .bind(step)
    .bind(json(fields)?)
    .bind(external_id)
    .bind(scope.now)
    .bind(scope.principal.name())
    .execute(&mut tx)
    .await?;
    let change = change("draft.create", code);
    audit::record(&mut tx, scope, change, NOTHING, Some(fields)).await?;
    tx.commit().await
}

/// Every draft, the last changed first.
pub async fn list(scope: &Scope) -> Result<Vec<Draft>> {
    let rows = sql(COLUMNS)
        .push(" ORDER BY updated_at DESC, code")
        .bind(scope.tenant_id())
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// One draft by its code.
pub async fn find(scope: &Scope, code: &str) -> Result<Draft> {
    find_in(&scope.db, scope, code).await
}

async fn find_in(target: impl Into<Target<'_>>, scope: &Scope, code: &str) -> Result<Draft> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND code = ")
        .push_bind(code)
        .fetch_one(target)
        .await?;
    read(&row)
}

/// Keeps the answers of one step; `secret` goes sealed beside them. A test that was made before
/// the change no longer says anything and is forgotten.
pub async fn save(
    scope: &Scope,
    ring: &KeyRing,
    code: &str,
    fields: &BTreeMap<String, String>,
    step: u8,
    secret: Option<(&str, &SecretString)>,
) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, code).await?;
    if before.fields == *fields && before.step == step && secret.is_none() {
        return Ok(());
    }
    let keeps_test = before.fields == *fields && secret.is_none();
    let test = before.last_test.filter(|_| keeps_test);
    sql(
        "UPDATE integration_drafts SET step = $3, fields = $4, updated_at = $5, last_test = $6
         WHERE tenant_id = $1 AND code = $2",
    )
    .bind(scope.tenant_id())
    .bind(code)
    .bind(step)
    .bind(json(fields)?)
    .bind(scope.now)
    .bind(test.map(|t| json(&t)).transpose()?)
    .execute(&mut tx)
    .await?;
    if let Some((field, secret)) = secret {
        let owner = Owner::Draft(code.to_owned());
        secrets::put(&mut tx, scope, ring, &owner, field, secret, None).await?;
    }
    let change = change("draft.save", code);
    audit::record(&mut tx, scope, change, Some(&before.fields), Some(fields)).await?;
    tx.commit().await
}

/// Keeps the result of a test.
pub async fn note_test(scope: &Scope, code: &str, report: &Report) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let changed = sql("UPDATE integration_drafts SET last_test = $3
         WHERE tenant_id = $1 AND code = $2")
    .bind(scope.tenant_id())
    .bind(code)
    .bind(json(report)?)
    .execute(&mut tx)
    .await?;
    if changed == 0 {
        return Err(Error::NotFound);
    }
    let change = change("draft.test", code);
    audit::record(&mut tx, scope, change, NOTHING, Some(&report.passed())).await?;
    tx.commit().await
}

/// Throws a draft away with its secrets.
pub async fn delete(scope: &Scope, code: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    remove(&mut tx, scope, code).await?;
    let change = change("draft.delete", code);
    audit::record(&mut tx, scope, change, NOTHING, NOTHING).await?;
    tx.commit().await
}

pub(crate) async fn remove(tx: &mut Tx, scope: &Scope, code: &str) -> Result<()> {
    let removed = sql("DELETE FROM integration_drafts WHERE tenant_id = $1 AND code = $2")
        .bind(scope.tenant_id())
        .bind(code)
        .execute(&mut *tx)
        .await?;
    if removed == 0 {
        return Err(Error::NotFound);
    }
    secrets::remove_all(tx, scope, &Owner::Draft(code.to_owned())).await
}

/// Deletes the drafts of every tenant that nobody changed for [`DRAFT_DAYS`] days, and says how
/// many.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let limit = now.plus(-DRAFT_DAYS * DAY_US);
    let mut tx = db.begin().await?;
    sql("DELETE FROM sealed_secrets
         WHERE owner = 'draft' AND EXISTS (
            SELECT 1 FROM integration_drafts d
            WHERE d.tenant_id = sealed_secrets.tenant_id AND d.code = sealed_secrets.owner_id
              AND d.updated_at <= $1)")
    .bind(limit)
    .execute(&mut tx)
    .await?;
    let swept = sql("DELETE FROM integration_drafts WHERE updated_at <= $1")
        .bind(limit)
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(swept)
}

const COLUMNS: &str = "SELECT code, step, fields, external_id, last_test, created_by, updated_at
 FROM integration_drafts
 WHERE tenant_id = $1";

fn read(row: &Row) -> Result<Draft> {
    let test: Option<String> = row.get("last_test")?;
    Ok(Draft {
        code: row.get("code")?,
        step: row.get::<i64>("step")? as u8,
        fields: row.json("fields")?,
        external_id: row.get("external_id")?,
        // A test in a form this version cannot read is as good as none.
        last_test: test.and_then(|t| serde_json::from_str(&t).ok()),
        created_by: row.get("created_by")?,
        updated_at: row.time("updated_at")?,
    })
}

fn change<'a>(action: &'static str, code: &'a str) -> Change<'a> {
    Change {
        action,
        kind: "integration",
        object: code,
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Inconsistent(format!("draft: {e}")))
}
