//! Hourly groups of events joined into lines, each with what is unusual about it.

use std::collections::BTreeMap;

use domain::baseline::BaselineView;
use domain::time::{Day, HOUR_US, Timestamp, Zone};
use scoring::words;
use store::events::Activity;

/// Two groups at rare hours are one line while less than this lies between them.
const JOINED_WITHIN_US: i64 = 2 * HOUR_US;

/// Events of one kind on one day.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub action: String,
    pub resource: Option<String>,
    pub events: i64,
    pub failures: i64,
    pub bytes: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// What is unusual, in a few words each.
    pub marks: Vec<String>,
    /// At an hour at and around which the actor is hardly ever active.
    rare: bool,
}

/// Joins groups into the lines of each day of the zone, and judges them by the view.
pub(super) fn lines(
    groups: &[Activity],
    zone: &Zone,
    view: Option<&BaselineView>,
) -> BTreeMap<Day, Vec<Line>> {
    let mut ordered: Vec<&Activity> = groups.iter().collect();
    ordered.sort_by_key(|group| group.first_at);
    let mut days: BTreeMap<Day, Vec<Line>> = BTreeMap::new();
    for group in ordered {
        let local = zone.local(group.first_at);
        let rare = view.is_some_and(|v| is_rare(v, local.hour));
        let day = days.entry(local.day).or_default();
        let same = |line: &&mut Line| {
            let near = group.first_at.micros() - line.last_at.micros() < JOINED_WITHIN_US;
            line.rare == rare
                && line.action == group.action
                && line.resource == group.resource
                && (near || !rare)
        };
        match day.iter_mut().rfind(same) {
            Some(line) => line.add(group),
            None => day.push(Line::of(group, rare)),
        }
    }
    if let Some(view) = view {
        for line in days.values_mut().flatten() {
            line.marks = marks(line, view);
        }
    }
    days
}

impl Line {
    fn of(group: &Activity, rare: bool) -> Self {
        Self {
            action: group.action.clone(),
            resource: group.resource.clone(),
            events: group.events,
            failures: group.failures,
            bytes: group.bytes,
            first_at: group.first_at,
            last_at: group.last_at,
            marks: Vec::new(),
            rare,
        }
    }

    fn add(&mut self, group: &Activity) {
        self.events = self.events.saturating_add(group.events);
        self.failures = self.failures.saturating_add(group.failures);
        self.bytes = self.bytes.saturating_add(group.bytes);
        self.first_at = self.first_at.min(group.first_at);
        self.last_at = self.last_at.max(group.last_at);
    }

    /// Bytes in IEC units, when any were moved.
    pub(crate) fn size(&self) -> Option<String> {
        (self.bytes > 0).then(|| words::bytes(self.bytes as f64))
    }

    /// Failed events in words.
    pub(crate) fn failed(&self) -> Option<String> {
        match self.failures {
            0 => None,
            n if n == self.events => Some("failed".to_owned()),
            n => Some(format!("{} failed", words::count(n as f64))),
        }
    }

    /// Events as a multiplier: `90×`; nothing for a single one.
    pub(crate) fn times(&self) -> Option<String> {
        (self.events > 1).then(|| format!("{}×", words::count(self.events as f64)))
    }
}

/// An hour at and around which there was fewer than one event on two active days. The hours
/// beside it count too: somebody who leaves at five may leave at ten past five.
fn is_rare(view: &BaselineView, hour: u8) -> bool {
    let around = [hour + 23, hour, hour + 1].map(|h| usize::from(h % 24));
    let count: u64 = around.iter().filter_map(|h| view.hours.get(*h)).sum();
    count * 2 < u64::from(view.active_days())
}

