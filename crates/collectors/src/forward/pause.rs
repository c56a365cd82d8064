//! How long to wait before trying again: doubled each time, with jitter so that many collectors do
//! not come back at the same moment.

use std::time::Duration;

/// Pauses between attempts.
#[derive(Debug, Clone)]
pub struct Pauses {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Pauses {
    /// From `first`, doubled up to `last`.
    pub fn new(first: Duration, last: Duration) -> Self {
        Self {
            first,
            last,
            next: first,
        }
    }

    /// It worked: start from the beginning next time.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause, between half and all of its nominal length.
    pub fn grow(&mut self) -> Duration {
        let nominal = self.next;
        self.next = (nominal * 2).min(self.last);
        nominal / 2 + (nominal / 2).mul_f64(chance())
    }

    /// The longest pause, for what will not change soon.
    pub fn longest(&self) -> Duration {
        self.last / 2 + (self.last / 2).mul_f64(chance())
    }

    /// At least what the server asked for, and up to a quarter more.
    pub fn asked(asked: Duration) -> Duration {
        asked + (asked / 4).mul_f64(chance())
    }
}

/// A number from 0 to 1. Without randomness from the system it is 1: waiting longer is safe.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |n| f64::from(n) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_last_and_start_again() {
        let (first, last) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut pauses = Pauses::new(first, last);
        for nominal in [100, 200, 400, 800, 1000, 1000] {
            let nominal = Duration::from_millis(nominal);
            let pause = pauses.grow();
            assert!(pause >= nominal / 2 && pause <= nominal, "{pause:?}");
        }
        pauses.reset();
        assert!(pauses.grow() <= first);
        let asked = Pauses::asked(Duration::from_secs(8));
        assert!((8.0..=10.0).contains(&asked.as_secs_f64()));
    }
}
