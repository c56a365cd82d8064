//! Sessions of browsers: the cookie, and who it stands for.

use axum::http::{HeaderMap, HeaderValue, header};
use domain::time::Timestamp;
use store::sessions::{self, NewSession, Session};

use crate::app::App;
use crate::error::{WebError, WebResult};
use crate::hidden;

/// The cookie's name: with the `__Host-` prefix wherever it is Secure.
pub(crate) fn cookie_name(app: &App) -> &'static str {
    if app.settings().base_url.is_secure() {
        "__Host-irm_session"
    } else {
        "irm_session"
    }
}

/// The cookie that marks a visitor's form before anybody is signed in.
pub(crate) fn form_cookie_name(app: &App) -> &'static str {
    if app.settings().base_url.is_secure() {
        "__Host-irm_form"
    } else {
        "irm_form"
    }
}

/// The value of a cookie, when it was sent exactly once.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

/// A `Set-Cookie` value; an empty value removes the cookie.
pub(crate) fn set_cookie(app: &App, name: &str, value: &str) -> HeaderValue {
    let secure = if app.settings().base_url.is_secure() {
        "; Secure"
    } else {
        ""
    };
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// The live session of a request.
pub(crate) async fn of_request(app: &App, headers: &HeaderMap) -> WebResult<Option<Session>> {
    let Some(value) = cookie(headers, cookie_name(app)) else {
        return Ok(None);
    };
    Ok(sessions::find(app.db(), &hidden::hash(value), app.now()).await?)
}

/// Signs somebody in and returns the cookie. A new id every time, whatever the browser sent.
pub(crate) async fn begin(
    app: &App,
    credentials: &store::users::Credentials,
    ip: Option<&str>,
    user_agent: Option<&str>,
    now: Timestamp,
) -> WebResult<HeaderValue> {
    let (id, csrf) = (hidden::random_text(), hidden::random_text());
    let shortened: Option<String> = user_agent.map(|ua| ua.chars().take(200).collect());
    let new = NewSession {
        id_hash: &hidden::hash(&id),
        csrf: &csrf,
        user: credentials.user.id,
        tenant: credentials.tenant,
        ip,
        user_agent: shortened.as_deref(),
    };
    sessions::create(app.db(), &new, now).await?;
    Ok(set_cookie(app, cookie_name(app), &id))
}

/// Only a path of our own is a place to go to after signing in.
pub(crate) fn safe_next(next: Option<&str>) -> &str {
    let next = next.unwrap_or("/");
    let plain = next
        .bytes()
        .all(|b| (0x21..0x7f).contains(&b) && b != b'\\');
    let own = next.starts_with('/') && !next.starts_with("//");
    let decoded_slash = next
        .get(1..)
        .is_some_and(|rest| rest.to_ascii_lowercase().starts_with("%2f"));
    let to_session = next.starts_with("/login") || next.starts_with("/logout");
    if plain && own && !decoded_slash && !to_session {
        next
    } else {
        "/"
    }
}

/// A missing or ended session, for programs.
pub(crate) fn unauthorized() -> WebError {
    WebError::new(
        axum::http::StatusCode::UNAUTHORIZED,
        "Sign in first",
        "Send Authorization: Bearer with a personal API token, or sign in with a browser.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_followed() {
        for good in ["/", "/alerts?sev=high", "/actors/AC-1#x"] {
            assert_eq!(safe_next(Some(good)), good);
        }
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "https:evil.example",
            "https://evil.example",
            "%2f%2fevil.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/a\r\nSet-Cookie: x",
            "evil",
            "",
            "user@evil",
            "/logout",
            "/login?next=/",
        ] {
            assert_eq!(safe_next(Some(bad)), "/", "{bad}");
        }
    }

    #[test]
    fn a_cookie_sent_twice_is_no_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=1; irm_session=x"),
        );
        assert_eq!(cookie(&headers, "irm_session"), Some("x"));
        headers.append(header::COOKIE, HeaderValue::from_static("irm_session=y"));
        assert_eq!(cookie(&headers, "irm_session"), None);
    }
}
