//! Addresses that were used on none of the baseline days.

use domain::rule::RuleSettings;
use domain::score::Signal;
use domain::time::Minute;

use super::{Window, signal};

/// All points at three times the threshold.
pub(super) const FULL_AT: f64 = 3.0;

pub(super) fn evaluate(window: &Window<'_>, settings: &RuleSettings) -> Signal {
    let unknown = window
        .addresses
        .iter()
        .filter(|(address, _)| !window.baseline.knows_address(window.profile, *address));
    let (mut count, mut last) = (window.uncounted_addresses, None::<Minute>);
    for (_, minute) in unknown {
        count += 1;
        last = last.max(Some(*minute));
    }
    let mut signal = signal(
        settings,
        window.baseline,
        count as f64,
        &window.baseline.new_addresses,
    );
    signal.points = super::points(settings, count as f64);
    signal.span = last.map(|minute| (minute, minute));
    signal
}
