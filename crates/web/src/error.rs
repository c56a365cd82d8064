//! One error with two faces: problem+json (RFC 9457) for programs, a page for people.
//!
//! The cause is logged once with the request id; the visitor sees the id and nothing else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::access::{Permission, Role};
use serde::Serialize;

/// Why a request failed, as the visitor may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebError {
    /// The answer's status.
    pub status: StatusCode,
    /// What happened, in a few words.
    pub title: String,
    /// What to do, and what was not lost.
    pub detail: String,
    /// The field at fault.
    pub field: Option<String>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u64>,
}

/// The body of a problem answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProblemBody<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    request_id: &'a str,
}

impl WebError {
    /// An error of the given status.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title: title.to_owned(),
            detail: detail.into(),
            field: None,
            retry_after: None,
        }
    }

    /// Missing, or another tenant's: no difference is told.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Not found",
            "There is nothing here, or it is not yours to see.",
        )
    }

    /// A request that cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "The request cannot be read",
            detail,
        )
    }

    /// A field with a value that is not accepted.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "A value is not accepted",
                detail,
            )
        }
    }

    /// Somebody changed the thing meanwhile.
    pub fn stale() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "Somebody changed this meanwhile",
            "Nothing was saved. Load it again, look at the change, and decide anew.",
        )
    }

    /// A signed-in person without the permission.
    pub fn forbidden(permission: Permission) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "You are not allowed to do this",
            format!(
                "It needs the permission {permission}, which the role {} has. An administrator can grant it.",
                Role::least_with(permission).title()
            ),
        )
    }

    /// Too many requests.
    pub fn too_many(seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds.max(1)),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
                format!("Try again in {} seconds.", seconds.max(1)),
            )
        }
    }

    /// Something is overloaded or down.
    pub fn unavailable() -> Self {
        Self {
            // Not all at the same second.
            retry_after: Some(5 + u64::from(crate::hidden::random::<1>()[0] % 6)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The service cannot answer now",
                "Nothing was lost. Try again in a few seconds.",
            )
        }
    }

    /// A fault of ours. The cause belongs into the log, not here.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong on our side",
            "Nothing you sent was lost by this. Tell your administrator the request id.",
        )
    }

    /// The problem+json body.
    pub(crate) fn problem(&self, request_id: &str) -> String {
        let body = ProblemBody {
            r#type: "about:blank",
            title: &self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
            request_id,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl From<store::Error> for WebError {
    fn from(error: store::Error) -> Self {
        use domain::alert::MoveRefused;
        match error {
            store::Error::NotFound => Self::not_found(),
            store::Error::Stale => Self::stale(),
            store::Error::Exists(what) => Self {
                status: StatusCode::CONFLICT,
                ..Self::field(
                    "name",
                    format!("{what} exists already; choose another name"),
                )
            },
            store::Error::MoveRefused(refused) => {
                let detail = refused.to_string();
                match refused {
                    MoveRefused::NotAllowed { .. } => Self::new(
                        StatusCode::CONFLICT,
                        "The alert cannot take this step",
                        detail,
                    ),
                    MoveRefused::ReasonMissing => Self::field("reason", detail),
                    MoveRefused::DispositionMissing | MoveRefused::DispositionMismatch => {
                        Self::field("disposition", detail)
                    }
                }
            }
            store::Error::Full(_) => Self::new(
                StatusCode::CONFLICT,
                "Enough of these are under way",
                format!(
                    "{}. Nothing was started. Wait until one ends, or cancel one.",
                    crate::page::capitalised(&error.to_string())
                ),
            ),
            store::Error::OwnedBy(_) | store::Error::Running(_) => Self::new(
                StatusCode::CONFLICT,
                "This cannot be done now",
                format!(
                    "{}. Nothing was changed.",
                    crate::page::capitalised(&error.to_string())
                ),
            ),
            error if error.is_unreachable() => {
                tracing::error!(%error, "the store cannot be reached");
                Self::unavailable()
            }
            error => {
                tracing::error!(%error, "a store operation failed");
                Self::internal()
            }
        }
    }
}

/// The response carries the error itself; the outermost layer gives it the face the visitor wants.
impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Result of a handler.
pub(crate) type WebResult<T> = Result<T, WebError>;
