//! One integration: is it working, since when not, and what to do.

mod edit;
mod pack_panel;
mod strip;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::integration::Integration;
use domain::integration::check::Report;
use domain::integration::config::Signature;
use domain::integration::health::State as Doing;
use domain::redaction::Redaction;
use domain::tenant::Slug;
use store::collector_instances::Instance;
use store::integrations::{self, Watched};
use store::runs::{self, Run};
use store::secrets::{self, Owner, Stored};
use store::{Scope, collector_instances, sources};

use super::integrations::words;
use super::wizard_step::{said, times};
use crate::api::integrations::{ask_for_run, pause_reason};
use crate::app::App;
use crate::auth::{Require, permit};
use crate::connect::credential::{self, Credential, Revealed, Wanted};
use crate::connect::verify::{self, Progress};
use crate::connect::{preview, test};
use crate::error::{WebError, WebResult};
use crate::form::Path;
use crate::page::{Page, Shell, When, page};
use crate::query::pairs;
use pack_panel::PackPanel;
use strip::Strip;

pub(crate) use edit::{edit, save};

/// Runs drawn in the strip.
const STRIP: u32 = 100;
/// Runs of the table.
const ROWS: usize = 10;
/// The severities a form offers: value, title, hint.
pub(crate) const SEVERITIES: [(&str, &str, &str); 3] = [
    ("1", "1, everything", "low, medium and high"),
    ("4", "4, medium", "medium and high"),
    ("7", "7, high", "high and critical only"),
];

#[derive(Template)]
#[template(path = "integration.html")]
struct IntegrationPage {
    shell: Shell,
    i: Integration,
    watched: Watched,
    last: Option<When>,
    next: Option<When>,
    events: String,
    total: String,
    strip: Strip,
    rows: Vec<RunRow>,
    chosen: Option<RunRow>,
    owner: Option<String>,
    instances: Vec<(Instance, When)>,
    summary: Vec<(&'static str, String)>,
    secrets: Vec<(Stored, When)>,
    upcoming: Vec<String>,
    report: Option<Report>,
    tested: Option<When>,
    fixed_slug: Option<String>,
    endpoint: String,
    signature: Option<Signature>,
    credential: Credential,
    refused: Option<(String, When)>,
    pack: PackPanel,
    /// The verification that is watched: its number, and how far its event has come.
    verification: Option<(String, Progress)>,
    sample: String,
    becomes: String,
    may_manage: bool,
    may_run: bool,
    may_rotate: bool,
}

/// One run of the table.
struct RunRow {
    run: Run,
    started: When,
    took: String,
    next: Option<When>,
}

impl IntegrationPage {
    fn pill(&self) -> &'static str {
        super::integrations::pill(self.watched.health.state)
    }

    fn note(&self) -> &'static str {
        match self.watched.health.state {
            Doing::Failed => "note-error",
            Doing::Degraded => "note-warn",
            Doing::Healthy => "note-success",
            Doing::Paused | Doing::NeverRan => "",
        }
    }

    fn waits(&self) -> bool {
        self.watched.health.state == Doing::NeverRan
    }

    /// What runs the verification on the other side.
    fn command(&self, number: &str) -> String {
        let key = if self.signature.is_some() {
            "API_KEY=… "
        } else {
            ""
        };
        format!("{key}./verify.sh {number}")
    }

    fn last_remedy(&self) -> Option<&str> {
        let failing = self.i.errors_in_row > 0;
        let newest = self.rows.first().filter(|_| failing)?;
        newest.run.remedy.as_deref()
    }
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::IntegrationsView>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let query = query.unwrap_or_default();
    let asked = pairs(&query).find(|(k, _)| k == "run");
    let run = asked.and_then(|(_, n)| n.parse().ok());
    let done = pairs(&query).find(|(k, _)| k == "done");
    let message = done.and_then(|(_, d)| message(&d));
    let template = integration_page(&app, &who, &slug, run, None).await?;
    let watched = pairs(&query).find(|(k, _)| k == "verify");
    let verification = match watched {
        Some((_, number)) => {
            let source = template.i.source_slug.as_str();
            // A number that is too old is no reason to show no page.
            let progress = verify::progress(&app, source, &number, false).await.ok();
            progress.map(|progress| (number, progress))
        }
        None => None,
    };
    let shell = template.shell.with_message(message);
    let template = IntegrationPage {
        shell,
        verification,
        ..template
    };
    Ok(page(template).into_response())
}

