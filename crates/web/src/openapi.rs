//! The OpenAPI document: collected from the handlers.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

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

/// How callers show who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let token = token.description(Some("A personal API token"));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        let cookie = ApiKey::Cookie(ApiKeyValue::new("irm_session"));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// The document as pretty JSON.
pub fn openapi() -> Result<String, String> {
    Document::openapi()
        .to_pretty_json()
        .map_err(|e| e.to_string())
}
