//! Replacing one's own password.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::users;

use super::{browser, profile_page};
use crate::app::App;
use crate::auth::{Require, password, permit};
use crate::client;
use crate::error::WebResult;
use crate::form::Form;
use crate::limit::Verdict;
use crate::page::{FieldErrors, Page};

/// A posted new password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    current: String,
    new: String,
}

/// Checks the present password and stores the new one. Other sessions end, this one stays.
pub(crate) async fn update(
    who: Require<permit::ProfileSelf>,
    State(app): State<App>,
    Form(form): Form<PasswordForm>,
) -> WebResult<Response> {
    let keep = browser(&who)?;
    let mut errors = problems(&form, &who.user.email);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if errors.is_empty() {
        // The same limit as for signing in: a stolen session must not guess without end.
        let network = who.address.as_deref().and_then(|ip| ip.parse().ok());
        let account = users::email_key(&who.user.email);
        if let Verdict::Wait { seconds } =
            app.limits().sign_in(&account, network.map(client::network))
        {
            status = StatusCode::TOO_MANY_REQUESTS;
            errors.add(
                "current",
                format!("Too many attempts. Try again in {seconds} s."),
            );
        } else if !is_present(&app, &who, &form.current).await? {
            errors.add("current", "This is not your present password.");
        }
    }
    if errors.is_empty() {
        let hash = app.hashing().hash_password(&form.new).await?;
        users::set_password(&who.scope, &who.user.email, &hash, false, Some(keep)).await?;
        return Ok(Redirect::to("/profile?done=password").into_response());
    }
    let mut template = profile_page(&who).await?;
    template.errors = errors;
    Ok(Page(status, template).into_response())
}

async fn is_present<P>(app: &App, who: &Require<P>, password: &str) -> WebResult<bool> {
    let credentials = users::credentials(app.db(), &who.user.email).await?;
    let hash = credentials.map(|c| c.password_hash);
    app.hashing().verify_password(password, hash).await
}

fn problems(form: &PasswordForm, email: &str) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if form.current.is_empty() {
        errors.add("current", "Type your present password.");
    }
    if let Some(problem) = password::problem(&form.new, email) {
        errors.add("new", problem);
    }
    if form.new == form.current {
        errors.add("new", "Choose another password than the present one.");
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(current: &str, new: &str) -> (bool, bool) {
        let form = PasswordForm {
            _csrf: String::new(),
            current: current.to_owned(),
            new: new.to_owned(),
        };
        let errors = problems(&form, "jane@example.org");
        (errors.of("current").is_some(), errors.of("new").is_some())
    }

    #[test]
    fn the_new_password_is_judged_before_anything_slow() {
        let (old, new) = ("the old one was fine", "the new one is better");
        assert_eq!(told(old, new), (false, false));
        assert_eq!(told("", new), (true, false));
        assert_eq!(told(old, "short"), (false, true));
        assert_eq!(told(old, old), (false, true));
    }
}
