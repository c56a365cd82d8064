//! Integrations: connected, watched, tested, run, paused, rotated.

mod body;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use collectors::pack::{self, NoPack};
use domain::integration::{Configuration, Mode, Provider, Settings, external_id};
use domain::source::SourceSettings;
use domain::tenant::{NotASlug, Slug};
use serde::de::DeserializeOwned;
use store::integrations::{self, NewIntegration};
use store::{collector_instances, runs, secrets, sources};

use super::{List, json, json_with};
use crate::app::App;
use crate::auth::{Require, permit};
use crate::connect::credential::{self, Credential, Fresh, Wanted};
use crate::connect::{preview, test, verify};
use crate::error::{WebError, WebResult};
use crate::form::Path;
use crate::hidden;
use body::{
    IntegrationBody, IntegrationChange, Pause, PreviewBody, Rotation, RunBody, Sample, TestBody,
    VerificationBody,
};

/// Runs that are shown with an integration.
const SHOWN_RUNS: u32 = 50;

/// A JSON body, read after the thing it is about was found. An empty one is all defaults.
fn read<T: DeserializeOwned>(body: &str) -> WebResult<T> {
    let text = if body.trim().is_empty() { "{}" } else { body };
    serde_json::from_str(text).map_err(|e| WebError::field("body", e.to_string()))
}

/// Every integration, worst first.
#[utoipa::path(
    get, path = "/api/integrations", tag = "integrations",
    responses((status = 200, body = List<IntegrationBody>))
)]
pub(crate) async fn list(
    who: Require<permit::IntegrationsView>,
    State(app): State<App>,
) -> WebResult<Response> {
    let all = integrations::watch_all(&who.scope).await?;
    let bodies = all.iter().map(|w| IntegrationBody::new(&app, w)).collect();
    Ok(json(&List::whole(bodies)))
}

/// Creates an integration with the source it delivers through. A key or signing secret that is
/// made here is in this answer only.
#[utoipa::path(
    post, path = "/api/integrations", tag = "integrations", request_body = IntegrationChange,
    responses(
        (status = 201, body = IntegrationBody), (status = 409, body = super::Problem),
        (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn create(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    body: String,
) -> WebResult<Response> {
    let change: IntegrationChange = read(&body)?;
    let (provider, mode) = change.kind()?;
    let settings = change.settings(provider, mode, None)?;
    let slug = new_slug(change.integration.as_deref(), &settings.name)?;
    let source = change.source_settings(SourceSettings::named(&settings.name))?;
    let credential = Credential::of(mode, &settings.configuration);
    let fresh = Fresh::make(&app, credential, change.secret.as_deref(), false).await?;
    let (key, external) = (fresh.key(), external_id(hidden::random()));
    let new = NewIntegration {
        slug: &slug,
        provider,
        mode,
        settings: &settings,
        source: &source,
        external_id: &external,
        key: key.as_ref(),
        secret: fresh
            .secret
            .as_ref()
            .map(|(field, secret)| (*field, secret)),
        paused: change.paused.as_deref(),
        draft: None,
    };
    integrations::create(&who.scope, app.ring(), &new).await?;
    let watched = integrations::watch(&who.scope, slug.as_str()).await?;
    let body = IntegrationBody::new(&app, &watched).revealing(fresh.reveal());
    Ok(json_with(StatusCode::CREATED, &body))
}

/// A name in addresses that is free of meaning of its own.
pub(crate) fn new_slug(given: Option<&str>, name: &str) -> WebResult<Slug> {
    let slug = match given.filter(|g| !g.is_empty()) {
        Some(text) => text.parse().ok(),
        None => Slug::suggest(name),
    };
    let slug = slug.ok_or_else(|| WebError::field("integration", NotASlug.to_string()))?;
    if slug.as_str() == "new" {
        return Err(WebError::field(
            "integration",
            "this word is taken; choose another",
        ));
    }
    Ok(slug)
}

/// One integration with its secrets (masked), latest test and runs.
#[utoipa::path(
    get, path = "/api/integrations/{slug}", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 200, body = IntegrationBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::IntegrationsView>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let watched = integrations::watch(scope, slug.as_str()).await?;
    let id = watched.integration.id;
    let stored = secrets::list(scope, &secrets::Owner::Integration(id)).await?;
    let runs = runs::list(scope, id, None, SHOWN_RUNS).await?;
    let tested = integrations::last_test(scope, id).await?;
    let instances = collector_instances::list(scope, id).await?;
    let body = IntegrationBody::new(&app, &watched)
        .with_details(stored, runs, tested.as_ref(), scope.now)
        .with_instances(instances);
    Ok(json(&body))
}

/// Changes an integration; what is absent stays as it is.
#[utoipa::path(
    put, path = "/api/integrations/{slug}", tag = "integrations", request_body = IntegrationChange,
    params(("slug" = String, Path, description = "Short name")),
    responses(
        (status = 200, body = IntegrationBody), (status = 404, body = super::Problem),
        (status = 409, body = super::Problem), (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn update(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let scope = &who.scope;
    let held = integrations::find(scope, slug.as_str()).await?;
    let change: IntegrationChange = read(&body)?;
    change.keeps_kind(&held)?;
    let settings = change.settings(held.provider, held.mode, Some(&held.settings))?;
    let old_source = sources::find(scope, held.source_slug.as_str()).await?;
    let source = change.source_settings(SourceSettings {
        name: settings.name.clone(),
        ..old_source.settings
    })?;
    let credential = Credential::of(held.mode, &settings.configuration);
    let before = Credential::of(held.mode, &held.settings.configuration);
    keeps_credential(before, credential)?;
    let fresh = match change.secret.as_deref() {
        Some(_) => Fresh::make(&app, credential, change.secret.as_deref(), true).await?,
        None => Fresh::default(),
    };
    let secret = fresh
        .secret
        .as_ref()
        .map(|(field, secret)| (*field, secret));
    let to = (&settings, Some(&source));
    integrations::update(scope, app.ring(), slug.as_str(), to, secret, change.version).await?;
    app.key_check().forget();
    let watched = integrations::watch(scope, slug.as_str()).await?;
    Ok(json(&IntegrationBody::new(&app, &watched)))
}

/// The kind of credential is part of what the sender was told; another kind is another
/// integration. Only the access key can be given up or taken up.
pub(crate) fn keeps_credential(before: Credential, after: Credential) -> WebResult<()> {
    let pulled = |c| matches!(c, Credential::Nothing | Credential::AccessKey);
    if before == after || (pulled(before) && pulled(after)) {
        return Ok(());
    }
    Err(WebError::field(
        "signature",
        "the way requests are signed is fixed; make a new integration instead",
    ))
}

/// Deletes an integration with its source and keys. Its events stay until their retention ends.
#[utoipa::path(
    delete, path = "/api/integrations/{slug}", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 204, description = "Deleted"), (status = 404, body = super::Problem))
)]
pub(crate) async fn delete(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    integrations::delete(&who.scope, slug.as_str()).await?;
    app.key_check().forget();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tests the connection: named checks in order, each with its remedy.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/test", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 200, body = TestBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn run_test(
    who: Require<permit::IntegrationsRun>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let watched = integrations::watch(&who.scope, slug.as_str()).await?;
    let report = test::integration(&app, &who.scope, &watched).await?;
    Ok(json(&TestBody::from(&report)))
}

