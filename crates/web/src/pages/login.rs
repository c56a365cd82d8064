//! Signing in and out. One message for every failure, at the same cost.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::time::Timestamp;
use serde::Deserialize;
use store::{sessions, users};

use crate::app::App;
use crate::assets::{ADDRESSES, Addresses};
use crate::auth::{Require, Visitor, permit, session, visitor_form};
use crate::client;
use crate::error::{WebError, WebResult};
use crate::form::{Form, Query};
use crate::limit::Verdict;
use crate::page::Page;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    assets: &'static Addresses,
    csrf: String,
    next: String,
    email: String,
    error: Option<String>,
    notice: Option<&'static str>,
}

/// Where to go afterwards, and what just happened.
#[derive(Debug, Deserialize)]
pub(crate) struct LoginQuery {
    next: Option<String>,
    done: Option<String>,
}

/// The sign-in form; straight on for those who are signed in.
pub(crate) async fn form(
    State(app): State<App>,
    headers: axum::http::HeaderMap,
    Query(query): Query<LoginQuery>,
) -> WebResult<Response> {
    let next = session::safe_next(query.next.as_deref()).to_owned();
    if session::of_request(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    if users::count(app.db()).await? == 0 {
        return Ok(Redirect::to("/setup").into_response());
    }
    let notice = match query.done.as_deref() {
        Some("setup") => Some("The administrator is set up. Sign in."),
        Some("out") => Some("You are signed out."),
        _ => None,
    };
    Ok(visitor_form(&app, &headers, |csrf| LoginPage {
        assets: &ADDRESSES,
        csrf,
        next,
        email: String::new(),
        error: None,
        notice,
    }))
}

/// The posted form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginForm {
    csrf: String,
    email: String,
    password: String,
    next: Option<String>,
}

/// Checks the password and begins a session.
pub(crate) async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    headers: axum::http::HeaderMap,
    Form(form): Form<LoginForm>,
) -> WebResult<Response> {
    let network = visitor.address.map(client::network);
    let account = users::email_key(&form.email);
    if let Verdict::Wait { seconds } = app.limits().sign_in(&account, network) {
        let message = format!("Too many attempts. Try again in {seconds} s.");
        return Ok(refuse(form, StatusCode::TOO_MANY_REQUESTS, message));
    }
    let credentials = users::credentials(app.db(), &form.email).await?;
    let hash = credentials
        .as_ref()
        .filter(|c| !c.user.disabled)
        .map(|c| c.password_hash.clone());
    let fits = app.hashing().verify_password(&form.password, hash).await?;
    let (Some(credentials), true) = (credentials, fits) else {
        let message = "E-mail or password is not right.".to_owned();
        return Ok(refuse(form, StatusCode::UNPROCESSABLE_ENTITY, message));
    };
    // A session the browser already had ends: the new one gets a new id.
    if let Some(old) = session::of_request(&app, &headers).await? {
        sessions::end(app.db(), &old.id_hash).await?;
    }
    let address = visitor.address.map(|ip| ip.to_string());
    let now: Timestamp = app.now();
    let agent = visitor.user_agent.as_deref();
    let cookie = session::begin(&app, &credentials, address.as_deref(), agent, now).await?;
    let next = session::safe_next(form.next.as_deref());
    let mut response = Redirect::to(next).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn refuse(form: LoginForm, status: StatusCode, message: String) -> Response {
    Page(
        status,
        LoginPage {
            assets: &ADDRESSES,
            csrf: form.csrf,
            next: session::safe_next(form.next.as_deref()).to_owned(),
            email: form.email,
            error: Some(message),
            notice: None,
        },
    )
    .into_response()
}

/// Ends the session.
pub(crate) async fn sign_out(
    who: Require<permit::ProfileSelf>,
    State(app): State<App>,
) -> Result<Response, WebError> {
    if let Some(id) = &who.session {
        sessions::end(app.db(), id).await?;
    }
    let mut response = Redirect::to("/login?done=out").into_response();
    let headers = response.headers_mut();
    let gone = session::set_cookie(&app, session::cookie_name(&app), "");
    headers.append(header::SET_COOKIE, gone);
    headers.insert(
        "clear-site-data",
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    Ok(response)
}
