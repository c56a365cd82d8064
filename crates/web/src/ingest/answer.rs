//! The answers of contract: single, batch, quota headers.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::id::EventId;
use normalize::{Note, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::WebError;

/// What became of one item.
#[derive(Debug)]
pub(super) enum ItemOutcome {
    /// Durable, now or already before.
    Stored {
        id: EventId,
        notes: Vec<Note>,
        duplicate: bool,
    },
    /// Durable, put aside.
    Quarantined { id: EventId, reason: String },
    /// Not stored.
    Rejected(Problem),
}

/// The answer for one event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SingleAnswer {
    /// Identity of the stored event.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    /// True when the event had been stored before.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
    /// Identity of the event that was put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine_id: Option<String>,
    /// Why it was put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What was mended on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// Something that was mended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Warning {
    /// The field.
    field: String,
    /// What was done.
    message: String,
}

/// The answer for an array or NDJSON.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    quarantined: usize,
    results: Vec<ItemAnswer>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ItemAnswer {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// How much of a source's rate is left.
pub(super) struct Quota {
    pub limit: u32,
    pub remaining: u32,
    pub reset: u64,
}

/// The answer for a single event.
pub(super) fn single(outcomes: Vec<ItemOutcome>) -> Response {
    match outcomes.into_iter().next() {
        Some(ItemOutcome::Stored {
            id,
            notes,
            duplicate,
        }) => committed(&SingleAnswer {
            event_id: Some(id.to_string()),
            duplicate: duplicate.then_some(true),
            quarantine_id: None,
            reason: None,
            warnings: warnings(&notes),
        }),
        Some(ItemOutcome::Quarantined { id, reason }) => committed(&SingleAnswer {
            event_id: None,
            duplicate: None,
            quarantine_id: Some(id.to_string()),
            reason: Some(reason),
            warnings: Vec::new(),
        }),
        Some(ItemOutcome::Rejected(problem)) => WebError {
            field: Some(problem.field.clone()),
            ..WebError::new(
                StatusCode::BAD_REQUEST,
                "The event was rejected",
                format!("{}: {}", problem.field, problem.message),
            )
        }
        .into_response(),
        None => WebError::internal().into_response(),
    }
}

/// The answer for several events: only problems are listed unless asked for all.
pub(super) fn batch(outcomes: &[ItemOutcome], verbose: bool) -> Response {
    let tally = Tally::of(outcomes);
    let results = outcomes
        .iter()
        .enumerate()
        .filter(|(_, o)| verbose || !matches!(o, ItemOutcome::Stored { .. }))
        .map(|(index, outcome)| item(index, outcome))
        .collect();
    committed(&BatchAnswer {
        accepted: tally.accepted,
        duplicates: tally.duplicates,
        rejected: tally.rejected,
        quarantined: tally.quarantined,
        results,
    })
}

fn item(index: usize, outcome: &ItemOutcome) -> ItemAnswer {
    let mut answer = ItemAnswer {
        index,
        event_id: None,
        duplicate: false,
        error: None,
        quarantine_id: None,
        reason: None,
        warnings: Vec::new(),
    };
    match outcome {
        ItemOutcome::Stored {
            id,
            notes,
            duplicate,
        } => {
            answer.event_id = Some(id.to_string());
            answer.duplicate = *duplicate;
            answer.warnings = warnings(notes);
        }
        ItemOutcome::Quarantined { id, reason } => {
            answer.quarantine_id = Some(id.to_string());
            answer.reason = Some(reason.clone());
        }
        ItemOutcome::Rejected(problem) => {
            answer.error = Some(Warning {
                field: problem.field.clone(),
                message: problem.message.clone(),
            });
        }
    }
    answer
}

fn warnings(notes: &[Note]) -> Vec<Warning> {
    let warning = |note: &Note| Warning {
        field: note.field.clone(),
        message: note.message.clone(),
    };
    notes.iter().map(warning).collect()
}

fn committed<T: Serialize>(body: &T) -> Response {
    (StatusCode::ACCEPTED, axum::Json(body)).into_response()
}

#[derive(Default)]
struct Tally {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    quarantined: usize,
}

impl Tally {
    fn of(outcomes: &[ItemOutcome]) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            match outcome {
                ItemOutcome::Stored {
                    duplicate: false, ..
                } => tally.accepted += 1,
                ItemOutcome::Stored {
                    duplicate: true, ..
                } => tally.duplicates += 1,
                ItemOutcome::Rejected(_) => tally.rejected += 1,
                ItemOutcome::Quarantined { .. } => tally.quarantined += 1,
            }
        }
        tally
    }
}

/// Counts what arrived, for the metrics of the operations listener.
pub(super) fn count(source: &str, outcomes: &[ItemOutcome]) {
    let tally = Tally::of(outcomes);
    for (verdict, count) in [
        ("accepted", tally.accepted),
        ("duplicate", tally.duplicates),
        ("rejected", tally.rejected),
        ("quarantined", tally.quarantined),
    ] {
        metrics::counter!("irm_ingest_events_total", "source" => source.to_owned(), "verdict" => verdict)
            .increment(count as u64);
    }
}

/// Adds the rate headers.
pub(super) fn with_quota(mut response: Response, quota: Option<Quota>) -> Response {
    if let Some(quota) = quota {
        let headers = response.headers_mut();
        for (name, value) in [
            ("x-ratelimit-limit", u64::from(quota.limit)),
            ("x-ratelimit-remaining", u64::from(quota.remaining)),
            ("x-ratelimit-reset", quota.reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
    response.headers_mut().remove(header::SET_COOKIE);
    response
}

/// 413, naming the limit.
pub(super) fn too_large(detail: String) -> WebError {
    WebError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "The request is too large",
        detail,
    )
}
