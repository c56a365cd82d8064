//! The whole timetable in one place: which job runs how often, and why.

use std::sync::Arc;
use std::time::Duration;

use domain::time::{Clock, DAY_US, MINUTE_US, Timestamp};
use store::Db;
use store::jobs::Claim;

use crate::error::Result;
use crate::jobs;

/// How often the configurable jobs run.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    /// Full scoring passes, besides those that new events cause.
    pub score: Duration,
    /// Refreshing the 14-day views.
    pub baseline: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            score: Duration::from_mins(5),
            baseline: Duration::from_mins(5),
        }
    }
}

/// A job of the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// New events wake the scorer at once; the interval is for scores that fall by themselves.
    Score,
    /// Day changes and fresh events outdate the views.
    Baseline,
    /// Once a day is enough for terms counted in days; catches up after downtime.
    Retention,
}

impl Job {
    /// Every job.
    pub(crate) const ALL: [Self; 3] = [Self::Score, Self::Baseline, Self::Retention];

    /// The name under which its runs are recorded.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Baseline => "baseline",
            Self::Retention => "retention",
        }
    }

    /// When it runs next after a run that was due at `due` and ended at `now`. Missed runs
    /// coalesce into one.
    pub(crate) fn next(self, intervals: Intervals, due: Timestamp, now: Timestamp) -> Timestamp {
        let every = match self {
            Self::Score => micros(intervals.score),
            Self::Baseline => micros(intervals.baseline),
            Self::Retention => DAY_US,
        };
        let missed = (now.micros() - due.micros()).max(0) / every.max(1);
        due.plus((missed + 1) * every)
    }

    /// Runs it under a claim and says what it did. Scoring is held by its own leases besides.
    pub(crate) async fn run(
        self,
        db: &Db,
        clock: &Arc<dyn Clock>,
        scorer: &tokio::sync::Mutex<jobs::score::Scorer>,
        claim: &Claim,
    ) -> Result<String> {
        match self {
            Self::Score => scorer.lock().await.catch_up(db, clock).await,
            Self::Baseline => jobs::baseline::run_under(db, clock.now(), Some(claim)).await,
            Self::Retention => jobs::retention::run_under(db, clock.now(), Some(claim)).await,
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(5 * MINUTE_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_runs_coalesce() {
        let at = |micros| Timestamp::from_micros(micros);
        let minute = Intervals {
            score: Duration::from_mins(1),
            baseline: Duration::from_mins(1),
        };
        let next = |due, now| Job::Score.next(minute, at(due), at(now)).micros();
        assert_eq!(next(0, 10), MINUTE_US);
        assert_eq!(next(0, 17 * MINUTE_US + 1), 18 * MINUTE_US);
        assert_eq!(
            next(5, 0),
            5 + MINUTE_US,
            "a clock that went back does not run twice"
        );
    }
}
