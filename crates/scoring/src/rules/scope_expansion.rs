//! More distinct resources in the window than a multiple of a usual day.

use domain::rule::RuleSettings;
use domain::score::Signal;

use super::{Window, densest_span, signal};

pub(super) fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    let resources = window.resources as f64;
    let (usual, reference) = window.baseline.daily_resources();
    let ratio = resources / usual;
    let mut signal = signal(
        settings,
        window.baseline,
        resources,
        &window.baseline.resources,
    );
    signal.median = usual;
    signal.reference = reference;
    signal.ratio = Some(ratio);
    signal.points = super::points(settings, ratio);
    if ratio > settings.threshold {
        signal.span = densest_span(window.slots, |s| u64::from(s.events));
    }
    signal
}
