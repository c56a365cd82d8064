//! The times in front of RouterOS lines, completed by the receiver's date and zone.

use domain::time::{DAY_US, Day, HOUR_US, MINUTE_US, Timestamp, Zone};

use crate::record::Context;

const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// A year-less time further ahead than this belongs to the year before.
const AHEAD_WITH_DATE_US: i64 = DAY_US;
/// A time without a date further ahead than this belongs to the day before.
const AHEAD_WITHOUT_DATE_US: i64 = HOUR_US;

/// A time found at the start of a line.
pub(super) struct Found<'a> {
    pub(super) timestamp: Option<Timestamp>,
    /// What follows it, without leading blanks.
    pub(super) rest: &'a str,
    /// Whether the form is one of syslog, after which comes the sender's name.
    pub(super) syslog: bool,
}

/// Reads the time a line begins with, in any form RouterOS writes; `None` when there is none.
pub(super) fn leading<'a>(line: &'a str, context: &Context<'_>) -> Option<Found<'a>> {
    let (first, rest) = word(line);
    if let Some(timestamp) = iso(first, context.zone) {
        return Some(Found {
            timestamp: Some(timestamp),
            rest,
            syslog: true,
        });
    }
    if let Some(clock) = time_of_day(first) {
        return Some(Found {
            timestamp: today(clock, context),
            rest,
            syslog: false,
        });
    }
    if let Some(month) = month(first) {
        return bsd(month, rest, context);
    }
    let date = dated(first)?;
    let (second, rest) = word(rest);
    let clock = time_of_day(second)?;
    Some(Found {
        timestamp: date.at(clock, context),
        rest,
        syslog: false,
    })
}

struct Date {
    year: Option<i32>,
    month: u8,
    day: u8,
}

impl Date {
    fn at(&self, clock: i64, context: &Context<'_>) -> Option<Timestamp> {
        if let Some(year) = self.year {
            return instant(self.day_in(year)?, clock, context.zone);
        }
        let latest = context.received_at.plus(AHEAD_WITH_DATE_US);
        let this_year = year_of(context.zone.local(context.received_at).day);
        // Nine years reach back to the leap year before any 29 February.
        (0..9).find_map(|back| {
            let day = self.day_in(this_year + 1 - back)?;
            instant(day, clock, context.zone).filter(|instant| *instant <= latest)
        })
    }

    fn day_in(&self, year: i32) -> Option<Day> {
        format!("{year:04}-{:02}-{:02}", self.month, self.day)
            .parse()
            .ok()
    }
}

fn year_of(day: Day) -> i32 {
    day.to_string()
        .split('-')
        .next()
        .and_then(|year| year.parse().ok())
        .unwrap_or(1970)
}

/// `Oct  2 17:36:35`, also with the year before the time.
fn bsd<'a>(month: u8, rest: &'a str, context: &Context<'_>) -> Option<Found<'a>> {
    let (day, rest) = word(rest);
    let (mut clock, mut rest) = word(rest);
    let mut year = None;
    if let Some(four) = four_digits(clock) {
        year = Some(four);
        (clock, rest) = word(rest);
    }
    let date = Date {
        year,
        month,
        day: digits(day, 2)?,
    };
    let timestamp = date.at(time_of_day(clock)?, context);
    Some(Found {
        timestamp,
        rest,
        syslog: true,
    })
}

/// `2026-10-02`, `10-02`, `oct/02`, `oct/02/2026`.
fn dated(text: &str) -> Option<Date> {
    let mut parts = text.split(['/', '-']);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    match (month(first), third) {
        (Some(month), year) => {
            let year = match year {
                None => None,
                Some(year) => Some(four_digits(year)?),
            };
            Some(Date {
                year,
                month,
                day: digits(second, 2)?,
            })
        }
        (None, Some(day)) => Some(Date {
            year: Some(four_digits(first)?),
            month: digits(second, 2)?,
            day: digits(day, 2)?,
        }),
        (None, None) => Some(Date {
            year: None,
            month: digits(first, 2)?,
            day: digits(second, 2)?,
        }),
    }
}

fn iso(text: &str, zone: &Zone) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    instant(date.parse().ok()?, time_of_day(time)?, zone)
}

fn today(clock: i64, context: &Context<'_>) -> Option<Timestamp> {
    let today = context.zone.local(context.received_at).day;
    let latest = context.received_at.plus(AHEAD_WITHOUT_DATE_US);
    [1, 0, -1].into_iter().find_map(|days| {
        instant(today.plus(days), clock, context.zone).filter(|instant| *instant <= latest)
    })
}

