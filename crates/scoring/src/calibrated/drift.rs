//! Slow ramps: a baseline that is being taught to accept more and more.
//!
//! The older and the newer half of the remembered days are compared by ranks (Mann and Whitney
//! 1947, normal approximation with ties): a few large days do not decide, a lasting rise does.

use serde::{Deserialize, Serialize};

use super::rule::{Measure, Rule};
use super::state::ActorState;
use crate::words;

/// Active days that each half needs.
pub const HALF: usize = 5;
/// Standard deviations of the rank sum beyond which a rise is no accident: about once in 200.
const BEYOND: f64 = 2.6;
/// By how much the mean must have grown.
const GROWTH: f64 = 1.5;
/// The smallest rise of a day's mean that matters: things.
const THINGS: f64 = 3.0;
/// The smallest rise of a day's mean that matters: bytes.
const BYTES: f64 = 10_000_000.0;

/// One value that rises through an actor's own baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Which value.
    pub rule: Rule,
    /// Mean of a day of the older half.
    pub before: f64,
    /// Mean of a day of the newer half.
    pub lately: f64,
    /// Active days of the older half.
    pub days_before: u32,
    /// Active days of the newer half.
    pub days_lately: u32,
    /// The rise in standard deviations of the rank sum.
    pub deviations: f64,
    /// The same for people.
    pub sentence: String,
}

/// The values that rose from the older to the newer half of the remembered days, most certain
/// first. Rarities are left out: they count what is new and have no level that could be taught.
pub fn drift(state: &ActorState) -> Vec<Drift> {
    let (older, newer) = state.recent.split_at(state.recent.len() / 2);
    if older.len() < HALF || newer.len() < HALF {
        return Vec::new();
    }
    let mut found: Vec<Drift> = Rule::ALL
        .into_iter()
        .filter(|rule| rule.measure() != Measure::Rarity)
        .filter_map(|rule| {
            let of = |days: &[super::state::RecentDay]| -> Vec<f64> {
                days.iter().map(|day| f64::from(day.values[rule])).collect()
            };
            rise(rule, &of(older), &of(newer))
        })
        .collect();
    found.sort_by(|a, b| {
        b.deviations
            .total_cmp(&a.deviations)
            .then(a.rule.cmp(&b.rule))
    });
    found
}

fn rise(rule: Rule, older: &[f64], newer: &[f64]) -> Option<Drift> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (before, lately) = (mean(older), mean(newer));
    let least = if rule.measure() == Measure::Bytes {
        BYTES
    } else {
        THINGS
    };
    if lately < GROWTH * before || lately - before < least {
        return None;
    }
    let deviations = rank_sum(older, newer);
    (deviations >= BEYOND).then(|| Drift {
        rule,
        before,
        lately,
        days_before: older.len() as u32,
        days_lately: newer.len() as u32,
        deviations,
        sentence: format!(
            "{} a day on the last {} active days, {} on the {} before: the usual itself is rising",
            rule.amount(lately),
            newer.len(),
            rule.number(before),
            words::count(older.len() as f64),
        ),
    })
}

/// By how many standard deviations the newer values exceed the older ones in rank.
fn rank_sum(older: &[f64], newer: &[f64]) -> f64 {
    let (a, b) = (older.len() as f64, newer.len() as f64);
    let mut wins = 0.0;
    for new in newer {
        for old in older {
            wins += if new > old {
                1.0
            } else if new < old {
                0.0
            } else {
                0.5
            };
        }
    }
    let mut all: Vec<f64> = older.iter().chain(newer).copied().collect();
    all.sort_by(f64::total_cmp);
    let n = a + b;
    let ties: f64 = all
        .chunk_by(|x, y| x.total_cmp(y).is_eq())
        .map(|same| (same.len() as f64).powi(3) - same.len() as f64)
        .sum();
    let variance = a * b / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    if variance <= 0.0 {
        return 0.0;
    }
    (wins - a * b / 2.0) / variance.sqrt()
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrated::rule::PerRule;
    use crate::calibrated::state::RecentDay;
    use domain::time::Day;

    fn past(downloads: &[f32]) -> ActorState {
        let day = |(at, x): (usize, &f32)| {
            let mut values = PerRule::default();
            values[Rule::Downloads] = *x;
            RecentDay {
                day: Day(at as i32),
                values,
            }
        };
        ActorState {
            recent: downloads.iter().enumerate().map(day).collect(),
            ..ActorState::default()
        }
    }

    #[test]
    fn a_ramp_is_flagged_with_its_numbers() {
        let ramp: Vec<f32> = (0..14).map(|d| (4 + 3 * d) as f32).collect();
        let found = drift(&past(&ramp));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rule, Rule::Downloads);
        assert!((found[0].before - 13.0).abs() < 1e-9 && (found[0].lately - 34.0).abs() < 1e-9);
        assert!(found[0].sentence.contains("34 downloads") && found[0].sentence.contains("13"));
    }

    #[test]
    fn ordinary_weeks_one_burst_and_few_days_are_not() {
        let week = [5.0, 9.0, 4.0, 12.0, 7.0, 3.0, 8.0];
        let same: Vec<f32> = week.iter().chain(&week).copied().collect();
        let mut burst = same.clone();
        burst[12] = 400.0;
        for days in [&same[..], &burst[..], &[1.0, 2.0, 40.0, 50.0][..], &[][..]] {
            assert!(drift(&past(days)).is_empty(), "{days:?}");
        }
    }
}
