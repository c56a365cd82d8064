//! A rule's identity and its settings. What a rule computes lives in `scoring`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::score::Points;

/// The closed set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKey {
    /// Events outside the actor's typical hours.
    OffHours,
    /// Addresses not seen in the baseline.
    NewIp,
    /// More bytes than usual.
    VolumeSpike,
    /// More distinct resources than usual.
    ScopeExpansion,
    /// Many failures in a short time.
    FailureBurst,
}

impl RuleKey {
    /// Every rule, in display order.
    pub const ALL: [Self; 5] = [
        Self::OffHours,
        Self::NewIp,
        Self::VolumeSpike,
        Self::ScopeExpansion,
        Self::FailureBurst,
    ];

    /// The stored and transmitted key.
    pub fn word(self) -> &'static str {
        match self {
            Self::OffHours => "off_hours",
            Self::NewIp => "new_ip",
            Self::VolumeSpike => "volume_spike",
            Self::ScopeExpansion => "scope_expansion",
            Self::FailureBurst => "failure_burst",
        }
    }

    /// Reads a key; `None` when no rule has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.word() == word)
    }

    /// The name people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::OffHours => "Off hours",
            Self::NewIp => "New address",
            Self::VolumeSpike => "Volume spike",
            Self::ScopeExpansion => "Scope expansion",
            Self::FailureBurst => "Failure burst",
        }
    }

    /// True when the threshold is a multiple of the usual amount rather than a count.
    pub fn compares_with_usual(self) -> bool {
        matches!(self, Self::VolumeSpike | Self::ScopeExpansion)
    }
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The name under which an alert lists what gave points: the key of a `classic` rule, or the
/// family of rules of the `calibrated` grading. Stored and transmitted as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleName(String);

impl RuleName {
    /// Takes a word of lower-case letters and underscores; `None` when it is not one.
    pub fn parse(word: &str) -> Option<Self> {
        let plain = |c: u8| c.is_ascii_lowercase() || c == b'_';
        let right = !word.is_empty() && word.len() <= 40 && word.bytes().all(plain);
        right.then(|| Self(word.to_owned()))
    }

    /// The word.
    pub fn word(&self) -> &str {
        &self.0
    }

    /// The name people read.
    pub fn title(&self) -> String {
        if let Some(key) = RuleKey::from_word(&self.0) {
            return key.title().to_owned();
        }
        let mut letters = self.0.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).map(space).collect()
    }
}

fn space(c: char) -> char {
    if c == '_' { ' ' } else { c }
}

impl From<RuleKey> for RuleName {
    fn from(key: RuleKey) -> Self {
        Self(key.word().to_owned())
    }
}

impl PartialEq<RuleKey> for RuleName {
    fn eq(&self, key: &RuleKey) -> bool {
        self.0 == key.word()
    }
}

/// What a tenant may change about a rule. Really used by the next scoring pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSettings {
    /// Which rule.
    pub key: RuleKey,
    /// A disabled rule is neither evaluated nor listed as normal.
    pub enabled: bool,
    /// Most points it can add, 0..=100.
    pub weight: Points,
    /// Count or multiple from which it fires.
    pub threshold: f64,
    /// Minutes it looks back, 1..=1440.
    pub window_minutes: u32,
    /// Counts up with every change; stored with each contribution.
    pub version: i64,
}

/// Longest window a rule may have: the profile keeps single minutes for one day.
pub const MAX_WINDOW_MINUTES: u32 = 1440;

impl RuleSettings {
    /// The settings a new tenant starts with.
    pub fn default_for(key: RuleKey) -> Self {
        let (weight, threshold, window_minutes) = match key {
            RuleKey::OffHours => (15, 2.0, 60),
            RuleKey::NewIp => (15, 1.0, 60),
            RuleKey::VolumeSpike => (25, 3.0, 1440),
            RuleKey::ScopeExpansion => (20, 2.0, 1440),
            RuleKey::FailureBurst => (25, 5.0, 10),
        };
        Self {
            key,
            enabled: true,
            weight: Points::whole(weight),
            threshold,
            window_minutes,
            version: 1,
        }
    }

    /// The first field that is out of bounds, with what would be right.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if !(Points::ZERO..=Points::MAX).contains(&self.weight) {
            return Some(("weight", "choose 0 to 100 points"));
        }
        if !self.threshold.is_finite() || !(0.1..=1_000_000.0).contains(&self.threshold) {
            return Some(("threshold", "choose 0.1 to 1000000"));
        }
        if !self.key.compares_with_usual() && self.threshold.fract() != 0.0 {
            return Some(("threshold", "this rule counts: choose a whole number"));
        }
        if !(1..=MAX_WINDOW_MINUTES).contains(&self.window_minutes) {
            return Some(("windowMinutes", "choose 1 to 1440 minutes"));
        }
        None
    }
}

/// The settings of every rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet(Vec<RuleSettings>);

impl Default for RuleSet {
    fn default() -> Self {
        Self(RuleKey::ALL.map(RuleSettings::default_for).to_vec())
    }
}

impl RuleSet {
    /// The defaults with the given settings put over them.
    pub fn with(settings: impl IntoIterator<Item = RuleSettings>) -> Self {
        let mut set = Self::default();
        for changed in settings {
            if let Some(slot) = set.0.iter_mut().find(|r| r.key == changed.key) {
                *slot = changed;
            }
        }
        set
    }

    /// Every rule in display order.
    pub fn iter(&self) -> impl Iterator<Item = &RuleSettings> {
        self.0.iter()
    }

    /// Rules that are switched on.
    pub fn enabled(&self) -> impl Iterator<Item = &RuleSettings> {
        self.0.iter().filter(|r| r.enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for key in RuleKey::ALL {
            assert_eq!(RuleKey::from_word(key.word()), Some(key));
            assert_eq!(RuleSettings::default_for(key).problem(), None);
        }
        assert_eq!(RuleKey::from_word("nope"), None);
        assert_eq!(RuleName::from(RuleKey::NewIp).title(), "New address");
        let family = RuleName::parse("removable_media").unwrap();
        assert_eq!(family.title(), "Removable media");
        assert_eq!(RuleName::parse("a b"), None);
    }

    #[test]
    fn bounds() {
        let base = RuleSettings::default_for(RuleKey::OffHours);
        let field = |r: RuleSettings| r.problem().map(|p| p.0);
        assert_eq!(
            field(RuleSettings {
                weight: Points::whole(101),
                ..base
            }),
            Some("weight")
        );
        assert_eq!(
            field(RuleSettings {
                threshold: 0.0,
                ..base
            }),
            Some("threshold")
        );
        assert_eq!(
            field(RuleSettings {
                threshold: 2.5,
                ..base
            }),
            Some("threshold")
        );
        assert_eq!(
            field(RuleSettings {
                threshold: f64::NAN,
                ..base
            }),
            Some("threshold")
        );
        assert_eq!(
            field(RuleSettings {
                window_minutes: 1441,
                ..base
            }),
            Some("windowMinutes")
        );
    }
}
