//! The OpenAPI document, for those who are signed in.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::openapi::openapi;

/// The document this is described in.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "document",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(crate) async fn show(_who: Require<permit::ProfileSelf>) -> WebResult<Response> {
    let text = openapi().map_err(|error| {
        tracing::error!(error, "the OpenAPI document cannot be written");
        WebError::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
