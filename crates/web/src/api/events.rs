//! Events: list and, as a part of alerts and actors, one event's form.

use axum::response::Response;
use domain::actor::ActorId;
use domain::event::Outcome;
use domain::severity::Severity;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::events::{self, Filter, Listed};
use store::sources;
use utoipa::{IntoParams, ToSchema};

use super::{ActorRef, List, bad_cursor, json, limit, time};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::Query;

/// A normalised event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody {
    id: String,
    /// When it happened, by the sender.
    timestamp: String,
    received_at: String,
    /// Slug of the source.
    source: String,
    actor: ActorRef,
    action: String,
    /// success, failure or unknown.
    outcome: &'static str,
    /// The sender's own word for the outcome.
    outcome_word: Option<String>,
    resource: Option<String>,
    resource_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    bytes: Option<i64>,
    severity: Option<&'static str>,
    host: Option<String>,
    app: Option<String>,
    /// Everything else the sender said.
    #[schema(value_type = Object)]
    attributes: Option<Box<RawValue>>,
}

impl From<Listed> for EventBody {
    fn from(listed: Listed) -> Self {
        let event = listed.event;
        Self {
            id: event.id.to_string(),
            timestamp: event.occurred_at.to_string(),
            received_at: event.received_at.to_string(),
            source: listed.source,
            actor: ActorRef::new(listed.actor, &event.actor),
            action: event.action,
            outcome: event.outcome.word(),
            outcome_word: event.outcome_word,
            resource: event.resource,
            resource_id: event.resource_id,
            ip: event.ip.map(|ip| ip.to_string()),
            user_agent: event.user_agent,
            bytes: event.bytes,
            severity: event.severity.map(Severity::word),
            host: event.host,
            app: event.app,
            attributes: event
                .attributes
                .and_then(|text| RawValue::from_string(text).ok()),
        }
    }
}

/// Which events to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Rows of a page, 1 to 200; 50 when absent.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Only of this actor code.
    pub actor: Option<String>,
    /// Only from this source.
    pub source: Option<String>,
    /// Only this action, exactly.
    pub action: Option<String>,
    /// success, failure or unknown.
    pub outcome: Option<String>,
    /// Only from this time on.
    pub from: Option<String>,
    /// Only before this time.
    pub to: Option<String>,
}

/// Lists events, newest first.
#[utoipa::path(
    get, path = "/api/events", tag = "events", params(ListQuery),
    responses((status = 200, body = List<EventBody>), (status = 422, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::EventsView>,
    Query(query): Query<ListQuery>,
) -> WebResult<Response> {
    let actor =
        match query.actor.as_deref() {
            None => None,
            Some(code) => Some(ActorId::from_code(code).ok_or_else(|| {
                WebError::field("actor", format!("{code:?} is not an actor code"))
            })?),
        };
    Ok(json(&page(&who, &query, actor).await?))
}

/// One page of events.
pub(super) async fn page<P>(
    who: &Require<P>,
    query: &ListQuery,
    actor: Option<ActorId>,
) -> WebResult<List<EventBody>> {
    let limit = limit(query.limit)?;
    let source = match query.source.as_deref() {
        None => None,
        Some(slug) => Some(
            sources::find(&who.scope, slug)
                .await
                .map_err(|_| WebError::field("source", format!("there is no source {slug:?}")))?,
        ),
    };
    let outcome = match query.outcome.as_deref() {
        None => None,
        Some("success") => Some(Outcome::Success),
        Some("failure") => Some(Outcome::Failure),
        Some("unknown") => Some(Outcome::Unknown),
        Some(other) => {
            return Err(WebError::field(
                "outcome",
                format!("{other:?} is not success, failure or unknown"),
            ));
        }
    };
    let filter = Filter {
        actor,
        source: source.map(|s| s.id),
        action: query.action.clone(),
        outcome,
        from: time("from", query.from.as_deref())?,
        until: time("to", query.to.as_deref())?,
    };
    let before = query
        .after
        .as_deref()
        .map(|c| c.parse().map_err(|_| bad_cursor()));
    let rows = events::list(&who.scope, &filter, before.transpose()?, limit + 1).await?;
    let page = List::page(rows, limit, |l| l.event.id.to_string());
    Ok(List {
        items: page.items.into_iter().map(EventBody::from).collect(),
        next: page.next,
    })
}
