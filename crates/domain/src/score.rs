//! A score and the contributions that add up to it exactly.

use std::fmt;

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::EventId;
use crate::rule::{RuleKey, RuleName};
use crate::suppression::Suppression;
use crate::time::{Day, Minute, Timestamp};

/// Points with at most one decimal, held as whole tenths so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Points(i32);

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);
    /// The highest score.
    pub const MAX: Self = Self(1000);

    /// From whole points.
    pub const fn whole(points: i32) -> Self {
        Self(points.saturating_mul(10))
    }

    /// From tenths of a point.
    pub const fn from_tenths(tenths: i32) -> Self {
        Self(tenths)
    }

    /// In tenths of a point.
    pub const fn tenths(self) -> i32 {
        self.0
    }

    /// As a number, for drawing.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// Reads a number with at most one decimal, such as a threshold typed by a person.
    pub fn from_f64(value: f64) -> Option<Self> {
        let tenths = (value * 10.0).round();
        let exact = (value * 10.0 - tenths).abs() < 1e-6;
        (exact && tenths.abs() <= 100_000.0).then_some(Self(tenths as i32))
    }
}

impl std::ops::Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Points {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, std::ops::Add::add)
    }
}

/// `86` or `86.5`, never `86.0`.
impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 10 == 0 {
            (self.0 / 10).fmt(f)
        } else {
            write!(f, "{:.1}", self.as_f64())
        }
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 10 == 0 {
            serializer.serialize_i32(self.0 / 10)
        } else {
            serializer.serialize_f64(self.as_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::from_f64(value)
            .ok_or_else(|| serde::de::Error::custom("a number with at most one decimal"))
    }
}

/// What sort of row a contribution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContributionKind {
    /// A rule that fired.
    Rule,
    /// A circumstance that raises or lowers.
    Modifier,
    /// How much history stands behind the score.
    Confidence,
    /// What was cut off at 100.
    Cap,
}

/// In which unit a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Events.
    Events,
    /// Distinct network addresses.
    Addresses,
    /// Bytes.
    Bytes,
    /// Distinct resources.
    Resources,
    /// Failed actions.
    Failures,
    /// Points, for rows that are not rules.
    Points,
}

/// Against whom a value is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// The actor's own past.
    Own,
    /// Documented defaults, while the actor has too little past or nothing to take a multiple of.
    Default,
    /// Everyone in the organisation.
    Organisation,
    /// The actor's given group of peers.
    Peers,
}

/// One evaluated rule at one instant: numbers only. Sentences are made from these numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Which rule.
    pub rule: RuleKey,
    /// Version of its settings.
    pub version: i64,
    /// Points it adds; zero when it was checked and normal.
    pub points: Points,
    /// Its most points.
    pub weight: Points,
    /// Its threshold.
    pub threshold: f64,
    /// Its window in minutes.
    pub window_minutes: u32,
    /// What was counted inside the window.
    pub observed: f64,
    /// What is usual on a day: median over the active baseline days.
    pub median: f64,
    /// What 95 of 100 baseline days do not exceed.
    pub p95: f64,
    /// Observed over usual, for rules that compare with a usual amount.
    pub ratio: Option<f64>,
    /// Baseline days on which the same amount was reached.
    pub days_reached: u32,
    /// Whose usual it is.
    pub reference: Reference,
    /// First and last minute that matter most.
    pub span: Option<(Minute, Minute)>,
}

/// Why points do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuppressedBy {
    /// Code of the suppression, such as `SU-7`.
    pub code: String,
    /// The reason its owner gave.
    pub reason: String,
    /// The points there would be.
    pub points: Points,
}

impl SuppressedBy {
    /// By a suppression.
    pub fn of(suppression: &Suppression, points: Points) -> Self {
        Self {
            code: suppression.code.to_string(),
            reason: suppression.reason.clone(),
            points,
        }
    }
}

/// A rule that fired and does not count. The signal keeps its points; they are in no sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuppressedSignal {
    /// The rule's finding.
    pub signal: Signal,
    /// Code of the suppression.
    pub code: String,
    /// The reason its owner gave.
    pub reason: String,
}

/// The complete judgement of one actor at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The minute whose end is the instant.
    pub minute: Minute,
    /// Sum of the points, at most 100.
    pub score: Points,
    /// Points cut off by the cap: zero or negative.
    pub cap: Points,
    /// Rules that fired, most points first.
    pub signals: Vec<Signal>,
    /// Rules that were evaluated and found normal.
    pub normal: Vec<Signal>,
    /// Rules that fired and do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<SuppressedSignal>,
    /// Baseline days that had events of the actor.
    pub days_used: Vec<Day>,
    /// Events inside those days.
    pub baseline_events: u64,
    /// Hours of the day that are typical for the actor.
    pub typical_hours: Vec<u8>,
    /// The next minute at which the score can fall without new events.
    pub falls_at: Option<Minute>,
}

impl Assessment {
    /// Rules that fired.
    pub fn fired(&self) -> impl Iterator<Item = RuleKey> + '_ {
        self.signals.iter().map(|s| s.rule)
    }

    /// True when `other` explains itself with the same points.
    pub fn same_points(&self, other: &Self) -> bool {
        let points =
            |a: &Self| -> Vec<_> { a.signals.iter().map(|s| (s.rule, s.points)).collect() };
        self.score == other.score && points(self) == points(other)
    }
}

