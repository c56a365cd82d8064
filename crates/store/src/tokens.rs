//! Personal API tokens: they act as their person, with that person's role.

use domain::id::{TenantId, TokenId};
use domain::time::{MINUTE_US, Timestamp};

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, note_beside, sql};
use crate::error::Result;
use crate::scope::Scope;
use crate::users::{self, User};

/// A token as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Row id.
    pub id: TokenId,
    /// The public part.
    pub public_id: String,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its last use.
    pub last_used_at: Option<Timestamp>,
}

/// Who a presented token stands for.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// Row id.
    pub id: TokenId,
    /// Hash of the secret. A fast hash is enough for 256 random bits.
    pub secret_hash: Vec<u8>,
    /// The person.
    pub user: User,
    /// The tenant.
    pub tenant: TenantId,
    /// Its last use.
    pub last_used_at: Option<Timestamp>,
}

/// Stores a new token of a person.
pub async fn create(
    scope: &Scope,
    user: &User,
    name: &str,
    public_id: &str,
    secret_hash: &[u8],
) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    sql(
        "INSERT INTO tokens (tenant_id, user_id, public_id, secret_hash, name, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(scope.tenant_id())
    .bind(user.id)
    .bind(public_id)
    .bind(secret_hash)
    .bind(name)
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    let change = Change {
        action: "token.create",
        kind: "token",
        object: public_id,
    };
    audit::record(&mut tx, scope, change, NOTHING, Some(&(&user.email, name))).await?;
    tx.commit().await
}

/// Whom a public id belongs to, when the token and its person are in force.
pub async fn find(db: &Db, public_id: &str) -> Result<Option<Bearer>> {
    let row = sql(
        "SELECT u.id, u.email, u.name, u.disabled, u.must_change_password, u.theme,
            u.density, u.created_at, u.last_sign_in_at, m.role, t.id AS token_id, t.secret_hash,
            t.tenant_id, t.last_used_at AS used_at
         FROM tokens t
         JOIN users u ON u.id = t.user_id
         JOIN memberships m ON m.user_id = t.user_id AND m.tenant_id = t.tenant_id
         WHERE t.public_id = $1 AND t.revoked_at IS NULL AND u.disabled = $2",
    )
    .bind(public_id)
    .bind(false)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Bearer {
            id: TokenId(row.get("token_id")?),
            secret_hash: row.get("secret_hash")?,
            user: users::read(&row)?,
            tenant: TenantId(row.get("tenant_id")?),
            last_used_at: row.time_opt("used_at")?,
        })
    })
    .transpose()
}

/// Notes a use, at most once a minute, and only while the database writes.
pub async fn touch(db: &Db, bearer: &Bearer, now: Timestamp) {
    if bearer
        .last_used_at
        .is_some_and(|used| used.plus(MINUTE_US) > now)
    {
        return;
    }
    note_beside("use of a token", async {
        let mut tx = db.begin().await?;
        sql("UPDATE tokens SET last_used_at = $2 WHERE id = $1")
            .bind(bearer.id)
            .bind(now)
            .execute(&mut tx)
            .await?;
        tx.commit().await
    })
    .await;
}

/// The tokens of a person that are in force.
pub async fn list(scope: &Scope, user: &User) -> Result<Vec<Token>> {
    let rows = sql("SELECT id, public_id, name, created_at, last_used_at
         FROM tokens
         WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL
         ORDER BY id DESC")
    .bind(scope.tenant_id())
    .bind(user.id)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Token {
                id: TokenId(row.get("id")?),
                public_id: row.get("public_id")?,
                name: row.get("name")?,
                created_at: row.time("created_at")?,
                last_used_at: row.time_opt("last_used_at")?,
            })
        })
        .collect()
}

/// Ends a token of a person.
pub async fn revoke(scope: &Scope, user: &User, public_id: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let revoked = sql("UPDATE tokens SET revoked_at = $4
         WHERE tenant_id = $1 AND user_id = $2 AND public_id = $3 AND revoked_at IS NULL")
    .bind(scope.tenant_id())
    .bind(user.id)
    .bind(public_id)
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    if revoked == 0 {
        return Err(crate::Error::NotFound);
    }
    let change = Change {
        action: "token.revoke",
        kind: "token",
        object: public_id,
    };
    audit::record(&mut tx, scope, change, NOTHING, NOTHING).await?;
    tx.commit().await
}
