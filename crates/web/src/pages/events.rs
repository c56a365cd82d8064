//! The events: show me exactly.

mod filter;
mod json;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use domain::event::Outcome;
use domain::source::Source;
use domain::time::MINUTE_US;
use store::events::{self, Listed};
use store::sources;

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Shell, When, page, span};
use filter::Wanted;

/// Rows of a page.
const ROWS: u32 = 50;
/// From this delay between event and receipt on, a row says so.
const LATE_US: i64 = 5 * MINUTE_US;

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    shell: Shell,
    wanted: Wanted,
    sources: Vec<Source>,
    rows: Vec<Row>,
    next: Option<String>,
    /// Something was received at some time.
    any: bool,
}

/// One event of the list.
struct Row {
    listed: Listed,
    at: When,
    received: When,
    /// How late it came, when that matters.
    late: Option<String>,
    /// In IEC units, and exactly.
    bytes: Option<(String, i64)>,
    /// What the sender said besides, indented.
    attributes: Option<String>,
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::EventsView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let sources = sources::list(scope).await?;
    let mut wanted = Wanted::read(query.as_deref().unwrap_or_default(), scope, &sources);
    wanted.name_actor(scope).await?;
    let mut found = events::list(scope, &wanted.filter(), wanted.after, ROWS + 1).await?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| wanted.page_after(last.event.id));
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let row = |listed: Listed| {
        let event = &listed.event;
        let delay = event.received_at.micros() - event.occurred_at.micros();
        Row {
            at: When::of(event.occurred_at, zone, now),
            received: When::of(event.received_at, zone, now),
            late: (delay > LATE_US).then(|| span(delay)),
            bytes: event.bytes.map(|b| (crate::page::bytes(b), b)),
            attributes: event.attributes.as_deref().map(json::indented),
            listed,
        }
    };
    let any = !found.is_empty() || store::actors::count(scope).await? > 0;
    let template = EventsPage {
        shell: Shell::of(&who, "/events", "Events").await?,
        rows: found.into_iter().map(row).collect(),
        wanted,
        sources,
        next,
        any,
    };
    Ok(page(template).into_response())
}

/// The outcomes one can ask for.
const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Unknown];
