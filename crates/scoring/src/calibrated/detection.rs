//! Reports of other products: what a detector concluded counts by the severity it gave.
//!
//! A report of high severity that is new for its actor is heard alone, without any past to compare
//! with: somebody has already judged. How often detectors are heard is bounded by the rate of alerts
//! that is asked for; one that cries every day counts like everything else, by its rarity.

use domain::severity::Severity;
use domain::time::Day;

use super::histogram::STEP;
use super::rule::Rule;
use super::tables::Tables;

/// From this value on a detector is heard alone: one new report of high severity.
const HEARD: f64 = 3.0;
/// Values above this lift no further.
const LOUDEST: f64 = 6.0;
/// By how many thresholds each further unit lifts: a new critical report (4) is shown as 75.
const LIFT: f64 = 0.313;
/// After so many days the same report is new again.
const NEWS_AGAIN_DAYS: i32 = 30;
/// What the repetition of a report counts.
const REPEATED: f64 = 0.25;
/// Decayed number of heard actor-days that every organisation may have: about one a day (half-life
/// 28 days).
const ALWAYS: f64 = 40.0;

/// What a report weighs: critical 4, high 3, medium 1.5, low 0.5; a quarter when the actor had the
/// same report within 30 days.
pub(super) fn weight(severity: Severity, last: Option<Day>, today: Day) -> f64 {
    let weight = match severity {
        Severity::Critical => 4.0,
        Severity::High => HEARD,
        Severity::Medium => 1.5,
        Severity::Low => 0.5,
        Severity::Info => 0.0,
    };
    let repeated = last.is_some_and(|last| today.0 - last.0 < NEWS_AGAIN_DAYS);
    if repeated { weight * REPEATED } else { weight }
}

/// The severity that a value of the day amounts to.
pub(super) fn severity(value: f64) -> Severity {
    match value {
        v if v >= 4.0 => Severity::Critical,
        v if v >= HEARD => Severity::High,
        v if v >= 1.5 => Severity::Medium,
        _ => Severity::Low,
    }
}

/// The least raw score of a day with such a value, in thresholds: 0 when nothing is heard alone.
/// Never falls when the value grows.
pub(super) fn lift(value: f64, heard: bool) -> f64 {
    if heard && value >= HEARD {
        1.0 + (value.min(LOUDEST) - HEARD) * LIFT
    } else {
        0.0
    }
}

/// Whether detectors are heard alone: their loud days are no more than the alerts asked for, or
/// than about one a day.
pub(super) fn is_heard(tables: &Tables) -> bool {
    let seen = &tables.surprises[Rule::Detections];
    let wanted = tables.parameters.rate / 1000.0 * seen.total();
    seen.above(HEARD, STEP) <= wanted.max(ALWAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_weighs_and_repetition_hardly() {
        let day = Day(20_000);
        let rows = [
            (Severity::Critical, None, 4.0),
            (Severity::High, None, 3.0),
            (Severity::High, Some(day.plus(-1)), 0.75),
            (Severity::High, Some(day.plus(-30)), 3.0),
            (Severity::Medium, None, 1.5),
            (Severity::Info, None, 0.0),
        ];
        for (severity, last, expected) in rows {
            let found = weight(severity, last, day);
            assert!((found - expected).abs() < 1e-9, "{severity:?} {last:?}");
        }
    }

    #[test]
    fn lifts_never_fall_and_only_when_heard() {
        let mut before = 0.0;
        for value in (0..200).map(|v| f64::from(v) * 0.05) {
            let now = lift(value, true);
            assert!(now >= before);
            assert!(lift(value, false) < f64::EPSILON);
            before = now;
        }
        assert!((lift(3.0, true) - 1.0).abs() < 1e-9);
    }
}
