//! What a provider that is pulled must be able to do. The worker runs it, the pages test it.

use std::fmt::Debug;
use std::sync::Arc;

use domain::integration::check::Report;
use domain::integration::{Configuration, Provider as Kind};
use domain::secret::SecretString;
use domain::time::{Clock, Timestamp};
use futures_util::future::BoxFuture;
use thiserror::Error;

/// What a provider is given to work with.
#[derive(Debug, Clone)]
pub struct Task {
    /// The integration's name in addresses; part of session names, so that the provider's own
    /// log tells who asked.
    pub slug: String,
    /// The validated configuration.
    pub configuration: Configuration,
    /// Made by us, sent when a role is assumed.
    pub external_id: String,
    /// The opened secret, where the configuration needs one.
    pub secret: Option<SecretString>,
    /// Where the last page ended, as the provider wrote it.
    pub cursor: Option<String>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// One page of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The items as the provider sent them, each the text of one JSON object.
    pub items: Vec<String>,
    /// Where to go on after this page. Never ahead of what was delivered.
    pub cursor: String,
    /// Requests that were sent for it, repeated ones included.
    pub attempts: u32,
}

/// What a pull that went well leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// The budget of the run was used up before everything was fetched: the next run goes on, and
    /// is due soon.
    pub more: bool,
}

/// Where pages go. A page is stored, with its cursor, when the future is done.
pub trait PageSink: Send + Sync {
    /// Stores a page and its cursor in one transaction.
    fn deliver(&self, page: Page) -> BoxFuture<'_, Result<(), PullFailure>>;
}

/// Why a pull ended early. What was delivered before stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct PullFailure {
    /// What happened, such as `AccessDenied on guardduty:ListFindings in eu-west-1`.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// When the provider asked to be left alone: not before then.
    pub not_before: Option<Timestamp>,
    /// True when other parts of the same pull, such as other regions, succeeded.
    pub partial: bool,
}

impl PullFailure {
    /// A failure of the whole pull.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: None,
            not_before: None,
            partial: false,
        }
    }
}

/// A provider that is pulled. What it delivers is read by [`crate::formats::accept`].
///
/// Implementations bound every loop, repeat with back-off and jitter, honour throttling, and stop
/// when the budget of a run is used up; the next run goes on from the last cursor.
pub trait Provider: Debug + Send + Sync {
    /// Which one it is.
    fn kind(&self) -> Kind;

    /// Runs the named checks in order; the first failure skips the rest.
    fn check<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Report>;

    /// Fetches everything since the cursor, page by page, oldest change first.
    fn pull<'a>(
        &'a self,
        task: &'a Task,
        sink: &'a dyn PageSink,
    ) -> BoxFuture<'a, Result<Pulled, PullFailure>>;
}

/// The one of that kind.
pub fn of(providers: &[Arc<dyn Provider>], kind: Kind) -> Option<&Arc<dyn Provider>> {
    providers.iter().find(|p| p.kind() == kind)
}

/// What is said where a provider is missing from the build.
pub fn missing(kind: Kind) -> PullFailure {
    PullFailure {
        remedy: Some(format!(
            "Use a version with the {} client, or choose push.",
            kind.title()
        )),
        ..PullFailure::new(format!("this version has no client for {}", kind.title()))
    }
}
