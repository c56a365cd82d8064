//! Which events *caused* a contribution: not everything in the window.

use std::collections::HashSet;

use domain::id::EventId;
use domain::rule::RuleKey;
use domain::score::Signal;
use domain::time::{Minute, Timestamp, Zone};

use crate::baseline::Baseline;
use crate::observation::{Observation, ValueHash};
use crate::profile::Profile;

/// Events kept as a sample for each contribution.
pub const SAMPLE: usize = 20;

/// How to recognise the events behind every signal of one scored instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Causes {
    minute: Minute,
    causes: Vec<Cause>,
}

/// How to recognise the events behind one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    rule: RuleKey,
    first: Minute,
    mark: Mark,
}

#[derive(Debug, Clone, PartialEq)]
enum Mark {
    OutsideHours(Vec<u8>),
    AddressNotIn(HashSet<ValueHash>),
    ResourceNotIn(HashSet<ValueHash>),
    HasBytes,
    Failed,
}

/// One event of the actor, as far as evidence needs it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Its identity.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What the scorer saw.
    pub seen: Observation,
}

/// The events found for one signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The rule they explain.
    pub rule: RuleKey,
    /// A bounded sample in order of time.
    pub sample: Vec<EventId>,
    /// How many there were in all.
    pub count: u64,
}

impl Cause {
    /// How to recognise the events behind a signal of a window that begins with `first`.
    pub fn of(signal: &Signal, first: Minute, baseline: &Baseline, profile: &Profile) -> Self {
        let known = |pick: fn(&crate::profile::DayBucket) -> &crate::distinct::DaySet| {
            let days = profile
                .days()
                .iter()
                .filter(|d| baseline.days_used.binary_search(&d.day).is_ok());
            days.filter_map(|d| pick(d).exact())
                .flatten()
                .copied()
                .collect()
        };
        let mark = match signal.rule {
            RuleKey::OffHours => Mark::OutsideHours(baseline.typical_hours.clone()),
            RuleKey::NewIp => Mark::AddressNotIn(known(|d| &d.addresses)),
            RuleKey::ScopeExpansion => Mark::ResourceNotIn(known(|d| &d.resources)),
            RuleKey::VolumeSpike => Mark::HasBytes,
            RuleKey::FailureBurst => Mark::Failed,
        };
        Self {
            rule: signal.rule,
            first,
            mark,
        }
    }

    /// True when an event of the actor is one of the causes.
    pub fn matches(&self, seen: &Observation, zone: &Zone) -> bool {
        if seen.minute < self.first {
            return false;
        }
        match &self.mark {
            Mark::OutsideHours(typical) => !typical.contains(&zone.local(seen.minute.start()).hour),
            Mark::AddressNotIn(known) => seen.address.is_some_and(|a| !known.contains(&a)),
            Mark::ResourceNotIn(known) => seen.resource.is_some_and(|r| !known.contains(&r)),
            Mark::HasBytes => seen.bytes > 0,
            Mark::Failed => seen.failed,
        }
    }
}

impl Causes {
    /// Of one instant.
    pub fn new(minute: Minute, causes: Vec<Cause>) -> Self {
        Self { minute, causes }
    }

    /// The minutes whose events must be looked at, first and last included.
    pub fn minutes(&self) -> (Minute, Minute) {
        let first = self.causes.iter().map(|c| c.first).min();
        (first.unwrap_or(self.minute), self.minute)
    }

    /// A collector that takes the actor's events of [`Causes::minutes`] one by one.
    pub fn collector<'a>(&'a self, zone: &'a Zone) -> Collector<'a> {
        Collector {
            last: self.minute,
            zone,
            found: self.causes.iter().map(|c| (c, Kept::default())).collect(),
        }
    }
}

/// Sorts an actor's events to the signals they caused, in bounded memory.
#[derive(Debug)]
pub struct Collector<'a> {
    last: Minute,
    zone: &'a Zone,
    found: Vec<(&'a Cause, Kept)>,
}

#[derive(Debug, Default)]
struct Kept {
    count: u64,
    sample: Vec<Candidate>,
    resources: HashSet<ValueHash>,
}

impl Collector<'_> {
    /// Looks at one event.
    pub fn take(&mut self, event: Candidate) {
        if event.seen.minute > self.last {
            return;
        }
        for (cause, kept) in &mut self.found {
            if cause.matches(&event.seen, self.zone) {
                kept.take(event, &cause.mark);
            }
        }
    }

    /// What was found, per signal.
    pub fn finish(self) -> Vec<Found> {
        self.found
            .into_iter()
            .map(|(cause, mut kept)| {
                kept.sample.sort_by_key(|e| (e.at, e.id));
                Found {
                    rule: cause.rule,
                    count: kept.count,
                    sample: kept.sample.into_iter().map(|e| e.id).collect(),
                }
            })
            .collect()
    }
}

impl Kept {
    /// Volume keeps the largest events, scope one event per resource, the rest the earliest.
    fn take(&mut self, event: Candidate, mark: &Mark) {
        self.count += 1;
        if let Mark::ResourceNotIn(_) = mark {
            let fresh = self.resources.len() < 4096
                && event
                    .seen
                    .resource
                    .is_some_and(|r| self.resources.insert(r));
            if !fresh {
                return;
            }
        }
        if self.sample.len() < SAMPLE {
            self.sample.push(event);
            return;
        }
        let weakest = self.sample.iter_mut().min_by_key(|e| match mark {
            Mark::HasBytes => (e.seen.bytes, std::cmp::Reverse(e.id)),
            _ => (0, std::cmp::Reverse(e.id)),
        });
        if let Some(weakest) = weakest {
            let better = match mark {
                Mark::HasBytes => (event.seen.bytes, weakest.id) > (weakest.seen.bytes, event.id),
                _ => event.id < weakest.id,
            };
            if better {
                *weakest = event;
            }
        }
    }
}
