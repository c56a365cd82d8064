//! Which of an actor's alerts takes a minute that reached the threshold.

use std::collections::BTreeSet;

use domain::rule::RuleName;
use domain::score::Points;
use domain::time::Minute;
use scoring::episode::{self, Episode, Step};
use store::scoring::LatestAlert;

/// Asks the alerts nearest first: those opened at or before the minute, latest first, then those
/// opened after it, earliest first. The first that takes the minute decides; when none does, an
/// alert opens.
///
/// So a replay finds every alert where it stands, a late event before an opening joins the alert
/// that followed, and a minute that a closed alert covers stays closed.
///
/// `alerts` is sorted by opening minute. Alerts of another rule set take nothing.
pub(crate) fn place(
    alerts: &[LatestAlert],
    ruleset: &str,
    minute: Minute,
    score: Points,
    fired: &BTreeSet<RuleName>,
) -> (Option<usize>, Step) {
    let following = alerts.partition_point(|a| a.opened <= minute);
    let nearest = (0..following).rev().chain(following..alerts.len());
    for index in nearest {
        let alert = alerts.get(index).filter(|a| a.ruleset == ruleset);
        let episode = alert.map(as_episode);
        match episode::step(episode.as_ref(), minute, score, fired) {
            Step::Open => {}
            step => return (Some(index), step),
        }
    }
    (None, Step::Open)
}

/// Keeps an alert that has opened among the others.
pub(crate) fn insert(alerts: &mut Vec<LatestAlert>, alert: LatestAlert) {
    let index = alerts.partition_point(|a| a.opened < alert.opened);
    alerts.insert(index, alert);
}

/// What a higher score makes of an alert.
pub(crate) fn raised(
    alert: &mut LatestAlert,
    minute: Minute,
    score: Points,
    fired: BTreeSet<RuleName>,
) {
    alert.score = score;
    alert.rules.extend(fired);
    went_on(alert, minute);
}

/// What a further signal makes of an alert.
pub(crate) fn went_on(alert: &mut LatestAlert, minute: Minute) {
    alert.last_signal = alert.last_signal.max(minute);
}

/// The minute under which an alert can be stored: an actor has one alert for each minute, and a
/// closed alert may have been opened by this very one.
pub(crate) fn free_minute(alerts: &[LatestAlert], minute: Minute) -> Minute {
    let mut free = minute;
    while alerts.iter().any(|a| a.opened == free) {
        free = free.plus(1);
    }
    free
}

fn as_episode(alert: &LatestAlert) -> Episode {
    Episode {
        opened: alert.opened,
        last_signal: alert.last_signal,
        peak: alert.score,
        rules: alert.rules.clone(),
        closed: alert.status.is_closed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::alert::Status;
    use domain::id::AlertId;
    use domain::rule::RuleKey;

    fn alert(id: i64, (opened, last): (i64, i64), score: i32, status: Status) -> LatestAlert {
        LatestAlert {
            id: AlertId(id),
            opened: Minute(opened),
            last_signal: Minute(last),
            score: Points::whole(score),
            status,
            rules: BTreeSet::from([RuleKey::NewIp.into()]),
            ruleset: "classic".to_owned(),
        }
    }

    fn at(alerts: &[LatestAlert], minute: i64, score: i32) -> (Option<usize>, Step) {
        let fired = BTreeSet::from([RuleKey::NewIp.into()]);
        place(
            alerts,
            "classic",
            Minute(minute),
            Points::whole(score),
            &fired,
        )
    }

    #[test]
    fn every_stored_alert_is_found_where_it_stands() {
        let week = 7 * 1440;
        let alerts = [
            alert(1, (10_000, 10_010), 70, Status::Open),
            alert(2, (10_000 + week, 10_010 + week), 70, Status::Open),
        ];
        assert_eq!(at(&alerts, 10_005, 70), (Some(0), Step::Continue));
        assert_eq!(at(&alerts, 10_000 + week, 70), (Some(1), Step::Continue));
        assert_eq!(at(&alerts, 10_000 + week - 5, 80), (Some(1), Step::Raise));
        assert_eq!(at(&alerts, 13_000, 80), (None, Step::Open));
    }

    #[test]
    fn another_rule_set_opens_its_own_alert_beside() {
        let alerts = [alert(1, (10_000, 10_010), 70, Status::Open)];
        let fired = BTreeSet::from([RuleKey::NewIp.into()]);
        let minute = Minute(10_005);
        let placed = place(&alerts, "calibrated", minute, Points::whole(90), &fired);
        assert_eq!(placed, (None, Step::Open));
    }

    #[test]
    fn what_was_closed_stays_closed_and_raises_nobody_else() {
        let alerts = [
            alert(1, (10_000, 10_010), 90, Status::Resolved),
            alert(2, (10_300, 10_310), 65, Status::Open),
        ];
        assert_eq!(at(&alerts, 10_005, 90), (Some(0), Step::Swallow));
        assert_eq!(at(&alerts, 10_305, 66), (Some(1), Step::Raise));
        let reversed = [
            alert(1, (10_000, 11_500), 65, Status::Open),
            alert(2, (12_000, 12_010), 90, Status::Resolved),
        ];
        assert_eq!(at(&reversed, 12_000, 90), (Some(1), Step::Swallow));
    }

    #[test]
    fn a_worse_minute_before_a_reopened_alert_joins_it() {
        let alerts = [
            alert(1, (10_000, 10_010), 60, Status::Resolved),
            alert(2, (10_300, 10_310), 80, Status::Open),
        ];
        assert_eq!(at(&alerts, 10_290, 78), (Some(1), Step::Continue));
    }

    #[test]
    fn a_minute_that_opened_an_alert_before_is_not_taken_twice() {
        let alerts = [
            alert(1, (10_000, 10_000), 60, Status::Resolved),
            alert(2, (10_001, 10_001), 60, Status::Resolved),
        ];
        assert_eq!(at(&alerts, 10_000, 80), (None, Step::Open));
        assert_eq!(free_minute(&alerts, Minute(10_000)), Minute(10_002));
        assert_eq!(free_minute(&alerts, Minute(9_000)), Minute(9_000));
    }
}
