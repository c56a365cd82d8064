//! Every route in one table: method, path, permission, handler.
//!
//! A guarded route does not compile unless its handler's first argument requires exactly the
//! permission the table names. Tests walk [`ROUTES`], so a new route is tested without anybody
//! remembering.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use domain::access::Permission;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::auth::{Permit, Require, guard, permit};
use crate::error::WebError;
use crate::{api, assets, headers, ingest, pages};

/// Longest time a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Upper-case method.
    pub method: &'static str,
    /// Path with `{placeholders}`.
    pub path: &'static str,
    /// The permission it needs; `None` for the few routes before anybody is known.
    pub permission: Option<Permission>,
}

/// A handler whose first argument requires the permission `P`.
trait Guarded<P, Arguments> {}

macro_rules! guarded_arities {
    ($(($($argument:ident),*)),* $(,)?) => {$(
        impl<P, F, Out, $($argument),*> Guarded<P, ($($argument,)*)> for F
        where
            P: Permit,
            F: Fn(Require<P>, $($argument),*) -> Out,
            Out: Future,
        {}
    )*};
}

guarded_arities! { (), (A), (A, B), (A, B, C), (A, B, C, D) }

fn checked<P: Permit, Arguments, H: Guarded<P, Arguments>>(handler: H) -> H {
    handler
}

/// Builds [`ROUTES`] and the router from the same rows.
macro_rules! routes {
    (
        open { $($open_method:ident $open_path:literal => $open:path;)* }
        guarded { $($method:ident $path:literal $permission:ident => $handler:path;)* }
    ) => {
        /// Every route of the service.
        pub const ROUTES: &[Route] = &[
            $(Route { method: upper(stringify!($open_method)), path: $open_path, permission: None },)*
            $(Route {
                method: upper(stringify!($method)),
                path: $path,
                permission: Some(Permission::$permission),
            },)*
        ];

        fn table() -> Router<App> {
            Router::new()
                $(.route($open_path, $open_method($open)))*
                $(.route($path, $method(checked::<permit::$permission, _, _>($handler))))*
        }
    };
}

