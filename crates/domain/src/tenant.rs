//! One organisation and the settings that shape its scoring.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{TenantId, TenantKey};
use crate::score::Points;
use crate::time::Zone;

/// Which grading turns a deviation into points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSetName {
    /// Fixed multipliers: the five rules of the original design.
    Classic,
    /// How rare a day is for the actor and for everyone. What new tenants start with.
    #[default]
    Calibrated,
}

impl RuleSetName {
    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Calibrated => "calibrated",
        }
    }

    /// Reads a word; `None` when it names no rule set of this version.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "classic" => Some(Self::Classic),
            "calibrated" => Some(Self::Calibrated),
            _ => None,
        }
    }
}

/// The scoring settings of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoringSettings {
    /// Grading in use.
    pub ruleset: RuleSetName,
    /// Score at which an alert opens, 1..=100.
    pub alert_threshold: Points,
    /// Zone in which hours and days of actors are judged.
    pub zone: Zone,
    /// Wanted alerts per 1,000 actors a day, 0.1..=1000. Only the calibrated grading fits to it.
    pub alert_rate: f64,
}

/// A tenant as the rest of the program needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Row id.
    pub id: TenantId,
    /// Stable public key, part of hashes.
    pub key: TenantKey,
    /// Name in addresses.
    pub slug: Slug,
    /// Name for people.
    pub name: String,
    /// How scores are made.
    pub scoring: ScoringSettings,
    /// Days raw events are kept when their source says nothing else.
    pub retention_days: u32,
    /// Whether this tenant holds example data.
    pub demo: bool,
}

/// A short name for addresses: 1..=63 of `a-z`, `0-9` and inner `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

/// Why a text is no slug.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "use 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"
)]
pub struct NotASlug;

impl Slug {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The slug of an installation's first tenant.
    pub fn first() -> Self {
        Self("default".to_owned())
    }

    /// A slug made of any name: letters and digits kept, the rest becomes hyphens.
    pub fn suggest(name: &str) -> Option<Self> {
        let mut text = String::new();
        for c in name.chars() {
            if c.is_ascii_alphanumeric() {
                text.push(c.to_ascii_lowercase());
            } else if !text.is_empty() && !text.ends_with('-') {
                text.push('-');
            }
        }
        text.truncate(63);
        text.trim_end_matches('-').parse().ok()
    }
}

impl std::str::FromStr for Slug {
    type Err = NotASlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let edge_is_hyphen = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > 63 || edge_is_hyphen || !text.bytes().all(allowed) {
            return Err(NotASlug);
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for good in ["a", "vpn", "aws-guardduty-2"] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a b", "../x", ":id", &"x".repeat(64)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
        assert_eq!(
            Slug::suggest("Harbour & Finch!").unwrap().as_str(),
            "harbour-finch"
        );
        assert_eq!(Slug::suggest("…"), None);
    }
}
