//! What is usual for one actor: the 14 complete days before a window begins.

use std::collections::BTreeSet;

use domain::baseline::{
    BASELINE_DAYS, BaselineDay, BaselineView, DayState, MIN_BASELINE_EVENTS, Usual,
};
use domain::score::Reference;
use domain::time::{Day, Minute, Timestamp, Zone};

use crate::observation::ValueHash;
use crate::profile::{DayBucket, Profile};

/// Bytes a day while the actor has no past of its own: 10 MB.
pub const DEFAULT_DAILY_BYTES: f64 = 10_000_000.0;
/// Distinct resources a day while the actor has no past of its own.
pub const DEFAULT_DAILY_RESOURCES: f64 = 20.0;
/// Typical hours while the actor has no past of its own: 9 to 17 o'clock, both included.
pub const DEFAULT_HOURS: std::ops::RangeInclusive<u8> = 9..=17;

/// The usual of one actor before one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The last complete day before the window.
    pub last_day: Day,
    /// Days with events of the actor, oldest first.
    pub days_used: Vec<Day>,
    /// Events in those days.
    pub events: u64,
    /// Hours of the day that hold at least a tenth of the events.
    pub typical_hours: Vec<u8>,
    /// True while documented defaults stand in.
    pub young: bool,
    /// Bytes a day.
    pub bytes: Amount,
    /// Distinct resources a day.
    pub resources: Amount,
    /// Failures a day.
    pub failures: Amount,
    /// Events outside the typical hours a day.
    pub off_hours: Amount,
    /// Addresses a day not seen on an earlier baseline day.
    pub new_addresses: Amount,
}

/// One daily amount: every active day's value, and what is usual.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Amount {
    values: Vec<u64>,
    /// Median, 95th percentile and maximum.
    pub usual: Usual,
}

impl Amount {
    fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let usual = usual(&values);
        Self { values, usual }
    }

    /// Baseline days on which at least this much was reached.
    pub fn days_reached(&self, observed: f64) -> u32 {
        self.values
            .iter()
            .filter(|v| **v as f64 >= observed)
            .count() as u32
    }
}

/// Median (mean of the middle two for an even count), nearest-rank 95th percentile, maximum.
fn usual(sorted: &[u64]) -> Usual {
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0) as f64;
    let count = sorted.len();
    if count == 0 {
        return Usual::default();
    }
    let median = if count % 2 == 1 {
        at(count / 2)
    } else {
        f64::midpoint(at(count / 2 - 1), at(count / 2))
    };
    Usual {
        median,
        p95: at((count * 95).div_ceil(100) - 1),
        max: at(count - 1),
    }
}

impl Baseline {
    /// The baseline of a window that begins with `window_start`.
    ///
    /// The scored window is never part of it: the last day used has ended when the window begins.
    pub fn before(
        profile: &Profile,
        window_start: Minute,
        zone: &Zone,
        excluded: &BTreeSet<Day>,
    ) -> Self {
        let last_day = zone.local(window_start.start()).day.plus(-1);
        Self::ending(profile, last_day, excluded)
    }

    /// The baseline of the 14 days that end with `last_day`.
    pub fn ending(profile: &Profile, last_day: Day, excluded: &BTreeSet<Day>) -> Self {
        let days: Vec<&DayBucket> = days_until(profile, last_day)
            .filter(|d| d.events > 0 && !excluded.contains(&d.day))
            .collect();
        let events = days.iter().map(|d| d.events).sum();
        let young = events < MIN_BASELINE_EVENTS;
        let typical_hours = typical_hours(&days, events, young);
        let amount =
            |of: &dyn Fn(&DayBucket) -> u64| Amount::of(days.iter().map(|d| of(d)).collect());
        Self {
            last_day,
            days_used: days.iter().map(|d| d.day).collect(),
            events,
            young,
            bytes: amount(&|d| d.bytes),
            resources: amount(&|d| d.resources.count()),
            failures: amount(&|d| d.failures),
            off_hours: amount(&|d| untypical(d, &typical_hours)),
            new_addresses: Amount::of(first_seen_addresses(&days)),
            typical_hours,
        }
    }

    /// Whether an address was used on one of the baseline days.
    pub fn knows_address(&self, profile: &Profile, address: ValueHash) -> bool {
        self.buckets(profile).any(|d| d.addresses.contains(address))
    }

