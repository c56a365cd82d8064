//! Events put aside: list, replay, discard.

use axum::extract::State;
use axum::response::Response;
use domain::id::EventId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::quarantine::{self, Item};
use store::sources;
use utoipa::{IntoParams, ToSchema};

use super::{List, bad_cursor, json, limit};
use crate::app::App;
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Path, Query};
use crate::pages::source::replay;

/// An event that was put aside.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemBody {
    id: String,
    source: String,
    /// Why it was put aside.
    reason: String,
    received_at: String,
    /// pending, replayed or discarded.
    state: String,
    decided_by: Option<String>,
    /// The complete, redacted event.
    #[schema(value_type = Object)]
    event: serde_json::Value,
}

impl From<&Item> for ItemBody {
    fn from(item: &Item) -> Self {
        Self {
            id: item.id.to_string(),
            source: item.source.clone(),
            reason: item.reason.clone(),
            received_at: item.received_at.to_string(),
            state: item.state.clone(),
            decided_by: item.decided_by.clone(),
            event: serde_json::to_value(&item.event).unwrap_or_default(),
        }
    }
}

/// Which items to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Rows of a page, 1 to 200; 50 when absent.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Only from this source.
    source: Option<String>,
    /// pending, replayed or discarded.
    state: Option<String>,
}

/// Lists events that were put aside, newest first.
#[utoipa::path(
    get, path = "/api/quarantine", tag = "quarantine", params(ListQuery),
    responses((status = 200, body = List<ItemBody>), (status = 422, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::SourcesView>,
    Query(query): Query<ListQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    if query
        .state
        .as_deref()
        .is_some_and(|s| !["pending", "replayed", "discarded"].contains(&s))
    {
        return Err(WebError::field(
            "state",
            "choose pending, replayed or discarded",
        ));
    }
    let source = match query.source.as_deref() {
        None => None,
        Some(slug) => Some(sources::find(&who.scope, slug).await?.id),
    };
    let after = query.after.as_deref().map(read_cursor).transpose()?;
    let rows =
        quarantine::list(&who.scope, source, query.state.as_deref(), after, limit + 1).await?;
    let page = List::page(rows, limit, |i| {
        format!("{}.{}", i.received_at.micros(), i.id)
    });
    Ok(json(&List {
        items: page.items.iter().map(ItemBody::from).collect(),
        next: page.next,
    }))
}

fn read_cursor(text: &str) -> WebResult<(Timestamp, EventId)> {
    let (at, id) = text.split_once('.').ok_or_else(bad_cursor)?;
    let at = at
        .parse()
        .map(Timestamp::from_micros)
        .map_err(|_| bad_cursor())?;
    Ok((at, id.parse().map_err(|_| bad_cursor())?))
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    id: String,
    /// replayed or discarded.
    state: &'static str,
}

/// Stores an event that was put aside; it is scored like any other.
#[utoipa::path(
    post, path = "/api/quarantine/{id}/replay", tag = "quarantine",
    params(("id" = String, Path, description = "The item's id")),
    responses(
        (status = 200, body = Decided), (status = 404, body = super::Problem),
        (status = 409, description = "The reason still holds", body = super::Problem),
    )
)]
pub(crate) async fn replay_one(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(id): Path<EventId>,
) -> WebResult<Response> {
    replay(&who, &app, id).await?;
    Ok(json(&Decided {
        id: id.to_string(),
        state: "replayed",
    }))
}

/// Drops an event that was put aside.
#[utoipa::path(
    post, path = "/api/quarantine/{id}/discard", tag = "quarantine",
    params(("id" = String, Path, description = "The item's id")),
    responses((status = 200, body = Decided), (status = 404, body = super::Problem))
)]
pub(crate) async fn discard_one(
    who: Require<permit::SourcesManage>,
    Path(id): Path<EventId>,
) -> WebResult<Response> {
    quarantine::decide(&who.scope, id, "discarded").await?;
    Ok(json(&Decided {
        id: id.to_string(),
        state: "discarded",
    }))
}
