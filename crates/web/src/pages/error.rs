//! The page of an error: what happened, what was not lost, the request id, a way out.

use askama::Template;
use axum::response::{IntoResponse, Response};

use crate::assets::{ADDRESSES, Addresses};
use crate::error::WebError;
use crate::page::Page;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    assets: &'static Addresses,
    error: &'a WebError,
    request_id: &'a str,
}

/// Renders an error for people.
pub(crate) fn error_page(error: &WebError, request_id: &str) -> Response {
    let template = ErrorPage {
        assets: &ADDRESSES,
        error,
        request_id,
    };
    Page(error.status, template).into_response()
}
