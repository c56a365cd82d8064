//! Comparing two replays of the same days: which alerts a draft gains, loses and changes.

use std::collections::{BTreeMap, BTreeSet};

use domain::actor::ActorId;
use domain::alert::Disposition;
use domain::backtest::{
    BANDS, Difference, Fate, MOST_DIFFERENCES, PastAlert, ReplayedAlert, Report, Side,
};
use domain::score::Points;
use domain::time::{Day, Minute};

use crate::episode::EPISODE_MINUTES;

/// What one replay came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replayed {
    /// Alerts that opened in the span.
    pub alerts: Vec<ReplayedAlert>,
    /// Active actor-days of the span by the band of their highest score.
    pub scores: [u32; BANDS],
}

impl Replayed {
    /// Counts the highest score of one actor-day.
    pub fn count(&mut self, score: Points) {
        let band = usize::try_from(score.tenths() / 100).unwrap_or_default();
        if let Some(days) = self.scores.get_mut(band.min(BANDS - 1)) {
            *days += 1;
        }
    }
}

/// The span of a report and what was read for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First reported day.
    pub from: Day,
    /// Last reported day.
    pub to: Day,
    /// The oldest stored day.
    pub history_from: Day,
    /// Events replayed.
    pub events: u64,
}

impl Span {
    fn days(&self) -> usize {
        usize::try_from(self.to.0 - self.from.0 + 1).unwrap_or_default()
    }
}

/// Holds two replays of the same span against each other and against the stored alerts.
///
/// Two alerts of an actor are about the same episode when one begins within a day of the other's
/// course; each is paired once, earliest first.
pub fn compare(span: Span, before: &Replayed, after: &Replayed, past: &[PastAlert]) -> Report {
    let mut rest = by_actor(&after.alerts);
    let mut known = Known::of(past);
    let (mut differences, mut same) = (Vec::new(), 0);
    for old in in_order(&before.alerts) {
        let candidates = rest.entry(old.actor).or_default();
        let found = candidates.iter().position(|new| touch(old, new));
        let new = found.map(|place| candidates.remove(place).clone());
        if new.as_ref().is_some_and(|new| new.score == old.score) {
            same += 1;
            known.take(old);
            continue;
        }
        let fate = if new.is_some() {
            Fate::Changed
        } else {
            Fate::Lost
        };
        differences.push(known.difference(fate, Some(old.clone()), new));
    }
    let gained: Vec<&ReplayedAlert> = rest.into_values().flatten().collect();
    for new in gained {
        differences.push(known.difference(Fate::Gained, None, Some(new.clone())));
    }
    differences.sort_by_key(order);
    let count = |fate| differences.iter().filter(|d| d.fate == fate).count() as u32;
    let confirmed = differences.iter().filter(|d| d.is_confirmed_loss()).count();
    let mut report = Report {
        from: span.from,
        to: span.to,
        history_from: span.history_from,
        events: span.events,
        before: side(&span, before),
        after: side(&span, after),
        gained: count(Fate::Gained),
        lost: count(Fate::Lost),
        lost_confirmed: confirmed as u32,
        changed: count(Fate::Changed),
        same,
        differences: Vec::new(),
    };
    differences.truncate(MOST_DIFFERENCES);
    report.differences = differences;
    report
}

/// Stored alerts that no replayed one has been paired with yet.
struct Known<'a>(BTreeMap<ActorId, Vec<&'a PastAlert>>);

impl<'a> Known<'a> {
    fn of(past: &'a [PastAlert]) -> Self {
        let mut actors: BTreeMap<ActorId, Vec<&PastAlert>> = BTreeMap::new();
        for alert in past {
            actors.entry(alert.actor).or_default().push(alert);
        }
        // The one that opened in the very minute is taken before another of the same day.
        Self(actors)
    }

    fn take(&mut self, replayed: &ReplayedAlert) -> Option<&'a PastAlert> {
        let alerts = self.0.get_mut(&replayed.actor)?;
        let exactly = alerts.iter().position(|a| a.opened == replayed.opened);
        let near = |a: &&PastAlert| near((a.opened, a.last), (replayed.opened, replayed.last));
        let place = exactly.or_else(|| alerts.iter().position(near))?;
        Some(alerts.remove(place))
    }

    fn difference(
        &mut self,
        fate: Fate,
        before: Option<ReplayedAlert>,
        after: Option<ReplayedAlert>,
    ) -> Difference {
        let stored = before.as_ref().or(after.as_ref());
        let stored = stored.and_then(|replayed| self.take(replayed));
        Difference {
            fate,
            before,
            after,
            alert: stored.map(|alert| alert.number),
            disposition: stored.and_then(|alert| alert.disposition),
        }
    }
}

fn by_actor(alerts: &[ReplayedAlert]) -> BTreeMap<ActorId, Vec<&ReplayedAlert>> {
    let mut actors: BTreeMap<ActorId, Vec<&ReplayedAlert>> = BTreeMap::new();
    for alert in in_order(alerts) {
        actors.entry(alert.actor).or_default().push(alert);
    }
    actors
}

fn in_order(alerts: &[ReplayedAlert]) -> Vec<&ReplayedAlert> {
    let mut sorted: Vec<&ReplayedAlert> = alerts.iter().collect();
    sorted.sort_by_key(|alert| (alert.opened, alert.actor));
    sorted
}

