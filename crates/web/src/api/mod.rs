//! The JSON API: one file per noun. Inputs refuse unknown fields; outputs are types of their own,
//! never rows.

pub(crate) mod actions;
pub(crate) mod actors;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod backtests;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod excluded_days;
pub(crate) mod export;
pub(crate) mod integrations;
pub(crate) mod overview;
pub(crate) mod quarantine;
pub(crate) mod rules;
pub(crate) mod settings;
pub(crate) mod sources;
pub(crate) mod suppressions;
pub(crate) mod users;

use std::collections::{BTreeSet, HashMap};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::actor::ActorId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::Scope;
use utoipa::{IntoParams, ToSchema};

use crate::error::{WebError, WebResult};

/// Most rows of a page.
const MAX_LIMIT: u32 = 200;
/// Rows of a page when none are asked for.
const DEFAULT_LIMIT: u32 = 50;

/// Actors whose names are asked for together.
const NAMES: usize = 500;

/// Which page of a list that is filtered by nothing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// 1 to 200; 50 when absent.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// The names of some actors, each asked for once. Those that are not there are missing.
pub(crate) async fn names(
    scope: &Scope,
    actors: impl Iterator<Item = ActorId>,
) -> WebResult<HashMap<ActorId, String>> {
    let actors: Vec<ActorId> = actors.collect::<BTreeSet<_>>().into_iter().collect();
    let mut names = HashMap::new();
    for chunk in actors.chunks(NAMES) {
        let found = store::scoring::names(scope.database(), scope.tenant_id(), chunk);
        names.extend(found.await?);
    }
    Ok(names)
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// Cuts what was read (one row more than asked for) to a page.
    pub(crate) fn page(mut rows: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Self {
            next: rows.last().filter(|_| more).map(cursor),
            items: rows,
        }
    }

    /// A list that is never paged.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// An actor as other things refer to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ActorRef {
    /// Opaque code.
    #[schema(example = "AC-07ZK3M9Q2XWT")]
    pub code: String,
    /// Name as first sent.
    pub name: String,
}

impl ActorRef {
    pub(crate) fn new(id: ActorId, name: &str) -> Self {
        Self {
            code: id.code(),
            name: name.to_owned(),
        }
    }
}

/// The body of every error, as `WebError` writes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says which kind of problem it is.
    r#type: String,
    /// What happened.
    title: String,
    /// HTTP status.
    status: u16,
    /// What to do.
    detail: String,
    /// The field at fault.
    field: Option<String>,
    /// Identifies the request in the server's log.
    request_id: String,
}

/// How many rows were asked for.
pub(crate) fn limit(asked: Option<u32>) -> WebResult<u32> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
        Some(_) => Err(WebError::field("limit", "choose 1 to 200")),
    }
}

/// A cursor that this API gave out, or a clear refusal.
pub(crate) fn bad_cursor() -> WebError {
    WebError::field(
        "after",
        "not a cursor of this list: pass the value of next unchanged",
    )
}

/// A time in a query.
pub(crate) fn time(field: &str, text: Option<&str>) -> WebResult<Option<Timestamp>> {
    text.filter(|t| !t.is_empty())
        .map(|t| {
            t.parse()
                .map_err(|e| WebError::field(field, format!("{t:?} is {e}")))
        })
        .transpose()
}

/// A JSON answer.
pub(crate) fn json<T: Serialize>(body: &T) -> Response {
    axum::Json(body).into_response()
}

/// A JSON answer with another status.
pub(crate) fn json_with<T: Serialize>(status: StatusCode, body: &T) -> Response {
    (status, axum::Json(body)).into_response()
}