fn message(done: &str) -> Option<&'static str> {
    Some(match done {
        "created" => "The integration is created. This page follows how it is doing.",
        "saved" => "Saved. It applies from now on.",
        "asked" => "A run is asked for; the worker takes it within seconds.",
        "tested" => "The test has run; its checks are below.",
        "paused" => "It is paused: nothing is asked for and nothing accepted.",
        "resumed" => "It goes on.",
        "rotated" => "The credentials are replaced.",
        _ => return None,
    })
}

#[expect(clippy::too_many_lines, reason = "one line for each part of the page")]
async fn integration_page<P>(
    app: &App,
    who: &Require<P>,
    slug: &Slug,
    chosen: Option<i64>,
    sample: Option<String>,
) -> WebResult<IntegrationPage> {
    let scope = &who.scope;
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let when = |at| When::of(at, zone, now);
    let watched = integrations::watch(scope, slug.as_str()).await?;
    let i = watched.integration.clone();
    let source = sources::find(scope, i.source_slug.as_str()).await?;
    let past = Past::of(scope, &i, chosen).await?;
    let report = integrations::last_test(scope, i.id).await?;
    let stored = secrets::list(scope, &Owner::Integration(i.id)).await?;
    let instances = collector_instances::list(scope, i.id).await?;
    let sample = sample.unwrap_or_else(|| preview::sample(i.provider, now));
    let becomes = becomes(app, scope, &i, &source.settings.redaction, &sample);
    let allows = |permission| who.user.role.allows(permission);
    Ok(IntegrationPage {
        shell: Shell::of(who, "/integrations", i.settings.name.clone()).await?,
        last: watched.last_event_at.map(when),
        next: i.next_run_at.map(when),
        events: scoring::words::count(watched.events_in_day as f64),
        total: scoring::words::count(watched.events as f64),
        strip: past.strip,
        rows: past.rows,
        chosen: past.chosen,
        owner: runs::owner(scope, i.id).await?,
        instances: instances
            .into_iter()
            .map(|n| {
                let at = when(n.last_beat_at);
                (n, at)
            })
            .collect(),
        summary: words::summary(&i.settings.configuration, &i.external_id),
        secrets: stored
            .into_iter()
            .map(|s| {
                let at = when(s.sealed_at);
                (s, at)
            })
            .collect(),
        upcoming: i
            .settings
            .schedule
            .as_ref()
            .filter(|_| i.paused.is_none())
            .map(|s| times(s, scope))
            .unwrap_or_default(),
        tested: report.as_ref().map(|r| when(r.at)),
        report,
        fixed_slug: Some(i.slug.to_string()),
        endpoint: test::endpoint(app, &i),
        signature: i.settings.configuration.signature(),
        credential: Credential::of(i.mode, &i.settings.configuration),
        refused: i.refused.clone().map(|(at, why)| (why, when(at))),
        becomes,
        pack: PackPanel::of(app, &i),
        verification: None,
        sample,
        may_manage: allows(Permission::IntegrationsManage),
        may_run: allows(Permission::IntegrationsRun),
        may_rotate: allows(Permission::SecretsRotate),
        watched,
        i,
    })
}

/// The runs of the page.
struct Past {
    strip: Strip,
    rows: Vec<RunRow>,
    chosen: Option<RunRow>,
}

impl Past {
    async fn of(scope: &Scope, i: &Integration, chosen: Option<i64>) -> WebResult<Self> {
        let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
        let row = |run: &Run| RunRow {
            started: When::of(run.started_at, zone, now),
            took: strip::took(run, now),
            next: run.next_run_at.map(|at| When::of(at, zone, now)),
            run: run.clone(),
        };
        let all = runs::list(scope, i.id, None, STRIP).await?;
        let chosen = match chosen {
            Some(number) => Some(row(&runs::find(scope, i.id, number).await?)),
            None => None,
        };
        Ok(Self {
            strip: Strip::of(&all, now),
            rows: all.iter().take(ROWS).map(row).collect(),
            chosen,
        })
    }
}

/// What a sample becomes, or why it does not.
fn becomes(
    app: &App,
    scope: &Scope,
    i: &Integration,
    redaction: &Redaction,
    sample: &str,
) -> String {
    let configuration = &i.settings.configuration;
    let read = preview::preview(
        app,
        &scope.tenant,
        i.provider,
        configuration,
        redaction,
        sample,
    );
    read.map_or_else(|e| e.detail, |items| said(&items))
}

