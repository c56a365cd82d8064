//! The first administrator: exactly one, and only with the code printed on the machine.

use domain::time::Timestamp;

use crate::db::{Db, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;
use crate::users::{self, NewUser};

/// Stores the hash of a fresh code, replacing an earlier one. `false` once somebody exists.
pub async fn issue(db: &Db, code_hash: &[u8], now: Timestamp) -> Result<bool> {
    if users::count(db).await? > 0 {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    sql(
        "INSERT INTO setup (id, code_hash, created_at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET code_hash = excluded.code_hash,
            created_at = excluded.created_at",
    )
    .bind(code_hash)
    .bind(now)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// Stores the hash of the first code, so that several processes that start at once print one code
/// only. `false` when somebody exists or a code waits already.
pub async fn issue_first(db: &Db, code_hash: &[u8], now: Timestamp) -> Result<bool> {
    if users::count(db).await? > 0 {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    let stored = sql(
        "INSERT INTO setup (id, code_hash, created_at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(code_hash)
    .bind(now)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(stored == 1)
}

/// Whether a code waits to be used.
pub async fn is_pending(db: &Db) -> Result<bool> {
    Ok(sql("SELECT id FROM setup WHERE id = 1")
        .fetch_optional(db)
        .await?
        .is_some())
}

/// Creates the first administrator. [`Error::NotFound`] when the code is wrong or used.
pub async fn claim(scope: &Scope, code_hash: &[u8], admin: &NewUser<'_>) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    // The row is the lock: whoever removes it is the one.
    let claimed = sql("DELETE FROM setup WHERE id = 1 AND code_hash = $1")
        .bind(code_hash)
        .execute(&mut tx)
        .await?;
    if claimed != 1 {
        return Err(Error::NotFound);
    }
    users::insert(&mut tx, scope, admin).await?;
    tx.commit().await
}

/// Creates the first administrator from the configuration, once: `false` when anybody exists.
pub async fn create_first(scope: &Scope, admin: &NewUser<'_>) -> Result<bool> {
    if users::count(&scope.db).await? > 0 {
        return Ok(false);
    }
    let mut tx = scope.db.begin().await?;
    users::insert(&mut tx, scope, admin).await?;
    sql("DELETE FROM setup WHERE id = 1")
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(true)
}
