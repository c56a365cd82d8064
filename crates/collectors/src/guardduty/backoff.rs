//! How long to wait before trying again.

use std::time::Duration;

/// No wait is longer, whatever the other side asks for: the next scheduled run comes anyway.
pub const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Exponential back-off with full jitter: a random wait between nothing and a ceiling that doubles
/// with each attempt, so that many collectors stopped together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the first wait.
    pub first: Duration,
    /// Ceiling that is never exceeded by waits of our own.
    pub longest: Duration,
    /// Attempts after which to give up for this run.
    pub attempts: u32,
}

impl Default for Backoff {
    /// 1 s, 2 s, 4 s … at most 60 s, six attempts.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_mins(1),
            attempts: 6,
        }
    }
}

impl Backoff {
    /// The wait after failed attempt number `attempt` (from 1); `None` to give up.
    ///
    /// `random` is any 64 random bits. A wait the server asks for (`Retry-After`) is the least,
    /// up to [`LONGEST_WAIT`].
    pub fn wait(&self, attempt: u32, asked: Option<Duration>, random: u64) -> Option<Duration> {
        if attempt > self.attempts {
            return None;
        }
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let ceiling = self.first.saturating_mul(doubled).min(self.longest);
        let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let own = ceiling.mul_f64(share);
        Some(own.max(asked.unwrap_or_default()).min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_longest() {
        let backoff = Backoff::default();
        let highest = |attempt| {
            backoff
                .wait(attempt, None, u64::MAX)
                .map(|wait| wait.as_secs_f64().round())
        };
        assert_eq!(highest(1), Some(1.0));
        assert_eq!(highest(2), Some(2.0));
        assert_eq!(highest(6), Some(32.0));
        assert_eq!(highest(7), None);
        let patient = Backoff {
            attempts: u32::MAX,
            ..backoff
        };
        assert!(patient.wait(u32::MAX, None, u64::MAX).unwrap() <= backoff.longest);
        assert_eq!(backoff.wait(3, None, 0), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_server_asks_for_is_the_least_within_reason() {
        let backoff = Backoff::default();
        let asked = Some(Duration::from_secs(20));
        assert_eq!(backoff.wait(1, asked, 0), asked);
        let a_day = Some(Duration::from_hours(24));
        assert_eq!(backoff.wait(1, a_day, 0), Some(LONGEST_WAIT));
    }
}