/// Asks for a run now; the worker takes it within seconds.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/run", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses(
        (status = 202, description = "Asked for", body = RunBody), (status = 404, body = super::Problem),
        (status = 409, description = "It is being run now, is paused, or is not pulled", body = super::Problem),
    )
)]
pub(crate) async fn run(
    who: Require<permit::IntegrationsRun>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    ask_for_run(&who, &slug).await?;
    let integration = integrations::find(&who.scope, slug.as_str()).await?;
    let next = integration.next_run_at.map(|at| at.to_string());
    Ok(json_with(
        StatusCode::ACCEPTED,
        &RunBody { next_run_at: next },
    ))
}

/// Asks for a run, with a clear refusal where there is nothing to run.
pub(crate) async fn ask_for_run<P>(who: &Require<P>, slug: &Slug) -> WebResult<()> {
    let integration = integrations::find(&who.scope, slug.as_str()).await?;
    let refuse = |detail: &str| {
        Err(WebError::new(
            StatusCode::CONFLICT,
            "There is nothing to run",
            detail,
        ))
    };
    if integration.mode != Mode::Pull {
        return refuse("Its events are sent to this service; it is not asked for any.");
    }
    if integration.paused.is_some() {
        return refuse("It is paused. Let it go on first.");
    }
    Ok(runs::ask(&who.scope, slug.as_str()).await?)
}

/// Stops an integration: nothing is asked for and nothing accepted.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/pause", tag = "integrations",
    request_body(content = Pause, description = "May be left out"),
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 200, body = IntegrationBody), (status = 404, body = super::Problem), (status = 422, body = super::Problem))
)]
pub(crate) async fn pause(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    integrations::find(&who.scope, slug.as_str()).await?;
    let pause: Pause = read(&body)?;
    let reason = pause_reason(&pause.reason)?;
    integrations::pause(&who.scope, slug.as_str(), &reason).await?;
    app.key_check().forget();
    let watched = integrations::watch(&who.scope, slug.as_str()).await?;
    Ok(json(&IntegrationBody::new(&app, &watched)))
}

/// A reason as it is kept: one line of at most 200 characters.
pub(crate) fn pause_reason(text: &str) -> WebResult<String> {
    let text = text.trim();
    if text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(WebError::field(
            "reason",
            "give at most 200 characters on one line",
        ));
    }
    Ok(text.to_owned())
}

/// Lets an integration go on.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/resume", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 200, body = IntegrationBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn resume(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    integrations::resume(&who.scope, slug.as_str()).await?;
    app.key_check().forget();
    let watched = integrations::watch(&who.scope, slug.as_str()).await?;
    Ok(json(&IntegrationBody::new(&app, &watched)))
}

