//! When an alert opens, rises, goes on or is swallowed: one alert per episode of an actor.

use std::collections::BTreeSet;

use domain::rule::RuleName;
use domain::score::Points;
use domain::time::Minute;

/// An episode ends this many minutes of event time after its last signal.
pub const EPISODE_MINUTES: i64 = 24 * 60;
/// Within the episode of a closed alert, a score this much higher opens a new one.
pub const REOPEN_MARGIN: Points = Points::whole(15);

/// What is known of an actor's latest alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The minute that opened it.
    pub opened: Minute,
    /// The last minute whose score reached the threshold.
    pub last_signal: Minute,
    /// Its highest score so far.
    pub peak: Points,
    /// Every rule that fired in it.
    pub rules: BTreeSet<RuleName>,
    /// Whether somebody has closed it.
    pub closed: bool,
}

/// What a score at or above the threshold does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A new alert opens.
    Open,
    /// The alert's score rises to a new peak.
    Raise,
    /// The alert goes on; a rule that had not fired before has joined.
    Join,
    /// The alert goes on.
    Continue,
    /// The alert was closed within the last day and nothing worse happened: no new alert.
    Swallow,
}

/// Decides what a score that reached the threshold does.
///
/// `latest` is the actor's alert whose episode may cover `at`. A late event may lie before it;
/// it then joins the episode that follows within a day.
pub fn step(
    latest: Option<&Episode>,
    at: Minute,
    score: Points,
    rules: &BTreeSet<RuleName>,
) -> Step {
    let Some(episode) = latest.filter(|e| covers(e, at)) else {
        return Step::Open;
    };
    let joined = !rules.is_subset(&episode.rules);
    if episode.closed {
        return if joined || score >= episode.peak + REOPEN_MARGIN {
            Step::Open
        } else {
            Step::Swallow
        };
    }
    if score > episode.peak {
        Step::Raise
    } else if joined {
        Step::Join
    } else {
        Step::Continue
    }
}

fn covers(episode: &Episode, at: Minute) -> bool {
    at.0 <= episode.last_signal.0 + EPISODE_MINUTES && at.0 >= episode.opened.0 - EPISODE_MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rule::RuleKey;

    const DAY: i64 = EPISODE_MINUTES;

    fn episode(closed: bool) -> Episode {
        Episode {
            opened: Minute(10_000),
            last_signal: Minute(10_100),
            peak: Points::whole(70),
            rules: BTreeSet::from([RuleKey::NewIp.into(), RuleKey::VolumeSpike.into()]),
            closed,
        }
    }

    fn at(episode: &Episode, minute: i64, score: i32, rules: &[RuleKey]) -> Step {
        let rules = rules.iter().map(|rule| (*rule).into()).collect();
        step(Some(episode), Minute(minute), Points::whole(score), &rules)
    }

    #[test]
    fn an_open_alert_takes_everything_for_a_day() {
        let open = episode(false);
        let same = [RuleKey::NewIp];
        assert_eq!(
            step(None, Minute(0), Points::whole(60), &BTreeSet::new()),
            Step::Open
        );
        assert_eq!(at(&open, 10_200, 71, &same), Step::Raise);
        assert_eq!(at(&open, 10_200, 70, &same), Step::Continue);
        assert_eq!(at(&open, 10_200, 65, &[RuleKey::OffHours]), Step::Join);
        assert_eq!(at(&open, 10_100 + DAY, 65, &same), Step::Continue);
        assert_eq!(at(&open, 10_101 + DAY, 65, &same), Step::Open);
    }

    #[test]
    fn a_closed_alert_needs_a_new_rule_or_fifteen_points() {
        let closed = episode(true);
        let same = [RuleKey::NewIp, RuleKey::VolumeSpike];
        assert_eq!(at(&closed, 10_200, 84, &same), Step::Swallow);
        assert_eq!(at(&closed, 10_200, 85, &same), Step::Open);
        assert_eq!(at(&closed, 10_200, 61, &[RuleKey::OffHours]), Step::Open);
        assert_eq!(at(&closed, 10_101 + DAY, 61, &same), Step::Open);
    }

    #[test]
    fn a_late_event_before_the_opening_joins() {
        let open = episode(false);
        assert_eq!(at(&open, 9_900, 75, &[RuleKey::NewIp]), Step::Raise);
        assert_eq!(
            at(&open, 10_000 - DAY - 1, 75, &[RuleKey::NewIp]),
            Step::Open
        );
    }
}
