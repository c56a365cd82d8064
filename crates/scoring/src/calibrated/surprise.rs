//! How surprising a value is for one actor: `−log10` of the chance of at least as much.
//!
//! Counts follow a negative binomial (a Poisson whose rate varies from day to day: Poisson alone
//! calls one ordinary day in twenty a one-in-a-thousand day), bytes Student's t with five degrees
//! of freedom on `ln(1 + x)`. Both start from everyone's mean and second moment and turn to the
//! actor's own as days accumulate (an empirical Bayes estimate with a fixed prior weight).

use serde::{Deserialize, Serialize};
use statrs::function::beta::checked_beta_reg;

use super::rule::Measure;

/// Surprises end here: one in a thousand million.
pub const MOST: f64 = 9.0;

/// Decayed sums over the days of one actor.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// Decayed number of days.
    pub n: f32,
    /// Decayed sum of values.
    pub sx: f32,
    /// Decayed sum of squares.
    pub sxx: f32,
    /// The largest value of the past, slowly forgotten.
    pub max: f32,
}

impl Moments {
    /// Takes in one day; everything before counts `decay` times as much.
    pub fn learn(&mut self, x: f64, decay: f64) {
        let fold = |sum: f32, add: f64| (f64::from(sum) * decay + add) as f32;
        self.n = fold(self.n, 1.0);
        self.sx = fold(self.sx, x);
        self.sxx = fold(self.sxx, x * x);
        self.max = (f64::from(self.max) * MAX_KEPT).max(x) as f32;
    }
}

/// What the remembered maximum keeps of itself each active day.
const MAX_KEPT: f64 = 0.99;

/// Everyone's mean and second moment of the same value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Everyone {
    /// Mean.
    pub mean: f64,
    /// Mean of squares.
    pub square: f64,
}

/// What a value is compared with: the mean and the spread expected of this actor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Mean.
    pub mean: f64,
    /// Variance.
    pub variance: f64,
}

/// Days that everyone's habits weigh for counts.
const COUNT_PRIOR: f64 = 3.0;
/// Days that everyone's habits weigh for bytes.
const BYTES_PRIOR: f64 = 4.0;
/// What a surprise is worth while the actor has done as much before.
const SEEN_BEFORE: f64 = 0.4;

/// The scale on which a measure is judged: bytes by their logarithm.
pub fn scaled(measure: Measure, x: f64) -> f64 {
    match measure {
        Measure::Bytes => x.ln_1p(),
        Measure::Count | Measure::Rarity => x,
    }
}

/// What is expected of an actor, on the scale of the measure.
pub fn expected(measure: Measure, own: &Moments, everyone: Everyone) -> Expected {
    let prior = if measure == Measure::Bytes {
        BYTES_PRIOR
    } else {
        COUNT_PRIOR
    };
    let n = f64::from(own.n) + prior;
    let mean = (f64::from(own.sx) + prior * everyone.mean) / n;
    let square = (f64::from(own.sxx) + prior * everyone.square) / n;
    Expected {
        mean,
        variance: (square - mean * mean).max(0.0),
    }
}

/// `−log10` of the chance of at least `x`, at most [`MOST`]. Never falls when `x` grows.
pub fn of(measure: Measure, x: f64, own: &Moments, everyone: Everyone) -> f64 {
    let surprise = match measure {
        Measure::Rarity => return x.clamp(0.0, MAX_RARITY),
        Measure::Count => count(x, expected(measure, own, everyone)),
        Measure::Bytes => bytes(x.ln_1p(), expected(measure, own, everyone)),
    };
    let seen_before = scaled(measure, x) <= f64::from(own.max);
    let factor = if seen_before { SEEN_BEFORE } else { 1.0 };
    surprise.clamp(0.0, MOST) * factor
}

/// Sums of rarities end here.
const MAX_RARITY: f64 = 13.0;

/// Negative binomial with mean and dispersion matched to the expected moments.
fn count(x: f64, expected: Expected) -> f64 {
    let u = expected.mean;
    if x <= u || x <= 0.0 {
        return 0.0;
    }
    // The excess over a Poisson's variance, never below a floor that stands for what the
    // estimate does not know.
    let excess = (expected.variance - u).max(0.15 * u * u + 0.02);
    let r = (u * u / excess).clamp(0.03, 50.0);
    let mean = u + 0.01;
    // P(X >= x) = I_{1-p}(x, r) with 1 - p = mean / (mean + r); a survival function, so small
    // chances keep their digits.
    tail(checked_beta_reg(x, r, mean / (mean + r)).unwrap_or(1.0))
}

/// Degrees of freedom of Student's t.
const FREEDOM: f64 = 5.0;

/// Student's t with five degrees of freedom.
fn bytes(x: f64, expected: Expected) -> f64 {
    if x <= expected.mean {
        return 0.0;
    }
    let t2 = (x - expected.mean).powi(2) / expected.variance.max(0.15);
    let h = FREEDOM / (FREEDOM + t2);
    tail(0.5 * checked_beta_reg(FREEDOM / 2.0, 0.5, h).unwrap_or(1.0))
}

fn tail(p: f64) -> f64 {
    if p > 0.0 { -p.log10() } else { MOST }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(measure: Measure, values: &[f64]) -> Moments {
        let mut own = Moments::default();
        for x in values {
            own.learn(scaled(measure, *x), 1.0);
        }
        own
    }

    #[test]
    fn the_tail_is_that_of_the_distribution() {
        // Ten days of 4: u = 40/13, v = 160/13 - u^2, e = max(v - u, .15 u^2 + .02), and
        // P(NB(r, u + .01) >= 20) summed term by term.
        let own = days(Measure::Count, &[4.0; 10]);
        let everyone = Everyone::default();
        let expected = expected(Measure::Count, &own, everyone);
        let u = expected.mean;
        let e = (expected.variance - u).max(0.15 * u * u + 0.02);
        let (r, mean) = (u * u / e, u + 0.01);
        let q: f64 = mean / (mean + r);
        let mut term = (1.0 - q).powf(r);
        let mut below = 0.0;
        for k in 0..20 {
            below += term;
            term *= q * (r + f64::from(k)) / (f64::from(k) + 1.0);
        }
        let direct = -(1.0_f64 - below).log10();
        let found = of(Measure::Count, 20.0, &own, everyone);
        assert!((found - direct).abs() < 1e-6, "{found} {direct}");
    }

    #[test]
    fn more_is_never_less_surprising() {
        let own = days(Measure::Count, &[3.0, 0.0, 7.0, 2.0, 30.0]);
        let everyone = Everyone {
            mean: 2.0,
            square: 11.0,
        };
        for measure in [Measure::Count, Measure::Bytes, Measure::Rarity] {
            let mut before = 0.0;
            for x in 0..3000 {
                let s = of(measure, f64::from(x), &own, everyone);
                assert!(s >= before && s.is_finite(), "{measure:?} {x}");
                before = s;
            }
        }
    }

    #[test]
    fn extremes_stay_finite() {
        let own = days(Measure::Bytes, &[0.0; 60]);
        for x in [1.0, 1e9, 1e18] {
            for measure in [Measure::Count, Measure::Bytes] {
                let s = of(measure, x, &own, Everyone::default());
                assert!((0.0..=MOST).contains(&s), "{measure:?} {x} {s}");
            }
        }
    }
}
