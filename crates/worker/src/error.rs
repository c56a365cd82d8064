//! Why a job failed.

use thiserror::Error;

/// Result of a job.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a job failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A setting is missing.
    #[error("{0}")]
    Configuration(String),
    /// A computation panicked; the job is tried again at its next time.
    #[error("a computation failed unexpectedly: {0}")]
    Panicked(String),
    /// The tick source could not be started.
    #[error("the tick source could not be started: {0}")]
    Tick(String),
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Panicked(error.to_string())
    }
}

impl Error {
    /// True when another worker has taken over: not a fault, only a reason to stop.
    pub fn is_lease_lost(&self) -> bool {
        matches!(self, Self::Store(store::Error::LeaseLost))
    }
}
