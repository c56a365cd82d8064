//! People who sign in, and their role in each tenant.

use domain::access::Role;
use domain::id::{TenantId, UserId};
use domain::time::Timestamp;

use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Address as given.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// Role in the tenant the query was about.
    pub role: Role,
    /// A disabled user cannot sign in.
    pub disabled: bool,
    /// The password was set by somebody else and must be replaced.
    pub must_change_password: bool,
    /// Colours: `auto`, `light` or `dark`.
    pub theme: String,
    /// Row height: `comfortable` or `compact`.
    pub density: String,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Last successful sign-in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// What signing in needs.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The person.
    pub user: User,
    /// The stored hash.
    pub password_hash: String,
    /// The tenant the session will be for.
    pub tenant: TenantId,
}

/// A person to be created.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// Address.
    pub email: &'a str,
    /// Name.
    pub name: &'a str,
    /// Hash of the password.
    pub password_hash: &'a str,
    /// Role in the scope's tenant.
    pub role: Role,
    /// Whether the first sign-in must replace the password.
    pub must_change_password: bool,
}

/// The form of an address under which it is unique.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// How many people exist, in all tenants.
pub async fn count(db: &Db) -> Result<i64> {
    sql("SELECT COUNT(*) AS n FROM users")
        .fetch_one(db)
        .await?
        .get("n")
}

/// Creates a person in the scope's tenant.
pub async fn create(scope: &Scope, new: &NewUser<'_>) -> Result<UserId> {
    let mut tx = scope.db.begin().await?;
    let id = insert(&mut tx, scope, new).await?;
    tx.commit().await?;
    Ok(id)
}

/// Creates a person inside a transaction.
pub(crate) async fn insert(tx: &mut Tx, scope: &Scope, new: &NewUser<'_>) -> Result<UserId> {
    let inserted = sql("INSERT INTO users (email, email_key, name, password_hash,
            must_change_password, disabled, theme, density, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'auto', 'comfortable', $7)
         RETURNING id")
    .bind(new.email.trim())
    .bind(email_key(new.email))
    .bind(new.name)
    .bind(new.password_hash)
    .bind(new.must_change_password)
    .bind(false)
    .bind(scope.now)
    .fetch_one(&mut *tx)
    .await;
    let id = match inserted {
        Err(error) if error.is_unique_violation() => return Err(Error::Exists("user")),
        other => UserId(other?.get("id")?),
    };
    sql("INSERT INTO memberships (tenant_id, user_id, role) VALUES ($1, $2, $3)")
        .bind(scope.tenant_id())
        .bind(id)
        .bind(new.role.word())
        .execute(tx)
        .await?;
    let change = Change {
        action: "user.create",
        kind: "user",
        object: new.email,
    };
    audit::record(tx, scope, change, NOTHING, Some(&new.role)).await?;
    Ok(id)
}

/// The people of the scope's tenant.
pub async fn list(scope: &Scope) -> Result<Vec<User>> {
    let rows = sql(
        "SELECT u.id, u.email, u.name, u.disabled, u.must_change_password, u.theme,
            u.density, u.created_at, u.last_sign_in_at, m.role
         FROM users u
         JOIN memberships m ON m.user_id = u.id
         WHERE m.tenant_id = $1
         ORDER BY u.email_key",
    )
    .bind(scope.tenant_id())
    .fetch_all(&scope.db)
    .await?;
    rows.iter().map(read).collect()
}

/// One person of the scope's tenant, by address.
pub async fn find(scope: &Scope, email: &str) -> Result<User> {
    let row = sql(
        "SELECT u.id, u.email, u.name, u.disabled, u.must_change_password, u.theme,
            u.density, u.created_at, u.last_sign_in_at, m.role
         FROM users u
         JOIN memberships m ON m.user_id = u.id
         WHERE m.tenant_id = $1 AND u.email_key = $2",
    )
    .bind(scope.tenant_id())
    .bind(email_key(email))
    .fetch_one(&scope.db)
    .await?;
    read(&row)
}

