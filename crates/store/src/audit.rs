//! Who changed what, from what to what: written in the transaction of the change, never altered.

use domain::time::Timestamp;
use serde::Serialize;

use crate::db::{Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// A change about to be recorded.
pub(crate) struct Change<'a> {
    /// What was done, such as `rule.update`.
    pub action: &'static str,
    /// Kind of thing, such as `rule`.
    pub kind: &'static str,
    /// Which one.
    pub object: &'a str,
}

/// Records a change with the values before and after it.
pub(crate) async fn record<B: Serialize, A: Serialize>(
    tx: &mut Tx,
    scope: &Scope,
    change: Change<'_>,
    before: Option<&B>,
    after: Option<&A>,
) -> Result<()> {
    sql(
        "INSERT INTO audit (tenant_id, at, who, via, action, object_kind, object, before, after,
            request_id, ip)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(scope.tenant_id())
    .bind(scope.now)
    .bind(scope.principal.name())
    .bind(scope.via.word())
    .bind(change.action)
    .bind(change.kind)
    .bind(change.object)
    .bind(text(before)?)
    .bind(text(after)?)
    .bind(&scope.request_id)
    .bind(scope.ip.as_deref())
    .execute(tx)
    .await
    .map(drop)
}

fn text<T: Serialize>(value: Option<&T>) -> Result<Option<String>> {
    value
        .map(serde_json::to_string)
        .transpose()
        .map_err(|e| Error::Inconsistent(format!("audit value: {e}")))
}

/// Nothing, for changes that create or remove.
pub(crate) const NOTHING: Option<&()> = None;

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Number of the entry.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// By which way.
    pub via: String,
    /// What was done.
    pub action: String,
    /// Kind of thing.
    pub object_kind: String,
    /// Which one.
    pub object: String,
    /// JSON before the change.
    pub before: Option<String>,
    /// JSON after the change.
    pub after: Option<String>,
    /// The request.
    pub request_id: String,
    /// The client's address.
    pub ip: Option<String>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only entries whose actor, action or object contains this text.
    pub text: Option<String>,
    /// Only entries about this kind of thing.
    pub kind: Option<String>,
}

/// Entries, newest first, before a given entry.
pub async fn list(
    scope: &Scope,
    filter: &Filter,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Entry>> {
    let mut query = sql(
        "SELECT seq, at, who, via, action, object_kind, object, before, after, request_id, ip
         FROM audit
         WHERE tenant_id = $1",
    )
    .bind(scope.tenant_id());
    if let Some(before) = before {
        query = query.push(" AND seq < ").push_bind(before);
    }
    if let Some(kind) = &filter.kind {
        query = query.push(" AND object_kind = ").push_bind(kind);
    }
    if let Some(text) = &filter.text {
        let pattern = crate::db::like(text);
        query = query
            .push(" AND (LOWER(who) LIKE ")
            .push_bind(&pattern)
            .push(" ESCAPE '!' OR LOWER(action) LIKE ")
            .push_bind(&pattern)
            .push(" ESCAPE '!' OR LOWER(object) LIKE ")
            .push_bind(&pattern)
            .push(" ESCAPE '!')");
    }
    let rows = query
        .push(" ORDER BY seq DESC LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                seq: row.get("seq")?,
                at: row.time("at")?,
                who: row.get("who")?,
                via: row.get("via")?,
                action: row.get("action")?,
                object_kind: row.get("object_kind")?,
                object: row.get("object")?,
                before: row.get("before")?,
                after: row.get("after")?,
                request_id: row.get("request_id")?,
                ip: row.get("ip")?,
            })
        })
        .collect()
}