    /// Whether a resource was used on one of the baseline days.
    pub fn knows_resource(&self, profile: &Profile, resource: ValueHash) -> bool {
        self.buckets(profile)
            .any(|d| d.resources.contains(resource))
    }

    fn buckets<'p>(&self, profile: &'p Profile) -> impl Iterator<Item = &'p DayBucket> {
        days_until(profile, self.last_day).filter(|d| self.days_used.binary_search(&d.day).is_ok())
    }

    /// Usual bytes a day and where that number comes from.
    pub fn daily_bytes(&self) -> (f64, Reference) {
        self.or_default(&self.bytes, DEFAULT_DAILY_BYTES)
    }

    /// Usual distinct resources a day and where that number comes from.
    pub fn daily_resources(&self) -> (f64, Reference) {
        self.or_default(&self.resources, DEFAULT_DAILY_RESOURCES)
    }

    /// An actor who usually moves nothing has no multiple: the default stands in there too.
    fn or_default(&self, amount: &Amount, default: f64) -> (f64, Reference) {
        let median = amount.usual.median;
        if self.young || median <= 0.0 {
            (default, Reference::Default)
        } else {
            (median, Reference::Own)
        }
    }
}

fn days_until(profile: &Profile, last_day: Day) -> impl Iterator<Item = &DayBucket> {
    let first_day = last_day.plus(1 - BASELINE_DAYS);
    profile
        .days()
        .iter()
        .filter(move |d| (first_day..=last_day).contains(&d.day))
}

fn typical_hours(days: &[&DayBucket], events: u64, young: bool) -> Vec<u8> {
    let holds_a_tenth = |hour: &u8| {
        let count: u64 = days.iter().map(|d| hour_count(d, *hour)).sum();
        count > 0 && count * 10 >= events
    };
    let hours: Vec<u8> = (0..24).filter(holds_a_tenth).collect();
    if young || hours.is_empty() {
        return DEFAULT_HOURS.collect();
    }
    hours
}

fn hour_count(day: &DayBucket, hour: u8) -> u64 {
    day.hours
        .get(usize::from(hour))
        .copied()
        .map_or(0, u64::from)
}

fn untypical(day: &DayBucket, typical: &[u8]) -> u64 {
    (0..24)
        .filter(|hour| !typical.contains(hour))
        .map(|hour| hour_count(day, hour))
        .sum()
}

fn first_seen_addresses(days: &[&DayBucket]) -> Vec<u64> {
    (1..days.len())
        .filter_map(|index| {
            let (earlier, rest) = days.split_at(index);
            let fresh = rest.first()?.addresses.exact()?.iter();
            let unseen = fresh.filter(|a| !earlier.iter().any(|d| d.addresses.contains(**a)));
            Some(unseen.count() as u64)
        })
        .collect()
}

/// The 14-day view shown to people: the days before `today`.
///
/// `silent` are days on which no source delivered anything.
pub fn view(
    profile: &Profile,
    now: Timestamp,
    zone: &Zone,
    excluded: &BTreeSet<Day>,
    silent: &BTreeSet<Day>,
) -> BaselineView {
    let last_day = zone.local(now).day.plus(-1);
    let baseline = Baseline::ending(profile, last_day, excluded);
    let days: Vec<BaselineDay> = (0..BASELINE_DAYS)
        .map(|back| last_day.plus(1 - BASELINE_DAYS + back))
        .map(|day| view_day(profile, day, excluded, silent))
        .collect();
    let counted = || baseline.buckets(profile);
    let mut hours = [0_u64; 24];
    for bucket in counted() {
        for (sum, count) in hours.iter_mut().zip(bucket.hours) {
            *sum += u64::from(count);
        }
    }
    BaselineView {
        computed_at: now,
        events: baseline.events,
        daily_events: Amount::of(counted().map(|d| d.events).collect()).usual,
        daily_bytes: baseline.bytes.usual,
        daily_resources: baseline.resources.usual,
        daily_addresses: Amount::of(counted().map(|d| d.addresses.count()).collect()).usual,
        daily_failures: baseline.failures.usual,
        typical_hours: baseline.typical_hours.clone(),
        hours,
        young: baseline.young,
        days,
    }
}

