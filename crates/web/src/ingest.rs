//! `POST /api/ingest/{source}`: bytes in, verdicts out; 202 only after the commit.

mod answer;
mod body;
pub mod heartbeat;
pub mod verification;
pub mod webhook;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use collectors::formats;
use domain::integration::Provider;
use domain::source::Source;
use domain::tenant::Tenant;
use domain::time::Zone;
use normalize::body::{Body, Refused, split};
use normalize::{Copies, Intake, Problem, Verdict};
use store::log::{Batch, Outcome};

use crate::app::App;
use crate::auth::Visitor;
use crate::auth::api_key::Sender;
use crate::error::{WebError, WebResult};
use crate::limit;
use answer::{ItemOutcome, Quota};

/// Receives events.
///
/// One JSON object gets the answer for a single event; an array or NDJSON gets counts and the
/// list of problems. Nothing is stored of a request that is refused as a whole.
#[utoipa::path(
    post, path = "/api/ingest/{source}", tag = "ingest", security(("key" = [])),
    params(
        ("source" = String, Path, description = "Slug of the source the key belongs to"),
        ("x-api-key" = String, Header, description = "The source's key; Authorization: Bearer works too"),
        ("verbose" = Option<String>, Query, description = "1 lists every item of a batch, not only problems"),
    ),
    request_body(content = String, description = "One JSON object, a JSON array or NDJSON; gzip and zstd are accepted", content_type = "application/json"),
    responses(
        (status = 202, description = "Committed", body = answer::SingleAnswer),
        (status = 400, description = "Unreadable body, or the single event was rejected"),
        (status = 401, description = "The key is not accepted"),
        (status = 403, description = "The key belongs to another source"),
        (status = 413, description = "Too large"),
        (status = 429, description = "Too fast"),
        (status = 503, description = "Overloaded; nothing was stored"),
    )
)]
pub(crate) async fn receive(
    State(app): State<App>,
    Path(source): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Response {
    let headers = request.headers();
    let sender = match app.key_check().sender(&app, headers, visitor.address).await {
        Ok(sender) => sender,
        Err(error) => return error.into_response(),
    };
    if let Err(error) = same_source(&sender, &source) {
        return error.into_response();
    }
    let quota = match quota(&app, &sender.key.source) {
        Ok(quota) => quota,
        Err(refused) => return refused,
    };
    let response = match store_events(&app, &sender, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    answer::with_quota(response, quota)
}

/// A key opens the address of its own source only.
fn same_source(sender: &Sender, source: &str) -> WebResult<()> {
    if sender.key.source.slug.as_str() == source {
        return Ok(());
    }
    Err(WebError::new(
        StatusCode::FORBIDDEN,
        "The key belongs to another source",
        "Post to the address shown on the page of the key's source.",
    ))
}

/// What is left of a source's rate, or the answer to one that sends too fast.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn quota(app: &App, source: &Source) -> Result<Option<Quota>, Response> {
    let limit = source.settings.rate_limit_per_minute;
    match app.limits().source(source.id, limit) {
        None => Ok(None),
        Some(limit::Verdict::Pass { remaining }) => Ok(Some(Quota {
            limit,
            remaining,
            reset: 60,
        })),
        Some(limit::Verdict::Wait { seconds }) => {
            let quota = Quota {
                limit,
                remaining: 0,
                reset: seconds,
            };
            let refused = WebError::too_many(seconds).into_response();
            Err(answer::with_quota(refused, Some(quota)))
        }
    }
}

async fn store_events(app: &App, sender: &Sender, request: Request) -> WebResult<Response> {
    let verbose = request
        .uri()
        .query()
        .is_some_and(|q| q.split('&').any(|p| p == "verbose=1"));
    let ndjson = body::is_ndjson(request.headers());
    let bytes = body::read(request).await?;
    let body = split(&bytes, ndjson).map_err(|refused| match refused {
        Refused::Unreadable(_) => WebError::bad_request(refused.to_string()),
        Refused::TooMany(_) => answer::too_large(refused.to_string()),
    })?;
    let receiver = Receiver {
        tenant: &sender.tenant,
        source: &sender.key.source,
        provider: Provider::Webhook,
    };
    match body {
        Body::Single(item) if item.len() > normalize::MAX_ITEM_BYTES => Err(answer::too_large(
            format!("One event may have {} bytes.", normalize::MAX_ITEM_BYTES),
        )),
        Body::Single(item) => {
            let outcomes = append(app, &receiver, vec![Ok(item)]).await?;
            Ok(answer::single(outcomes))
        }
        Body::Batch(items) => {
            let outcomes = append(app, &receiver, items).await?;
            Ok(answer::batch(&outcomes, verbose))
        }
    }
}

/// Whose events they are, and in which format.
struct Receiver<'a> {
    tenant: &'a Tenant,
    source: &'a Source,
    provider: Provider,
}

/// Judges every item and stores what is to be stored; the outcomes stand in the items' order.
async fn append(
    app: &App,
    receiver: &Receiver<'_>,
    items: Vec<Result<&str, Problem>>,
) -> WebResult<Vec<ItemOutcome>> {
    let Receiver {
        tenant,
        source,
        provider,
    } = receiver;
    let key = app.settings().keys.redaction(tenant.key);
    let zone = Zone::utc();
    let redaction = &source.settings.redaction;
    let intake = Intake::new(tenant.key, source.id, redaction, Some(&key), app.now())
        .map_err(|e| WebError::bad_request(e.to_string()))?;
    let (mut copies, mut batch) = (Copies::default(), Batch::default());
    let mut outcomes = Vec::with_capacity(items.len());
    for item in items {
        let verdict = match item {
            Ok(raw) => formats::accept(*provider, raw, &zone, &intake, &mut copies),
            Err(problem) => Verdict::Rejected(problem),
        };
        outcomes.push(match verdict {
            Verdict::Accepted(event, notes) => {
                let id = event.id;
                batch.events.push(event);
                ItemOutcome::Stored {
                    id,
                    notes,
                    duplicate: false,
                }
            }
            Verdict::Quarantined(event, reason) => {
                let id = event.id;
                batch.quarantined.push((event, reason.clone()));
                ItemOutcome::Quarantined { id, reason }
            }
            Verdict::Rejected(problem) => ItemOutcome::Rejected(problem),
        });
    }
    if !batch.events.is_empty() || !batch.quarantined.is_empty() {
        let appended = app.appender().append(tenant, source.id, batch).await?;
        settle(&mut outcomes, appended.events);
    }
    answer::count(source.slug.as_str(), &outcomes);
    Ok(outcomes)
}

/// Puts what the store said of each event into the outcome of its item.
fn settle(outcomes: &mut [ItemOutcome], stored: Vec<Outcome>) {
    let accepted = outcomes
        .iter_mut()
        .filter(|o| matches!(o, ItemOutcome::Stored { .. }));
    for (outcome, stored) in accepted.zip(stored) {
        match (stored, &mut *outcome) {
            (Outcome::Duplicate, ItemOutcome::Stored { duplicate, .. }) => *duplicate = true,
            (Outcome::PutAside(reason), ItemOutcome::Stored { id, .. }) => {
                *outcome = ItemOutcome::Quarantined { id: *id, reason };
            }
            _ => {}
        }
    }
}
