//! Reading what people and programs send: forms, JSON, query strings, each with clear errors.

use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use domain::score::Points;
use serde::de::DeserializeOwned;

use crate::error::WebError;

/// A posted form. Unknown fields are refused by the type it is read into.
pub(crate) struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        match axum::Form::<T>::from_request(request, state).await {
            Ok(axum::Form(value)) => Ok(Self(value)),
            Err(FormRejection::FailedToDeserializeFormBody(e)) => {
                Err(WebError::field("form", e.body_text()))
            }
            Err(other) => Err(WebError::bad_request(other.body_text())),
        }
    }
}

/// A JSON body.
pub(crate) struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(e)) => {
                Err(WebError::field("body", plain(&e.body_text())))
            }
            Err(JsonRejection::MissingJsonContentType(_)) => Err(WebError::new(
                axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body must be JSON",
                "Send it with the header Content-Type: application/json.",
            )),
            Err(other) => Err(WebError::bad_request(plain(&other.body_text()))),
        }
    }
}

/// Drops the framework's preamble and keeps what helps.
fn plain(text: &str) -> String {
    text.rsplit_once("target type: ")
        .map_or(text, |(_, reason)| reason)
        .to_owned()
}

/// A query string.
pub(crate) struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(e)) => {
                Err(WebError::field("query", e.body_text()))
            }
            Err(other) => Err(WebError::bad_request(other.body_text())),
        }
    }
}

/// A code or slug in the path; anything that does not parse does not exist.
pub(crate) struct Path<T>(pub T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for Path<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let raw = axum::extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| WebError::not_found())?;
        raw.0.parse().map(Self).map_err(|_| WebError::not_found())
    }
}

/// A finite number as typed.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|n| n.is_finite())
}

/// Points as typed: at most one decimal.
pub(crate) fn points(text: &str) -> Option<Points> {
    number(text).and_then(Points::from_f64)
}
