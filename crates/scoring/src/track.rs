//! Following one actor through time: fold a minute, judge it, go on.
//!
//! A [`Tracker`] wraps a profile with the running sums and indexes that make judging cheap. It
//! moves forward only; an event older than the newest minute is not followed but replayed, from
//! a profile that ends before it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use domain::rule::{RuleKey, RuleSet, RuleSettings};
use domain::score::{Assessment, Points, Signal, SuppressedSignal};
use domain::time::{Day, Minute, Zone};

use crate::baseline::Baseline;
use crate::distinct::{Counter, HourSet};
use crate::explain::evidence::{Cause, Causes};
use crate::observation::{Observation, ValueHash};
use crate::profile::{HourBucket, MINUTES_KEPT, Profile};
use crate::rules::{self, Sums, Window};
use crate::suppress::{Sightings, Suppressions};

/// Everything but the events that a score depends on.
#[derive(Debug, Clone, Copy)]
pub struct Criteria<'a> {
    /// The rules in force.
    pub rules: &'a RuleSet,
    /// Score from which an alert opens.
    pub threshold: Points,
    /// The actor's zone.
    pub zone: &'a Zone,
    /// Days left out of the baseline.
    pub excluded: &'a BTreeSet<Day>,
}

/// One scored instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The judgement.
    pub assessment: Assessment,
    /// How to recognise the events that caused it; only for scores that reach the threshold.
    pub causes: Option<Causes>,
}

/// One actor, followed forward in time.
#[derive(Debug)]
pub struct Tracker<'a> {
    profile: Profile,
    criteria: Criteria<'a>,
    addresses: LastSeen,
    resources: LastSeen,
    sums: Vec<RollingSum>,
    baselines: Vec<Arc<Baseline>>,
    suppressions: Option<&'a Suppressions>,
    sightings: Option<Sightings>,
    undecided: bool,
}

impl<'a> Tracker<'a> {
    /// Takes up a profile where it stands.
    pub fn new(profile: Profile, criteria: Criteria<'a>) -> Self {
        let now = profile.newest().unwrap_or_default();
        let windows: BTreeSet<i64> = criteria
            .rules
            .enabled()
            .map(|r| i64::from(r.window_minutes))
            .collect();
        Self {
            addresses: LastSeen::of(&profile, |h| &h.addresses),
            resources: LastSeen::of(&profile, |h| &h.resources),
            sums: windows
                .into_iter()
                .map(|w| RollingSum::of(&profile, w, now))
                .collect(),
            baselines: Vec::new(),
            suppressions: None,
            sightings: None,
            undecided: false,
            profile,
            criteria,
        }
    }

    /// With the actor's suppressions.
    #[must_use]
    pub fn with_suppressions(self, suppressions: &'a Suppressions) -> Self {
        Self {
            suppressions: (!suppressions.is_empty()).then_some(suppressions),
            ..self
        }
    }

    /// With the actor's events, for suppressions that ask for attributes of them: those from one
    /// day before the first minute to be judged on.
    #[must_use]
    pub fn with_sightings(self, sightings: Sightings) -> Self {
        Self {
            sightings: Some(sightings),
            ..self
        }
    }

    /// True when a suppression could not be decided because it asks for attributes of events and
    /// there were no sightings. Its points counted.
    pub fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// The profile as it stands.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Gives the profile back.
    pub fn into_profile(self) -> Profile {
        self.profile
    }

    /// Folds all events of one minute, which must not lie before the newest one, and judges it.
    pub fn step(&mut self, minute: Minute, events: &[Observation]) -> Scored {
        self.advance(minute);
        for event in events {
            self.profile.observe(event, self.criteria.zone);
            for sum in &mut self.sums {
                sum.add(event);
            }
            if let Some(address) = event.address {
                self.addresses.insert(address, minute);
            }
            if let Some(resource) = event.resource {
                self.resources.insert(resource, minute);
            }
        }
        self.judge(minute)
    }

    /// Judges an instant at or after the newest minute without new events: how scores fall.
    pub fn judge_at(&mut self, minute: Minute) -> Scored {
        self.advance(minute);
        self.judge(minute)
    }