fn view_day(
    profile: &Profile,
    day: Day,
    excluded: &BTreeSet<Day>,
    silent: &BTreeSet<Day>,
) -> BaselineDay {
    let bucket = profile.days().iter().find(|d| d.day == day);
    let state = match bucket {
        _ if excluded.contains(&day) => DayState::Excluded,
        Some(_) => DayState::Active,
        None if silent.contains(&day) => DayState::Silent,
        None => DayState::Quiet,
    };
    BaselineDay {
        day,
        state,
        events: bucket.map_or(0, |d| d.events),
        bytes: bucket.map_or(0, |d| d.bytes),
        failures: bucket.map_or(0, |d| d.failures),
        resources: bucket.map_or(0, |d| d.resources.count()),
        addresses: bucket.map_or(0, |d| d.addresses.count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Observation;

    #[test]
    fn median_and_percentile() {
        assert_eq!(usual(&[]), Usual::default());
        assert_eq!(
            usual(&[4]),
            Usual {
                median: 4.0,
                p95: 4.0,
                max: 4.0
            }
        );
        assert!((usual(&[1, 3]).median - 2.0).abs() < f64::EPSILON);
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(
            usual(&hundred),
            Usual {
                median: 50.5,
                p95: 95.0,
                max: 100.0
            }
        );
    }

    fn profile_of(times: &[&str]) -> Profile {
        let mut profile = Profile::default();
        for time in times {
            profile.observe(&Observation::at(time.parse().unwrap()), &Zone::utc());
        }
        profile
    }

    fn minute(text: &str) -> Minute {
        text.parse::<Timestamp>().unwrap().minute()
    }

    #[test]
    fn the_scored_window_is_never_part_of_it() {
        let profile = profile_of(&[
            "2026-03-01T09:00:00Z",
            "2026-03-02T09:00:00Z",
            "2026-03-03T09:00:00Z",
            "2026-03-04T09:00:00Z",
            "2026-03-05T09:00:00Z",
            "2026-03-06T09:00:00Z",
        ]);
        let none = BTreeSet::new();
        let day = Baseline::before(
            &profile,
            minute("2026-03-05T09:01:00Z"),
            &Zone::utc(),
            &none,
        );
        assert_eq!(day.last_day.to_string(), "2026-03-04");
        assert_eq!((day.events, day.young), (4, true));
        let hour = Baseline::before(
            &profile,
            minute("2026-03-06T08:01:00Z"),
            &Zone::utc(),
            &none,
        );
        assert_eq!((hour.events, hour.young), (5, false));
        assert_eq!(hour.typical_hours, [9]);
    }

    #[test]
    fn excluded_days_are_left_out() {
        let profile = profile_of(&["2026-03-01T09:00:00Z", "2026-03-02T09:00:00Z"]);
        let excluded = BTreeSet::from(["2026-03-02".parse().unwrap()]);
        let baseline = Baseline::ending(&profile, "2026-03-03".parse().unwrap(), &excluded);
        assert_eq!(baseline.events, 1);
    }

    #[test]
    fn evenly_spread_hours_fall_back_to_the_default() {
        let times: Vec<String> = (0..24)
            .map(|h| format!("2026-03-01T{h:02}:00:00Z"))
            .collect();
        let profile = profile_of(&times.iter().map(String::as_str).collect::<Vec<_>>());
        let baseline = Baseline::ending(&profile, "2026-03-01".parse().unwrap(), &BTreeSet::new());
        assert_eq!(baseline.typical_hours, DEFAULT_HOURS.collect::<Vec<_>>());
        assert!(!baseline.young);
    }

    #[test]
    fn the_view_tells_silence_from_quiet() {
        let profile = profile_of(&["2026-03-10T09:00:00Z"]);
        let silent = BTreeSet::from(["2026-03-11".parse().unwrap()]);
        let now = "2026-03-13T12:00:00Z".parse().unwrap();
        let view = view(&profile, now, &Zone::utc(), &BTreeSet::new(), &silent);
        let states: Vec<_> = view.days.iter().rev().take(3).map(|d| d.state).collect();
        assert_eq!(
            states,
            [DayState::Quiet, DayState::Silent, DayState::Active]
        );
        assert_eq!((view.days.len(), view.active_days()), (14, 1));
    }
}
