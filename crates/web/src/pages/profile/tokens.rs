//! Personal API tokens: made here, shown once, revoked here.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::tokens;

use super::{browser, profile_page};
use crate::app::App;
use crate::auth::keys::{Key, Kind};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Form;
use crate::hidden;
use crate::page::{Page, Shell, page};

/// Most characters of a token's name.
const LONGEST_NAME: usize = 100;

#[derive(Template)]
#[template(path = "profile_token.html")]
struct TokenPage {
    shell: Shell,
    name: String,
    role: &'static str,
    token: String,
    origin: String,
}

/// A posted new token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTokenForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    name: String,
}

/// Makes a token and shows it, the only time it can be shown.
pub(crate) async fn create(
    who: Require<permit::ProfileSelf>,
    State(app): State<App>,
    Form(form): Form<NewTokenForm>,
) -> WebResult<Response> {
    browser(&who)?;
    let name = form.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        let mut template = profile_page(&who).await?;
        template.errors.add(
            "tokenName",
            format!("Say what it is for, in 1 to {LONGEST_NAME} characters."),
        );
        template.token_name = form.name;
        return Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response());
    }
    let key = Key::generate(Kind::Personal);
    let hash = hidden::hash(key.secret());
    tokens::create(&who.scope, &who.user, name, &key.public_id, &hash).await?;
    let template = TokenPage {
        shell: Shell::of(&who, "/profile", "New token").await?,
        name: name.to_owned(),
        role: who.user.role.title(),
        token: key.reveal(),
        origin: app.settings().base_url.origin().to_owned(),
    };
    Ok(page(template).into_response())
}

/// A posted revocation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    public_id: String,
}

/// Ends one token at once.
pub(crate) async fn revoke(
    who: Require<permit::ProfileSelf>,
    Form(form): Form<RevokeForm>,
) -> WebResult<Response> {
    browser(&who)?;
    tokens::revoke(&who.scope, &who.user, &form.public_id).await?;
    Ok(Redirect::to("/profile?done=revoked#tokens").into_response())
}