/// Replaces credentials. What is made here is in this answer only.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/rotate", tag = "integrations",
    request_body(content = Rotation, description = "May be left out"),
    params(("slug" = String, Path, description = "Short name")),
    responses(
        (status = 200, body = IntegrationBody), (status = 404, body = super::Problem),
        (status = 409, description = "It stores no credentials", body = super::Problem),
        (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn rotate(
    who: Require<permit::SecretsRotate>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let held = integrations::find(&who.scope, slug.as_str()).await?;
    let rotation: Rotation = read(&body)?;
    let wanted = Wanted {
        overlap_hours: rotation.overlap_hours.unwrap_or(24),
        secret: rotation.secret.as_deref(),
        access_key_id: rotation.access_key_id.as_deref(),
    };
    let revealed = credential::rotate(&app, &who.scope, &held, &wanted).await?;
    let watched = integrations::watch(&who.scope, slug.as_str()).await?;
    Ok(json(
        &IntegrationBody::new(&app, &watched).revealing(revealed),
    ))
}

/// Begins a verification: makes the number one event has to hold. Steps it reaches are told under
/// the returned address to whoever holds the number.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/verify", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 201, body = VerificationBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn verify(
    who: Require<permit::IntegrationsRun>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let integration = integrations::find(&who.scope, slug.as_str()).await?;
    let number = verify::begin(&app, &who.scope, &integration).await?;
    let body = VerificationBody {
        address: format!(
            "{}/api/ingest/{}/verifications/{number}",
            app.settings().base_url.origin(),
            integration.source_slug
        ),
        number,
    };
    Ok(json_with(StatusCode::CREATED, &body))
}

/// The pack: everything the other side needs, as a zip without secrets. The same integration,
/// version and address give the same bytes.
#[utoipa::path(
    get, path = "/api/integrations/{slug}/pack", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses(
        (status = 200, description = "A zip archive", content_type = "application/zip"),
        (status = 404, body = super::Problem),
        (status = 422, description = "A setting cannot be written safely", body = super::Problem),
    )
)]
pub(crate) async fn download_pack(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let integration = integrations::find(&who.scope, slug.as_str()).await?;
    let request = pack::Request {
        integration: &integration,
        origin: app.settings().base_url.origin(),
    };
    let zip = pack::build(&request).map_err(|none| match none {
        NoPack::Value(field) => WebError::field(field, none.to_string()),
        NoPack::Archive(why) => {
            tracing::error!(why, "a pack could not be written");
            WebError::internal()
        }
    })?;
    let name = format!("attachment; filename=\"{slug}-pack.zip\"");
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, zip).into_response())
}

/// What a sample of the provider's documentation would become.
#[utoipa::path(
    get, path = "/api/integrations/{slug}/preview", tag = "integrations",
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 200, body = PreviewBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show_preview(
    who: Require<permit::IntegrationsView>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    previewed(&app, &who, &slug, None).await
}

/// What a sample of yours would become. Nothing is stored.
#[utoipa::path(
    post, path = "/api/integrations/{slug}/preview", tag = "integrations", request_body = Sample,
    params(("slug" = String, Path, description = "Short name")),
    responses((status = 200, body = PreviewBody), (status = 404, body = super::Problem), (status = 422, body = super::Problem))
)]
pub(crate) async fn preview_sample(
    who: Require<permit::IntegrationsView>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    previewed(&app, &who, &slug, Some(&body)).await
}

async fn previewed<P>(
    app: &App,
    who: &Require<P>,
    slug: &Slug,
    body: Option<&str>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let integration = integrations::find(scope, slug.as_str()).await?;
    let source = sources::find(scope, integration.source_slug.as_str()).await?;
    let sample = match body {
        Some(body) => read::<Sample>(body)?.sample,
        None => preview::sample(integration.provider, scope.now),
    };
    let items = preview::preview(
        app,
        &scope.tenant,
        integration.provider,
        &integration.settings.configuration,
        &source.settings.redaction,
        &sample,
    )?;
    Ok(json(&PreviewBody::new(sample, items)))
}

/// The configuration of a provider and mode, with a refusal that names what is wrong.
pub(crate) fn configuration(
    provider: Provider,
    mode: Mode,
    value: serde_json::Value,
) -> WebResult<Configuration> {
    if !provider.modes().contains(&mode) {
        let modes: Vec<&str> = provider.modes().iter().map(|m| m.word()).collect();
        return Err(WebError::field(
            "mode",
            format!("{provider} arrives by {}", modes.join(" or ")),
        ));
    }
    Configuration::read(provider, mode, value)
        .map_err(|e| WebError::field("configuration", e.to_string()))
}

/// Settings that are in bounds, or a refusal that names the field.
pub(crate) fn checked(settings: Settings) -> WebResult<Settings> {
    match settings.problem() {
        Some((field, message)) => Err(WebError::field(field, message)),
        None => Ok(settings),
    }
}