    /// Follows events sorted by minute, judging every minute that holds one.
    pub fn follow(&mut self, sorted: &[Observation], mut each: impl FnMut(Scored)) {
        for minute in sorted.chunk_by(|a, b| a.minute == b.minute) {
            if let Some(first) = minute.first() {
                each(self.step(first.minute, minute));
            }
        }
    }

    fn advance(&mut self, minute: Minute) {
        for sum in &mut self.sums {
            sum.advance(&self.profile, minute);
        }
        self.addresses.forget_until(minute.plus(-MINUTES_KEPT));
        self.resources.forget_until(minute.plus(-MINUTES_KEPT));
    }

    fn judge(&mut self, minute: Minute) -> Scored {
        let rules = self.criteria.rules;
        let (mut signals, mut normal) = (Vec::new(), Vec::new());
        for settings in rules.enabled() {
            let signal = self.evaluate(minute, settings);
            if signal.points > Points::ZERO {
                signals.push(signal);
            } else {
                normal.push(signal);
            }
        }
        signals.sort_by(|a, b| b.points.cmp(&a.points).then(a.rule.cmp(&b.rule)));
        let suppressed = self.suppress(minute, &mut signals);
        let sum: Points = signals.iter().map(|s| s.points).sum();
        let score = sum.min(Points::MAX);
        let longest = rules.enabled().map(|r| r.window_minutes).max().unwrap_or(1);
        let typical_hours = rules
            .enabled()
            .find(|r| r.key == RuleKey::OffHours)
            .map_or(longest, |r| r.window_minutes);
        let typical_hours = self.baseline(minute, typical_hours).typical_hours.clone();
        let baseline = self.baseline(minute, longest);
        let (days_used, baseline_events) = (baseline.days_used.clone(), baseline.events);
        let causes = (score >= self.criteria.threshold).then(|| self.causes(minute, &signals));
        Scored {
            assessment: Assessment {
                minute,
                score,
                cap: score - sum,
                falls_at: signals.iter().filter_map(|s| self.leaves(minute, s)).min(),
                signals,
                normal,
                suppressed,
                days_used,
                baseline_events,
                typical_hours,
            },
            causes,
        }
    }

    /// Takes the signals that do not count out of the list.
    fn suppress(&mut self, minute: Minute, signals: &mut Vec<Signal>) -> Vec<SuppressedSignal> {
        let mut suppressed = Vec::new();
        if self.suppressions.is_none() {
            return suppressed;
        }
        let mut counting = Vec::with_capacity(signals.len());
        for signal in std::mem::take(signals) {
            match self.suppression(minute, &signal) {
                Some((code, reason)) => suppressed.push(SuppressedSignal {
                    signal,
                    code,
                    reason,
                }),
                None => counting.push(signal),
            }
        }
        *signals = counting;
        suppressed
    }

    /// Code and reason of the first suppression that holds.
    fn suppression(&mut self, minute: Minute, signal: &Signal) -> Option<(String, String)> {
        for one in self.suppressions?.on(minute, signal.rule.word(), None) {
            let holds = match &one.aim.attribute {
                None => true,
                Some(attribute) => {
                    let first = first_minute(minute, signal.window_minutes);
                    let baseline = self.baseline(minute, signal.window_minutes);
                    let cause = Cause::of(signal, first, &baseline, &self.profile);
                    let Some(sightings) = &self.sightings else {
                        self.undecided = true;
                        continue;
                    };
                    let zone = self.criteria.zone;
                    let mut behind = sightings
                        .between(first, minute)
                        .filter(|s| cause.matches(&s.seen, zone))
                        .peekable();
                    behind.peek().is_some() && behind.all(|s| attribute.is_of(&s.marks))
                }
            };
            if holds {
                return Some((one.code.to_string(), one.reason.clone()));
            }
        }
        None
    }

