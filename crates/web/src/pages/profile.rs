//! One's own account: password, look, sessions, personal tokens.

mod device;
pub(crate) mod look;
pub(crate) mod password;
pub(crate) mod tokens;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::BTreeMap;
use store::sessions::{self, IDLE_US, Session};
use store::tokens::Token;
use store::users::User;

use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Form, Query};
use crate::page::{FieldErrors, Shell, When, page, span};
use look::{DENSITIES, THEMES};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    shell: Shell,
    user: User,
    created: When,
    signed_in: Option<When>,
    /// Sent here because somebody else set the password.
    must: bool,
    errors: FieldErrors,
    token_name: String,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
}

/// One signed-in browser.
struct SessionRow {
    /// Browser and system in words; the raw text when they are not known.
    device: String,
    raw: String,
    ip: Option<String>,
    began: When,
    seen: When,
    is_this: bool,
}

/// One token in force.
struct TokenRow {
    token: Token,
    created: When,
    used: Option<When>,
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::ProfileSelf>,
    Query(query): Query<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let mut template = profile_page(&who).await?;
    let message = query.get("done").and_then(|word| message(word));
    template.shell = template.shell.with_message(message);
    Ok(page(template).into_response())
}

fn message(done: &str) -> Option<&'static str> {
    Some(match done {
        "password" => "The password is changed. All other sessions were ended.",
        "look" => "Saved.",
        "sessions" => "All other sessions were ended.",
        "revoked" => "The token is revoked and refused from now on.",
        _ => return None,
    })
}

async fn profile_page<P>(who: &Require<P>) -> WebResult<ProfilePage> {
    let (scope, user) = (&who.scope, &who.user);
    let when = |at| When::of(at, &scope.tenant.scoring.zone, scope.now);
    let live = sessions::list(scope, user.id).await?;
    let in_force = store::tokens::list(scope, user).await?;
    Ok(ProfilePage {
        shell: Shell::of(who, "/profile", "Profile").await?,
        created: when(user.created_at),
        signed_in: user.last_sign_in_at.map(when),
        must: user.must_change_password,
        errors: FieldErrors::default(),
        token_name: String::new(),
        sessions: live
            .into_iter()
            .map(|session| session_row(session, who))
            .collect(),
        tokens: in_force
            .into_iter()
            .map(|token| TokenRow {
                created: when(token.created_at),
                used: token.last_used_at.map(when),
                token,
            })
            .collect(),
        user: user.clone(),
    })
}

fn session_row<P>(session: Session, who: &Require<P>) -> SessionRow {
    let when = |at| When::of(at, &who.scope.tenant.scoring.zone, who.scope.now);
    let raw = session.user_agent.unwrap_or_default();
    SessionRow {
        device: device::words(&raw).unwrap_or_else(|| raw.clone()),
        raw,
        ip: session.ip,
        began: when(session.created_at),
        seen: when(session.last_seen_at),
        is_this: who.session.as_deref() == Some(session.id_hash.as_slice()),
    }
}

/// The session of a browser. A token must not be able to end sessions or to make more tokens.
fn browser(who: &Require<permit::ProfileSelf>) -> WebResult<&[u8]> {
    who.session.as_deref().ok_or_else(|| {
        WebError::new(
            axum::http::StatusCode::FORBIDDEN,
            "Only for signed-in browsers",
            "Sign in with a browser to change the account. Nothing was changed.",
        )
    })
}

/// A posted form without fields of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyForm {
    #[serde(rename = "csrf")]
    _csrf: String,
}

/// Ends every session but this one.
pub(crate) async fn end_others(
    who: Require<permit::ProfileSelf>,
    Form(_form): Form<EmptyForm>,
) -> WebResult<Response> {
    let keep = browser(&who)?;
    sessions::end_others(&who.scope, who.user.id, keep).await?;
    Ok(Redirect::to("/profile?done=sessions#sessions").into_response())
}

impl ProfilePage {
    /// After how long without a request a session ends.
    fn idle() -> String {
        span(IDLE_US)
    }

    fn others(&self) -> usize {
        self.sessions.iter().filter(|s| !s.is_this).count()
    }

    /// Every theme with whether it is the chosen one.
    fn themes(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let chosen = self.user.theme.clone();
        THEMES
            .into_iter()
            .map(move |(word, title)| (word, title, word == chosen))
    }

    /// Every density with whether it is the chosen one.
    fn densities(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let chosen = self.user.density.clone();
        DENSITIES
            .into_iter()
            .map(move |(word, title)| (word, title, word == chosen))
    }
}
