//! Sealed secrets: stored, opened, replaced with an overlap, moved to a new key.

use domain::secret::{ExposeSecret, SecretString};
use domain::time::Timestamp;

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;
use crate::seal::{KeyRing, Place, Sealed, Unsealable};

/// Rows looked at together while moving to a new key.
const PAGE: u32 = 100;
/// Shortest secret of which the last characters are shown.
const MIN_HINTED: usize = 16;

/// What a secret belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// An integration.
    Integration(domain::id::IntegrationId),
    /// A draft, by its code.
    Draft(String),
}

impl Owner {
    fn table(&self) -> &'static str {
        match self {
            Self::Integration(_) => "integration",
            Self::Draft(_) => "draft",
        }
    }

    fn row(&self) -> String {
        match self {
            Self::Integration(id) => id.to_string(),
            Self::Draft(code) => code.clone(),
        }
    }
}

/// What may be shown of a stored secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Which of its owner's secrets.
    pub field: String,
    /// Its last characters; empty when it is too short to show any.
    pub hint: String,
    /// When it was stored.
    pub sealed_at: Timestamp,
    /// After a rotation: valid until then.
    pub valid_until: Option<Timestamp>,
}

/// The name under which the secret before the current one is kept during an overlap.
pub fn previous(field: &'static str) -> &'static str {
    match field {
        "signing" => "signing.previous",
        _ => "previous",
    }
}

/// Stores a secret inside a transaction, in place of what is there.
pub(crate) async fn put(
    tx: &mut Tx,
    scope: &Scope,
    ring: &KeyRing,
    owner: &Owner,
    field: &str,
    secret: &SecretString,
    valid_until: Option<Timestamp>,
) -> Result<()> {
    let row = owner.row();
    let place = Place {
        tenant: scope.tenant_id(),
        table: owner.table(),
        row: &row,
        field,
    };
    let secret = secret.expose_secret();
    let sealed = ring.seal(&place, secret.as_bytes())?;
    sql(
        "INSERT INTO sealed_secrets (tenant_id, owner, owner_id, field, key_id, sealed, hint,
            sealed_at, valid_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (tenant_id, owner, owner_id, field) DO UPDATE
         SET key_id = excluded.key_id, sealed = excluded.sealed, hint = excluded.hint,
            sealed_at = excluded.sealed_at, valid_until = excluded.valid_until",
    )
    .bind(scope.tenant_id())
    .bind(owner.table())
    .bind(&row)
    .bind(field)
    .bind(sealed.key_id)
    .bind(sealed.bytes)
    .bind(hint(secret))
    .bind(scope.now)
    .bind(valid_until)
    .execute(tx)
    .await
    .map(drop)
}

fn hint(secret: &str) -> String {
    let length = secret.chars().count();
    if length < MIN_HINTED {
        return String::new();
    }
    secret.chars().skip(length - 4).collect()
}

/// Removes every secret of an owner inside a transaction.
pub(crate) async fn remove_all(tx: &mut Tx, scope: &Scope, owner: &Owner) -> Result<()> {
    sql("DELETE FROM sealed_secrets WHERE tenant_id = $1 AND owner = $2 AND owner_id = $3")
        .bind(scope.tenant_id())
        .bind(owner.table())
        .bind(owner.row())
        .execute(tx)
        .await
        .map(drop)
}

/// What is stored for an owner, without opening it.
pub async fn list(scope: &Scope, owner: &Owner) -> Result<Vec<Stored>> {
    let rows = sql("SELECT field, hint, sealed_at, valid_until
         FROM sealed_secrets
         WHERE tenant_id = $1 AND owner = $2 AND owner_id = $3
           AND (valid_until IS NULL OR valid_until > $4)
         ORDER BY field")
    .bind(scope.tenant_id())
    .bind(owner.table())
    .bind(owner.row())
    .bind(scope.now)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Stored {
                field: row.get("field")?,
                hint: row.get("hint")?,
                sealed_at: row.time("sealed_at")?,
                valid_until: row.time_opt("valid_until")?,
            })
        })
        .collect()
}

