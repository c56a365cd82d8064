//! The wizard: seven steps, each a page of its own, with the draft kept on the server.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::id::crockford;
use domain::integration::check::Report;
use domain::integration::{Mode, Provider, external_id};
use domain::secret::SecretString;
use store::drafts::{self, Draft};
use store::integrations::{self, NewIntegration};
use store::secrets::{self, Owner};

use super::integrations::fields::{Fields, STEPS};
use super::integrations::words::{self, Promise};
use super::wizard_step::{self as step, Answers, Before};
use crate::app::App;
use crate::auth::{Require, permit};
use crate::connect::credential::{Credential, Fresh};
use crate::connect::{preview, test};
use crate::error::{WebError, WebResult};
use crate::hidden;
use crate::page::{FieldErrors, Page, Shell, page};
use crate::query::pairs;

/// Titles of the steps.
const TITLES: [&str; 7] = [
    "Provider",
    "Mode",
    "Configuration",
    "Schedule",
    "Retention",
    "Test",
    "Review",
];
/// The step of the test.
const TEST: u8 = 6;
/// The last step.
const REVIEW: u8 = 7;

#[derive(Template)]
#[template(path = "wizard.html")]
struct WizardPage {
    shell: Shell,
    code: String,
    step: u8,
    reached: u8,
    provider: Option<Provider>,
    mode: Option<Mode>,
    fields: Fields,
    errors: FieldErrors,
    external_id: String,
    secret_hint: Option<String>,
    /// An existing integration's address cannot be changed; a draft's can.
    fixed_slug: Option<String>,
    promise: Promise,
    upcoming: Vec<String>,
    before: Option<Before>,
    report: Option<Report>,
    summary: Vec<(&'static str, String)>,
}

impl WizardPage {
    /// Title and state of each step, for the stepper.
    fn steps() -> Vec<(u8, &'static str)> {
        (1..).zip(TITLES).collect()
    }

