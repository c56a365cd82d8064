//! The OpenAPI document: collected from the handlers.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Insider Risk Monitor",
        description = "Telemetry in, one explained alert out.",
        license(name = "MIT", identifier = "MIT"),
    ),
    paths(crate::ingest::receive)
)]
struct Document;

/// The document as pretty JSON.
pub fn openapi() -> Result<String, String> {
    Document::openapi()
        .to_pretty_json()
        .map_err(|e| e.to_string())
}