/// Opens one secret; `None` when there is none, or its overlap has ended. One that was altered or
/// moved is an error, and is audited.
pub async fn open(
    scope: &Scope,
    ring: &KeyRing,
    owner: &Owner,
    field: &str,
) -> Result<Option<SecretString>> {
    let opened = open_in(&scope.db, scope, ring, owner, field).await;
    if let Err(Error::Unsealable(_)) = &opened {
        let mut tx = scope.db.begin().await?;
        let object = format!("{} {} {field}", owner.table(), owner.row());
        let change = Change {
            action: "secret.unreadable",
            kind: "integration",
            object: &object,
        };
        audit::record(&mut tx, scope, change, NOTHING, NOTHING).await?;
        tx.commit().await?;
    }
    opened
}

pub(crate) async fn open_in(
    target: impl Into<Target<'_>>,
    scope: &Scope,
    ring: &KeyRing,
    owner: &Owner,
    field: &str,
) -> Result<Option<SecretString>> {
    let row = sql("SELECT owner, owner_id, field, key_id, sealed
         FROM sealed_secrets
         WHERE tenant_id = $1 AND owner = $2 AND owner_id = $3 AND field = $4
           AND (valid_until IS NULL OR valid_until > $5)")
    .bind(scope.tenant_id())
    .bind(owner.table())
    .bind(owner.row())
    .bind(field)
    .bind(scope.now)
    .fetch_optional(target)
    .await?;
    row.map(|row| unseal(scope, ring, &SealedRow::read(&row)?))
        .transpose()
}

/// A row as stored.
struct SealedRow {
    owner: String,
    owner_id: String,
    field: String,
    sealed: Sealed,
}

impl SealedRow {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            owner: row.get("owner")?,
            owner_id: row.get("owner_id")?,
            field: row.get("field")?,
            sealed: Sealed {
                key_id: row.get("key_id")?,
                bytes: row.get("sealed")?,
            },
        })
    }

    fn place(&self, scope: &Scope) -> Place<'_> {
        Place {
            tenant: scope.tenant_id(),
            table: &self.owner,
            row: &self.owner_id,
            field: &self.field,
        }
    }
}

fn unseal(scope: &Scope, ring: &KeyRing, row: &SealedRow) -> Result<SecretString> {
    let value = ring.open(&row.place(scope), &row.sealed)?;
    let text = std::str::from_utf8(&value).map_err(|_| Unsealable::Altered)?;
    Ok(SecretString::from(text))
}