fn marks(line: &Line, view: &BaselineView) -> Vec<String> {
    let mut marks = Vec::new();
    let (bytes, failures) = (line.bytes as f64, line.failures as f64);
    if bytes > view.daily_bytes.max {
        let median = view.daily_bytes.median;
        marks.push(if median > 0.0 {
            format!("{} the bytes of a usual day", words::ratio(bytes / median))
        } else {
            "more bytes than on any day".to_owned()
        });
    }
    if failures > view.daily_failures.p95 {
        let usual = words::amount(view.daily_failures.median);
        let word = words::plural(failures, "failure", "failures");
        marks.push(format!("{word}, usually {usual} a day"));
    }
    if line.rare {
        marks.push("hardly ever active at this hour".to_owned());
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::baseline::{BaselineDay, DayState, Usual};

    fn view() -> BaselineView {
        let mut hours = [0; 24];
        hours[9] = 20;
        hours[12] = 1;
        let usual = |median, max| Usual {
            median,
            p95: max,
            max,
        };
        let day = |back| BaselineDay {
            day: Day(20_500 - back),
            state: DayState::Active,
            events: 10,
            bytes: 0,
            failures: 0,
            resources: 0,
            addresses: 0,
        };
        BaselineView {
            computed_at: Timestamp::from_micros(0),
            days: (0..4).map(day).collect(),
            events: 40,
            daily_events: usual(10.0, 10.0),
            daily_bytes: usual(1000.0, 2000.0),
            daily_resources: usual(0.0, 0.0),
            daily_addresses: usual(0.0, 0.0),
            daily_failures: usual(1.0, 3.0),
            typical_hours: vec![9],
            hours,
            young: false,
        }
    }

    fn group(time: &str, action: &str, events: i64, failures: i64, bytes: i64) -> Activity {
        let at: Timestamp = time.parse().unwrap();
        Activity {
            hour: at.minute().hour(),
            action: action.to_owned(),
            resource: None,
            events,
            failures,
            bytes,
            first_at: at,
            last_at: at.plus(60_000_000),
        }
    }

    fn drawn(groups: &[Activity]) -> Vec<Line> {
        let days = lines(groups, &Zone::utc(), Some(&view()));
        days.into_values().flatten().collect()
    }

    #[test]
    fn usual_hours_become_one_line() {
        let found = drawn(&[
            group("2026-03-03T15:00:00Z", "read", 1, 0, 0),
            group("2026-03-03T09:00:00Z", "read", 30, 1, 10),
            group("2026-03-03T09:30:00Z", "write", 2, 0, 0),
            group("2026-03-03T09:50:00Z", "read", 5, 0, 10),
        ]);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].events, found[0].bytes), (35, 20));
        assert!(found[0].marks.is_empty() && found[1].marks.is_empty());
        assert_eq!(found[2].marks, ["hardly ever active at this hour"]);
    }

    #[test]
    fn the_hours_beside_a_usual_one_are_not_rare() {
        let rare = |hour| is_rare(&view(), hour);
        assert!(!rare(8) && !rare(9) && !rare(10));
        assert!(rare(0) && rare(7) && rare(12) && rare(23));
    }

    #[test]
    fn rare_hours_far_apart_stay_apart() {
        let found = drawn(&[
            group("2026-03-03T02:15:00Z", "read", 1, 0, 0),
            group("2026-03-03T03:15:00Z", "read", 1, 0, 0),
            group("2026-03-03T23:15:00Z", "read", 1, 0, 0),
        ]);
        let events: Vec<_> = found.iter().map(|l| l.events).collect();
        assert_eq!(events, [2, 1]);
    }

    #[test]
    fn what_is_unusual_is_said() {
        let found = drawn(&[group("2026-03-03T09:00:00Z", "read", 9, 4, 5000)]);
        assert_eq!(
            found[0].marks,
            [
                "5.0× the bytes of a usual day",
                "4 failures, usually 1 a day"
            ]
        );
        assert_eq!(found[0].failed().as_deref(), Some("4 failed"));
        assert_eq!(found[0].times().as_deref(), Some("9×"));
    }

    #[test]
    fn without_a_view_nothing_is_called_unusual() {
        let groups = [group("2026-03-03T03:00:00Z", "read", 9, 9, i64::MAX)];
        let days = lines(&groups, &Zone::utc(), None);
        let line = days.into_values().flatten().next().unwrap();
        assert!(line.marks.is_empty());
        assert_eq!(line.failed().as_deref(), Some("failed"));
    }
}
