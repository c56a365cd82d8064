//! The rules, one file each. A rule reads a [`Window`] and returns a [`Signal`] with or without
//! points; it knows nothing of the others.

mod failure_burst;
mod new_ip;
mod off_hours;
mod scope_expansion;
mod volume_spike;

use domain::rule::{RuleKey, RuleSettings};
use domain::score::{Points, Reference, Signal};
use domain::time::{Minute, Zone};

use crate::baseline::{Amount, Baseline};
use crate::grading::{count_points, ratio_points};
use crate::observation::ValueHash;
use crate::profile::{Profile, Slot};

/// What a rule may look at: one window of one actor and the baseline before it.
pub struct Window<'a> {
    /// The actor's memory.
    pub profile: &'a Profile,
    /// The usual before the window.
    pub baseline: &'a Baseline,
    /// The actor's zone.
    pub zone: &'a Zone,
    /// First minute inside the window.
    pub first: Minute,
    /// Slots inside the window, oldest first.
    pub slots: &'a [Slot],
    /// Events, bytes and failures inside the window.
    pub sums: Sums,
    /// Distinct addresses inside the window and the last minute of each.
    pub addresses: &'a [(ValueHash, Minute)],
    /// Addresses beyond those, when there are too many to keep.
    pub uncounted_addresses: u64,
    /// Distinct resources inside the window.
    pub resources: u64,
}

/// Sums over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Events.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
    /// Failures.
    pub failures: u64,
}

/// Evaluates one rule.
pub fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    match settings.key {
        RuleKey::OffHours => off_hours::evaluate(window, settings),
        RuleKey::NewIp => new_ip::evaluate(window, settings),
        RuleKey::VolumeSpike => volume_spike::evaluate(window, settings),
        RuleKey::ScopeExpansion => scope_expansion::evaluate(window, settings),
        RuleKey::FailureBurst => failure_burst::evaluate(window, settings),
    }
}

/// Points of a rule for an amount: a count, or a multiple of the usual for rules that compare
/// with it. Whatever scores, draws or explains a rule asks here.
pub fn points(settings: &RuleSettings, amount: f64) -> Points {
    match full_multiple(settings.key) {
        Some(full_at) => count_points(settings.weight, amount, settings.threshold, full_at),
        None => ratio_points(settings.weight, amount, settings.threshold),
    }
}

/// The amount from which on a rule adds all its points.
pub fn full_amount(settings: &RuleSettings) -> f64 {
    let threshold = settings.threshold;
    match full_multiple(settings.key) {
        Some(full_at) => (threshold * full_at).ceil(),
        None => (2.0 * threshold - 1.0).max(threshold),
    }
}

/// The multiple of the threshold at which a rule that counts adds all its points.
fn full_multiple(key: RuleKey) -> Option<f64> {
    match key {
        RuleKey::OffHours => Some(off_hours::FULL_AT),
        RuleKey::NewIp => Some(new_ip::FULL_AT),
        RuleKey::FailureBurst => Some(failure_burst::FULL_AT),
        RuleKey::VolumeSpike | RuleKey::ScopeExpansion => None,
    }
}

/// The parts of a signal that every rule fills alike.
fn signal(settings: &RuleSettings, baseline: &Baseline, observed: f64, amount: &Amount) -> Signal {
    Signal {
        rule: settings.key,
        version: settings.version,
        points: Points::ZERO,
        weight: settings.weight,
        threshold: settings.threshold,
        window_minutes: settings.window_minutes,
        observed,
        median: amount.usual.median,
        p95: amount.usual.p95,
        ratio: None,
        days_reached: amount.days_reached(observed),
        reference: if baseline.young {
            Reference::Default
        } else {
            Reference::Own
        },
        span: None,
    }
}

/// First and last minute of the given slots.
fn span<'s>(mut slots: impl DoubleEndedIterator<Item = &'s Slot>) -> Option<(Minute, Minute)> {
    let first = slots.next()?.minute;
    Some((first, slots.next_back().map_or(first, |s| s.minute)))
}

/// The shortest run of minutes that holds at least four fifths of an amount: the part of a long
/// window that a person should look at.
fn densest_span(slots: &[Slot], amount: impl Fn(&Slot) -> u64) -> Option<(Minute, Minute)> {
    let total: u128 = slots.iter().map(|s| u128::from(amount(s))).sum();
    let needed = (total * 4).div_ceil(5);
    let mut best: Option<(Minute, Minute)> = None;
    let (mut held, mut start) = (0_u128, slots.iter().peekable());
    for end in slots {
        held += u128::from(amount(end));
        while let Some(first) = start.peek() {
            if held < needed || total == 0 {
                break;
            }
            if best.is_none_or(|(a, b)| end.minute.0 - first.minute.0 < b.0 - a.0) {
                best = Some((first.minute, end.minute));
            }
            held -= u128::from(amount(first));
            start.next();
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_points_from_the_full_amount_on() {
        for key in RuleKey::ALL {
            for threshold in [1.0, 2.0, 3.0, 7.0] {
                let settings = RuleSettings {
                    threshold,
                    ..RuleSettings::default_for(key)
                };
                let full = full_amount(&settings);
                let most = points(&settings, 1e9);
                assert_eq!(points(&settings, full + 1e-6), most, "{key} {threshold}");
                assert_eq!(points(&settings, threshold / 2.0), Points::ZERO);
                assert_eq!(most, settings.weight);
            }
        }
    }

    #[test]
    fn the_densest_span_is_where_most_of_it_happened() {
        let slot = |minute, bytes| Slot {
            minute: Minute(minute),
            events: 1,
            bytes,
            failures: 0,
        };
        let slots = [slot(0, 10), slot(700, 500), slot(703, 400), slot(1400, 10)];
        assert_eq!(
            densest_span(&slots, |s| s.bytes),
            Some((Minute(700), Minute(703)))
        );
        assert_eq!(densest_span(&[slot(5, 0)], |s| s.bytes), None);
        assert_eq!(densest_span(&[], |s| s.bytes), None);
    }
}