fn back(slug: &Slug, done: &str) -> Response {
    Redirect::to(&format!("/integrations/{slug}?done={done}")).into_response()
}

/// A value of a posted form.
fn posted(body: &str, name: &str) -> String {
    let found = pairs(body).find(|(n, _)| n == name);
    found.map(|(_, v)| v).unwrap_or_default()
}

/// Asks for a run.
pub(crate) async fn run(
    who: Require<permit::IntegrationsRun>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    ask_for_run(&who, &slug).await?;
    Ok(back(&slug, "asked"))
}

/// Tests the connection.
pub(crate) async fn run_test(
    who: Require<permit::IntegrationsRun>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let watched = integrations::watch(&who.scope, slug.as_str()).await?;
    test::integration(&app, &who.scope, &watched).await?;
    Ok(Redirect::to(&format!("/integrations/{slug}?done=tested#test")).into_response())
}

/// Begins a verification and shows what to run.
pub(crate) async fn verify(
    who: Require<permit::IntegrationsRun>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let integration = integrations::find(&who.scope, slug.as_str()).await?;
    let number = verify::begin(&app, &who.scope, &integration).await?;
    let there = format!("/integrations/{slug}?verify={number}#verify");
    Ok(Redirect::to(&there).into_response())
}

/// Stops it.
pub(crate) async fn pause(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let reason = pause_reason(&posted(&body, "reason"))?;
    integrations::pause(&who.scope, slug.as_str(), &reason).await?;
    app.key_check().forget();
    Ok(back(&slug, "paused"))
}

/// Lets it go on.
pub(crate) async fn resume(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    integrations::resume(&who.scope, slug.as_str()).await?;
    app.key_check().forget();
    Ok(back(&slug, "resumed"))
}

/// Replaces its credentials and shows what was made, once.
pub(crate) async fn rotate(
    who: Require<permit::SecretsRotate>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let held = integrations::find(&who.scope, slug.as_str()).await?;
    let (secret, id) = (posted(&body, "secret"), posted(&body, "accessKeyId"));
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let (secret, id) = (given(&secret), given(&id));
    let overlap = posted(&body, "overlap");
    let overlap_hours = overlap
        .parse()
        .map_err(|_| WebError::field("overlap", "Choose one of the offered overlaps."))?;
    let wanted = Wanted {
        overlap_hours,
        secret: secret.as_deref(),
        access_key_id: id.as_deref(),
    };
    match credential::rotate(&app, &who.scope, &held, &wanted).await? {
        Some(revealed) => reveal(&app, &who, &held, revealed).await,
        None => Ok(back(&slug, "rotated")),
    }
}

/// Deletes it with its source, keys and secrets.
pub(crate) async fn delete(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    if posted(&body, "confirm").trim() != slug.as_str() {
        return Err(WebError::field(
            "confirm",
            format!("Type {slug} to delete it. Nothing was deleted."),
        ));
    }
    integrations::delete(&who.scope, slug.as_str()).await?;
    app.key_check().forget();
    Ok(Redirect::to("/integrations?done=deleted").into_response())
}

/// Shows what a pasted sample would become.
pub(crate) async fn preview_sample(
    who: Require<permit::IntegrationsView>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let sample = posted(&body, "sample");
    let sample = (!sample.trim().is_empty()).then_some(sample);
    let template = integration_page(&app, &who, &slug, None, sample).await?;
    Ok(page(template).into_response())
}

#[derive(Template)]
#[template(path = "integration_key.html")]
struct KeyPage {
    shell: Shell,
    i: Integration,
    revealed: Revealed,
    endpoint: String,
    signature: Option<Signature>,
}

impl KeyPage {
    fn genuine(&self) -> Option<&'static str> {
        self.signature.map(words::signature_title)
    }
}

/// Shows a credential, the only time it can be shown.
pub(crate) async fn reveal<P>(
    app: &App,
    who: &Require<P>,
    integration: &Integration,
    revealed: Revealed,
) -> WebResult<Response> {
    let title = format!("Credentials of {}", integration.settings.name);
    let template = KeyPage {
        shell: Shell::of(who, "/integrations", title).await?,
        endpoint: test::endpoint(app, integration),
        signature: integration.settings.configuration.signature(),
        i: integration.clone(),
        revealed,
    };
    Ok(Page(StatusCode::OK, template).into_response())
}
