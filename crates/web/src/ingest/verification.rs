//! `GET /api/ingest/{source}/verifications/{number}`: how far the event of a verification has come.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::json;
use crate::app::App;
use crate::connect::verify::{self, Progress};
use crate::error::WebResult;

/// How far an event has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgressBody {
    /// Every step is reached.
    done: bool,
    /// sent, received, parsed, stored, scored.
    steps: Vec<StepBody>,
    /// Why it goes no further.
    problem: Option<String>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepBody {
    name: &'static str,
    reached: bool,
    /// Milliseconds after the verification began.
    after_ms: Option<i64>,
}

impl From<&Progress> for ProgressBody {
    fn from(progress: &Progress) -> Self {
        let step = |s: &verify::Step| StepBody {
            name: s.name,
            reached: s.after_ms.is_some(),
            after_ms: s.after_ms,
        };
        Self {
            done: progress.done(),
            steps: progress.steps.iter().map(step).collect(),
            problem: progress.problem.clone(),
        }
    }
}

/// How far the event of a verification has come. The number itself is the right to ask: senders
/// over syslog hold no key. With `accept: text/plain` a line for each step: name, yes or no,
/// milliseconds.
#[utoipa::path(
    get, path = "/api/ingest/{source}/verifications/{number}", tag = "ingest", security(()),
    params(
        ("source" = String, Path, description = "Slug of the integration's source"),
        ("number" = String, Path, description = "As made by the integration's verify"),
    ),
    responses(
        (status = 200, body = ProgressBody),
        (status = 404, description = "No such number, or it is older than an hour"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path((source, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> WebResult<Response> {
    let progress = verify::progress(&app, &source, &number, true).await?;
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    if accepts == Some("text/plain") {
        return Ok(lines(&progress).into_response());
    }
    Ok(json(&ProgressBody::from(&progress)))
}

fn lines(progress: &Progress) -> String {
    let mut text = String::new();
    for step in &progress.steps {
        let line = match step.after_ms {
            Some(ms) => format!("{} yes {ms}\n", step.name),
            None => format!("{} no -\n", step.name),
        };
        text.push_str(&line);
    }
    if let Some(problem) = &progress.problem {
        text += "problem no ";
        text += problem;
        text.push('\n');
    }
    text
}
