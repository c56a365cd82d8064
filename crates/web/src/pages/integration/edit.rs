//! Changing an integration: the fields of the wizard on one page.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::integration::{Integration, Mode, Provider};
use domain::secret::SecretString;
use domain::tenant::Slug;
use store::secrets::{self, Owner};
use store::{integrations, sources};

use crate::api::integrations::keeps_credential;
use crate::app::App;
use crate::auth::{Require, permit};
use crate::connect::credential::Credential;
use crate::error::{WebError, WebResult};
use crate::form::Path;
use crate::page::{FieldErrors, Page, Shell, page};
use crate::pages::integrations::fields::{Fields, STEPS};
use crate::pages::sources::capital;
use crate::pages::wizard_step::times;
use crate::query::pairs;

#[derive(Template)]
#[template(path = "integration_edit.html")]
struct EditPage {
    shell: Shell,
    i: Integration,
    base: i64,
    provider: Option<Provider>,
    mode: Option<Mode>,
    fields: Fields,
    errors: FieldErrors,
    external_id: String,
    secret_hint: Option<String>,
    fixed_slug: Option<String>,
    upcoming: Vec<String>,
}

impl EditPage {
    fn signature(&self) -> domain::integration::config::Signature {
        let held = self.i.settings.configuration.signature();
        held.unwrap_or_default()
    }
}

/// The form.
pub(crate) async fn edit(
    who: Require<permit::IntegrationsManage>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let integration = integrations::find(&who.scope, slug.as_str()).await?;
    let source = sources::find(&who.scope, integration.source_slug.as_str()).await?;
    let fields = Fields::of_settings(&integration.settings, &source.settings);
    let base = integration.version;
    let template = edit_page(&who, integration, base, fields, FieldErrors::default()).await?;
    Ok(page(template).into_response())
}

async fn edit_page<P>(
    who: &Require<P>,
    i: Integration,
    base: i64,
    fields: Fields,
    errors: FieldErrors,
) -> WebResult<EditPage> {
    let stored = secrets::list(&who.scope, &Owner::Integration(i.id)).await?;
    let schedule = fields.schedule(&mut FieldErrors::default());
    Ok(EditPage {
        shell: Shell::of(who, "/integrations", format!("Edit {}", i.settings.name)).await?,
        provider: Some(i.provider),
        mode: Some(i.mode),
        external_id: i.external_id.clone(),
        secret_hint: stored.into_iter().next().map(|s| s.hint),
        fixed_slug: Some(i.slug.to_string()),
        upcoming: match i.mode {
            Mode::Pull => times(&schedule, &who.scope),
            _ => Vec::new(),
        },
        base,
        i,
        fields,
        errors,
    })
}

/// Saves the settings; a form with errors comes back as typed.
pub(crate) async fn save(
    who: Require<permit::IntegrationsManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let scope = &who.scope;
    let held = integrations::find(scope, slug.as_str()).await?;
    let old_source = sources::find(scope, held.source_slug.as_str()).await?;
    let sent: Vec<_> = pairs(&body).collect();
    let value = |name: &str| {
        let found = sent.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, v)| v.as_str())
    };
    let version: i64 = value("version")
        .parse()
        .map_err(|_| WebError::field("version", "Load the page again."))?;
    let mut fields = Fields::of_settings(&held.settings, &old_source.settings);
    for names in STEPS.iter().skip(2) {
        fields.take(&sent, names);
    }
    let mut errors = FieldErrors::default();
    let settings = fields.settings(held.provider, held.mode, &mut errors);
    let source = fields.source(&mut errors);
    let credential = Credential::of(held.mode, &settings.configuration);
    keeps_credential(
        Credential::of(held.mode, &held.settings.configuration),
        credential,
    )?;
    let typed = value("secret").trim();
    let secret = match credential.field() {
        Some(field) if !typed.is_empty() => Some((field, SecretString::from(typed))),
        _ => None,
    };
    if let Some(problem) = credential.problem(typed).filter(|_| secret.is_some()) {
        errors.add("secret", capital(problem));
    }
    let needs = credential == Credential::AccessKey && secret.is_none();
    if needs
        && secrets::list(scope, &Owner::Integration(held.id))
            .await?
            .is_empty()
    {
        errors.add("secret", "Give the secret that belongs to the access key.");
    }
    if !errors.is_empty() {
        let template = edit_page(&who, held, version, fields, errors).await?;
        return Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response());
    }
    let sealed = secret.as_ref().map(|(field, secret)| (*field, secret));
    let to = (&settings, Some(&source));
    integrations::update(scope, app.ring(), slug.as_str(), to, sealed, Some(version)).await?;
    app.key_check().forget();
    Ok(Redirect::to(&format!("/integrations/{slug}?done=saved")).into_response())
}
