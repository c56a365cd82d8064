//! The test of a connection: named checks in order, each with the exact remedy when it fails.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What one check looks at, in the order in which checks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// The name of the provider's host resolves.
    Resolve,
    /// A connection opens.
    Connect,
    /// The credentials are accepted.
    Authenticate,
    /// The needed permissions are granted.
    Permission,
    /// The provider lists what is to be fetched.
    List,
    /// One item can be fetched.
    Sample,
    /// The item becomes an event.
    Normalise,
    /// The source has a key, or the integration a signing secret.
    Key,
    /// The socket can be bound, or is bound by us.
    Listen,
    /// The edge collector reports.
    Heartbeat,
    /// An event arrived lately.
    Arrival,
}

impl CheckName {
    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Authenticate => "authenticate",
            Self::Permission => "permission",
            Self::List => "list",
            Self::Sample => "sample",
            Self::Normalise => "normalise",
            Self::Key => "key",
            Self::Listen => "listen",
            Self::Heartbeat => "heartbeat",
            Self::Arrival => "arrival",
        }
    }

    /// The words people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Resolve => "Resolve the host",
            Self::Connect => "Connect",
            Self::Authenticate => "Authenticate",
            Self::Permission => "Permission",
            Self::List => "List what there is",
            Self::Sample => "Fetch a sample",
            Self::Normalise => "Turn it into an event",
            Self::Key => "Key or signing secret",
            Self::Listen => "Listening address",
            Self::Heartbeat => "Collector reports",
            Self::Arrival => "An event arrived",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// Nothing is wrong, but what is looked for has not happened yet.
    Waiting,
    /// It was not looked at, because an earlier one failed.
    Skipped,
}

impl CheckOutcome {
    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Skipped => "skipped",
        }
    }
}

/// What to do about a failed check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// The step, in words.
    pub text: Cow<'static, str>,
    /// What to paste, such as a policy statement or a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

/// One check of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at.
    pub name: CheckName,
    /// What was found.
    pub outcome: CheckOutcome,
    /// The finding in words, such as `AccessDenied on guardduty:ListFindings in eu-west-1`.
    pub detail: String,
    /// What to do, when it failed or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// Milliseconds it took.
    pub took_ms: u32,
}

impl Check {
    /// A check that holds.
    pub fn passed(name: CheckName, detail: impl Into<String>) -> Self {
        Self {
            name,
            outcome: CheckOutcome::Passed,
            detail: detail.into(),
            remedy: None,
            took_ms: 0,
        }
    }

    /// A check that does not hold, with what to do.
    pub fn failed(
        name: CheckName,
        detail: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            outcome: CheckOutcome::Failed,
            remedy: Some(Remedy {
                text: remedy.into(),
                snippet: None,
            }),
            ..Self::passed(name, detail)
        }
    }

    /// A check whose sign has not come yet, with what to do.
    pub fn waiting(
        name: CheckName,
        detail: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            outcome: CheckOutcome::Waiting,
            ..Self::failed(name, detail, remedy)
        }
    }

    /// A check that was not looked at.
    pub fn skipped(name: CheckName) -> Self {
        Self {
            outcome: CheckOutcome::Skipped,
            ..Self::passed(name, "not looked at, because an earlier check failed")
        }
    }

    /// The same check with something to paste.
    #[must_use]
    pub fn with_snippet(mut self, snippet: impl Into<String>) -> Self {
        if let Some(remedy) = &mut self.remedy {
            remedy.snippet = Some(snippet.into());
        }
        self
    }

    /// The same check with the time it took.
    #[must_use]
    pub fn took(mut self, took_ms: u32) -> Self {
        self.took_ms = took_ms;
        self
    }
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When it ended.
    pub at: Timestamp,
    /// The checks in order.
    pub checks: Vec<Check>,
}

impl Report {
    /// True when every check was looked at and none failed; waiting ones are fine.
    pub fn passed(&self) -> bool {
        let good = |c: &Check| matches!(c.outcome, CheckOutcome::Passed | CheckOutcome::Waiting);
        !self.checks.is_empty() && self.checks.iter().all(good)
    }

    /// The first check that failed.
    pub fn failure(&self) -> Option<&Check> {
        self.checks
            .iter()
            .find(|c| c.outcome == CheckOutcome::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_passes_when_nothing_failed_or_was_skipped() {
        let report = |checks: Vec<Check>| Report {
            at: Timestamp::default(),
            checks,
        };
        let key = || Check::passed(CheckName::Key, "a key is in force");
        let waits = || Check::waiting(CheckName::Arrival, "nothing yet", "send something");
        assert!(report(vec![key(), waits()]).passed());
        assert!(!report(Vec::new()).passed());
        let denied = Check::failed(CheckName::Permission, "AccessDenied", "add the statement")
            .with_snippet("{}")
            .took(12);
        let failed = report(vec![key(), denied.clone(), Check::skipped(CheckName::List)]);
        assert!(!failed.passed());
        assert_eq!(failed.failure(), Some(&denied));
        assert_eq!(denied.remedy.unwrap().snippet.as_deref(), Some("{}"));
    }
}
