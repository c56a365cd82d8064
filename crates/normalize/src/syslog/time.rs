//! The time at the head of a line, in the forms that devices really send.
//!
//! RFC 3339 (RFC 5424 section 6.2.3), `Mmm dd hh:mm:ss` (RFC 3164 section 4.1.2) with year,
//! fraction, weekday or zone name, Cisco's clock marks, and TAI64N.

use domain::time::{DAY_US, Timestamp, WallClock, Zone};

use crate::record::Context;

/// A time that was read, and what follows it.
pub(super) struct Read<'a> {
    /// `None` for what has the form of a time but is none, such as the 31st of September.
    pub at: Option<Timestamp>,
    /// The text after it.
    pub rest: &'a str,
    /// Written as in ISO 8601 with `T`: the form only headers have.
    pub iso: bool,
    /// Written with a space between date and time: the form of files, which name no host.
    pub file: bool,
}

/// How far ahead of the receiver a year-less time may lie before it is read as last year's.
const AHEAD_US: i64 = DAY_US;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Hours east of UTC of zone names: those of RFC 2822 section 4.3 and the European ones.
const ZONES: [(&str, i32); 19] = [
    ("utc", 0),
    ("gmt", 0),
    ("ut", 0),
    ("z", 0),
    ("wet", 0),
    ("west", 1),
    ("cet", 1),
    ("cest", 2),
    ("eet", 2),
    ("eest", 3),
    ("msk", 3),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

/// Reads the time at the beginning of `text`; `None` when there is none.
pub(super) fn read<'a>(text: &'a str, context: &Context<'_>) -> Option<Read<'a>> {
    let first = *text.as_bytes().first()?;
    match first {
        b'*' | b'.' => read(text.get(1..)?, context).filter(|r| !r.iso),
        b'@' => tai64n(text),
        b'0'..=b'9' => iso(text, context).or_else(|| year_first(text, context)),
        _ => named_month(text, context),
    }
}

/// `1990-10-22T10:52:01.5+01:00`, also with a space for the `T` and without an offset.
pub(super) fn iso<'a>(text: &'a str, context: &Context<'_>) -> Option<Read<'a>> {
    let mut scan = Scan(text);
    let year = scan.digits(4, 4)?;
    let dash = scan.byte(|b| matches!(b, b'-' | b'/'))?;
    let month = scan.digits(2, 2)?;
    scan.byte(|b| b == dash)?;
    let day = scan.digits(2, 2)?;
    let separator = scan.byte(|b| matches!(b, b'T' | b't' | b' '))?;
    let clock = scan.clock()?;
    let offset = scan.offset();
    let wall = wall(year, month, day, clock);
    let file = separator == b' ';
    let rest = scan.end()?;
    Some(Read {
        at: place(wall, offset, context.zone),
        rest,
        iso: !file,
        file,
    })
}

/// `1990 Oct 22 10:52:01`, as some routers write it.
fn year_first<'a>(text: &'a str, context: &Context<'_>) -> Option<Read<'a>> {
    let mut scan = Scan(text);
    let year = scan.digits(4, 4)?;
    scan.spaces()?;
    let month = scan.month()?;
    scan.spaces()?;
    let day = scan.digits(1, 2)?;
    scan.spaces()?;
    let clock = scan.clock()?;
    let offset = scan.zone_name();
    let rest = scan.end()?;
    let at = place(wall(year, month, day, clock), offset, context.zone);
    Some(Read {
        at,
        rest,
        iso: false,
        file: false,
    })
}

/// `[Fri] Jan 19 [2007] 12:20:33[.123] [CST] [2007]`.
fn named_month<'a>(text: &'a str, context: &Context<'_>) -> Option<Read<'a>> {
    let mut scan = Scan(text);
    let month = if let Some(month) = scan.month() {
        month
    } else {
        scan.weekday()?;
        scan.spaces()?;
        scan.month()?
    };
    scan.spaces()?;
    let day = scan.digits(1, 2)?;
    scan.spaces()?;
    let mut year = scan.year_then_space();
    let clock = scan.clock()?;
    let offset = scan.zone_name();
    if year.is_none() {
        year = scan.trailing_year();
    }
    let rest = scan.end()?;
    let at = match year {
        Some(year) => place(wall(year, month, day, clock), offset, context.zone),
        None => without_year(month, day, clock, offset, context),
    };
    Some(Read {
        at,
        rest,
        iso: false,
        file: false,
    })
}

/// TAI64N, as `multilog` writes it: `@` and 24 hexadecimal digits, 10 s ahead of UTC.
fn tai64n(text: &str) -> Option<Read<'_>> {
    let label = text.get(1..25)?;
    let seconds = i64::from_str_radix(label.get(..16)?, 16).ok()?;
    let nanos = i64::from_str_radix(label.get(16..)?, 16).ok()?;
    let unix = seconds.checked_sub(1 << 62)?.checked_sub(10)?;
    let at = unix.checked_mul(1_000_000)?.checked_add(nanos / 1000)?;
    Some(Read {
        at: sane(Timestamp::from_micros(at)),
        rest: text.get(25..)?,
        iso: false,
        file: true,
    })
}

