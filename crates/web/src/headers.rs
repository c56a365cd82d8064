//! What surrounds every request: its id, the security headers, the face of its errors, a span.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::error::WebError;
use crate::pages::error_page;

/// The id of a request, in the answer, the log and the audit log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub String);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The policy of pages.md 1.7: nothing but our own files.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
);

/// The outermost layer.
pub(crate) async fn surround(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let wants_page = !is_machine_path(request.uri().path());
    let span = tracing::info_span!("request", request_id = %id, method = %method);
    let response = next.run(request).instrument(span).await;
    let mut response = with_face(response, &id, wants_page, &method);
    let secure = app.settings().base_url.is_secure();
    secure_headers(&mut response, secure);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The sender's id when it is harmless, else a new one.
fn request_id(request: &Request) -> String {
    let sent = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|v| v.to_str().ok());
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    sent.filter(harmless)
        .map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}

fn is_machine_path(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Gives errors a body: a page for people, problem+json for programs.
fn with_face(response: Response, id: &str, wants_page: bool, method: &Method) -> Response {
    let error = response.extensions().get::<WebError>().cloned();
    let error = error.or_else(|| plain_status(&response));
    let Some(error) = error else {
        return response;
    };
    let mut answer = if wants_page {
        error_page(&error, id)
    } else {
        let json = (
            [(header::CONTENT_TYPE, "application/problem+json")],
            error.problem(id),
        );
        (error.status, json).into_response()
    };
    if method == Method::HEAD {
        *answer.body_mut() = Body::empty();
    }
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    answer
}

/// Statuses the framework answers by itself, such as 405 and 413, in our words.
fn plain_status(response: &Response) -> Option<WebError> {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error())
        || response.headers().contains_key(header::CONTENT_TYPE) && !is_plain_text(response)
    {
        return None;
    }
    Some(match status.as_u16() {
        404 => WebError::not_found(),
        405 => WebError::new(
            status,
            "This address does not take that method",
            "See the documentation for the methods it takes.",
        ),
        408 => WebError::new(
            status,
            "The request took too long",
            "Nothing was changed. Try again.",
        ),
        413 => WebError::new(status, "The request is too large", "Send less at once."),
        500 => WebError::internal(),
        503 => WebError::unavailable(),
        _ => WebError::new(
            status,
            "The request cannot be answered",
            "Check the address and what was sent.",
        ),
    })
}

fn is_plain_text(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("text/plain"))
}

fn secure_headers(response: &mut Response, secure: bool) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if secure {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