/// The instant at which a clock in `zone` shows the date and time. The offset is looked up twice:
/// the first guess may lie on the other side of a change of it.
fn instant(day: Day, clock: i64, zone: &Zone) -> Option<Timestamp> {
    let shown = day.utc_start().plus(clock);
    let offset = |at: Timestamp| i64::from(zone.offset_seconds(at)) * 1_000_000;
    let guess = shown.plus(-offset(shown));
    let instant = shown.plus(-offset(guess));
    (instant >= Timestamp::from_micros(0)).then_some(instant)
}

/// Microseconds since midnight of `HH:MM:SS` with an optional fraction.
fn time_of_day(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (hours, minutes, seconds) = (digits(hours, 2)?, digits(minutes, 2)?, digits(seconds, 2)?);
    let fraction_ok =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 60 || !fraction_ok {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = i64::from(seconds).min(59) * 1_000_000;
    Some(i64::from(hours) * HOUR_US + i64::from(minutes) * MINUTE_US + seconds + micros)
}

fn month(text: &str) -> Option<u8> {
    let place = MONTHS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))?;
    u8::try_from(place + 1).ok()
}

fn digits(text: &str, most: usize) -> Option<u8> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn four_digits(text: &str) -> Option<i32> {
    let plain = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The first word and what follows it, both without leading blanks.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, received: &str, zone: &str) -> Option<String> {
        let zone = Zone::named(zone).unwrap();
        let context = Context {
            received_at: received.parse().unwrap(),
            zone: &zone,
        };
        let found = leading(line, &context)?;
        assert_eq!(found.rest, "x y");
        found.timestamp.map(|t| t.to_string())
    }

    #[test]
    fn forms() {
        let now = "2026-11-25T03:00:00Z";
        let table = [
            ("sep/15 09:54:33 x y", "2026-09-15T09:54:33Z"),
            ("Oct/02/2025 16:49:36 x y", "2025-10-02T16:49:36Z"),
            ("2026-10-02 17:34:34 x y", "2026-10-02T17:34:34Z"),
            (" 01-15 10:22:04 x y", "2026-01-15T10:22:04Z"),
            ("Oct  2 17:36:35 x y", "2026-10-02T17:36:35Z"),
            ("Jan 31 23:59:59 x y", "2026-01-31T23:59:59Z"),
            ("Dec 31 23:59:59 x y", "2025-12-31T23:59:59Z"),
            ("Feb 29 12:00:00 x y", "2024-02-29T12:00:00Z"),
            ("Oct 02 2024 17:36:35 x y", "2024-10-02T17:36:35Z"),
            ("01:01:58 x y", "2026-11-25T01:01:58Z"),
            ("23:59:58 x y", "2026-11-24T23:59:58Z"),
            (
                "2025-11-22T21:24:35.265-0500 x y",
                "2025-11-23T02:24:35.265Z",
            ),
            ("2025-11-22T21:24:35 x y", "2025-11-22T21:24:35Z"),
        ];
        for (line, expected) in table {
            assert_eq!(read(line, now, "UTC").as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn new_year_in_the_receivers_zone() {
        let just_after = "2026-12-31T23:00:05Z";
        assert_eq!(
            read("Dec 31 23:59:59 x y", just_after, "Europe/Berlin").as_deref(),
            Some("2026-12-31T22:59:59Z")
        );
        assert_eq!(
            read("Jan  1 00:00:01 x y", just_after, "Europe/Berlin").as_deref(),
            Some("2026-12-31T23:00:01Z")
        );
        let summer = "2026-07-02T12:00:00Z";
        assert_eq!(
            read("jul/01 12:00:00 x y", summer, "Europe/Berlin").as_deref(),
            Some("2026-07-01T10:00:00Z")
        );
    }

    #[test]
    fn what_is_no_time() {
        for line in [
            "system,info x",
            "99:99:99 x y",
            "foo/15 09:00:00 x y",
            "2026-13-45 1:1:1 x y",
            "",
        ] {
            assert_eq!(read_any(line), None, "{line}");
        }
    }

    fn read_any(line: &str) -> Option<Timestamp> {
        let zone = Zone::utc();
        let context = Context {
            received_at: Timestamp::from_micros(0),
            zone: &zone,
        };
        leading(line, &context)?.timestamp
    }
}
