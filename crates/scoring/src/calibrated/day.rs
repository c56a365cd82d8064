//! One actor's day so far: an order-free, bounded sum of its events.

use std::collections::BTreeMap;

use domain::severity::Severity;
use domain::time::{Day, Minute, Zone};
use serde::{Deserialize, Serialize};

use super::action::{Action, PerAction, Place};
use super::activity::Activity;
use super::table::numbered;
use crate::observation::ValueHash;

/// Most values of one sort that a day remembers. Beyond it those with the smallest hashes stay,
/// which does not depend on the order of arrival.
pub const VALUES_A_DAY: usize = 4096;

numbered! {
    /// What sort of value is remembered.
    Sort {
        /// Something read, downloaded, written, deleted or changed.
        Object = "object",
        /// An outside place, a recipient or a removable medium.
        Destination = "destination",
        /// A site that was visited.
        Site = "site",
        /// A computer.
        Host = "host",
        /// An address.
        Address = "address",
        /// A neighbourhood of addresses.
        Network = "network",
        /// A client program.
        Agent = "agent",
        /// A kind of event: the pair of its words.
        Kind = "kind",
    }
}

/// A value of a sort, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Value {
    /// What sort.
    pub sort: Sort,
    /// Which.
    pub hash: ValueHash,
}

/// What one value was met with during a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Met {
    /// Events with it.
    pub events: u32,
    /// Of these, events with consequences (see [`consequential`]).
    pub weighty: u32,
    /// Bytes moved with it.
    pub bytes: u64,
    /// UTC hours of the day, one bit each.
    pub hours: u32,
    /// Classes of action, one bit each.
    pub actions: u16,
    /// The worst severity that a detector gave it.
    pub severity: Option<Severity>,
}

impl Met {
    /// True when one of the events was of such a class.
    pub fn by(&self, action: Action) -> bool {
        self.actions & (1 << action as u16) != 0
    }
}

/// True for what changes or moves something, rather than signing in or browsing.
pub fn consequential(action: Action) -> bool {
    !matches!(
        action,
        Action::SignIn
            | Action::Visit
            | Action::Detection
            | Action::Other
            | Action::Connect
            | Action::Execute
    )
}

/// True for what leaves the organisation.
pub fn outbound(action: Action) -> bool {
    matches!(action, Action::Send | Action::Copy | Action::Mail)
}

/// The hours of one day.
pub type Hours = [u32; 24];

/// One actor's UTC day so far. `observe` may be called in any order and in any batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActorDay {
    day: Day,
    events: u64,
    /// Events by hour of the actor's own clock.
    pub(super) clock: Hours,
    /// Events with consequences by hour of the actor's own clock.
    pub(super) weighty_clock: Hours,
    /// Events of each class by UTC hour.
    pub(super) counts: PerAction<Hours>,
    /// Bytes of each class.
    pub(super) bytes: PerAction<u64>,
    /// Failed sign-ins by UTC hour.
    pub(super) sign_in_failures: Hours,
    /// Other failures.
    pub(super) failures: u32,
    /// Whether a source called the actor a service account.
    pub(super) service: bool,
    /// The largest message in bytes.
    pub(super) largest_mail: u64,
    values: BTreeMap<Value, Met>,
    held: [u16; Sort::COUNT],
    first: Option<Minute>,
    last: Option<Minute>,
}

impl ActorDay {
    /// An empty day.
    pub fn new(day: Day) -> Self {
        Self {
            day,
            events: 0,
            clock: [0; 24],
            weighty_clock: [0; 24],
            counts: PerAction::from_fn(|_| [0; 24]),
            bytes: PerAction::default(),
            sign_in_failures: [0; 24],
            failures: 0,
            service: false,
            largest_mail: 0,
            values: BTreeMap::new(),
            held: [0; Sort::COUNT],
            first: None,
            last: None,
        }
    }

