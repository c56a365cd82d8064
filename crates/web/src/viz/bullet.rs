//! Usual and now on one line: band up to the 95th percentile, median tick, today's dot.

use crate::page::tenth;

/// Width of the track between its margins.
const TRACK: f64 = 384.0;
/// Left margin.
const LEFT: f64 = 8.0;
/// From this ratio of largest to usual on, the scale is logarithmic.
const LOG_FROM: f64 = 50.0;

/// One strip.
#[derive(Debug)]
pub(crate) struct Bullet {
    pub band: String,
    pub median: String,
    pub now: String,
    pub outside: bool,
    pub logarithmic: bool,
}

/// Places median, 95th percentile and the present value on one scale.
pub(crate) fn bullet(now: f64, median: f64, p95: f64) -> Bullet {
    let largest = now.max(p95).max(median).max(1.0) * 1.05;
    let logarithmic = largest / median.max(1.0) > LOG_FROM;
    let place = |value: f64| {
        let share = if logarithmic {
            (1.0 + value.max(0.0)).ln() / (1.0 + largest).ln()
        } else {
            value.max(0.0) / largest
        };
        LEFT + share * TRACK
    };
    Bullet {
        band: tenth((place(p95) - LEFT).max(3.0)),
        median: tenth(place(median) - 1.0),
        now: tenth(place(now)),
        outside: now > p95,
        logarithmic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let inside = bullet(1.0, 1.0, 4.0);
        assert!(!inside.outside && !inside.logarithmic);
        let outside = bullet(5e9, 8e6, 1e7);
        assert!(outside.outside && outside.logarithmic);
        let number = |text: &str| text.parse::<f64>().unwrap();
        assert!(number(&outside.median) < number(&outside.now));
        assert!(number(&outside.now) <= LEFT + TRACK);
        assert!(!bullet(0.0, 0.0, 0.0).outside);
    }
}