/// Replaces a secret inside a transaction; the old one stays valid for `overlap_us`.
pub(crate) async fn replace(
    tx: &mut Tx,
    scope: &Scope,
    ring: &KeyRing,
    owner: &Owner,
    field: &'static str,
    secret: &SecretString,
    overlap_us: i64,
) -> Result<()> {
    if overlap_us > 0 {
        let old = open_in(&mut *tx, scope, ring, owner, field).await?;
        if let Some(old) = old {
            let until = Some(scope.now.plus(overlap_us));
            put(tx, scope, ring, owner, previous(field), &old, until).await?;
        }
    } else {
        sql("DELETE FROM sealed_secrets
             WHERE tenant_id = $1 AND owner = $2 AND owner_id = $3 AND field = $4")
        .bind(scope.tenant_id())
        .bind(owner.table())
        .bind(owner.row())
        .bind(previous(field))
        .execute(tx)
        .await?;
    }
    put(tx, scope, ring, owner, field, secret, None).await
}

/// Hands a draft's secrets on to the integration made of it, inside a transaction.
pub(crate) async fn hand_on(
    tx: &mut Tx,
    scope: &Scope,
    ring: &KeyRing,
    from: &Owner,
    to: &Owner,
) -> Result<()> {
    let rows = sql("SELECT owner, owner_id, field, key_id, sealed
         FROM sealed_secrets
         WHERE tenant_id = $1 AND owner = $2 AND owner_id = $3")
    .bind(scope.tenant_id())
    .bind(from.table())
    .bind(from.row())
    .fetch_all(&mut *tx)
    .await?;
    for row in &rows {
        let row = SealedRow::read(row)?;
        let secret = unseal(scope, ring, &row)?;
        put(tx, scope, ring, to, &row.field, &secret, None).await?;
    }
    remove_all(tx, scope, from).await
}

/// How many secrets each key holds, over all tenants, by key id.
pub async fn census(db: &Db) -> Result<Vec<(String, i64)>> {
    let rows =
        sql("SELECT key_id, COUNT(*) AS n FROM sealed_secrets GROUP BY key_id ORDER BY key_id")
            .fetch_all(db)
            .await?;
    rows.iter()
        .map(|row| Ok((row.get("key_id")?, row.get("n")?)))
        .collect()
}

/// What moving a tenant's secrets to the current key did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets now under the current key.
    pub moved: u64,
    /// Secrets that could not be opened and stay as they are.
    pub unreadable: u64,
}

/// Moves a tenant's secrets to the current key.
///
/// Each secret is a transaction of its own that only succeeds while the row still holds what was
/// opened, so that it can run beside writers and be stopped and started again at any point.
pub async fn reseal(scope: &Scope, ring: &KeyRing) -> Result<Resealed> {
    let mut done = Resealed::default();
    let mut after = (String::new(), String::new(), String::new());
    loop {
        let rows = outdated(scope, ring, &after).await?;
        let Some(last) = rows.last() else {
            break;
        };
        after = (
            last.owner.clone(),
            last.owner_id.clone(),
            last.field.clone(),
        );
        for row in &rows {
            match ring.open(&row.place(scope), &row.sealed) {
                Ok(value) => done.moved += move_one(scope, ring, row, &value).await?,
                Err(error) => {
                    tracing::warn!(%error, owner = row.owner, id = row.owner_id, "a secret cannot be moved");
                    done.unreadable += 1;
                }
            }
        }
    }
    if done != Resealed::default() {
        let mut tx = scope.db.begin().await?;
        let change = Change {
            action: "secrets.reseal",
            kind: "integration",
            object: "",
        };
        let said = serde_json::json!({"key": ring.current_id(), "moved": done.moved, "unreadable": done.unreadable});
        audit::record(&mut tx, scope, change, NOTHING, Some(&said)).await?;
        tx.commit().await?;
    }
    Ok(done)
}

async fn outdated(
    scope: &Scope,
    ring: &KeyRing,
    after: &(String, String, String),
) -> Result<Vec<SealedRow>> {
    let rows = sql("SELECT owner, owner_id, field, key_id, sealed
         FROM sealed_secrets
         WHERE tenant_id = $1 AND key_id <> $2 AND (owner, owner_id, field) > ($3, $4, $5)
         ORDER BY owner, owner_id, field
         LIMIT $6")
    .bind(scope.tenant_id())
    .bind(ring.current_id())
    .bind(&after.0)
    .bind(&after.1)
    .bind(&after.2)
    .bind(PAGE)
    .fetch_all(&scope.db)
    .await?;
    rows.iter().map(SealedRow::read).collect()
}

async fn move_one(scope: &Scope, ring: &KeyRing, row: &SealedRow, value: &[u8]) -> Result<u64> {
    let sealed = ring.seal(&row.place(scope), value)?;
    let mut tx = scope.db.begin().await?;
    let moved = sql("UPDATE sealed_secrets SET key_id = $7, sealed = $8
         WHERE tenant_id = $1 AND owner = $2 AND owner_id = $3 AND field = $4
           AND key_id = $5 AND sealed = $6")
    .bind(scope.tenant_id())
    .bind(&row.owner)
    .bind(&row.owner_id)
    .bind(&row.field)
    .bind(&row.sealed.key_id)
    .bind(row.sealed.bytes.clone())
    .bind(sealed.key_id)
    .bind(sealed.bytes)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(moved)
}
