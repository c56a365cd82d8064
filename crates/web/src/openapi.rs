//! The OpenAPI document: collected from the handlers.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::api::alerts::{ComparisonBody, ContributionBody, UnjudgedBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Insider Risk Monitor",
        description = "Telemetry in, one explained alert out.",
        license(name = "MIT", identifier = "MIT"),
    ),
    paths(
        crate::ingest::receive,
        crate::ingest::webhook::receive,
        crate::ingest::heartbeat::receive,
        crate::ingest::verification::show,
        crate::api::document::show,
        crate::api::overview::show,
        crate::api::alerts::list,
        crate::api::alerts::show,
        crate::api::alerts::change_status,
        crate::api::alerts::bulk_acknowledge,
        crate::api::alerts::bulk_close,
        crate::api::actors::list,
        crate::api::actors::show,
        crate::api::actors::actor_events,
        crate::api::actors::actor_scores,
        crate::api::actors::actor_baseline,
        crate::api::excluded_days::list,
        crate::api::excluded_days::add,
        crate::api::excluded_days::remove,
        crate::api::events::list,
        crate::api::export::scores_csv,
        crate::api::quarantine::list,
        crate::api::quarantine::replay_one,
        crate::api::quarantine::discard_one,
        crate::api::backtests::list,
        crate::api::backtests::start,
        crate::api::backtests::show,
        crate::api::backtests::cancel,
        crate::api::rules::list,
        crate::api::rules::update_all,
        crate::api::rules::show,
        crate::api::rules::update,
        crate::api::suppressions::list,
        crate::api::suppressions::create,
        crate::api::suppressions::preview,
        crate::api::suppressions::show,
        crate::api::suppressions::revoke,
        crate::api::settings::scoring,
        crate::api::settings::update_scoring,
        crate::api::actions::show,
        crate::api::actions::update,
        crate::api::sources::list,
        crate::api::sources::create,
        crate::api::sources::show,
        crate::api::sources::update,
        crate::api::sources::delete,
        crate::api::sources::rotate_key,
        crate::api::integrations::list,
        crate::api::integrations::create,
        crate::api::integrations::show,
        crate::api::integrations::update,
        crate::api::integrations::delete,
        crate::api::integrations::run_test,
        crate::api::integrations::run,
        crate::api::integrations::pause,
        crate::api::integrations::resume,
        crate::api::integrations::rotate,
        crate::api::integrations::download_pack,
        crate::api::integrations::verify,
        crate::api::integrations::show_preview,
        crate::api::integrations::preview_sample,
        crate::api::audit::list,
        crate::api::users::list,
    ),
    components(schemas(ComparisonBody, ContributionBody, UnjudgedBody)),
    security(("token" = []), ("session" = [])),
    modifiers(&Schemes),
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
        let key = ApiKey::Header(ApiKeyValue::new("x-api-key"));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// The document as pretty JSON.
pub fn openapi() -> Result<String, String> {
    Document::openapi()
        .to_pretty_json()
        .map_err(|e| e.to_string())
}
