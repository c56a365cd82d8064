//! Instants, minutes, days and zones. Microseconds since the Unix epoch are the one unit of time.

use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Microseconds in one minute.
pub const MINUTE_US: i64 = 60_000_000;
/// Microseconds in one hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in one day of 24 hours.
pub const DAY_US: i64 = 24 * HOUR_US;

/// Whoever knows what time it is. Logic never asks; it is told.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// A duration as people say it: `40 s`, `18 min`, `5 h 18 min`, `3 days`.
pub fn span(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        i64::MIN..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min", seconds / 60),
        3600..86_400 if seconds % 3600 < 60 => format!("{} h", seconds / 3600),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The UTC minute that holds this instant.
    pub const fn minute(self) -> Minute {
        Minute(self.0.div_euclid(MINUTE_US))
    }

    /// This instant moved by so many microseconds, clamped to the representable range.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The UTC date.
    pub const fn utc_day(self) -> Day {
        Day(self.0.div_euclid(DAY_US) as i32)
    }

    /// The calendar in UTC.
    pub(crate) fn utc(self) -> jiff::Zoned {
        self.jiff().to_zoned(TimeZone::UTC)
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC with as many fractional digits as needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.jiff().fmt(f)
    }
}

/// Why a text is not an instant.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a date and time with a zone, such as 2026-03-02T23:10:04Z")]
pub struct NotATimestamp;

impl std::str::FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Reads RFC 3339 / ISO 8601 with `Z` or a numeric offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_microsecond()))
            .map_err(|_| NotATimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A UTC minute: whole minutes since the epoch. Windows of the scorer are made of these.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Minute(pub i64);

impl Minute {
    /// The first instant of the minute.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(MINUTE_US))
    }

    /// The first instant after the minute: the instant at which the minute is scored.
    pub const fn end(self) -> Timestamp {
        Timestamp(self.0.saturating_add(1).saturating_mul(MINUTE_US))
    }

    /// The minute `count` minutes away.
    #[must_use]
    pub const fn plus(self, count: i64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// The hour number since the epoch.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(60)
    }
}

/// A calendar date as days since 1970-01-01, in whichever zone the context names.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// The date `count` days away.
    #[must_use]
    pub const fn plus(self, count: i32) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// Midnight UTC at which the date begins.
    pub const fn utc_start(self) -> Timestamp {
        Timestamp((self.0 as i64).saturating_mul(DAY_US))
    }

    /// Monday is 0, Sunday 6.
    pub const fn weekday(self) -> u8 {
        (self.0 as i64 + 3).rem_euclid(7) as u8
    }

    fn date(self) -> jiff::civil::Date {
        self.utc_start().jiff().to_zoned(TimeZone::UTC).date()
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl std::str::FromStr for Day {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date: jiff::civil::Date = text.parse().map_err(|_| NotATimestamp)?;
        let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| NotATimestamp)?;
        Ok(Timestamp(midnight.timestamp().as_microsecond()).utc_day())
    }
}

/// Date and hour of day as a clock in some zone shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Calendar date in the zone.
    pub day: Day,
    /// Hour 0..=23 in the zone.
    pub hour: u8,
}

/// What a clock and a calendar on a wall show, before anyone says where the wall stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock {
    /// Year of the Gregorian calendar.
    pub year: i16,
    /// 1..=12.
    pub month: i8,
    /// 1..=31.
    pub day: i8,
    /// 0..=23.
    pub hour: i8,
    /// 0..=59.
    pub minute: i8,
    /// 0..=59; a leap second is said as 59.
    pub second: i8,
    /// 0..=999999.
    pub micros: i32,
}