/// What signing in needs; `None` for unknown addresses. Crosses tenants: nobody is signed in yet.
pub async fn credentials(db: &Db, email: &str) -> Result<Option<Credentials>> {
    let row = sql(
        "SELECT u.id, u.email, u.name, u.disabled, u.must_change_password, u.theme,
            u.density, u.created_at, u.last_sign_in_at, u.password_hash, m.role, m.tenant_id
         FROM users u
         JOIN memberships m ON m.user_id = u.id
         WHERE u.email_key = $1
         ORDER BY m.tenant_id
         LIMIT 1",
    )
    .bind(email_key(email))
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Credentials {
            user: read(&row)?,
            password_hash: row.get("password_hash")?,
            tenant: TenantId(row.get("tenant_id")?),
        })
    })
    .transpose()
}

/// Replaces a password and ends every session of the person but `keep`.
pub async fn set_password(
    scope: &Scope,
    email: &str,
    hash: &str,
    must_change: bool,
    keep: Option<&[u8]>,
) -> Result<()> {
    let user = find(scope, email).await?;
    let mut tx = scope.db.begin().await?;
    sql("UPDATE users SET password_hash = $2, must_change_password = $3 WHERE id = $1")
        .bind(user.id)
        .bind(hash)
        .bind(must_change)
        .execute(&mut tx)
        .await?;
    sql("DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2")
        .bind(user.id)
        .bind(keep.unwrap_or_default())
        .execute(&mut tx)
        .await?;
    let change = Change {
        action: "user.password",
        kind: "user",
        object: &user.email,
    };
    audit::record(&mut tx, scope, change, NOTHING, NOTHING).await?;
    tx.commit().await
}

/// Disables a person and ends every session and token at once. The last administrator stays.
pub async fn disable(scope: &Scope, email: &str) -> Result<()> {
    let user = find(scope, email).await?;
    let mut tx = scope.db.begin().await?;
    let admins = sql("SELECT u.id
         FROM users u
         JOIN memberships m ON m.user_id = u.id
         WHERE m.tenant_id = $1 AND m.role = 'admin' AND u.disabled = $2 AND u.id <> $3")
    .bind(scope.tenant_id())
    .bind(false)
    .bind(user.id)
    .fetch_all(&mut tx)
    .await?;
    if user.role == Role::Admin && admins.is_empty() {
        return Err(Error::Exists("no other administrator, so the last one"));
    }
    sql("UPDATE users SET disabled = $2 WHERE id = $1")
        .bind(user.id)
        .bind(true)
        .execute(&mut tx)
        .await?;
    sql("DELETE FROM sessions WHERE user_id = $1")
        .bind(user.id)
        .execute(&mut tx)
        .await?;
    let change = Change {
        action: "user.disable",
        kind: "user",
        object: &user.email,
    };
    audit::record(&mut tx, scope, change, Some(&false), Some(&true)).await?;
    tx.commit().await
}

/// Stores how somebody likes the pages to look.
pub async fn set_look(scope: &Scope, id: UserId, theme: &str, density: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    sql("UPDATE users SET theme = $2, density = $3 WHERE id = $1")
        .bind(id)
        .bind(theme)
        .bind(density)
        .execute(&mut tx)
        .await?;
    let change = Change {
        action: "user.look",
        kind: "user",
        object: &scope.principal.name(),
    };
    audit::record(&mut tx, scope, change, NOTHING, Some(&(theme, density))).await?;
    tx.commit().await
}

pub(crate) fn read(row: &Row) -> Result<User> {
    Ok(User {
        id: UserId(row.get("id")?),
        email: row.get("email")?,
        name: row.get("name")?,
        role: row.parse("role", Role::from_word)?,
        disabled: row.get("disabled")?,
        must_change_password: row.get("must_change_password")?,
        theme: row.get("theme")?,
        density: row.get("density")?,
        created_at: row.time("created_at")?,
        last_sign_in_at: row.time_opt("last_sign_in_at")?,
    })
}
