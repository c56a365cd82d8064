//! How bad: of an event as its sender says, of an alert by its score.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::score::Points;

/// Five levels, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    Info,
    /// Worth a look some day.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look soon.
    High,
    /// Worth a look now.
    Critical,
}

impl Severity {
    /// Every level, worst first, as lists show them.
    pub const WORST_FIRST: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// The band of a syslog severity, 0 the worst (RFC 5424 table 2): emergency, alert and critical
    /// are critical, error high, warning medium, notice low, the rest info.
    pub fn of_syslog(level: u8) -> Self {
        match level {
            0..=2 => Self::Critical,
            3 => Self::High,
            4 => Self::Medium,
            5 => Self::Low,
            _ => Self::Info,
        }
    }

    /// The band of an alert's score: up to 69 low, 70-79 medium, 80-89 high, 90 and above critical.
    pub fn of_score(score: Points) -> Self {
        match score.tenths() {
            900.. => Self::Critical,
            800.. => Self::High,
            700.. => Self::Medium,
            _ => Self::Low,
        }
    }

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads a word in any case; `None` when it is none of the five.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORST_FIRST
            .into_iter()
            .find(|level| level.word().eq_ignore_ascii_case(word.trim()))
    }

    /// 1 (info) to 5 (critical), for ordering in the database.
    pub fn rank(self) -> i64 {
        match self {
            Self::Info => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syslog_levels() {
        let bands: Vec<&str> = (0..8).map(|l| Severity::of_syslog(l).word()).collect();
        let expected = [
            "critical", "critical", "critical", "high", "medium", "low", "info", "info",
        ];
        assert_eq!(bands, expected);
    }

    #[test]
    fn bands() {
        let of = |whole| Severity::of_score(Points::whole(whole));
        assert_eq!(of(60), Severity::Low);
        assert_eq!(of(69), Severity::Low);
        assert_eq!(of(70), Severity::Medium);
        assert_eq!(of(79), Severity::Medium);
        assert_eq!(of(80), Severity::High);
        assert_eq!(of(89), Severity::High);
        assert_eq!(of(90), Severity::Critical);
        assert_eq!(of(100), Severity::Critical);
    }

    #[test]
    fn words_round_trip() {
        for level in Severity::WORST_FIRST {
            assert_eq!(Severity::from_word(level.word()), Some(level));
        }
        assert_eq!(Severity::from_word(" HIGH "), Some(Severity::High));
        assert_eq!(Severity::from_word("urgent"), None);
    }
}
