//! `POST /api/ingest/{source}/heartbeat`: an edge collector tells how it is doing.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::time::Timestamp;
use serde::Deserialize;
use store::collector_instances::{self, Beat};
use store::{Principal, Scope, Via, integrations};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Visitor;
use crate::error::{WebError, WebResult};

/// A report. Counters count since the start of the process.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Report {
    /// Names the process among all that report for the source.
    instance: String,
    /// The machine it runs on.
    host: String,
    version: String,
    #[schema(value_type = String)]
    started_at: Timestamp,
    /// Messages read; equals parsed + rejected + dropped.
    received: i64,
    parsed: i64,
    rejected: i64,
    dropped: i64,
    /// Datagrams the kernel threw away.
    #[serde(default)]
    kernel_dropped: i64,
    /// Messages waiting in its buffer.
    #[serde(default)]
    buffered: i64,
}

impl Report {
    fn beat(self) -> WebResult<Beat> {
        let named = |field: &str, text: &str| {
            let fits = (1..=200).contains(&text.chars().count());
            if fits && !text.chars().any(char::is_control) {
                Ok(())
            } else {
                Err(WebError::field(
                    field,
                    "give 1 to 200 characters on one line",
                ))
            }
        };
        named("instance", &self.instance)?;
        named("host", &self.host)?;
        named("version", &self.version)?;
        let counters = [
            self.received,
            self.parsed,
            self.rejected,
            self.dropped,
            self.kernel_dropped,
            self.buffered,
        ];
        if counters.iter().any(|c| *c < 0) {
            return Err(WebError::field("received", "counters are not negative"));
        }
        Ok(Beat {
            instance: self.instance,
            kind: "collector".to_owned(),
            host: self.host,
            version: self.version,
            started_at: self.started_at,
            received: self.received,
            parsed: self.parsed,
            rejected: self.rejected,
            dropped: self.dropped,
            kernel_dropped: self.kernel_dropped,
            buffered: self.buffered,
        })
    }
}

/// Receives a report of an edge collector, under the key it forwards events with.
#[utoipa::path(
    post, path = "/api/ingest/{source}/heartbeat", tag = "ingest", security(("key" = [])),
    params(
        ("source" = String, Path, description = "Slug of the source the key belongs to"),
        ("x-api-key" = String, Header, description = "The source's key; Authorization: Bearer works too"),
    ),
    request_body = Report,
    responses(
        (status = 204, description = "Noted"), (status = 401, description = "The key is not accepted"),
        (status = 403, description = "The key belongs to another source"),
        (status = 404, description = "The source belongs to no integration"),
        (status = 422, description = "A value is not accepted"),
    )
)]
pub(crate) async fn receive(
    State(app): State<App>,
    Path(source): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: String,
) -> Response {
    match note(&app, &source, &visitor, &headers, &body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}

async fn note(
    app: &App,
    source: &str,
    visitor: &Visitor,
    headers: &HeaderMap,
    body: &str,
) -> WebResult<()> {
    let sender = app
        .key_check()
        .sender(app, headers, visitor.address)
        .await?;
    super::same_source(&sender, source)?;
    let report: Report =
        serde_json::from_str(body).map_err(|e| WebError::field("body", e.to_string()))?;
    let beat = report.beat()?;
    let principal = Principal::Source(source.to_owned());
    let scope = Scope::new(
        app.db().clone(),
        sender.tenant,
        principal,
        Via::Api,
        app.now(),
    );
    let integration = integrations::of_source(&scope, sender.key.source.id).await?;
    let integration = integration.ok_or_else(WebError::not_found)?;
    Ok(collector_instances::note(&scope, integration.id, &beat).await?)
}
