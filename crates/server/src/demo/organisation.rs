//! The ordinary life of everybody, day by day.

use domain::time::{Day, Timestamp};

use super::calendar::Calendar;
use super::draft::Draft;
use super::people::PEOPLE;
use super::{machines, workday};

/// Days at the beginning without exceptions.
const PLAIN_DAYS: i32 = 10;

/// Everything that happens on the days that hold `from..until`, beginning with `first`.
pub(super) fn life(
    calendar: &Calendar,
    first: Day,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Draft> {
    let days = calendar.day(from).max(first).0..=calendar.day(until).0;
    let mut drafts = Vec::new();
    for day in days.map(Day) {
        let plain = day < first.plus(PLAIN_DAYS);
        for numbered in (0..).zip(&PEOPLE) {
            let events = workday::events(calendar, numbered, day, plain);
            drafts.extend(within(events, from, until));
        }
        drafts.extend(within(machines::events(calendar, day), from, until));
    }
    drafts
}

fn within(drafts: Vec<Draft>, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Draft> {
    let asked = move |draft: &Draft| (from..until).contains(&draft.at);
    drafts.into_iter().filter(asked)
}
