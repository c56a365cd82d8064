//! Local clock times of the organisation as instants, and the days the stories happen on.

use domain::time::{DAY_US, Day, HOUR_US, MINUTE_US, Timestamp, Zone};

use super::ZONE;

/// Monday is 0.
const SATURDAY: i32 = 5;

/// The minute of the day at which the night of the exfiltration begins: 02:12.
pub(super) const NIGHT_BEGINS: i64 = 2 * 60 + 12;
/// The minute of the day at which it is over: 02:50.
const NIGHT_ENDS: i64 = 2 * 60 + 50;

/// Turns dates and clock times of the organisation into instants.
#[derive(Debug)]
pub(super) struct Calendar {
    zone: Zone,
}

impl Calendar {
    pub(super) fn new() -> Self {
        // The zone database is compiled in and knows the name; a test holds that fast.
        let zone = Zone::named(ZONE).unwrap_or_else(|_| Zone::utc());
        Self { zone }
    }

    /// The date a clock on the wall shows.
    pub(super) fn day(&self, instant: Timestamp) -> Day {
        self.zone.local(instant).day
    }

    /// The first date that begins at or after `instant`.
    pub(super) fn first_day(&self, instant: Timestamp) -> Day {
        let day = self.day(instant);
        if self.zone.day_start(day) >= instant {
            day
        } else {
            day.plus(1)
        }
    }

    /// The instant at which a clock shows `micros` since midnight. A time skipped in spring is
    /// the same time an hour later; of a time that comes twice in autumn it is the second.
    pub(super) fn instant(&self, day: Day, micros: i64) -> Timestamp {
        let shown = day.utc_start().plus(micros);
        let close = shown.plus(-self.offset(shown));
        shown.plus(-self.offset(close))
    }

    fn offset(&self, instant: Timestamp) -> i64 {
        i64::from(self.zone.offset_seconds(instant)) * 1_000_000
    }

    /// The latest date whose night hours were over three hours before the anchor.
    pub(super) fn last_night(&self, anchor: Timestamp) -> Day {
        let today = self.day(anchor);
        let over = self.instant(today, NIGHT_ENDS * MINUTE_US);
        if over.plus(3 * HOUR_US) <= anchor {
            today
        } else {
            today.plus(-1)
        }
    }

    /// The Saturday closest to nine days before the anchor.
    pub(super) fn deployment_day(&self, anchor: Timestamp) -> Day {
        let day = self.day(anchor.plus(-9 * DAY_US));
        let ahead = (SATURDAY - i32::from(day.weekday())).rem_euclid(7);
        day.plus(if ahead > 3 { ahead - 7 } else { ahead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn clock_times_over_the_year() {
        let calendar = Calendar::new();
        assert_eq!(calendar.zone.name(), ZONE);
        let shown = |date, hour| calendar.instant(day(date), hour * HOUR_US).to_string();
        assert_eq!(shown("2026-01-15", 9), "2026-01-15T08:00:00Z");
        assert_eq!(shown("2026-07-15", 9), "2026-07-15T07:00:00Z");
        assert_eq!(shown("2026-03-29", 1), "2026-03-29T00:00:00Z");
        assert_eq!(shown("2026-03-29", 2), "2026-03-29T01:00:00Z");
        assert_eq!(shown("2026-03-29", 3), "2026-03-29T01:00:00Z");
        assert_eq!(shown("2026-10-25", 1), "2026-10-24T23:00:00Z");
        assert_eq!(shown("2026-10-25", 2), "2026-10-25T01:00:00Z");
        assert_eq!(shown("2026-10-25", 3), "2026-10-25T02:00:00Z");
    }

    #[test]
    fn days_of_the_stories() {
        let calendar = Calendar::new();
        let night = |text| calendar.last_night(at(text)).to_string();
        assert_eq!(night("2026-03-10T04:49:59Z"), "2026-03-09");
        assert_eq!(night("2026-03-10T04:50:00Z"), "2026-03-10");
        for hours in 0..400 {
            let anchor = at("2026-03-10T00:30:00Z").plus(hours * HOUR_US);
            let saturday = calendar.deployment_day(anchor);
            assert_eq!(i32::from(saturday.weekday()), SATURDAY);
            let back = calendar.day(anchor).0 - saturday.0;
            assert!((6..=12).contains(&back), "{anchor}: {back}");
        }
        assert_eq!(
            calendar.first_day(at("2026-03-09T23:00:00Z")),
            day("2026-03-10")
        );
        assert_eq!(
            calendar.first_day(at("2026-03-09T23:00:01Z")),
            day("2026-03-11")
        );
    }
}
