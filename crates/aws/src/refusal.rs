//! Why a call brought nothing.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use collectors::guardduty::Failure;

use crate::bounded::TooLarge;

const NOT_GUARDDUTY: &str =
    "check that the address answers as AWS does: no proxy or gateway may stand in for it";

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What was called, such as `guardduty:ListFindings`.
    pub(crate) call: &'static str,
    /// Where.
    pub(crate) region: String,
    /// The error's name, such as `AccessDenied`.
    pub(crate) code: String,
    /// What it means for the run.
    pub(crate) failure: Failure,
}

impl Refusal {
    /// Judges an error of the SDK.
    pub(crate) fn of<E>(call: &'static str, region: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (code, failure) = judge(error);
        Self {
            call,
            region: region.to_owned(),
            code,
            failure,
        }
    }

    /// An answer that is not of the form it must have.
    pub(crate) fn unreadable(call: &'static str, region: &str) -> Self {
        Self {
            call,
            region: region.to_owned(),
            code: "an unreadable answer".to_owned(),
            failure: Failure::Lasting(NOT_GUARDDUTY.to_owned()),
        }
    }

    /// `AccessDenied on guardduty:ListFindings in eu-west-1`.
    pub(crate) fn what(&self) -> String {
        format!("{} on {} in {}", self.code, self.call, self.region)
    }

    /// What to do about it; `None` when it may pass by itself.
    pub(crate) fn remedy(&self) -> Option<&str> {
        match &self.failure {
            Failure::Lasting(remedy) => Some(remedy),
            Failure::Throttled(_) | Failure::Passing => None,
        }
    }

    /// True when a permission is missing.
    pub(crate) fn is_denied(&self) -> bool {
        self.code.starts_with("AccessDenied")
    }
}

fn judge<E>(error: &SdkError<E, HttpResponse>) -> (String, Failure)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if is_too_large(error) {
        return (
            TooLarge.to_string(),
            Failure::Lasting(NOT_GUARDDUTY.to_owned()),
        );
    }
    match error {
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            let code = refused.err().code().unwrap_or_default();
            (
                named(status, code),
                Failure::of(status, code, asked(refused.raw())),
            )
        }
        // A success that is none of the expected form.
        SdkError::ResponseError(_) => (
            "an unreadable answer".to_owned(),
            Failure::Lasting(NOT_GUARDDUTY.to_owned()),
        ),
        SdkError::TimeoutError(_) => ("no answer in time".to_owned(), Failure::Passing),
        SdkError::DispatchFailure(_) => ("no connection".to_owned(), Failure::Passing),
        _ => (
            "the request could not be made".to_owned(),
            Failure::Lasting("check the role and the access key of the integration".to_owned()),
        ),
    }
}

fn is_too_large<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<TooLarge>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The name of an error as people may read it.
fn named(status: u16, code: &str) -> String {
    let code: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(60)
        .collect();
    if code.is_empty() {
        format!("HTTP {status}")
    } else {
        code
    }
}

/// How long the answer asks to wait (`Retry-After` in seconds, RFC 9110 section 10.2.3).
fn asked(answer: &HttpResponse) -> Option<Duration> {
    let seconds = answer.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