/// The latest year in which the time is not more than a day ahead of the receiver's clock: a line
/// of 31 December received in January is last year's, one of 1 January received a moment before
/// midnight is next year's.
fn without_year(
    month: i8,
    day: i8,
    clock: Clock,
    offset: Option<i32>,
    context: &Context<'_>,
) -> Option<Timestamp> {
    let latest = context.received_at.plus(AHEAD_US);
    let this = context.zone.year(context.received_at);
    // Eight years reach the last 29 February.
    (0..=8)
        .filter_map(|back| {
            let wall = wall(
                this.saturating_add(1).saturating_sub(back),
                month,
                day,
                clock,
            );
            place(wall, offset, context.zone)
        })
        .find(|at| *at <= latest)
}

fn place(wall: WallClock, offset: Option<i32>, zone: &Zone) -> Option<Timestamp> {
    let at = match offset {
        None => zone.instant(wall)?,
        Some(seconds) => Zone::utc()
            .instant(wall)?
            .plus(-i64::from(seconds) * 1_000_000),
    };
    sane(at)
}

/// Times before 1970 and after 9999 are nobody's.
fn sane(at: Timestamp) -> Option<Timestamp> {
    (0..253_402_300_800_000_000)
        .contains(&at.micros())
        .then_some(at)
}

/// Time of day: hour, minute, second, microseconds.
type Clock = (i8, i8, i8, i32);

fn wall(year: i16, month: i8, day: i8, (hour, minute, second, micros): Clock) -> WallClock {
    WallClock {
        year,
        month,
        day,
        hour,
        minute,
        second: if second == 60 { 59 } else { second },
        micros,
    }
}