/// An IANA time zone, resolved against the database compiled into the binary, so that hours are
/// judged alike on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// Why a zone name was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not an IANA time zone such as Europe/Berlin or UTC")]
pub struct UnknownZone(String);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// Looks up an IANA name. Case is folded; the canonical spelling is kept.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        let rules = TimeZone::get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, rules })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a clock in this zone shows at `instant`.
    pub fn local(&self, instant: Timestamp) -> Local {
        let shifted = instant.plus(self.offset_us(instant));
        Local {
            day: shifted.utc_day(),
            hour: (shifted.micros().rem_euclid(DAY_US) / HOUR_US) as u8,
        }
    }

    /// Seconds east of UTC at `instant`.
    pub fn offset_seconds(&self, instant: Timestamp) -> i32 {
        self.rules.to_offset(instant.jiff()).seconds()
    }

    /// The instant at which clocks in this zone show `wall`; `None` for a date that does not
    /// exist. Of the two instants of a repeated hour it is the first, and a skipped time is read
    /// as if the clock had not been changed.
    pub fn instant(&self, wall: WallClock) -> Option<Timestamp> {
        let date = jiff::civil::Date::new(wall.year, wall.month, wall.day).ok()?;
        let time =
            jiff::civil::Time::new(wall.hour, wall.minute, wall.second, wall.micros * 1000).ok()?;
        let zoned = date.to_datetime(time).to_zoned(self.rules.clone()).ok()?;
        Some(Timestamp(zoned.timestamp().as_microsecond()))
    }

    /// The calendar year that clocks in this zone show at `instant`.
    pub fn year(&self, instant: Timestamp) -> i16 {
        self.local(instant).day.date().year()
    }

    /// The first instant of a calendar date in this zone.
    pub fn day_start(&self, day: Day) -> Timestamp {
        day.date().to_zoned(self.rules.clone()).map_or_else(
            |_| day.utc_start(),
            |z| Timestamp(z.timestamp().as_microsecond()),
        )
    }

    /// Formats with `strftime` directives, for people.
    pub fn format(&self, instant: Timestamp, pattern: &str) -> String {
        instant
            .jiff()
            .to_zoned(self.rules.clone())
            .strftime(pattern)
            .to_string()
    }

    fn offset_us(&self, instant: Timestamp) -> i64 {
        if self.rules == TimeZone::UTC {
            return 0;
        }
        i64::from(self.offset_seconds(instant)) * 1_000_000
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_bounds() {
        let t: Timestamp = "2026-03-02T23:10:04.5Z".parse().unwrap();
        assert_eq!(t.minute().start().to_string(), "2026-03-02T23:10:00Z");
        assert_eq!(t.minute().end().to_string(), "2026-03-02T23:11:00Z");
        assert_eq!(t.utc_day().to_string(), "2026-03-02");
    }

    #[test]
    fn instants_before_the_epoch_round_down() {
        assert_eq!(Timestamp::from_micros(-1).minute(), Minute(-1));
        assert_eq!(Timestamp::from_micros(-1).utc_day(), Day(-1));
    }

    #[test]
    fn zone_follows_daylight_saving() {
        let berlin = Zone::named("europe/berlin").unwrap();
        assert_eq!(berlin.name(), "Europe/Berlin");
        let winter: Timestamp = "2026-01-15T08:30:00Z".parse().unwrap();
        let summer: Timestamp = "2026-07-15T08:30:00Z".parse().unwrap();
        assert_eq!(berlin.local(winter).hour, 9);
        assert_eq!(berlin.local(summer).hour, 10);
        let late: Timestamp = "2026-01-15T23:30:00Z".parse().unwrap();
        assert_eq!(berlin.local(late).day.to_string(), "2026-01-16");
        assert_eq!(
            berlin.day_start("2026-01-16".parse().unwrap()).to_string(),
            "2026-01-15T23:00:00Z"
        );
        assert!(Zone::named("Mars/Olympus").is_err());
    }

    #[test]
    fn wall_clocks() {
        let wall = |month, day, hour| WallClock {
            year: 2026,
            month,
            day,
            hour,
            minute: 30,
            second: 0,
            micros: 250_000,
        };
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let shown = |zone: &Zone, wall| zone.instant(wall).map(|t| t.to_string());
        assert_eq!(
            shown(&berlin, wall(7, 1, 10)).as_deref(),
            Some("2026-07-01T08:30:00.25Z")
        );
        // The repeated and the skipped hour.
        assert_eq!(
            shown(&berlin, wall(10, 25, 2)).as_deref(),
            Some("2026-10-25T00:30:00.25Z")
        );
        assert_eq!(
            shown(&berlin, wall(3, 29, 2)).as_deref(),
            Some("2026-03-29T01:30:00.25Z")
        );
        assert_eq!(shown(&Zone::utc(), wall(2, 29, 0)), None);
        let new_year: Timestamp = "2026-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(
            (Zone::utc().year(new_year), berlin.year(new_year)),
            (2026, 2027)
        );
    }

    #[test]
    fn spans() {
        assert_eq!(span(40_000_000), "40 s");
        assert_eq!(span(5 * HOUR_US + 18 * MINUTE_US), "5 h 18 min");
        assert_eq!(span(3 * DAY_US), "3 days");
    }

    #[test]
    fn weekdays() {
        let monday: Day = "2026-03-02".parse().unwrap();
        assert_eq!(monday.weekday(), 0);
        assert_eq!(monday.plus(6).weekday(), 6);
    }
}
