//! The first run: the code printed on the machine, the first administrator, the organisation.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Role;
use domain::time::Zone;
use serde::Deserialize;
use store::tenants::{self, Settings};
use store::users::{self, NewUser};
use store::{Principal, setup};

use crate::app::App;
use crate::assets::{ADDRESSES, Addresses};
use crate::auth::{password, visitor_form};
use crate::error::{WebError, WebResult};
use crate::form::Form;
use crate::hidden;
use crate::limit::Verdict;
use crate::page::{FieldErrors, Page};

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    assets: &'static Addresses,
    csrf: String,
    fields: SetupFields,
    errors: FieldErrors,
    engine: &'static str,
    secure: bool,
}

/// What was typed, without the secrets.
#[derive(Debug, Default)]
struct SetupFields {
    name: String,
    email: String,
    organisation: String,
    zone: String,
}

/// The form; gone for ever once somebody exists.
pub(crate) async fn form(State(app): State<App>, headers: HeaderMap) -> WebResult<Response> {
    if users::count(app.db()).await? > 0 {
        return Err(WebError::not_found());
    }
    Ok(visitor_form(&app, &headers, |csrf| SetupPage {
        assets: &ADDRESSES,
        csrf,
        fields: SetupFields {
            zone: "UTC".to_owned(),
            ..SetupFields::default()
        },
        errors: FieldErrors::default(),
        engine: app.db().engine(),
        secure: app.settings().base_url.is_secure(),
    }))
}

/// The posted form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupForm {
    csrf: String,
    code: String,
    name: String,
    email: String,
    password: String,
    organisation: String,
    zone: String,
}

/// Creates the first administrator.
pub(crate) async fn submit(
    State(app): State<App>,
    Form(form): Form<SetupForm>,
) -> WebResult<Response> {
    if users::count(app.db()).await? > 0 {
        return Err(WebError::not_found());
    }
    let mut errors = problems(&form);
    if !errors.is_empty() {
        return Ok(again(&app, form, errors));
    }
    if let Verdict::Wait { seconds } = app.limits().setup() {
        errors.add(
            "code",
            format!("Too many attempts. Try again in {seconds} s."),
        );
        return Ok(again(&app, form, errors));
    }
    let zone = Zone::named(form.zone.trim()).map_err(|e| WebError::field("zone", e.to_string()))?;
    let hash = app.hashing().hash_password(&form.password).await?;
    let tenant = tenants::list(app.db()).await?.into_iter().next();
    let tenant = tenant.ok_or_else(WebError::unavailable)?;
    let mut scope = app.system_scope(tenant, "setup");
    scope.principal = Principal::System("first-run setup");
    let admin = NewUser {
        email: &form.email,
        name: form.name.trim(),
        password_hash: &hash,
        role: Role::Admin,
        must_change_password: false,
    };
    let code = hidden::hash(form.code.trim().to_uppercase().as_str());
    match setup::claim(&scope, &code, &admin).await {
        Err(store::Error::NotFound) if users::count(app.db()).await? > 0 => {
            return Err(WebError::new(
                StatusCode::CONFLICT,
                "Already set up",
                "Somebody else was quicker. Sign in, or ask that person for an account.",
            ));
        }
        Err(store::Error::NotFound) => {
            errors.add("code", "This is not the code. The first start printed it, and insider-risk setup-code prints a new one.");
            return Ok(again(&app, form, errors));
        }
        other => other?,
    }
    let mut settings = Settings::from(&scope.tenant);
    form.organisation.trim().clone_into(&mut settings.name);
    settings.scoring.zone = zone;
    tenants::update(&scope, &settings).await?;
    Ok(Redirect::to("/login?done=setup").into_response())
}

fn problems(form: &SetupForm) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if form.code.trim().is_empty() {
        errors.add("code", "Type the code that the first start printed.");
    }
    if form.name.trim().is_empty() || form.name.chars().count() > 100 {
        errors.add("name", "Give your name, up to 100 characters.");
    }
    if !is_email(&form.email) {
        errors.add("email", "Give an e-mail address, such as mia@example.org.");
    }
    if let Some(problem) = password::problem(&form.password, &form.email) {
        errors.add("password", problem);
    }
    if form.organisation.trim().is_empty() || form.organisation.chars().count() > 100 {
        errors.add(
            "organisation",
            "Give your organisation's name, up to 100 characters.",
        );
    }
    if let Err(problem) = Zone::named(form.zone.trim()) {
        errors.add("zone", problem.to_string());
    }
    errors
}

/// Whether a text looks like an address: something, an at sign, something.
pub fn is_email(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@');
    text.len() <= 254
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
}

fn again(app: &App, form: SetupForm, errors: FieldErrors) -> Response {
    Page(
        StatusCode::UNPROCESSABLE_ENTITY,
        SetupPage {
            assets: &ADDRESSES,
            csrf: form.csrf,
            fields: SetupFields {
                name: form.name,
                email: form.email,
                organisation: form.organisation,
                zone: form.zone,
            },
            errors,
            engine: app.db().engine(),
            secure: app.settings().base_url.is_secure(),
        },
    )
    .into_response()
}
