//! Signed-in browsers. The id is stored as a hash; nothing is cached, so that ending a session
//! holds on every process from the next request on.

use domain::id::{TenantId, UserId};
use domain::time::{HOUR_US, MINUTE_US, Timestamp};

use crate::db::{Db, note_beside, sql};
use crate::error::Result;
use crate::scope::Scope;
use crate::users::{self, User};

/// A session ends after this long without a request.
pub const IDLE_US: i64 = 30 * MINUTE_US;
/// A session ends this long after signing in.
pub const ABSOLUTE_US: i64 = 12 * HOUR_US;
/// The last request is written down at most this often.
const TOUCH_US: i64 = MINUTE_US;

/// A signed-in browser.
#[derive(Debug, Clone)]
pub struct Session {
    /// Hash of the cookie's value.
    pub id_hash: Vec<u8>,
    /// The person.
    pub user: User,
    /// The tenant the person works in.
    pub tenant: TenantId,
    /// The token every form carries.
    pub csrf: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// The last request.
    pub last_seen_at: Timestamp,
    /// Address at sign-in.
    pub ip: Option<String>,
    /// Browser at sign-in.
    pub user_agent: Option<String>,
}

/// A session to be made.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    /// Hash of the cookie's value.
    pub id_hash: &'a [u8],
    /// The token every form carries.
    pub csrf: &'a str,
    /// The person.
    pub user: UserId,
    /// The tenant.
    pub tenant: TenantId,
    /// Client address.
    pub ip: Option<&'a str>,
    /// Browser.
    pub user_agent: Option<&'a str>,
}

/// Makes a session and notes the sign-in.
pub async fn create(db: &Db, new: &NewSession<'_>, now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    sql(
        "INSERT INTO sessions (id_hash, tenant_id, user_id, csrf, created_at, last_seen_at, ip,
            user_agent)
         VALUES ($1, $2, $3, $4, $5, $5, $6, $7)",
    )
    .bind(new.id_hash)
    .bind(new.tenant)
    .bind(new.user)
    .bind(new.csrf)
    .bind(now)
    .bind(new.ip)
    .bind(new.user_agent)
    .execute(&mut tx)
    .await?;
    sql("UPDATE users SET last_sign_in_at = $2 WHERE id = $1")
        .bind(new.user)
        .bind(now)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// The live session behind a cookie: neither idle nor old, its person not disabled.
pub async fn find(db: &Db, id_hash: &[u8], now: Timestamp) -> Result<Option<Session>> {
    let row = sql(
        "SELECT u.id, u.email, u.name, u.disabled, u.must_change_password, u.theme,
            u.density, u.created_at, u.last_sign_in_at, m.role, s.id_hash, s.tenant_id, s.csrf,
            s.created_at AS began_at, s.last_seen_at AS seen_at, s.ip, s.user_agent
         FROM sessions s
         JOIN users u ON u.id = s.user_id
         JOIN memberships m ON m.user_id = s.user_id AND m.tenant_id = s.tenant_id
         WHERE s.id_hash = $1 AND s.last_seen_at > $2 AND s.created_at > $3 AND u.disabled = $4",
    )
    .bind(id_hash)
    .bind(now.plus(-IDLE_US))
    .bind(now.plus(-ABSOLUTE_US))
    .bind(false)
    .fetch_optional(db)
    .await?;
    let Some(session) = row.map(|row| read(&row)).transpose()? else {
        return Ok(None);
    };
    if session.last_seen_at.plus(TOUCH_US) < now {
        note_beside("use of a session", async {
            let mut tx = db.begin().await?;
            sql("UPDATE sessions SET last_seen_at = $2 WHERE id_hash = $1")
                .bind(id_hash)
                .bind(now)
                .execute(&mut tx)
                .await?;
            tx.commit().await
        })
        .await;
    }
    Ok(Some(session))
}

/// Ends one session.
pub async fn end(db: &Db, id_hash: &[u8]) -> Result<()> {
    let mut tx = db.begin().await?;
    sql("DELETE FROM sessions WHERE id_hash = $1")
        .bind(id_hash)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Ends every session of a person but one.
pub async fn end_others(scope: &Scope, user: UserId, keep: &[u8]) -> Result<u64> {
    let mut tx = scope.db.begin().await?;
    let ended = sql("DELETE FROM sessions
         WHERE tenant_id = $1 AND user_id = $2 AND id_hash <> $3")
    .bind(scope.tenant_id())
    .bind(user)
    .bind(keep)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(ended)
}

/// A person's live sessions, newest first.
pub async fn list(scope: &Scope, user: UserId) -> Result<Vec<Session>> {
    let rows = sql(
        "SELECT u.id, u.email, u.name, u.disabled, u.must_change_password, u.theme,
            u.density, u.created_at, u.last_sign_in_at, m.role, s.id_hash, s.tenant_id, s.csrf,
            s.created_at AS began_at, s.last_seen_at AS seen_at, s.ip, s.user_agent
         FROM sessions s
         JOIN users u ON u.id = s.user_id
         JOIN memberships m ON m.user_id = s.user_id AND m.tenant_id = s.tenant_id
         WHERE s.tenant_id = $1 AND s.user_id = $2 AND s.last_seen_at > $3 AND s.created_at > $4
         ORDER BY s.created_at DESC",
    )
    .bind(scope.tenant_id())
    .bind(user)
    .bind(scope.now.plus(-IDLE_US))
    .bind(scope.now.plus(-ABSOLUTE_US))
    .fetch_all(&scope.db)
    .await?;
    rows.iter().map(read).collect()
}

/// Removes sessions that can no longer be used.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.begin().await?;
    let removed = sql("DELETE FROM sessions WHERE last_seen_at <= $1 OR created_at <= $2")
        .bind(now.plus(-IDLE_US))
        .bind(now.plus(-ABSOLUTE_US))
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(removed)
}

fn read(row: &crate::db::Row) -> Result<Session> {
    Ok(Session {
        user: users::read(row)?,
        id_hash: row.get("id_hash")?,
        tenant: TenantId(row.get("tenant_id")?),
        csrf: row.get("csrf")?,
        created_at: row.time("began_at")?,
        last_seen_at: row.time("seen_at")?,
        ip: row.get("ip")?,
        user_agent: row.get("user_agent")?,
    })
}