    /// Which UTC day.
    pub fn day(&self) -> Day {
        self.day
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// First and last minute that hold an event.
    pub fn span(&self) -> Option<(Minute, Minute)> {
        self.first.zip(self.last)
    }

    /// Adds an event of this day. The zone tells which hour the actor's clock showed.
    pub fn observe(&mut self, event: &Activity, zone: &Zone) {
        self.events = self.events.saturating_add(1);
        self.service |= event.service;
        self.first = Some(self.first.map_or(event.minute, |m| m.min(event.minute)));
        self.last = Some(self.last.map_or(event.minute, |m| m.max(event.minute)));
        let hour = event.minute.hour().rem_euclid(24) as u8;
        let weighty = consequential(event.action);
        let clock = zone.local(event.minute.start()).hour;
        bump(&mut self.clock, clock, 1);
        bump(&mut self.weighty_clock, clock, u32::from(weighty));
        bump(&mut self.counts[event.action], hour, 1);
        if event.failed {
            if event.action == Action::SignIn {
                bump(&mut self.sign_in_failures, hour, 1);
            } else {
                self.failures = self.failures.saturating_add(1);
            }
        }
        let bytes = &mut self.bytes[event.action];
        *bytes = bytes.saturating_add(event.bytes);
        if event.action == Action::Mail {
            self.largest_mail = self.largest_mail.max(event.bytes);
        }
        for (sort, hash) in values(event) {
            self.meet(Value { sort, hash }, event, hour, weighty);
        }
    }

    fn meet(&mut self, value: Value, event: &Activity, hour: u8, weighty: bool) {
        let met = match self.values.entry(value) {
            std::collections::btree_map::Entry::Occupied(slot) => slot.into_mut(),
            std::collections::btree_map::Entry::Vacant(slot) => {
                if let Some(held) = self.held.get_mut(value.sort as usize) {
                    *held += 1;
                }
                slot.insert(Met::default())
            }
        };
        met.events = met.events.saturating_add(1);
        met.weighty = met.weighty.saturating_add(u32::from(weighty));
        met.bytes = met.bytes.saturating_add(event.bytes);
        met.hours |= 1 << hour;
        met.actions |= 1 << event.action as u16;
        met.severity = met.severity.max(event.severity);
        self.bound(value.sort);
    }

    /// Drops the largest hash of a sort that has grown over its bound.
    fn bound(&mut self, sort: Sort) {
        let Some(held) = self.held.get_mut(sort as usize) else {
            return;
        };
        if usize::from(*held) <= VALUES_A_DAY {
            return;
        }
        *held -= 1;
        let first = |hash| Value {
            sort,
            hash: ValueHash(hash),
        };
        let last = self.values.range(first(0)..=first(u64::MAX)).next_back();
        if let Some(value) = last.map(|(value, _)| *value) {
            self.values.remove(&value);
        }
    }

    /// Everything that was met.
    pub fn values(&self) -> impl Iterator<Item = (Value, &Met)> {
        self.values.iter().map(|(value, met)| (*value, met))
    }

    /// Events of a class.
    pub(super) fn count(&self, action: Action) -> u64 {
        self.counts[action].iter().map(|n| u64::from(*n)).sum()
    }
}

fn bump(hours: &mut Hours, hour: u8, by: u32) {
    if let Some(slot) = hours.get_mut(usize::from(hour)) {
        *slot = slot.saturating_add(by);
    }
}

/// The values that an event is remembered by.
pub fn values(event: &Activity) -> impl Iterator<Item = (Sort, ValueHash)> {
    let object = event.object.and_then(|object| {
        let sort = match event.action {
            Action::Visit => Sort::Site,
            Action::Send | Action::Mail | Action::Copy | Action::Connect => Sort::Destination,
            Action::SignIn | Action::Detection | Action::Other => return None,
            _ if event.place == Place::Host => return None,
            _ => Sort::Object,
        };
        Some((sort, object))
    });
    [
        object,
        event.host.map(|h| (Sort::Host, h)),
        event.address.map(|a| (Sort::Address, a)),
        event.network.map(|n| (Sort::Network, n)),
        event.agent.map(|a| (Sort::Agent, a)),
        Some((Sort::Kind, event.kind)),
    ]
    .into_iter()
    .flatten()
}

/// The largest sum of two neighbouring hours.
pub(super) fn busiest(hours: &Hours) -> u32 {
    let pairs = hours.iter().zip(hours.iter().skip(1));
    pairs.map(|(a, b)| a.saturating_add(*b)).max().unwrap_or(0)
}
