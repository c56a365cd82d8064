//! What a forwarder counts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::buffer::Fill;
use crate::syslog::counters::Count;

/// What a forwarder counts.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) posts: Count,
    pub(super) retries: Count,
    pub(super) accepted: Count,
    pub(super) duplicates: Count,
    pub(super) quarantined: Count,
    pub(super) parked: Count,
    pub(super) parked_lost: Count,
    last_error: Mutex<Option<String>>,
}

/// A forwarder's counters at one moment, since its start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Requests that were made.
    pub posts: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// Events the server stored.
    pub accepted: u64,
    /// Events the server had already.
    pub duplicates: u64,
    /// Events the server put into its quarantine.
    pub quarantined: u64,
    /// Events the server rejected; they are in the dead file.
    pub parked: u64,
    /// Events the server rejected for which the dead file had no room.
    pub parked_lost: u64,
    /// Why the last request was not taken; none when it was.
    pub last_error: Option<String>,
    /// What waits.
    pub buffer: Fill,
}

impl Counters {
    pub(super) fn snapshot(&self, fill: Fill) -> Snapshot {
        Snapshot {
            posts: self.posts.get(),
            retries: self.retries.get(),
            accepted: self.accepted.get(),
            duplicates: self.duplicates.get(),
            quarantined: self.quarantined.get(),
            parked: self.parked.get(),
            parked_lost: self.parked_lost.get(),
            last_error: self.error().clone(),
            buffer: fill,
        }
    }

    fn error(&self) -> MutexGuard<'_, Option<String>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a failure when it is another one than before.
    pub(super) fn failed(&self, reason: String) {
        self.retries.one();
        let mut last = self.error();
        if last.as_ref() != Some(&reason) {
            tracing::warn!(
                reason,
                "the server does not take events; they wait in the buffer"
            );
        }
        *last = Some(reason);
    }

    pub(super) fn worked(&self) {
        if self.error().take().is_some() {
            tracing::info!("the server takes events again");
        }
    }
}
