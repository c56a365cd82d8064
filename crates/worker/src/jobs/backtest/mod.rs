//! Backtests: the stored events once more through the scorer's own code, under the settings in
//! force and under a draft, and what differs.
//!
//! Nothing is written but progress and the report. Events are read in pages on reading
//! connections, judging happens on threads of its own, and a process makes one backtest at a time;
//! ingest does not notice. A backtest whose worker has gone is begun anew by another one.

mod replay;

use std::sync::Arc;
use std::time::Duration;

use domain::backtest::Report;
use domain::time::{Clock, Day};
use scoring::backtest::{Span, compare};
use store::backtests::{self, Claim, Ended};
use store::log::{self, Position};
use store::{Db, partitions};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::jobs::score::calibrated::briefing::{Briefing, Readers};
use replay::{EventsOfDay, Replay};

/// How often a backtest gives a sign of life and looks whether it is still wanted; a fraction of
/// [`backtests::LEASE_US`].
const BEAT: Duration = Duration::from_secs(5);
/// What a tenant without events is told.
const NO_EVENTS: &str =
    "there are no stored events to replay yet: connect a source or import a history first";

/// Makes the backtest that has waited longest, if one does, and says whether there was one.
pub async fn run_next(db: &Db, clock: &Arc<dyn Clock>, owner: &str) -> Result<bool> {
    match backtests::claim(db, owner, clock.now()).await? {
        None => Ok(false),
        Some(claim) => {
            run(db, clock, &claim, &CancellationToken::new()).await?;
            Ok(true)
        }
    }
}

/// Makes a claimed backtest and records how it ended. At `stop` it is given back.
pub async fn run(
    db: &Db,
    clock: &Arc<dyn Clock>,
    claim: &Claim,
    stop: &CancellationToken,
) -> Result<()> {
    let ended = tokio::select! {
        report = replay_all(db, clock, claim) => match report {
            Ok(Some(report)) => Ended::Done(Box::new(report)),
            Ok(None) => Ended::Cancelled,
            Err(error) if error.is_lease_lost() => return Err(error),
            Err(error) => Ended::Failed(error.to_string()),
        },
        ended = attend(db, clock, claim) => match ended {
            Some(ended) => ended,
            None => return Err(Error::Store(store::Error::LeaseLost)),
        },
        () = stop.cancelled() => Ended::GivenBack,
    };
    Ok(backtests::finish(db, claim, &ended, clock.now()).await?)
}

/// Gives signs of life; returns when the backtest is not wanted any more, or, with `None`, not
/// this worker's.
async fn attend(db: &Db, clock: &Arc<dyn Clock>, claim: &Claim) -> Option<Ended> {
    loop {
        tokio::time::sleep(BEAT).await;
        match backtests::advance(db, claim, None, clock.now()).await {
            Ok(true) => {}
            Ok(false) => return Some(Ended::Cancelled),
            Err(store::Error::LeaseLost) => return None,
            // The database may be back before the lease ends.
            Err(error) => tracing::warn!(%error, "a backtest could not give a sign of life"),
        }
    }
}

/// Replays everything stored; `None` when somebody wants it stopped.
async fn replay_all(db: &Db, clock: &Arc<dyn Clock>, claim: &Claim) -> Result<Option<Report>> {
    let tenant = claim.tenant.id;
    let (until, _) = partitions::progress(db, clock.now()).await?;
    let days = stored_days(db, claim, until).await?;
    let (Some(first), Some(last)) = (days.first().copied(), days.last().copied()) else {
        return Err(Error::Configuration(NO_EVENTS.to_owned()));
    };
    let span = i32::try_from(claim.days).unwrap_or(i32::MAX);
    let from = last.plus(1 - span).max(first);
    let briefing = Arc::new(Briefing::load(db, &claim.tenant).await?);
    let told = || Arc::clone(&briefing);
    let mut live = Replay::new(&claim.tenant, told(), &claim.live, from, until);
    let mut draft = Replay::new(&claim.tenant, told(), &claim.draft, from, until);
    let mut readers = Readers::default();
    let mut events = 0;
    for (done, day) in days.iter().enumerate() {
        let share = done as f64 / days.len() as f64;
        if !backtests::advance(db, claim, Some(share), clock.now()).await? {
            return Ok(None);
        }
        let wants = live.wants().and(draft.wants());
        let whose = (&claim.tenant, &*briefing);
        let read = EventsOfDay::read(db, whose, (*day, until), wants, &mut readers).await?;
        events += read.events;
        let is_last = *day == last;
        live.follow(db, &read, is_last).await?;
        draft.follow(db, &read, is_last).await?;
    }
    let since = from.plus(-2).utc_start().minute();
    let past = backtests::past_alerts(db, tenant, since).await?;
    let span = Span {
        from,
        to: last,
        history_from: first,
        events,
    };
    Ok(Some(compare(span, &live.finish(), &draft.finish(), &past)))
}

/// The UTC days that hold stored events, in order.
async fn stored_days(db: &Db, claim: &Claim, until: Position) -> Result<Vec<Day>> {
    let mut days: Vec<Day> = Vec::new();
    while let Some(day) = log::next_day(db, claim.tenant.id, days.last().copied(), until).await? {
        days.push(day);
    }
    Ok(days)
}
