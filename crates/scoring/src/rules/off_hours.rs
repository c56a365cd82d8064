//! Events outside the hours that hold at least a tenth of the actor's events.

use domain::rule::RuleSettings;
use domain::score::Signal;

use super::{Window, signal, span};
use crate::profile::Slot;

/// All points at twice the threshold.
pub(super) const FULL_AT: f64 = 2.0;

pub(super) fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    let outside = |slot: &&Slot| {
        let hour = window.zone.local(slot.minute.start()).hour;
        !window.baseline.typical_hours.contains(&hour)
    };
    let count: u64 = window
        .slots
        .iter()
        .filter(outside)
        .map(|s| u64::from(s.events))
        .sum();
    let mut signal = signal(
        settings,
        window.baseline,
        count as f64,
        &window.baseline.off_hours,
    );
    signal.points = super::points(settings, count as f64);
    signal.span = span(window.slots.iter().filter(outside));
    signal
}