    fn title(&self) -> &'static str {
        TITLES
            .get(usize::from(self.step).saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    fn next_title(&self) -> String {
        let next = TITLES.get(usize::from(self.step)).copied();
        next.unwrap_or_default().to_lowercase()
    }

    fn previous_title(&self) -> String {
        let previous = usize::from(self.step).checked_sub(2);
        let previous = previous.and_then(|i| TITLES.get(i)).copied();
        previous.unwrap_or_default().to_lowercase()
    }

    /// Whether it starts at once.
    fn passes(&self) -> bool {
        self.report.as_ref().is_some_and(Report::passed)
    }

    /// The signature that is chosen, or offered first.
    fn signature(&self) -> domain::integration::config::Signature {
        self.fields
            .signature(self.provider.unwrap_or(Provider::Webhook))
    }
}

fn address(code: &str, step: u8) -> String {
    format!("/integrations/new/{code}/step/{step}")
}

/// Begins a draft, with the provider where one was chosen in the gallery.
pub(crate) async fn begin(
    who: Require<permit::IntegrationsManage>,
    body: String,
) -> WebResult<Response> {
    let posted: Vec<_> = pairs(&body).collect();
    let mut fields = Fields::default();
    fields.take(&posted, STEPS[0]);
    let step = match fields.provider() {
        Some(_) => 2,
        None => 1,
    };
    let code = crockford(u64::from_le_bytes(hidden::random()), 12);
    let external = external_id(hidden::random());
    drafts::create(&who.scope, &code, &external, &fields.0, step).await?;
    Ok(Redirect::to(&address(&code, step)).into_response())
}

/// A step's page. Steps that are not reached yet lead back to the one that is.
pub(crate) async fn show(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path((code, step)): Path<(String, String)>,
) -> WebResult<Response> {
    let draft = drafts::find(&who.scope, &code).await?;
    let step = number(&step)?;
    if step > draft.step {
        return Ok(Redirect::to(&address(&code, draft.step)).into_response());
    }
    let fields = Fields(draft.fields.clone());
    let template = wizard_page(&app, &who, draft, step, fields, FieldErrors::default()).await?;
    Ok(page(template).into_response())
}

fn number(text: &str) -> WebResult<u8> {
    let step = text.parse().ok().filter(|s| (1..=REVIEW).contains(s));
    step.ok_or_else(WebError::not_found)
}

async fn wizard_page<P>(
    app: &App,
    who: &Require<P>,
    draft: Draft,
    step: u8,
    fields: Fields,
    errors: FieldErrors,
) -> WebResult<WizardPage> {
    let scope = &who.scope;
    let answers = Answers::of(&fields);
    let stored = secrets::list(scope, &Owner::Draft(draft.code.clone())).await?;
    let name = answers.provider.map_or("New integration".to_owned(), |p| {
        format!("New integration: {}", p.title())
    });
    Ok(WizardPage {
        shell: Shell::of(who, "/integrations", format!("{name}, step {step} of 7")).await?,
        code: draft.code,
        step,
        reached: draft.step,
        promise: words::promise(answers.provider, answers.mode, fields.of("minSeverity")),
        upcoming: answers.upcoming(scope),
        before: match step {
            5 | REVIEW => answers.before(app, scope),
            _ => None,
        },
        summary: match step {
            REVIEW => answers.summary(&draft.external_id),
            _ => Vec::new(),
        },
        secret_hint: stored.into_iter().next().map(|s| s.hint),
        fixed_slug: None,
        provider: answers.provider,
        mode: answers.mode,
        external_id: draft.external_id,
        report: draft.last_test,
        fields,
        errors,
    })
}

/// Takes a step's answers. Whatever was typed is kept, right or wrong, wherever the visitor goes.
pub(crate) async fn submit(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path((code, step)): Path<(String, String)>,
    body: String,
) -> WebResult<Response> {
    let scope = &who.scope;
    let draft = drafts::find(scope, &code).await?;
    let step = number(&step)?;
    if step > draft.step {
        return Ok(Redirect::to(&address(&code, draft.step)).into_response());
    }
    let posted: Vec<_> = pairs(&body).collect();
    let value = |name: &str| {
        let found = posted.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, v)| v.as_str())
    };
    let mut fields = Fields(draft.fields.clone());
    let names = STEPS
        .get(usize::from(step) - 1)
        .copied()
        .unwrap_or_default();
    fields.take(&posted, names);
    let reached = step::reached(&draft, &fields, step);
    let mut errors = FieldErrors::default();
    let secret = typed_secret(&fields, value("secret"), &mut errors);
    let sealed = secret.as_ref().map(|(field, secret)| (*field, secret));
    drafts::save(scope, app.ring(), &code, &fields.0, reached, sealed).await?;
    let to = |place: &str| Ok(Redirect::to(place).into_response());
    match value("go") {
        "exit" => return to("/integrations?done=draft#drafts"),
        "back" => return to(&address(&code, step.saturating_sub(1).max(1))),
        _ => {}
    }
    let draft = drafts::find(scope, &code).await?;
    if value("go") == "test" && step == TEST {
        return run_test(&app, &who, draft, fields).await;
    }
    step::check(scope, &draft, &fields, step, &mut errors).await?;
    if errors.is_empty() && step == REVIEW {
        match create(&app, &who, &draft, &fields).await? {
            Ok(response) => return Ok(response),
            Err(told) => errors = told,
        }
    }
    if errors.is_empty() {
        let next = step + 1;
        let furthest = reached.max(next);
        drafts::save(scope, app.ring(), &code, &fields.0, furthest, None).await?;
        return to(&address(&code, next));
    }
    let template = wizard_page(&app, &who, draft, step, fields, errors).await?;
    Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response())
}

/// A secret that was typed, when it is one.
fn typed_secret(
    fields: &Fields,
    typed: &str,
    errors: &mut FieldErrors,
) -> Option<(&'static str, SecretString)> {
    let typed = typed.trim();
    let (provider, mode) = (fields.provider()?, fields.mode()?);
    if typed.is_empty() {
        return None;
    }
    let configuration = fields.configuration(provider, mode, &mut FieldErrors::default());
    let credential = Credential::of(mode, &configuration);
    match (credential.problem(typed), credential.field()) {
        (None, Some(field)) => Some((field, SecretString::from(typed))),
        (Some(problem), _) => {
            errors.add("secret", super::sources::capital(problem));
            None
        }
        (None, None) => None,
    }
}

