//! How often a surprise of a size really happens: decayed histograms and the curves made of them.
//!
//! The nominal chance of a surprise rests on a model; this is what the organisation actually saw.
//! It keeps a rule that is often wrong about ordinary life from flooding the list.

use serde::{Deserialize, Serialize};

/// Width of a bin.
pub const STEP: f64 = 0.05;
/// Bins: values from 0 to 13, the last one open.
pub const BINS: usize = 260;
/// Share of days beyond which the tail is continued as an exponential.
const TAIL: f64 = 0.005;
/// Actor-days that the documented prior weighs in a new organisation: nominal chances.
const PRIOR_DAYS: f64 = 200.0;

/// How far beyond once in all days seen a rarity may reach in full.
const MARGIN: f64 = 0.3;
/// What counts of a rarity beyond that.
const BEYOND: f64 = 0.25;

/// Decayed counts of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    bins: Vec<f32>,
    total: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            bins: vec![0.0; BINS],
            total: 0.0,
        }
    }
}

fn bin(value: f64, step: f64) -> usize {
    ((value / step) as usize).min(BINS - 1)
}

impl Histogram {
    /// Adds a value with a weight.
    pub fn add(&mut self, value: f64, weight: f64) {
        self.add_scaled(value, STEP, weight);
    }

    /// Adds a value to bins of another width.
    pub fn add_scaled(&mut self, value: f64, step: f64, weight: f64) {
        if let Some(slot) = self.bins.get_mut(bin(value, step)) {
            *slot = (f64::from(*slot) + weight) as f32;
            self.total += weight;
        }
    }

    /// Makes everything so far count `factor` times as much.
    pub fn decay(&mut self, factor: f64) {
        for slot in &mut self.bins {
            *slot = (f64::from(*slot) * factor) as f32;
        }
        self.total *= factor;
    }

    /// Decayed number of values.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The decayed number of values from `value` on.
    pub fn above(&self, value: f64, step: f64) -> f64 {
        let from = self.bins.iter().skip(bin(value + 1e-9, step));
        from.map(|slot| f64::from(*slot)).sum()
    }

    /// The decayed number of values in or above each bin.
    fn tails(&self) -> Vec<f64> {
        let mut tails = vec![0.0; BINS];
        let mut sum = 0.0;
        for (tail, slot) in tails.iter_mut().zip(&self.bins).rev() {
            sum += f64::from(*slot);
            *tail = sum;
        }
        tails
    }

    /// The value exceeded by `share` of all, with `shape` counted in with weight `prior`.
    pub fn exceeded_by(&self, share: f64, step: f64, shape: &Histogram, prior: f64) -> f64 {
        let scale = prior / shape.total.max(1.0);
        let goal = share * (self.total + shape.total * scale);
        let mut sum = 0.0;
        let bins = self.bins.iter().zip(&shape.bins).enumerate().rev();
        for (at, (own, other)) in bins {
            let here = f64::from(*own) + f64::from(*other) * scale;
            if sum + here >= goal && here > 0.0 {
                let inside = 1.0 - (goal - sum) / here;
                return (at as f64 + inside) * step;
            }
            sum += here;
        }
        0.0
    }
}

/// The rarity that counts in full after so many actor-days: nobody who watched n days can call
/// anything much rarer than once in n days.
pub(super) fn rarest(days: f64) -> f64 {
    (days + PRIOR_DAYS + 1.0).log10() + MARGIN
}

/// Rarity at every bin edge: `−log10` of the share of days with at least as much.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve(Vec<f32>);

impl Curve {
    /// The curve of a histogram, pooled with the documented prior.
    pub fn of(own: &Histogram) -> Self {
        let mut tails = own.tails();
        for (at, tail) in tails.iter_mut().enumerate() {
            *tail += PRIOR_DAYS * 10_f64.powf(-(at as f64) * STEP);
        }
        Self::from_tails(&tails, own.total + PRIOR_DAYS)
    }

    fn from_tails(tails: &[f64], total: f64) -> Self {
        let start = tails.iter().position(|t| t / total < TAIL);
        let start = start.unwrap_or(BINS);
        // Mean excess beyond the start: the scale of an exponential tail (maximum likelihood).
        let beyond: f64 = tails.iter().skip(start + 1).sum();
        let at_start = tails.get(start).copied().unwrap_or(1.0).max(1e-9);
        let scale = (beyond / at_start + 0.5).max(1.0) * STEP;
        let anchor = -(at_start / total).log10();
        let limit = rarest(total - PRIOR_DAYS);
        let mut rarity = 0.0_f64;
        let curve = tails.iter().enumerate().map(|(at, tail)| {
            let here = if at < start {
                -((tail + 1.0) / (total + 1.0)).log10()
            } else {
                anchor + (at - start) as f64 * STEP / scale / std::f64::consts::LN_10
            };
            let over = (here - limit).max(0.0);
            rarity = rarity.max(here.min(limit) + BEYOND * over).max(0.0);
            rarity as f32
        });
        Self(curve.collect())
    }

    /// The rarity of a value, in between two edges by a straight line. Never falls.
    pub fn rarity(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return 0.0;
        }
        let place = (value / STEP).min((BINS - 1) as f64);
        let at = place as usize;
        let low = self.0.get(at).copied().map_or(0.0, f64::from);
        let high = self.0.get(at + 1).copied().map_or(low, f64::from);
        low + (high - low) * (place - at as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential(n: usize) -> Histogram {
        let mut histogram = Histogram::default();
        for i in 0..n {
            // Quantiles of a distribution with P(> x) = 10^-x.
            let p = (i as f64 + 0.5) / n as f64;
            histogram.add(-p.log10(), 1.0);
        }
        histogram
    }

    #[test]
    fn rarity_of_a_known_shape() {
        let curve = Curve::of(&exponential(100_000));
        for x in [0.5, 1.0, 2.0, 3.0, 5.0_f64] {
            let rarity = curve.rarity(x);
            assert!((rarity - x).abs() < 0.15, "{x}: {rarity}");
        }
    }

    #[test]
    fn a_rule_that_cries_often_counts_less() {
        let mut noisy = Histogram::default();
        for i in 0..10_000 {
            noisy.add(f64::from(i % 10), 1.0);
        }
        assert!(Curve::of(&noisy).rarity(5.0) < 0.5);
        assert!(Curve::of(&exponential(10_000)).rarity(5.0) > 4.0);
    }

    #[test]
    fn curves_never_fall() {
        for histogram in [Histogram::default(), exponential(7), exponential(5000)] {
            let curve = Curve::of(&histogram);
            let mut before = 0.0;
            for i in 0..1400 {
                let rarity = curve.rarity(f64::from(i) * 0.01);
                assert!(rarity >= before, "{i}");
                before = rarity;
            }
        }
    }

    #[test]
    fn exceeded_by_interpolates() {
        let histogram = exponential(10_000);
        let q = histogram.exceeded_by(0.01, STEP, &Histogram::default(), 0.0);
        assert!((q - 2.0).abs() < 0.05, "{q}");
    }
}
