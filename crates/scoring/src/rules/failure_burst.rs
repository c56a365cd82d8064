//! Many failed actions within a short window.

use domain::rule::RuleSettings;
use domain::score::Signal;

use super::{Window, signal, span};
use crate::grading::count_points;

/// All points at three times the threshold.
const FULL_AT: f64 = 3.0;

pub(super) fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    let count = window.sums.failures as f64;
    let mut signal = signal(settings, window.baseline, count, &window.baseline.failures);
    signal.points = count_points(settings.weight, count, settings.threshold, FULL_AT);
    if count >= settings.threshold {
        signal.span = span(window.slots.iter().filter(|s| s.failures > 0));
    }
    signal
}