/// What is left of the text.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn byte(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let byte = *self.0.as_bytes().first()?;
        if !wanted(byte) {
            return None;
        }
        self.0 = self.0.get(1..)?;
        Some(byte)
    }

    fn digits<T: std::str::FromStr>(&mut self, least: usize, most: usize) -> Option<T> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit);
        let count = count.count();
        if count < least {
            return None;
        }
        let number = self.0.get(..count)?.parse().ok()?;
        self.0 = self.0.get(count..)?;
        Some(number)
    }

    fn spaces(&mut self) -> Option<()> {
        let trimmed = self.0.trim_start_matches(' ');
        let any = trimmed.len() < self.0.len();
        self.0 = trimmed;
        any.then_some(())
    }

    /// Skips one of the words at the beginning, whatever its case; gives its place.
    fn word_of<'w>(&mut self, words: impl Iterator<Item = &'w str>) -> Option<usize> {
        for (place, word) in words.enumerate() {
            let head = self.0.get(..word.len());
            if head.is_some_and(|h| h.eq_ignore_ascii_case(word)) {
                self.0 = self.0.get(word.len()..)?;
                return Some(place);
            }
        }
        None
    }

    fn month(&mut self) -> Option<i8> {
        let before = self.0;
        let place = self.word_of(MONTHS.into_iter())?;
        if !self.0.starts_with(' ') {
            self.0 = before;
            return None;
        }
        i8::try_from(place + 1).ok()
    }

    fn weekday(&mut self) -> Option<usize> {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        self.word_of(days.into_iter())
    }

    /// `hh:mm:ss` with an optional fraction of any length after `.` or `,`.
    fn clock(&mut self) -> Option<Clock> {
        let hour = self.digits(2, 2)?;
        self.byte(|b| b == b':')?;
        let minute = self.digits(2, 2)?;
        self.byte(|b| b == b':')?;
        let second = self.digits(2, 2)?;
        Some((hour, minute, second, self.fraction()))
    }

    fn fraction(&mut self) -> i32 {
        let Some(b'.' | b',') = self.0.as_bytes().first() else {
            return 0;
        };
        let digits: &str = self.0.get(1..).unwrap_or_default();
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        self.0 = digits.get(count..).unwrap_or_default();
        let mut micros = 0;
        for place in 0..6 {
            let digit = digits.as_bytes().get(place).filter(|_| place < count);
            micros = micros * 10 + i32::from(digit.map_or(0, |d| d - b'0'));
        }
        micros
    }

    /// `Z`, `+01:00` or `+0100`; a `Z` after an offset is a slip some senders make.
    fn offset(&mut self) -> Option<i32> {
        if self.byte(|b| matches!(b, b'Z' | b'z')).is_some() {
            return Some(0);
        }
        let before = self.0;
        let sign = self.byte(|b| matches!(b, b'+' | b'-'))?;
        let hours: Option<i32> = self.digits(2, 2);
        self.byte(|b| b == b':');
        let minutes: Option<i32> = self.digits(2, 2);
        let (Some(hours @ 0..=23), Some(minutes @ 0..=59)) = (hours, minutes) else {
            self.0 = before;
            return None;
        };
        self.byte(|b| matches!(b, b'Z' | b'z'));
        let seconds = hours * 3600 + minutes * 60;
        Some(if sign == b'-' { -seconds } else { seconds })
    }

    /// A zone's name after the time, as Cisco and RFC 3164's examples write it.
    fn zone_name(&mut self) -> Option<i32> {
        let after = self.0.strip_prefix(' ')?;
        let length = after
            .bytes()
            .take_while(|b| !matches!(b, b' ' | b':'))
            .count();
        let word = after.get(..length)?;
        let rest = after.get(length..)?;
        let shouted = word.bytes().all(|b| b.is_ascii_uppercase());
        if !shouted && !rest.starts_with(':') {
            return None;
        }
        let zone = ZONES.iter().find(|(n, _)| n.eq_ignore_ascii_case(word))?;
        self.0 = rest;
        Some(zone.1 * 3600)
    }

    fn year_then_space(&mut self) -> Option<i16> {
        let before = self.0;
        let year = self.digits(4, 4);
        if year.is_some() && self.spaces().is_some() {
            return year;
        }
        self.0 = before;
        None
    }

    /// ` 2007` after the time, where nothing else of its word follows.
    fn trailing_year(&mut self) -> Option<i16> {
        let before = self.0;
        self.0 = self.0.strip_prefix(' ')?;
        let year = self.digits::<i16>(4, 4);
        match year {
            Some(1970..=2199) if self.end().is_some() => year,
            _ => {
                self.0 = before;
                None
            }
        }
    }

    /// A time ends where the text, its word or its colon ends.
    fn end(&self) -> Option<&'a str> {
        let next = self.0.as_bytes().first();
        matches!(next, None | Some(b' ' | b':' | b'\t' | b']')).then_some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, received: &str, zone: &str) -> String {
        let zone = Zone::named(zone).unwrap();
        let context = Context {
            received_at: received.parse().unwrap(),
            zone: &zone,
        };
        match read(text, &context) {
            None => "-".to_owned(),
            Some(read) => format!(
                "{}|{}",
                read.at.map_or("?".to_owned(), |t| t.to_string()),
                read.rest
            ),
        }
    }

    #[test]
    #[allow(clippy::too_many_lines, reason = "a table is one function")]
    fn forms() {
        let table = [
            ("2003-10-11T22:14:15.003Z h", "2003-10-11T22:14:15.003Z| h"),
            (
                "2003-08-24T05:14:15.000003-07:00 h",
                "2003-08-24T12:14:15.000003Z| h",
            ),
            (
                "2020-03-24 08:38:42.344447-0700  h",
                "2020-03-24T15:38:42.344447Z|  h",
            ),
            (
                "2013-11-16 21:59:30,121 novo",
                "2013-11-16T21:59:30.121Z| novo",
            ),
            ("2024-01-31T23:59:59+00:00Z h", "2024-01-31T23:59:59Z| h"),
            (
                "2006-11-10T10:43:21.15600000000000000000000+01:00 b",
                "2006-11-10T09:43:21.156Z| b",
            ),
            ("2003-09-31T22:14:16Z h", "?| h"),
            ("May 00 00:00:00 XX", "?| XX"),
            ("Jan 1 00:00:00 host", "2026-01-01T00:00:00Z| host"),
            ("Jan  1 00:00:00 host", "2026-01-01T00:00:00Z| host"),
            ("NOV 22 00:00:33 x", "2026-11-22T00:00:33Z| x"),
            (" Aug", "-"),
            ("Aug 29 02:00:00.156789 c", "2026-08-29T02:00:00.156789Z| c"),
            ("Aug 29 02:00:00. c", "2026-08-29T02:00:00Z| c"),
            (".Apr 15 2007 21:28:13: %PIX", "2007-04-15T21:28:13Z|: %PIX"),
            ("*Mar  1 00:00:12.345: %S", "2026-03-01T00:00:12.345Z|: %S"),
            (
                "Apr 15 21:28:13 2007 linksys",
                "2007-04-15T21:28:13Z| linksys",
            ),
            ("Aug 24 05:34:00 CST 1987 m", "1987-08-24T11:34:00Z| m"),
            ("1990 Oct 22 10:52:01 h", "1990-10-22T10:52:01Z| h"),
            (
                "May 21 12:00:01.123 gmt: %I",
                "2026-05-21T12:00:01.123Z|: %I",
            ),
            (
                "Fri Jan 19 12:20:33 2007 [pid 2]",
                "2007-01-19T12:20:33Z| [pid 2]",
            ),
            ("Jun 30 23:59:60 h", "2026-06-30T23:59:59Z| h"),
            (
                "@400000004c91b044077a9e94 imap",
                "2010-09-16T05:50:50.125476Z| imap",
            ),
            ("March was cold", "-"),
            ("2026 was cold", "-"),
            ("12:00:01 x", "-"),
            ("Jan 1 00:00:00x", "-"),
            ("9999999999", "-"),
        ];
        for (text, expected) in table {
            assert_eq!(
                shown(text, "2026-11-25T12:00:00Z", "UTC"),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn years_around_new_year() {
        let table = [
            (
                "Dec 31 23:59:58 h",
                "2026-01-01T00:00:05Z",
                "UTC",
                "2025-12-31T23:59:58Z| h",
            ),
            (
                "Jan  1 00:00:02 h",
                "2025-12-31T23:59:50Z",
                "UTC",
                "2026-01-01T00:00:02Z| h",
            ),
            (
                "Jan  1 00:30:00 h",
                "2025-12-31T23:31:00Z",
                "Europe/Berlin",
                "2025-12-31T23:30:00Z| h",
            ),
            (
                "Dec 31 23:30:00 h",
                "2026-01-01T04:31:00Z",
                "America/New_York",
                "2026-01-01T04:30:00Z| h",
            ),
            (
                "Feb 29 10:00:00 h",
                "2026-03-01T00:00:00Z",
                "UTC",
                "2024-02-29T10:00:00Z| h",
            ),
            (
                "Nov 27 10:00:00 h",
                "2026-11-25T12:00:00Z",
                "UTC",
                "2025-11-27T10:00:00Z| h",
            ),
        ];
        for (text, received, zone, expected) in table {
            assert_eq!(shown(text, received, zone), expected, "{text}");
        }
    }
}
