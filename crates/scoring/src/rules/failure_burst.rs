//! Many failed actions within a short window.

use domain::rule::RuleSettings;
use domain::score::Signal;

use super::{Window, signal, span};

/// All points at three times the threshold.
pub(super) const FULL_AT: f64 = 3.0;

pub(super) fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    let count = window.sums.failures as f64;
    let mut signal = signal(settings, window.baseline, count, &window.baseline.failures);
    signal.points = super::points(settings, count);
    if count >= settings.threshold {
        signal.span = span(window.slots.iter().filter(|s| s.failures > 0));
    }
    signal
}