const fn upper(method: &'static str) -> &'static str {
    match method.as_bytes() {
        b"get" => "GET",
        b"post" => "POST",
        b"put" => "PUT",
        b"patch" => "PATCH",
        _ => "DELETE",
    }
}

routes! {
    open {
        get "/assets/{name}" => assets::serve;
        get "/setup" => pages::setup::form;
        post "/setup" => pages::setup::submit;
        get "/login" => pages::login::form;
        post "/login" => pages::login::submit;
        post "/api/ingest/{source}" => ingest::receive;
        post "/api/ingest/{source}/webhook" => ingest::webhook::receive;
        post "/api/ingest/{source}/heartbeat" => ingest::heartbeat::receive;
        get "/api/ingest/{source}/verifications/{number}" => ingest::verification::show;
    }
    guarded {
        post "/logout" ProfileSelf => pages::login::sign_out;
        get "/" OverviewView => pages::overview::show;
        get "/actors" ActorsView => pages::actors::list;
        get "/actors/{code}" ActorsView => pages::actor::show;
        get "/actors/{code}/baseline" ActorsView => pages::actor::baseline::show;
        get "/actors/{code}/peers" ActorsView => pages::actor::peers::show;
        post "/actors/{code}/excluded-days" ActorsExclude => pages::actor::excluded::add;
        post "/actors/{code}/excluded-days/remove" ActorsExclude => pages::actor::excluded::remove;
        get "/actors/{code}/alerts" AlertsView => pages::actor::alerts;
        get "/actors/{code}/events" EventsView => pages::actor::events;
        get "/alerts" AlertsView => pages::alerts::list;
        post "/alerts/bulk" AlertsTriage => pages::alerts::bulk;
        get "/alerts/{code}" AlertsView => pages::alert::show;
        get "/alerts/{code}/close" AlertsTriage => pages::alert::close_form;
        post "/alerts/{code}/status" AlertsTriage => pages::alert::change_status;
        post "/alerts/{code}/notes" AlertsTriage => pages::alert::add_note;
        get "/events" EventsView => pages::events::list;
        get "/sources" SourcesView => pages::sources::list;
        get "/sources/new" SourcesManage => pages::sources::new_form;
        post "/sources" SourcesManage => pages::sources::create;
        get "/sources/{source}" SourcesView => pages::source::show;
        post "/sources/{source}" SourcesManage => pages::source::update;
        post "/sources/{source}/rotate-key" SourcesManage => pages::source::rotate_key;
        post "/sources/{source}/keys/revoke" SourcesManage => pages::source::revoke_key;
        post "/sources/{source}/delete" SourcesManage => pages::source::delete;
        post "/sources/{source}/quarantine" SourcesManage => pages::source::decide_quarantine;
        get "/integrations" IntegrationsView => pages::integrations::list;
        post "/integrations/new" IntegrationsManage => pages::wizard::begin;
        get "/integrations/new/{draft}/step/{step}" IntegrationsManage => pages::wizard::show;
        post "/integrations/new/{draft}/step/{step}" IntegrationsManage => pages::wizard::submit;
        post "/integrations/new/{draft}/delete" IntegrationsManage => pages::wizard::discard;
        get "/integrations/{slug}" IntegrationsView => pages::integration::show;
        get "/integrations/{slug}/edit" IntegrationsManage => pages::integration::edit;
        post "/integrations/{slug}/edit" IntegrationsManage => pages::integration::save;
        post "/integrations/{slug}/test" IntegrationsRun => pages::integration::run_test;
        post "/integrations/{slug}/verify" IntegrationsRun => pages::integration::verify;
        post "/integrations/{slug}/run" IntegrationsRun => pages::integration::run;
        post "/integrations/{slug}/pause" IntegrationsManage => pages::integration::pause;
        post "/integrations/{slug}/resume" IntegrationsManage => pages::integration::resume;
        post "/integrations/{slug}/rotate" SecretsRotate => pages::integration::rotate;
        post "/integrations/{slug}/preview" IntegrationsView => pages::integration::preview_sample;
        post "/integrations/{slug}/delete" IntegrationsManage => pages::integration::delete;
        get "/rules" RulesView => pages::rules::list;
        get "/rules/backtests" RulesView => pages::backtests::list;
        post "/rules/backtests" RulesEdit => pages::backtests::start;
        get "/rules/backtests/{id}" RulesView => pages::backtests::show;
        post "/rules/backtests/{id}/cancel" RulesEdit => pages::backtests::cancel;
        post "/rules/backtests/{id}/publish" RulesEdit => pages::backtests::publish;
        get "/rules/{key}" RulesView => pages::rule::show;
        post "/rules/{key}" RulesEdit => pages::rule::update;
        get "/suppressions" SuppressionsView => pages::suppressions::list;
        get "/suppressions/new" SuppressionsEdit => pages::suppressions::new_form;
        post "/suppressions" SuppressionsEdit => pages::suppressions::create;
        post "/suppressions/{id}/revoke" SuppressionsEdit => pages::suppressions::revoke;
        get "/settings" RulesView => pages::settings::index;
        get "/settings/general" RetentionManage => pages::settings::general::show;
        post "/settings/general" RetentionManage => pages::settings::general::update;
        get "/settings/scoring" RulesView => pages::settings::scoring::show;
        post "/settings/scoring" RulesEdit => pages::settings::scoring::update;
        get "/settings/actions" RulesView => pages::settings::actions::show;
        post "/settings/actions" RulesEdit => pages::settings::actions::update;
        get "/settings/retention" RetentionManage => pages::settings::retention::show;
        post "/settings/retention" RetentionManage => pages::settings::retention::update;
        get "/audit" AuditView => pages::audit::list;
        get "/profile" ProfileSelf => pages::profile::show;
        post "/profile/password" ProfileSelf => pages::profile::password::update;
        post "/profile/look" ProfileSelf => pages::profile::look::update;
        post "/profile/sessions/end-others" ProfileSelf => pages::profile::end_others;
        post "/profile/tokens" ProfileSelf => pages::profile::tokens::create;
        post "/profile/tokens/revoke" ProfileSelf => pages::profile::tokens::revoke;
        get "/api/openapi.json" ProfileSelf => api::document::show;
        get "/api/overview" OverviewView => api::overview::show;
        get "/api/alerts" AlertsView => api::alerts::list;
        get "/api/alerts/{code}" AlertsView => api::alerts::show;
        patch "/api/alerts/{code}/status" AlertsTriage => api::alerts::change_status;
        post "/api/alerts/bulk/acknowledge" AlertsTriage => api::alerts::bulk_acknowledge;
        post "/api/alerts/bulk/close" AlertsTriage => api::alerts::bulk_close;
        get "/api/actors" ActorsView => api::actors::list;
        get "/api/actors/{code}" ActorsView => api::actors::show;
        get "/api/actors/{code}/events" EventsView => api::actors::actor_events;
        get "/api/actors/{code}/scores" ActorsView => api::actors::actor_scores;
        get "/api/actors/{code}/baseline" ActorsView => api::actors::actor_baseline;
        get "/api/actors/{code}/excluded-days" ActorsView => api::excluded_days::list;
        post "/api/actors/{code}/excluded-days" ActorsExclude => api::excluded_days::add;
        delete "/api/actors/{code}/excluded-days" ActorsExclude => api::excluded_days::remove;
        get "/api/events" EventsView => api::events::list;
        get "/api/export/scores" ExportsRun => api::export::scores_csv;
        get "/api/quarantine" SourcesView => api::quarantine::list;
        post "/api/quarantine/{id}/replay" SourcesManage => api::quarantine::replay_one;
        post "/api/quarantine/{id}/discard" SourcesManage => api::quarantine::discard_one;
        get "/api/rules" RulesView => api::rules::list;
        put "/api/rules" RulesEdit => api::rules::update_all;
        get "/api/rules/backtests" RulesView => api::backtests::list;
        post "/api/rules/backtests" RulesEdit => api::backtests::start;
        get "/api/rules/backtests/{id}" RulesView => api::backtests::show;
        delete "/api/rules/backtests/{id}" RulesEdit => api::backtests::cancel;
        get "/api/rules/{key}" RulesView => api::rules::show;
        put "/api/rules/{key}" RulesEdit => api::rules::update;
        get "/api/suppressions" SuppressionsView => api::suppressions::list;
        post "/api/suppressions" SuppressionsEdit => api::suppressions::create;
        post "/api/suppressions/preview" SuppressionsView => api::suppressions::preview;
        get "/api/suppressions/{id}" SuppressionsView => api::suppressions::show;
        delete "/api/suppressions/{id}" SuppressionsEdit => api::suppressions::revoke;
        get "/api/settings/scoring" RulesView => api::settings::scoring;
        put "/api/settings/scoring" RulesEdit => api::settings::update_scoring;
        get "/api/settings/actions" RulesView => api::actions::show;
        put "/api/settings/actions" RulesEdit => api::actions::update;
        get "/api/sources" SourcesView => api::sources::list;
        post "/api/sources" SourcesManage => api::sources::create;
        get "/api/sources/{source}" SourcesView => api::sources::show;
        put "/api/sources/{source}" SourcesManage => api::sources::update;
        delete "/api/sources/{source}" SourcesManage => api::sources::delete;
        post "/api/sources/{source}/rotate-key" SourcesManage => api::sources::rotate_key;
        get "/api/integrations" IntegrationsView => api::integrations::list;
        post "/api/integrations" IntegrationsManage => api::integrations::create;
        get "/api/integrations/{slug}" IntegrationsView => api::integrations::show;
        put "/api/integrations/{slug}" IntegrationsManage => api::integrations::update;
        delete "/api/integrations/{slug}" IntegrationsManage => api::integrations::delete;
        post "/api/integrations/{slug}/test" IntegrationsRun => api::integrations::run_test;
        post "/api/integrations/{slug}/verify" IntegrationsRun => api::integrations::verify;
        post "/api/integrations/{slug}/run" IntegrationsRun => api::integrations::run;
        post "/api/integrations/{slug}/pause" IntegrationsManage => api::integrations::pause;
        post "/api/integrations/{slug}/resume" IntegrationsManage => api::integrations::resume;
        post "/api/integrations/{slug}/rotate" SecretsRotate => api::integrations::rotate;
        get "/api/integrations/{slug}/pack" IntegrationsManage => api::integrations::download_pack;
        get "/api/integrations/{slug}/preview" IntegrationsView => api::integrations::show_preview;
        post "/api/integrations/{slug}/preview" IntegrationsView => api::integrations::preview_sample;
        get "/api/audit" AuditView => api::audit::list;
        get "/api/users" UsersView => api::users::list;
    }
}

/// The whole service.
pub fn build(app: App) -> Router {
    table()
        .fallback(|| async { WebError::not_found() })
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            REQUEST_TIMEOUT,
        ))
        .layer(from_fn_with_state(app.clone(), headers::surround))
        .with_state(app)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape the layer wants")]
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    axum::response::IntoResponse::into_response(WebError::internal())
}
