//! The audit log, newest first.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::audit::{self, Entry, Filter};
use utoipa::{IntoParams, ToSchema};

use super::{List, bad_cursor, json, limit};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Query;

/// One entry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryBody {
    seq: i64,
    at: String,
    who: String,
    /// page, api, command line or job.
    via: String,
    /// Such as rule.update.
    action: String,
    object_kind: String,
    object: String,
    #[schema(value_type = Object)]
    before: Option<Box<RawValue>>,
    #[schema(value_type = Object)]
    after: Option<Box<RawValue>>,
    request_id: String,
    ip: Option<String>,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let raw = |text: Option<String>| text.and_then(|t| RawValue::from_string(t).ok());
        Self {
            seq: entry.seq,
            at: entry.at.to_string(),
            who: entry.who,
            via: entry.via,
            action: entry.action,
            object_kind: entry.object_kind,
            object: entry.object,
            before: raw(entry.before),
            after: raw(entry.after),
            request_id: entry.request_id,
            ip: entry.ip,
        }
    }
}

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Rows of a page, 1 to 200; 50 when absent.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Only entries whose actor, action or object contains this text.
    q: Option<String>,
    /// Only about this kind of thing, such as alert or rule.
    kind: Option<String>,
}

/// Lists who changed what.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", params(ListQuery),
    responses((status = 200, body = List<EntryBody>), (status = 403, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::AuditView>,
    Query(query): Query<ListQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    let before = query
        .after
        .as_deref()
        .map(|c| c.parse().map_err(|_| bad_cursor()));
    let filter = Filter {
        text: query.q,
        kind: query.kind,
    };
    let rows = audit::list(&who.scope, &filter, before.transpose()?, limit + 1).await?;
    let page = List::page(rows, limit, |e| e.seq.to_string());
    Ok(json(&List {
        items: page.items.into_iter().map(EntryBody::from).collect(),
        next: page.next,
    }))
}