async fn run_test<P>(
    app: &App,
    who: &Require<P>,
    draft: Draft,
    fields: Fields,
) -> WebResult<Response> {
    let answers = Answers::of(&fields);
    let mut errors = FieldErrors::default();
    if let (Some(settings), Some(kind)) = (answers.settings(&mut errors), answers.kind()) {
        test::draft(app, &who.scope, &draft, kind, &settings).await?;
        return Ok(Redirect::to(&address(&draft.code, TEST)).into_response());
    }
    Ok(Redirect::to(&address(&draft.code, 3)).into_response())
}

/// Creates the integration, or says what stands in the way.
async fn create<P>(
    app: &App,
    who: &Require<P>,
    draft: &Draft,
    fields: &Fields,
) -> WebResult<Result<Response, FieldErrors>> {
    let scope = &who.scope;
    let answers = Answers::of(fields);
    let mut errors = FieldErrors::default();
    let settings = answers.settings(&mut errors);
    let (slug, source) = (fields.slug(&mut errors), fields.source(&mut errors));
    let (Some(settings), Some((provider, mode)), Some(slug), true) =
        (settings, answers.kind(), slug, errors.is_empty())
    else {
        errors.add("review", "An earlier step needs a correction.");
        return Ok(Err(errors));
    };
    let credential = Credential::of(mode, &settings.configuration);
    let held = secrets::list(scope, &Owner::Draft(draft.code.clone())).await?;
    let held = held
        .iter()
        .any(|s| Some(s.field.as_str()) == credential.field());
    let fresh = Fresh::make(app, credential, None, held).await?;
    let paused = step::paused(draft, fields);
    let key = fresh.key();
    let new = NewIntegration {
        slug: &slug,
        provider,
        mode,
        settings: &settings,
        source: &source,
        external_id: &draft.external_id,
        key: key.as_ref(),
        secret: fresh
            .secret
            .as_ref()
            .map(|(field, secret)| (*field, secret)),
        paused: paused.as_deref(),
        draft: Some(&draft.code),
    };
    match integrations::create(scope, app.ring(), &new).await {
        Ok(made) => {
            app.key_check().forget();
            if let Some(revealed) = fresh.reveal() {
                let shown = super::integration::reveal(app, who, &made, revealed).await?;
                return Ok(Ok(shown));
            }
            let place = format!("/integrations/{slug}?done=created");
            let response = Redirect::to(&place).into_response();
            Ok(Ok(response))
        }
        Err(store::Error::Exists(what)) => {
            errors.add(
                "slug",
                format!("The {what} {slug} exists already; choose another short name in step 3."),
            );
            Ok(Err(errors))
        }
        Err(other) => Err(other.into()),
    }
}

/// Throws a draft away.
pub(crate) async fn discard(
    who: Require<permit::IntegrationsManage>,
    Path(code): Path<String>,
) -> WebResult<Response> {
    drafts::delete(&who.scope, &code).await?;
    Ok(Redirect::to("/integrations?done=thrown").into_response())
}

/// Reads a sample twice: with and without redaction.
pub(super) fn twice(
    app: &App,
    scope: &store::Scope,
    (provider, settings): (Provider, &domain::integration::Settings),
    redaction: &domain::redaction::Redaction,
) -> Before {
    let sample = preview::sample(provider, scope.now);
    let read = |redaction: &domain::redaction::Redaction| {
        let configuration = &settings.configuration;
        let read = preview::preview(
            app,
            &scope.tenant,
            provider,
            configuration,
            redaction,
            &sample,
        );
        read.map_or_else(|e| e.detail, |items| step::said(&items))
    };
    Before {
        sent: read(&domain::redaction::Redaction::default()),
        stored: read(redaction),
        sample: crate::page::visible(&sample).into_owned(),
    }
}
