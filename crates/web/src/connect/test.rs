//! Testing a connection: the provider's own checks for what is pulled, ours for what is sent.

use collectors::checks::{self, Facts};
use collectors::provider::{self, Task};
use domain::integration::check::{Check, CheckName, Report};
use domain::integration::{Configuration, Integration, Mode, Provider, Settings};
use store::integrations::{self, ACCESS_KEY, SIGNING};
use store::secrets::{self, Owner};
use store::{Scope, api_keys, drafts, integrations::Watched};

use crate::app::App;
use crate::error::WebResult;

/// What is tested.
struct Subject<'a> {
    slug: &'a str,
    provider: Provider,
    mode: Mode,
    configuration: &'a Configuration,
    external_id: &'a str,
    owner: Owner,
    watched: Option<&'a Watched>,
}

/// Tests an integration and keeps the result.
pub(crate) async fn integration(app: &App, scope: &Scope, watched: &Watched) -> WebResult<Report> {
    let integration = &watched.integration;
    let subject = Subject {
        slug: integration.slug.as_str(),
        provider: integration.provider,
        mode: integration.mode,
        configuration: &integration.settings.configuration,
        external_id: &integration.external_id,
        owner: Owner::Integration(integration.id),
        watched: Some(watched),
    };
    let report = run(app, scope, &subject).await?;
    integrations::note_test(scope, integration.slug.as_str(), &report).await?;
    Ok(report)
}

/// Tests a draft whose settings are complete and keeps the result.
pub(crate) async fn draft(
    app: &App,
    scope: &Scope,
    draft: &drafts::Draft,
    (provider, mode): (Provider, Mode),
    settings: &Settings,
) -> WebResult<Report> {
    let subject = Subject {
        slug: &draft.code,
        provider,
        mode,
        configuration: &settings.configuration,
        external_id: &draft.external_id,
        owner: Owner::Draft(draft.code.clone()),
        watched: None,
    };
    let report = run(app, scope, &subject).await?;
    drafts::note_test(scope, &draft.code, &report).await?;
    Ok(report)
}

async fn run(app: &App, scope: &Scope, subject: &Subject<'_>) -> WebResult<Report> {
    if subject.mode == Mode::Pull {
        return pulled(app, scope, subject).await;
    }
    let facts = facts(app, scope, subject).await?;
    Ok(checks::received(subject.mode, &facts, scope.now))
}

async fn pulled(app: &App, scope: &Scope, subject: &Subject<'_>) -> WebResult<Report> {
    let Some(provider) = provider::of(app.providers(), subject.provider) else {
        let missing = provider::missing(subject.provider);
        let remedy = missing.remedy.unwrap_or_default();
        let checks = vec![Check::failed(CheckName::Connect, missing.what, remedy)];
        return Ok(Report {
            at: scope.now,
            checks,
        });
    };
    let secret = secrets::open(scope, app.ring(), &subject.owner, ACCESS_KEY).await?;
    let task = Task {
        slug: subject.slug.to_owned(),
        configuration: subject.configuration.clone(),
        external_id: subject.external_id.to_owned(),
        secret,
        cursor: None,
        clock: app.clock(),
    };
    Ok(provider.check(&task).await)
}

async fn facts(app: &App, scope: &Scope, subject: &Subject<'_>) -> WebResult<Facts> {
    let stored = secrets::list(scope, &subject.owner).await?;
    let mut facts = Facts {
        signature: subject.configuration.signature(),
        draft: subject.watched.is_none(),
        has_secret: stored.iter().any(|s| s.field == SIGNING),
        ..Facts::default()
    };
    if let Configuration::Devices(devices) = subject.configuration
        && subject.mode == Mode::Listener
    {
        for (transport, address) in devices.sockets() {
            let bound = checks::bind(transport, address).await;
            facts.sockets.push((transport, address, bound));
        }
    }
    if let Some(watched) = subject.watched {
        let integration = &watched.integration;
        facts.keys = api_keys::list(scope, integration.source).await?.len();
        facts.last_event_at = watched.last_event_at;
        facts.refused.clone_from(&integration.refused);
        facts.endpoint = endpoint(app, integration);
        let beats = store::collector_instances::list(scope, integration.id).await?;
        facts.last_beat_at = beats.first().map(|i| i.last_beat_at);
    }
    Ok(facts)
}

/// Where requests of an integration are posted to.
pub(crate) fn endpoint(app: &App, integration: &Integration) -> String {
    let origin = app.settings().base_url.origin();
    let source = &integration.source_slug;
    match integration.settings.configuration.signature() {
        Some(_) => format!("{origin}/api/ingest/{source}/webhook"),
        None => format!("{origin}/api/ingest/{source}"),
    }
}