    fn evaluate(&mut self, minute: Minute, settings: &RuleSettings) -> Signal {
        let first = first_minute(minute, settings.window_minutes);
        let baseline = self.baseline(minute, settings.window_minutes);
        let (addresses, uncounted_addresses) = match settings.key {
            RuleKey::NewIp => self.window_addresses(first, &baseline),
            _ => (Vec::new(), 0),
        };
        let resources = match settings.key {
            RuleKey::ScopeExpansion => self.window_resources(first),
            _ => 0,
        };
        let window = Window {
            profile: &self.profile,
            baseline: &baseline,
            zone: self.criteria.zone,
            first,
            slots: self.slots_from(first),
            sums: self.window_sums(settings.window_minutes),
            addresses: &addresses,
            uncounted_addresses,
            resources,
        };
        rules::evaluate(&window, settings)
    }

    fn slots_from(&self, first: Minute) -> &[crate::profile::Slot] {
        let slots = self.profile.slots();
        let start = slots.partition_point(|s| s.minute < first);
        slots.get(start..).unwrap_or_default()
    }

    fn window_sums(&self, window_minutes: u32) -> Sums {
        self.sums
            .iter()
            .find(|s| s.window == i64::from(window_minutes))
            .map(|s| s.sums)
            .unwrap_or_default()
    }

    fn window_addresses(
        &self,
        first: Minute,
        baseline: &Baseline,
    ) -> (Vec<(ValueHash, Minute)>, u64) {
        let hours = hours_from(&self.profile, first);
        if hours.clone().all(|(h, _)| h.addresses.exact().is_some()) {
            return (self.addresses.since(first), 0);
        }
        let mut known = Counter::default();
        for day in self.profile.days() {
            if baseline.days_used.binary_search(&day.day).is_ok() {
                day.addresses.count_into(&mut known);
            }
        }
        let before = known.estimate();
        for (hour, from) in hours {
            hour.addresses.count_into(&mut known, from);
        }
        let margin = before / 15;
        (Vec::new(), known.estimate().saturating_sub(before + margin))
    }

    fn window_resources(&self, first: Minute) -> u64 {
        let hours = hours_from(&self.profile, first);
        if hours.clone().all(|(h, _)| h.resources.exact().is_some()) {
            return self.resources.count_since(first);
        }
        let mut counter = Counter::default();
        for (hour, from) in hours {
            hour.resources.count_into(&mut counter, from);
        }
        counter.estimate()
    }

    /// The baseline before a window that ends with `minute`, computed once a day.
    fn baseline(&mut self, minute: Minute, window_minutes: u32) -> Arc<Baseline> {
        let first = first_minute(minute, window_minutes);
        let last_day = self.criteria.zone.local(first.start()).day.plus(-1);
        if let Some(held) = self.baselines.iter().find(|b| b.last_day == last_day) {
            return Arc::clone(held);
        }
        self.baselines.retain(|b| b.last_day >= last_day.plus(-2));
        let fresh = Baseline::ending(&self.profile, last_day, self.criteria.excluded);
        let fresh = Arc::new(fresh);
        self.baselines.push(Arc::clone(&fresh));
        fresh
    }

    /// The minute at which the first thing a signal counted leaves its window.
    fn leaves(&self, minute: Minute, signal: &Signal) -> Option<Minute> {
        let first = first_minute(minute, signal.window_minutes);
        let oldest = match signal.rule {
            RuleKey::OffHours | RuleKey::FailureBurst => signal.span.map(|s| s.0),
            _ => self.slots_from(first).first().map(|s| s.minute),
        };
        oldest.map(|m| m.plus(i64::from(signal.window_minutes)))
    }

    fn causes(&mut self, minute: Minute, signals: &[Signal]) -> Causes {
        let causes = signals
            .iter()
            .map(|signal| {
                let first = first_minute(minute, signal.window_minutes);
                let baseline = self.baseline(minute, signal.window_minutes);
                Cause::of(signal, first, &baseline, &self.profile)
            })
            .collect();
        Causes::new(minute, causes)
    }
}

/// The first minute of a window of whole minutes that ends with `minute`.
fn first_minute(minute: Minute, window_minutes: u32) -> Minute {
    minute.plus(1 - i64::from(window_minutes))
}

