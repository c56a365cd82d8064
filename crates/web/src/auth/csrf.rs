//! Two independent guards on every change by a browser: where the request comes from, and a
//! token that only our own pages carry. Requests without cookies (API keys, personal tokens) need
//! neither.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::auth::bearer::has_bearer;
use crate::auth::session;
use crate::error::{WebError, WebResult};
use crate::hidden;

/// Most bytes of a form or JSON body sent by a signed-in browser.
const MAX_BODY: usize = 1024 * 1024;

/// The layer. It runs before any handler sees the request.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn check(app: &App, request: Request) -> WebResult<Request> {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if safe || without_cookies(&request) {
        return Ok(request);
    }
    if !same_origin(app, request.headers()) {
        return Err(refused("The request came from another site."));
    }
    let expected = expected_token(app, request.headers()).await?;
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|_| {
        WebError::new(
            axum::http::StatusCode::PAYLOAD_TOO_LARGE,
            "The request is too large",
            "A form or JSON body may have 1 MiB.",
        )
    })?;
    let sent = match parts.headers.get("x-csrf-token") {
        Some(value) => value.to_str().ok().map(str::to_owned),
        None => form_token(&bytes),
    };
    let fits = expected
        .zip(sent)
        .is_some_and(|(expected, sent)| hidden::equal(expected.as_bytes(), sent.as_bytes()));
    if !fits {
        return Err(refused(
            "The form is too old or was opened in another session. Load the page again.",
        ));
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Sources never use cookies; a bearer token is not sent by a browser on its own, and whoever
/// sends one is never taken for the session of a cookie. Other schemes are sent by browsers on
/// their own, and the pages before signing in look at cookies only.
fn without_cookies(request: &Request) -> bool {
    let path = request.uri().path();
    let before_anybody = matches!(path, "/login" | "/setup");
    path.starts_with("/api/ingest/") || (!before_anybody && has_bearer(request.headers()))
}

/// `Sec-Fetch-Site` where the browser sends it, else the origin. Programs send neither; for them
/// the token decides.
fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &header::HeaderValue| v.to_str().ok())
    };
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text(header::ORIGIN) else {
        return true;
    };
    let host = text(header::HOST).unwrap_or_default();
    origin == app.settings().base_url.origin()
        || origin
            .split_once("://")
            .is_some_and(|(_, rest)| !host.is_empty() && rest == host)
}

/// The token of the session, or of the visitor's form cookie while nobody is signed in.
async fn expected_token(app: &App, headers: &HeaderMap) -> WebResult<Option<String>> {
    if let Some(session) = session::of_request(app, headers).await? {
        return Ok(Some(session.csrf));
    }
    let mark = session::cookie(headers, session::form_cookie_name(app));
    Ok(mark.map(|mark| visitor_token(app, mark)))
}

/// The token that belongs to a visitor's form cookie.
pub(crate) fn visitor_token(app: &App, mark: &str) -> String {
    let hash = blake3::keyed_hash(&app.settings().keys.form(), mark.as_bytes());
    hash.to_hex().to_string()
}

/// Renders a form for somebody who is not signed in, marking the browser with a form cookie.
pub(crate) fn visitor_form<T: askama::Template>(
    app: &App,
    headers: &HeaderMap,
    make: impl FnOnce(String) -> T,
) -> Response {
    let name = session::form_cookie_name(app);
    let held = session::cookie(headers, name).filter(|mark| mark.len() >= 32);
    let mark = held.map_or_else(hidden::random_text, str::to_owned);
    let mut response = crate::page::page(make(visitor_token(app, &mark))).into_response();
    if held.is_none() {
        let cookie = session::set_cookie(app, name, &mark);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn form_token(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    // Tokens are made of characters that a form does not escape.
    let mut values = text
        .split('&')
        .filter_map(|pair| pair.strip_prefix("csrf="));
    let first = values.next()?;
    values.next().is_none().then(|| first.to_owned())
}

fn refused(detail: &str) -> WebError {
    WebError::new(
        axum::http::StatusCode::FORBIDDEN,
        "The request was refused for your protection",
        format!("{detail} Nothing was changed."),
    )
}