fn touch(a: &ReplayedAlert, b: &ReplayedAlert) -> bool {
    near((a.opened, a.last), (b.opened, b.last))
}

/// Whether two episodes, each from its opening to its last signal, lie within a day of each other.
fn near(a: (Minute, Minute), b: (Minute, Minute)) -> bool {
    a.0.0 <= b.1.0 + EPISODE_MINUTES && b.0.0 <= a.1.0 + EPISODE_MINUTES
}

/// Lost confirmed alerts, other lost ones, gained ones, changed ones; the highest score first.
fn order(difference: &Difference) -> (u8, u8, i32, Option<Minute>) {
    let fate = match difference.fate {
        Fate::Lost => 0,
        Fate::Gained => 1,
        Fate::Changed => 2,
    };
    let confirmed = difference
        .disposition
        .is_some_and(Disposition::confirms_incident);
    let score = difference.either().map_or(0, |alert| alert.score.tenths());
    let opened = difference.either().map(|alert| alert.opened);
    (fate, u8::from(!confirmed), -score, opened)
}

fn side(span: &Span, replayed: &Replayed) -> Side {
    let mut daily = vec![0; span.days()];
    for alert in &replayed.alerts {
        let day = alert.opened.start().utc_day().0 - span.from.0;
        if let Some(alerts) = usize::try_from(day).ok().and_then(|d| daily.get_mut(d)) {
            *alerts += 1;
        }
    }
    let actors: BTreeSet<ActorId> = replayed.alerts.iter().map(|a| a.actor).collect();
    let alerts = replayed.alerts.len() as u32;
    let weeks = span.days().max(1) as f64 / 7.0;
    Side {
        alerts,
        per_week: f64::from(alerts) / weeks,
        actors: actors.len() as u32,
        daily,
        scores: replayed.scores,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;

    const DAY: i64 = 1440;

    fn alert(actor: i64, opened: i64, score: i32) -> ReplayedAlert {
        ReplayedAlert {
            actor: ActorId(actor),
            opened: Minute(opened),
            last: Minute(opened + 10),
            score: Points::whole(score),
            rules: Vec::new(),
        }
    }

    fn past(number: i64, actor: i64, opened: i64, disposition: Option<Disposition>) -> PastAlert {
        PastAlert {
            number,
            actor: ActorId(actor),
            opened: Minute(opened),
            last: Minute(opened),
            disposition,
        }
    }

    fn replayed(alerts: Vec<ReplayedAlert>) -> Replayed {
        Replayed {
            alerts,
            ..Replayed::default()
        }
    }

    fn week() -> Span {
        Span {
            from: Day(100),
            to: Day(106),
            history_from: Day(50),
            events: 7,
        }
    }

    fn at(day: i64) -> i64 {
        (100 + day) * DAY
    }

    #[test]
    fn the_same_alerts_make_no_difference() {
        let all = replayed(vec![alert(1, at(0), 60), alert(1, at(4), 90)]);
        let report = compare(week(), &all, &all, &[]);
        assert_eq!((report.same, report.differences.len()), (2, 0));
        assert_eq!(report.before, report.after);
        assert_eq!(report.before.daily, [1, 0, 0, 0, 1, 0, 0]);
        assert!((report.before.per_week - 2.0).abs() < 1e-9);
        assert_eq!(report.before.actors, 1);
    }

    #[test]
    fn a_lost_confirmed_alert_comes_first() {
        let before = replayed(vec![
            alert(1, at(1), 95),
            alert(2, at(2), 61),
            alert(3, at(3), 70),
        ]);
        let after = replayed(vec![alert(3, at(3) + 30, 82), alert(4, at(5), 99)]);
        let stored = [
            past(1001, 1, at(1), Some(Disposition::FalsePositive)),
            past(1002, 2, at(2) + 5, Some(Disposition::TruePositiveImpact)),
            past(1003, 3, at(3), None),
        ];
        let report = compare(week(), &before, &after, &stored);
        let told: Vec<_> = report
            .differences
            .iter()
            .map(|d| (d.fate, d.either().unwrap().actor.0, d.alert))
            .collect();
        assert_eq!(
            told,
            [
                (Fate::Lost, 2, Some(1002)),
                (Fate::Lost, 1, Some(1001)),
                (Fate::Gained, 4, None),
                (Fate::Changed, 3, Some(1003)),
            ]
        );
        assert_eq!((report.lost, report.lost_confirmed), (2, 1));
        assert_eq!((report.gained, report.changed, report.same), (1, 1, 0));
    }

    #[test]
    fn episodes_more_than_a_day_apart_are_not_the_same() {
        let before = replayed(vec![alert(1, at(0), 60)]);
        let near = replayed(vec![alert(1, at(0) + 10 + DAY, 60)]);
        let far = replayed(vec![alert(1, at(0) + 11 + DAY, 60)]);
        assert_eq!(compare(week(), &before, &near, &[]).same, 1);
        let report = compare(week(), &before, &far, &[]);
        assert_eq!((report.lost, report.gained), (1, 1));
    }

    #[test]
    fn actor_days_fall_into_ten_bands() {
        let mut counted = Replayed::default();
        for tenths in [0, 99, 100, 599, 600, 999, 1000] {
            counted.count(Points::from_tenths(tenths));
        }
        assert_eq!(counted.scores, [2, 1, 0, 0, 0, 1, 1, 0, 0, 2]);
    }
}
