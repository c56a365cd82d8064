//! The four stories an analyst finds in the demo organisation.
//!
//! They are told in event time relative to the anchor and written minute by minute, so that they
//! score alike whenever the demo is loaded. No score is set anywhere: the rules find what is
//! there.

mod deployment;
mod exfiltration;
mod low_and_slow;
mod takeover;

use domain::time::{Day, MINUTE_US, Timestamp};

use super::calendar::Calendar;
use super::draft::{Draft, Journal};
use super::random::Random;

/// All events of all stories. Those of the last may reach beyond the anchor.
pub(super) fn all(calendar: &Calendar, anchor: Timestamp) -> Vec<Draft> {
    let night = calendar.last_night(anchor);
    [
        exfiltration::events(calendar, night),
        takeover::events(calendar, night.plus(-2)),
        deployment::events(calendar, calendar.deployment_day(anchor)),
        low_and_slow::events(calendar, calendar.day(anchor)),
    ]
    .concat()
}

/// A story that unfolds from a minute of a day on.
struct Scene<'a> {
    calendar: &'a Calendar,
    day: Day,
    begins: i64,
    random: Random,
    journal: Journal,
}

impl<'a> Scene<'a> {
    fn new(calendar: &'a Calendar, name: &str, day: Day, begins: i64) -> Self {
        let number = i64::from(day.0);
        Self {
            calendar,
            day,
            begins,
            random: Random::of(name, number),
            journal: Journal::of(name, number),
        }
    }

    /// Somewhere within a minute of the story. Never leaves that minute: windows are whole
    /// minutes, and the story must score the same however its seconds fall.
    fn at(&mut self, minute: u64) -> Timestamp {
        let within = self.random.below(MINUTE_US as u64) as i64;
        let minute = self.begins + minute as i64;
        self.calendar.instant(self.day, minute * MINUTE_US + within)
    }
}
