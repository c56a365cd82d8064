//! Integrations: are my connectors healthy? And what could be connected.

pub(crate) mod fields;
pub(crate) mod words;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use domain::integration::Provider;
use domain::integration::health::State;
use domain::time::span;
use store::drafts::{self, Draft};
use store::integrations::{self, Watched};

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Shell, When, page};
use words::Offer;

#[derive(Template)]
#[template(path = "integrations.html")]
struct IntegrationsPage {
    shell: Shell,
    rows: Vec<Row>,
    drafts: Vec<DraftRow>,
    offers: Vec<Offer>,
    may_manage: bool,
}

/// One integration of the list.
struct Row {
    watched: Watched,
    last: Option<When>,
    next: Option<String>,
    events: String,
}

/// One draft of the list.
struct DraftRow {
    draft: Draft,
    name: String,
    provider: &'static str,
    changed: When,
}

/// The mark beside the word of a state.
pub(crate) fn pill(state: State) -> &'static str {
    match state {
        State::Failed => "pill-failed",
        State::Degraded => "pill-late",
        State::NeverRan => "",
        State::Paused => "pill-acknowledged",
        State::Healthy => "pill-ok",
    }
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::IntegrationsView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let may_manage = who.user.role.allows(Permission::IntegrationsManage);
    let row = |watched: Watched| Row {
        last: watched.last_event_at.map(|at| When::of(at, zone, now)),
        next: watched.integration.next_run_at.map(|at| {
            let left = at.micros() - now.micros();
            if left <= 0 {
                "due now".to_owned()
            } else {
                format!("in {}", span(left))
            }
        }),
        events: scoring::words::count(watched.events_in_day as f64),
        watched,
    };
    let kept = if may_manage {
        drafts::list(scope).await?
    } else {
        Vec::new()
    };
    let draft_row = |draft: Draft| {
        let provider = draft.fields.get("provider");
        let provider = provider.and_then(|p| Provider::from_word(p));
        DraftRow {
            name: draft.fields.get("name").cloned().unwrap_or_default(),
            provider: provider.map_or("not chosen yet", Provider::title),
            changed: When::of(draft.updated_at, zone, now),
            draft,
        }
    };
    let all = integrations::watch_all(scope).await?;
    let template = IntegrationsPage {
        shell: Shell::of(&who, "/integrations", "Integrations")
            .await?
            .with_message(message(query.as_deref())),
        rows: all.into_iter().map(row).collect(),
        drafts: kept.into_iter().map(draft_row).collect(),
        offers: Provider::ALL.into_iter().map(words::offer).collect(),
        may_manage,
    };
    Ok(page(template).into_response())
}

fn message(query: Option<&str>) -> Option<&'static str> {
    let done = query?.split('&').find_map(|p| p.strip_prefix("done="))?;
    Some(match done {
        "draft" => "Your draft is saved. It is kept for 14 days after its last change.",
        "thrown" => "The draft and its secrets are deleted.",
        "deleted" => {
            "The integration, its source, keys and secrets are deleted. Its events stay until their retention ends."
        }
        _ => return None,
    })
}
