//! The classic grading: fixed multipliers turn a count or a ratio into points.
//!
//! With n = count, t = threshold, m = window amount / daily baseline, w = weight:
//! counts give `w·min(n/t, c)/c`, ratios `min(w, w·(0.5 + 0.5·min((m−t+1)/t, 2)))`, each rounded
//! half up to whole points. A count fires at n ≥ t, a ratio at m > t.

use domain::score::Points;

/// Points of a rule that counts; `full_at` is the multiple of the threshold that earns all points.
pub fn count_points(weight: Points, count: f64, threshold: f64, full_at: f64) -> Points {
    if count < threshold {
        return Points::ZERO;
    }
    round_half_up(weight.as_f64() * (count / threshold).min(full_at) / full_at)
}

/// Points of a rule that compares a window amount with a daily baseline.
pub fn ratio_points(weight: Points, ratio: f64, threshold: f64) -> Points {
    if ratio <= threshold {
        return Points::ZERO;
    }
    let excess = ((ratio - threshold + 1.0) / threshold).min(2.0);
    round_half_up((weight.as_f64() * (0.5 + 0.5 * excess)).min(weight.as_f64()))
}

/// The largest ratio that earns fewer than `points`: the inverse of [`ratio_points`].
/// `None` when even the smallest firing ratio earns that much.
pub fn ratio_below(weight: Points, threshold: f64, points: Points) -> Option<f64> {
    let wanted = points.as_f64() - 0.5;
    let share = 2.0 * (wanted / weight.as_f64()) - 1.0;
    let ratio = share * threshold + threshold - 1.0;
    (ratio > threshold && ratio_points(weight, ratio - 1e-6, threshold) < points).then_some(ratio)
}

/// Rounds half up to whole points; the tiny addend absorbs binary fractions such as 7.4999….
fn round_half_up(points: f64) -> Points {
    Points::whole((points + 0.5 + 1e-9).floor() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked values of the design: below, at and above every threshold.
    #[test]
    fn counts() {
        let table = [
            // weight, threshold, full at, count, points
            (15, 2.0, 2.0, 1.0, 0),
            (15, 2.0, 2.0, 2.0, 8),
            (15, 2.0, 2.0, 3.0, 11),
            (15, 2.0, 2.0, 4.0, 15),
            (15, 2.0, 2.0, 400.0, 15),
            (15, 1.0, 3.0, 0.0, 0),
            (15, 1.0, 3.0, 1.0, 5),
            (15, 1.0, 3.0, 2.0, 10),
            (15, 1.0, 3.0, 3.0, 15),
            (15, 1.0, 3.0, 4.0, 15),
            (25, 5.0, 3.0, 4.0, 0),
            (25, 5.0, 3.0, 5.0, 8),
            (25, 5.0, 3.0, 8.0, 13),
            (25, 5.0, 3.0, 15.0, 25),
            (25, 5.0, 3.0, 99.0, 25),
        ];
        for (weight, threshold, full_at, count, points) in table {
            assert_eq!(
                count_points(Points::whole(weight), count, threshold, full_at),
                Points::whole(points),
                "weight {weight}, threshold {threshold}, count {count}"
            );
        }
    }

    #[test]
    fn ratios() {
        let table = [
            (25, 3.0, 2.99, 0),
            (25, 3.0, 3.0, 0),
            (25, 3.0, 3.0001, 17),
            (25, 3.0, 4.0, 21),
            (25, 3.0, 5.0, 25),
            (25, 3.0, 50.0, 25),
            (20, 2.0, 2.0, 0),
            (20, 2.0, 2.0001, 15),
            (20, 2.0, 3.0, 20),
            (20, 2.0, 9.0, 20),
        ];
        for (weight, threshold, ratio, points) in table {
            assert_eq!(
                ratio_points(Points::whole(weight), ratio, threshold),
                Points::whole(points),
                "weight {weight}, threshold {threshold}, ratio {ratio}"
            );
        }
    }

    #[test]
    fn the_inverse_lands_just_below() {
        let weight = Points::whole(25);
        let ratio = ratio_below(weight, 3.0, Points::whole(20)).unwrap();
        assert!(ratio_points(weight, ratio - 0.001, 3.0) < Points::whole(20));
        assert_eq!(ratio_points(weight, ratio + 0.001, 3.0), Points::whole(20));
        assert_eq!(ratio_below(weight, 3.0, Points::whole(10)), None);
    }
}
