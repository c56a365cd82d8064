//! What an error of the API means for the run.

use std::time::Duration;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Too fast; wait at least as long as asked.
    Throttled(Option<Duration>),
    /// Something that may pass: a broken connection, a time-out, an error of the server.
    Passing,
    /// Trying again changes nothing before somebody does what the text says.
    Lasting(String),
}

/// Error codes that mean "too fast" in the services of AWS.
const THROTTLING: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
];

/// Error codes that last, and what to do about each.
const LASTING: &[(&str, &str)] = &[
    (
        "AccessDenied",
        "the role may not be assumed or lacks a permission: check its trust policy with the external id shown here, and allow guardduty:ListDetectors, guardduty:ListFindings and guardduty:GetFindings",
    ),
    (
        "AccessDeniedException",
        "the role lacks a permission: allow guardduty:ListDetectors, guardduty:ListFindings and guardduty:GetFindings",
    ),
    (
        "UnrecognizedClientException",
        "the credentials of this server are not known to AWS: renew them",
    ),
    (
        "InvalidClientTokenId",
        "the credentials of this server are not known to AWS: renew them",
    ),
    (
        "SignatureDoesNotMatch",
        "the credentials of this server are wrong: renew them",
    ),
    (
        "BadRequestException",
        "the detector does not exist in this region: enable GuardDuty there or take the region out",
    ),
    (
        "ResourceNotFoundException",
        "the detector does not exist in this region: enable GuardDuty there or take the region out",
    ),
    (
        "OptInRequired",
        "the region is not enabled for the account: enable it or take it out",
    ),
];

impl Failure {
    /// Judges an HTTP status and the error code of the answer.
    ///
    /// An expired token passes: the next attempt assumes the role anew.
    pub fn of(status: u16, code: &str, asked: Option<Duration>) -> Self {
        if status == 429 || THROTTLING.contains(&code) {
            return Self::Throttled(asked);
        }
        if status >= 500 || status == 408 || code.starts_with("ExpiredToken") {
            return Self::Passing;
        }
        if let Some((_, remedy)) = LASTING.iter().find(|(known, _)| *known == code) {
            return Self::Lasting((*remedy).to_owned());
        }
        let code: String = code
            .chars()
            .filter(char::is_ascii_graphic)
            .take(60)
            .collect();
        Self::Lasting(format!("AWS answered {status} {code}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let asked = Some(Duration::from_secs(3));
        assert_eq!(Failure::of(429, "", asked), Failure::Throttled(asked));
        assert_eq!(
            Failure::of(400, "ThrottlingException", None),
            Failure::Throttled(None)
        );
        assert_eq!(Failure::of(503, "x", None), Failure::Passing);
        assert_eq!(
            Failure::of(403, "ExpiredTokenException", None),
            Failure::Passing
        );
        for (code, _) in LASTING {
            assert!(
                matches!(Failure::of(400, code, None), Failure::Lasting(text) if text.contains(": "))
            );
        }
        assert_eq!(
            Failure::of(418, "a\nb", None),
            Failure::Lasting("AWS answered 418 ab".to_owned())
        );
    }
}
