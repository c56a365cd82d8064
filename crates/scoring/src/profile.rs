//! One actor's compact memory: day buckets, minute slots of the last day, hour sets.
//!
//! Folding is commutative: the profile is a function of the set of events it was given. Every
//! container is bounded, so an account with a million events a day costs constant memory.

use domain::time::{Day, Local, Minute, Zone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::distinct::{DaySet, HourSet};
use crate::observation::Observation;

/// Day buckets kept: 14 baseline days, a 7-day window, today and one more for zones.
pub const DAYS_KEPT: i32 = 23;
/// Minutes for which single slots are kept.
pub const MINUTES_KEPT: i64 = 1440;
/// Layout of the serialised form. A stored profile of another layout is rebuilt from events.
pub const LAYOUT: u8 = 1;

/// Everything counted on one calendar day of the actor's zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DayBucket {
    /// The date.
    pub day: Day,
    /// Events.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
    /// Failed events.
    pub failures: u64,
    /// Events per hour of the day.
    pub hours: [u32; 24],
    /// Distinct addresses.
    pub addresses: DaySet,
    /// Distinct resources.
    pub resources: DaySet,
    /// Distinct client programs.
    pub agents: DaySet,
    /// Distinct machines.
    pub hosts: DaySet,
}

/// Everything counted in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The minute.
    pub minute: Minute,
    /// Events.
    pub events: u32,
    /// Bytes.
    pub bytes: u64,
    /// Failed events.
    pub failures: u32,
}

/// Distinct values of one clock hour (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HourBucket {
    /// Hours since the epoch.
    pub hour: i64,
    /// Addresses.
    pub addresses: HourSet,
    /// Resources.
    pub resources: HourSet,
}

/// One actor's memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    newest: Option<Minute>,
    days: Vec<DayBucket>,
    slots: Vec<Slot>,
    hours: Vec<HourBucket>,
}

/// A stored profile that this version cannot read; rebuild it from events.
#[derive(Debug, Error)]
#[error("the stored profile has another layout or is damaged")]
pub struct Unreadable;

impl Profile {
    /// The newest minute folded in.
    pub fn newest(&self) -> Option<Minute> {
        self.newest
    }

    /// Day buckets, oldest first.
    pub fn days(&self) -> &[DayBucket] {
        &self.days
    }

    /// Minute slots, oldest first.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Hour buckets, oldest first.
    pub fn hours(&self) -> &[HourBucket] {
        &self.hours
    }

    /// Folds one event in. `zone` must be the same for the life of the profile.
    pub fn observe(&mut self, seen: &Observation, zone: &Zone) {
        let local = zone.local(seen.minute.start());
        if self.newest.is_none_or(|newest| newest < seen.minute) {
            self.newest = Some(seen.minute);
            self.forget(seen.minute, local.day);
        }
        self.count_day(seen, local);
        self.count_minute(seen);
        self.count_hour(seen);
    }

