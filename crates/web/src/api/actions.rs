//! The organisation's own words for actions and resources.

use std::collections::BTreeMap;

use axum::response::Response;
use scoring::calibrated::Synonyms;
use serde::{Deserialize, Serialize};
use store::{Scope, action_words};
use utoipa::ToSchema;

use super::json;
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::Json;
use crate::words::{Words, action_classes, resource_classes};

/// Own words, the classes they may have, and what has none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActionsBody {
    /// Words of an event's action, and the class each means.
    actions: BTreeMap<String, String>,
    /// Words of an event's resource, and the class each means.
    resources: BTreeMap<String, String>,
    /// The UTC day from which they are in force; absent while there are none.
    since: Option<String>,
    classes: ClassesBody,
    /// Words of actions that no class was found for in the last 14 days, most frequent first.
    unclassified: Vec<UnclassifiedBody>,
}

/// The classes there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassesBody {
    actions: Vec<&'static str>,
    resources: Vec<&'static str>,
}

/// A word without a class.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnclassifiedBody {
    word: String,
    events: i64,
}

/// A new table, which takes the place of the one before.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActionsChange {
    /// Words of an event's action, and the class each means.
    actions: BTreeMap<String, String>,
    /// Words of an event's resource, and the class each means.
    resources: BTreeMap<String, String>,
}

async fn body(scope: &Scope) -> WebResult<Response> {
    let words = Words::of(scope).await?;
    let unclassified = words.unclassified.into_iter();
    Ok(json(&ActionsBody {
        actions: words.synonyms.actions,
        resources: words.synonyms.resources,
        since: words.since.map(|day| day.to_string()),
        classes: ClassesBody {
            actions: action_classes(),
            resources: resource_classes(),
        },
        unclassified: unclassified
            .map(|(word, events)| UnclassifiedBody { word, events })
            .collect(),
    }))
}

/// The organisation's own words for actions and resources, and the words that have no class.
#[utoipa::path(
    get, path = "/api/settings/actions", tag = "settings",
    responses((status = 200, body = ActionsBody))
)]
pub(crate) async fn show(who: Require<permit::RulesView>) -> WebResult<Response> {
    body(&who.scope).await
}

/// Replaces the table. It is in force from the day after the last closed one; no score is
/// rewritten.
#[utoipa::path(
    put, path = "/api/settings/actions", tag = "settings", request_body = ActionsChange,
    responses((status = 200, body = ActionsBody), (status = 422, body = super::Problem))
)]
pub(crate) async fn update(
    who: Require<permit::RulesEdit>,
    Json(change): Json<ActionsChange>,
) -> WebResult<Response> {
    let synonyms = Synonyms {
        actions: change.actions,
        resources: change.resources,
    };
    if let Err(problem) = synonyms.classifier() {
        return Err(WebError::field(problem.field(), problem.to_string()));
    }
    let words = serde_json::to_value(&synonyms).unwrap_or_default();
    action_words::save(&who.scope, None, &words).await?;
    body(&who.scope).await
}
