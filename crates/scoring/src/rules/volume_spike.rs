//! More bytes in the window than a multiple of a usual day.

use domain::rule::RuleSettings;
use domain::score::Signal;

use super::{Window, densest_span, signal};

pub(super) fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    let bytes = window.sums.bytes as f64;
    let (usual, reference) = window.baseline.daily_bytes();
    let ratio = bytes / usual;
    let mut signal = signal(settings, window.baseline, bytes, &window.baseline.bytes);
    signal.median = usual;
    signal.reference = reference;
    signal.ratio = Some(ratio);
    signal.points = super::points(settings, ratio);
    if ratio > settings.threshold {
        signal.span = densest_span(window.slots, |s| s.bytes);
    }
    signal
}
