//! When a provider is asked: every so many minutes, or a five-field cron line in UTC.

use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};

use crate::time::{MINUTE_US, Timestamp};

/// Shortest interval in minutes.
pub const MIN_EVERY: u32 = 1;
/// Longest interval in minutes: a week.
pub const MAX_EVERY: u32 = 10_080;
/// Minutes between pulls when nothing is chosen.
pub const DEFAULT_EVERY: u32 = 10;

/// When a provider is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Schedule {
    /// Every so many minutes after the last run began.
    EveryMinutes(u32),
    /// Minute, hour, day of month, month and day of week, in UTC: no hour is skipped or doubled
    /// when clocks change.
    Cron(String),
}

impl Default for Schedule {
    fn default() -> Self {
        Self::EveryMinutes(DEFAULT_EVERY)
    }
}

fn cron(line: &str) -> Result<croner::Cron, String> {
    if line.len() > 120 || line.split_whitespace().count() != 5 {
        return Err(
            "a cron line has five fields: minute, hour, day of month, month, day of week"
                .to_owned(),
        );
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser
        .parse(line)
        .map_err(|e| format!("the cron line cannot be read: {e}"))?;
    Ok(cron)
}

impl Schedule {
    /// What is wrong with it, by field; `None` when nothing is.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        match self {
            Self::EveryMinutes(minutes) if (MIN_EVERY..=MAX_EVERY).contains(minutes) => None,
            Self::EveryMinutes(_) => Some(("schedule", "choose 1 to 10080 minutes".to_owned())),
            Self::Cron(line) => match cron(line) {
                Err(text) => Some(("schedule", text)),
                Ok(_) if self.next(Timestamp::from_micros(0)).is_none() => {
                    Some(("schedule", "no date ever matches the cron line".to_owned()))
                }
                Ok(_) => None,
            },
        }
    }

    /// The first instant after `after` at which it is due; `None` when it never is.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::EveryMinutes(minutes) => Some(after.plus(i64::from(*minutes) * MINUTE_US)),
            Self::Cron(line) => {
                let cron = cron(line).ok()?;
                let next = cron.find_next_occurrence(&after.utc(), false).ok()?;
                Some(Timestamp::from_micros(next.timestamp().as_microsecond()))
            }
        }
    }

    /// The next `count` instants after `after`.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next(after), |at| self.next(*at))
            .take(count)
            .collect()
    }

    /// The longest time between two of the next 60 due instants, in microseconds: what is usual.
    pub fn longest_gap(&self, after: Timestamp) -> Option<i64> {
        match self {
            Self::EveryMinutes(minutes) => Some(i64::from(*minutes) * MINUTE_US),
            Self::Cron(_) => {
                let times = self.upcoming(after, 60);
                let gaps = times.iter().zip(times.iter().skip(1));
                gaps.map(|(a, b)| b.micros() - a.micros()).max()
            }
        }
    }

    /// The schedule in words.
    pub fn words(&self) -> String {
        match self {
            Self::EveryMinutes(1) => "every minute".to_owned(),
            Self::EveryMinutes(60) => "every hour".to_owned(),
            Self::EveryMinutes(1440) => "every day".to_owned(),
            Self::EveryMinutes(minutes) if minutes % 60 == 0 => {
                format!("every {} hours", minutes / 60)
            }
            Self::EveryMinutes(minutes) => format!("every {minutes} minutes"),
            Self::Cron(line) => format!("cron {line} (UTC)"),
        }
    }
}

/// Shortest wait after a failed run, in microseconds.
const FIRST_RETRY_US: i64 = MINUTE_US / 2;
/// Longest wait after failed runs, in microseconds.
const LAST_RETRY_US: i64 = 15 * MINUTE_US;

/// Microseconds to wait after so many failed runs in a row: half a minute, doubled with each, at
/// most a quarter of an hour, and of that a random share between a half and all, so that many
/// integrations that failed together do not return together.
pub fn retry_after(failures: u32, random: u64) -> i64 {
    let doublings = failures.saturating_sub(1).min(10);
    let full = (FIRST_RETRY_US << doublings).min(LAST_RETRY_US);
    let half = full / 2;
    half + (random % half.unsigned_abs()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_five_times() {
        let times = |schedule: Schedule, after: &str| {
            let times = schedule.upcoming(at(after), 5);
            times.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            times(
                Schedule::Cron("30 2 * * 1-5".to_owned()),
                "2026-03-06T02:30:00Z"
            ),
            [
                "2026-03-09T02:30:00Z",
                "2026-03-10T02:30:00Z",
                "2026-03-11T02:30:00Z",
                "2026-03-12T02:30:00Z",
                "2026-03-13T02:30:00Z"
            ]
        );
        assert_eq!(
            times(
                Schedule::Cron("*/20 * * * *".to_owned()),
                "2026-03-29T00:59:59Z"
            ),
            [
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:20:00Z",
                "2026-03-29T01:40:00Z",
                "2026-03-29T02:00:00Z",
                "2026-03-29T02:20:00Z"
            ]
        );
        assert_eq!(
            times(Schedule::EveryMinutes(10), "2026-12-31T23:45:00Z")
                .last()
                .unwrap(),
            "2027-01-01T00:35:00Z"
        );
        assert_eq!(
            times(
                Schedule::Cron("0 0 29 2 *".to_owned()),
                "2026-03-01T00:00:00Z"
            )
            .first()
            .unwrap(),
            "2028-02-29T00:00:00Z"
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_a_reason() {
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "x * * * *",
            "0 0 31 2 *",
            "@daily",
            "*/0 * * * *",
            "5-1 * * * *",
            "; rm -rf / *",
        ] {
            let problem = Schedule::Cron(bad.to_owned()).problem();
            assert!(
                problem.is_some_and(|(field, _)| field == "schedule"),
                "{bad}"
            );
        }
        for good in [
            "* * * * *",
            "*/5 * * * *",
            "0 6 1 * *",
            "15,45 8-18 * * MON-FRI",
        ] {
            assert_eq!(Schedule::Cron(good.to_owned()).problem(), None, "{good}");
        }
        assert!(Schedule::EveryMinutes(0).problem().is_some());
        assert!(Schedule::EveryMinutes(10_081).problem().is_some());
    }

    #[test]
    fn the_usual_gap_is_the_longest() {
        let gap = |s: &Schedule| s.longest_gap(at("2026-03-02T00:00:00Z")).unwrap() / MINUTE_US;
        assert_eq!(gap(&Schedule::EveryMinutes(10)), 10);
        // Office hours only: the night is usual.
        assert_eq!(gap(&Schedule::Cron("0 8-18 * * *".to_owned())), 14 * 60);
    }

    #[test]
    fn retries_wait_longer_and_longer_and_never_too_long() {
        for random in [0, 1, u64::MAX, 7_919] {
            for failures in 0..40 {
                let wait = retry_after(failures, random);
                assert!(
                    (FIRST_RETRY_US / 2..=LAST_RETRY_US).contains(&wait),
                    "{failures} {random}"
                );
            }
            assert!(retry_after(3, random) >= retry_after(1, random));
        }
        assert_eq!(retry_after(1, 0), 15_000_000);
        assert_eq!(retry_after(9, 0), LAST_RETRY_US / 2);
    }

    #[test]
    fn words() {
        assert_eq!(Schedule::EveryMinutes(10).words(), "every 10 minutes");
        assert_eq!(Schedule::EveryMinutes(120).words(), "every 2 hours");
        assert_eq!(
            Schedule::Cron("0 6 * * *".to_owned()).words(),
            "cron 0 6 * * * (UTC)"
        );
    }
}