/// Hour buckets that reach into a window, with the first minute of each that counts.
fn hours_from(profile: &Profile, first: Minute) -> impl Iterator<Item = (&HourBucket, u8)> + Clone {
    profile
        .hours()
        .iter()
        .filter(move |h| h.hour >= first.hour())
        .map(move |h| {
            let from = if h.hour == first.hour() {
                first.0.rem_euclid(60) as u8
            } else {
                0
            };
            (h, from)
        })
}

/// Sums over a window that slides forward.
#[derive(Debug)]
struct RollingSum {
    window: i64,
    first: Minute,
    sums: Sums,
}

impl RollingSum {
    fn of(profile: &Profile, window: i64, now: Minute) -> Self {
        let first = now.plus(1 - window);
        let mut sums = Sums::default();
        for slot in profile.slots().iter().filter(|s| s.minute >= first) {
            sums.events += u64::from(slot.events);
            sums.bytes = sums.bytes.saturating_add(slot.bytes);
            sums.failures += u64::from(slot.failures);
        }
        Self {
            window,
            first,
            sums,
        }
    }

    fn add(&mut self, event: &Observation) {
        self.sums.events += 1;
        self.sums.bytes = self.sums.bytes.saturating_add(event.bytes);
        self.sums.failures += u64::from(event.failed);
    }

    fn advance(&mut self, profile: &Profile, minute: Minute) {
        let first = minute.plus(1 - self.window);
        if first <= self.first {
            return;
        }
        if self.sums.bytes == u64::MAX {
            // A saturated sum cannot be taken apart again: count afresh.
            *self = Self::of(profile, self.window, minute);
            return;
        }
        let slots = profile.slots();
        let start = slots.partition_point(|s| s.minute < self.first);
        for slot in slots.iter().skip(start).take_while(|s| s.minute < first) {
            self.sums.events -= u64::from(slot.events);
            self.sums.bytes -= slot.bytes;
            self.sums.failures -= u64::from(slot.failures);
        }
        self.first = first;
    }
}

/// The last minute in which each value of the last day was seen.
#[derive(Debug, Default)]
struct LastSeen {
    minutes: HashMap<ValueHash, Minute>,
    log: VecDeque<(Minute, ValueHash)>,
}

impl LastSeen {
    fn of(profile: &Profile, set: impl Fn(&HourBucket) -> &HourSet) -> Self {
        let mut entries: Vec<(Minute, ValueHash)> = Vec::new();
        for bucket in profile.hours() {
            for (value, minute) in set(bucket).exact().unwrap_or_default() {
                entries.push((Minute(bucket.hour * 60 + i64::from(*minute)), *value));
            }
        }
        entries.sort_unstable();
        let mut index = Self::default();
        for (minute, value) in entries {
            index.insert(value, minute);
        }
        index
    }

    fn insert(&mut self, value: ValueHash, minute: Minute) {
        if self.minutes.insert(value, minute) != Some(minute) {
            self.log.push_back((minute, value));
        }
    }

    fn forget_until(&mut self, last: Minute) {
        while let Some((minute, value)) = self.log.front().copied() {
            if minute > last {
                return;
            }
            self.log.pop_front();
            if self.minutes.get(&value) == Some(&minute) {
                self.minutes.remove(&value);
            }
        }
    }

    fn latest(&self, first: Minute) -> impl Iterator<Item = (ValueHash, Minute)> + '_ {
        self.log
            .iter()
            .rev()
            .take_while(move |(minute, _)| *minute >= first)
            .filter(|(minute, value)| self.minutes.get(value) == Some(minute))
            .map(|(minute, value)| (*value, *minute))
    }

    fn since(&self, first: Minute) -> Vec<(ValueHash, Minute)> {
        self.latest(first).collect()
    }

    fn count_since(&self, first: Minute) -> u64 {
        match self.log.front() {
            Some((oldest, _)) if *oldest >= first => self.minutes.len() as u64,
            _ => self.latest(first).count() as u64,
        }
    }
}