    /// The serialised form.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![LAYOUT]).unwrap_or_default()
    }

    /// Reads what [`Profile::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        match bytes.split_first() {
            Some((&LAYOUT, rest)) => postcard::from_bytes(rest).map_err(|_| Unreadable),
            _ => Err(Unreadable),
        }
    }

    fn newest_day(&self) -> Option<Day> {
        self.days.last().map(|d| d.day)
    }

    fn forget(&mut self, newest: Minute, today: Day) {
        let oldest_day = today.plus(1 - DAYS_KEPT);
        self.days.retain(|d| d.day >= oldest_day);
        self.slots.retain(|s| s.minute > newest.plus(-MINUTES_KEPT));
        self.hours.retain(|h| h.hour >= newest.hour() - 24);
    }

    fn count_day(&mut self, seen: &Observation, local: Local) {
        if self
            .newest_day()
            .is_some_and(|newest| local.day < newest.plus(1 - DAYS_KEPT))
        {
            return;
        }
        let place = match self.days.binary_search_by_key(&local.day, |d| d.day) {
            Ok(place) => place,
            Err(place) => {
                let fresh = DayBucket {
                    day: local.day,
                    ..DayBucket::default()
                };
                self.days.insert(place, fresh);
                place
            }
        };
        let Some(day) = self.days.get_mut(place) else {
            return;
        };
        day.events = day.events.saturating_add(1);
        day.bytes = day.bytes.saturating_add(seen.bytes);
        day.failures = day.failures.saturating_add(u64::from(seen.failed));
        if let Some(hour) = day.hours.get_mut(usize::from(local.hour)) {
            *hour = hour.saturating_add(1);
        }
        for (set, value) in [
            (&mut day.addresses, seen.address),
            (&mut day.resources, seen.resource),
            (&mut day.agents, seen.agent),
            (&mut day.hosts, seen.host),
        ] {
            if let Some(value) = value {
                set.insert(value);
            }
        }
    }

    fn count_minute(&mut self, seen: &Observation) {
        if self
            .newest
            .is_some_and(|newest| seen.minute <= newest.plus(-MINUTES_KEPT))
        {
            return;
        }
        let place = match self.slots.last() {
            Some(last) if last.minute == seen.minute => self.slots.len() - 1,
            _ => match self.slots.binary_search_by_key(&seen.minute, |s| s.minute) {
                Ok(place) => place,
                Err(place) => {
                    let fresh = Slot {
                        minute: seen.minute,
                        events: 0,
                        bytes: 0,
                        failures: 0,
                    };
                    self.slots.insert(place, fresh);
                    place
                }
            },
        };
        if let Some(slot) = self.slots.get_mut(place) {
            slot.events = slot.events.saturating_add(1);
            slot.bytes = slot.bytes.saturating_add(seen.bytes);
            slot.failures = slot.failures.saturating_add(u32::from(seen.failed));
        }
    }

    fn count_hour(&mut self, seen: &Observation) {
        let hour = seen.minute.hour();
        if (seen.address.is_none() && seen.resource.is_none())
            || self.newest.is_some_and(|newest| hour < newest.hour() - 24)
        {
            return;
        }
        let place = match self.hours.binary_search_by_key(&hour, |h| h.hour) {
            Ok(place) => place,
            Err(place) => {
                let fresh = HourBucket {
                    hour,
                    ..HourBucket::default()
                };
                self.hours.insert(place, fresh);
                place
            }
        };
        let Some(bucket) = self.hours.get_mut(place) else {
            return;
        };
        let minute = (seen.minute.0.rem_euclid(60)) as u8;
        if let Some(address) = seen.address {
            bucket.addresses.insert(address, minute);
        }
        if let Some(resource) = seen.resource {
            bucket.resources.insert(resource, minute);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::ValueHash;
    use domain::time::Timestamp;

    fn seen(text: &str) -> Observation {
        Observation::at(text.parse::<Timestamp>().unwrap())
    }

    #[test]
    fn keeps_23_days_and_one_day_of_minutes() {
        let mut profile = Profile::default();
        for day in 1..=30 {
            profile.observe(&seen(&format!("2026-03-{day:02}T09:00:00Z")), &Zone::utc());
        }
        assert_eq!(profile.days().len(), 23);
        assert_eq!(profile.slots().len(), 1);
        profile.observe(&seen("2026-03-01T09:00:00Z"), &Zone::utc());
        assert_eq!(
            profile.days().len(),
            23,
            "an event before the memory begins changes nothing"
        );
    }

    #[test]
    fn days_follow_the_zone() {
        let mut profile = Profile::default();
        let berlin = Zone::named("Europe/Berlin").unwrap();
        profile.observe(&seen("2026-01-15T23:30:00Z"), &berlin);
        let day = &profile.days()[0];
        assert_eq!(
            (day.day.to_string().as_str(), day.hours[0]),
            ("2026-01-16", 1)
        );
    }

    #[test]
    fn survives_a_round_trip_and_refuses_other_layouts() {
        let mut profile = Profile::default();
        let mut event = seen("2026-03-01T09:00:00Z");
        event.address = Some(ValueHash::text("10.0.0.1"));
        event.bytes = u64::MAX;
        profile.observe(&event, &Zone::utc());
        profile.observe(&event, &Zone::utc());
        let bytes = profile.to_bytes();
        assert_eq!(Profile::from_bytes(&bytes).unwrap(), profile);
        assert!(Profile::from_bytes(&[]).is_err());
        assert!(Profile::from_bytes(&[LAYOUT + 1]).is_err());
        assert!(Profile::from_bytes(&bytes[..bytes.len() / 2]).is_err());
    }
}