/// One row of the explanation, as stored with an alert and sent by the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contribution {
    /// What sort of row.
    pub kind: ContributionKind,
    /// Rule key, or the name of the modifier.
    pub rule: String,
    /// Version of the rule's settings that was used.
    pub version: i64,
    /// Points; all rows sum to the score.
    pub points: Points,
    /// The reason as an analyst reads it.
    pub sentence: String,
    /// A few words for narrow places.
    pub short: String,
    /// What was counted.
    pub observed: f64,
    /// What is usual: median of the baseline days.
    pub expected: f64,
    /// What 95 of 100 baseline days do not exceed.
    pub p95: f64,
    /// Unit of the three numbers.
    pub unit: Unit,
    /// Observed over expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// How often this much happens, in words.
    pub rarity: String,
    /// Whose usual it is.
    pub reference: Reference,
    /// Baseline days the numbers rest on.
    pub baseline_days: u32,
    /// The rule's threshold.
    pub threshold: f64,
    /// The rule's weight.
    pub weight: Points,
    /// The rule's window in minutes.
    pub window_minutes: u32,
    /// What would have kept the score below the threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<String>,
    /// The family the rule belongs to, where the grading has families.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// So much happens about once in so many active days of everyone in the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once_in_days: Option<f64>,
    /// The same value beside the actor's group of peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Comparison>,
    /// A bounded sample of the events that caused the row.
    pub evidence: Vec<EventId>,
    /// How many events caused it in all.
    pub evidence_count: u64,
    /// Set when the row does not count: its points are zero then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<SuppressedBy>,
}

/// The frozen reasons of an alert. Recomputing it gives identical bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Version of the arithmetic.
    pub engine: u32,
    /// Name of the rule set.
    pub ruleset: String,
    /// The alert threshold in force.
    pub threshold: Points,
    /// The instant that was scored: the end of a minute.
    pub at: Timestamp,
    /// The numbers behind everything, where the rule set is `classic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// The rows.
    pub contributions: Vec<Contribution>,
    /// Rules that were checked and found normal, as sentences.
    pub normal: Vec<Contribution>,
    /// What would have kept the alert from opening.
    pub counterfactual: String,
    /// What could not be judged, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unjudged: Vec<Unjudged>,
    /// What else has to be known about the numbers, such as a baseline that is rising.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One value beside a group's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The group's name.
    pub group: String,
    /// People in it, besides the actor.
    pub size: u32,
    /// Of these, those who did as much on one of their last days.
    pub as_much: u32,
    /// The same for people.
    pub sentence: String,
}

/// Something that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unjudged {
    /// What.
    pub what: String,
    /// Why.
    pub because: String,
}

impl Snapshot {
    /// The score: the exact sum of the rows.
    pub fn score(&self) -> Points {
        self.contributions.iter().map(|row| row.points).sum()
    }

    /// The minute whose end was scored.
    pub fn minute(&self) -> Minute {
        self.at.plus(-1).minute()
    }

    /// What gave points: families where the grading has them, else rules.
    pub fn fired(&self) -> BTreeSet<RuleName> {
        fired(&self.contributions)
    }
}

/// What gave points in an explanation: families where the grading has them, else rules.
pub fn fired(rows: &[Contribution]) -> BTreeSet<RuleName> {
    rows.iter()
        .filter(|row| row.kind == ContributionKind::Rule && row.suppressed.is_none())
        .filter_map(|row| RuleName::parse(row.family.as_deref().unwrap_or(&row.rule)))
        .collect()
}

/// What the score history keeps of one minute, by the grading that judged it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Judgement {
    /// Numbers of the five rules, from which sentences are made.
    Classic(Assessment),
    /// The rows of the explanation themselves.
    Calibrated(Explained),
}

/// A judgement of the calibrated grading with its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The minute whose end is the instant.
    pub minute: Minute,
    /// The exact sum of the rows.
    pub score: Points,
    /// The rows, without evidence.
    pub contributions: Vec<Contribution>,
    /// What could not be judged.
    pub unjudged: Vec<Unjudged>,
}

impl Judgement {
    /// The minute whose end was judged.
    pub fn minute(&self) -> Minute {
        match self {
            Self::Classic(assessment) => assessment.minute,
            Self::Calibrated(explained) => explained.minute,
        }
    }

    /// The score.
    pub fn score(&self) -> Points {
        match self {
            Self::Classic(assessment) => assessment.score,
            Self::Calibrated(explained) => explained.score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_print_at_most_one_decimal() {
        assert_eq!(Points::whole(86).to_string(), "86");
        assert_eq!(Points::from_tenths(865).to_string(), "86.5");
        assert_eq!(Points::from_tenths(-5).to_string(), "-0.5");
        assert_eq!(serde_json_like(Points::whole(60)), Some(Points::whole(60)));
        assert_eq!(Points::from_f64(60.25), None);
        assert_eq!(Points::from_f64(f64::NAN), None);
    }

    fn serde_json_like(points: Points) -> Option<Points> {
        Points::from_f64(points.as_f64())
    }
}
