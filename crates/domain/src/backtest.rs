//! Backtests: what a draft of the scoring criteria would have done to the events of the last days.

use serde::{Deserialize, Serialize};

use crate::actor::ActorId;
use crate::alert::Disposition;
use crate::rule::{RuleName, RuleSettings};
use crate::score::Points;
use crate::severity::Severity;
use crate::tenant::{RuleSetName, ScoringSettings};
use crate::time::{Day, Minute};

/// The spans a backtest can look back over, in days.
pub const SPANS: [u32; 3] = [7, 14, 30];
/// Bands of the score distribution: ten points each, 100 in the last.
pub const BANDS: usize = 10;

/// Where a backtest stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BacktestState {
    /// Waits for a worker.
    Queued,
    /// A worker replays events.
    Running,
    /// The report is there.
    Done,
    /// It ended without a report.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl BacktestState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a word; `None` when no state has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// True while a worker has it or will have it.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// Everything that decides which alerts open, besides the events: the settings in force, or a draft
/// of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CriteriaDraft {
    /// Grading.
    pub ruleset: RuleSetName,
    /// Score at which an alert opens.
    pub alert_threshold: Points,
    /// Wanted alerts per 1,000 actors a day; only the calibrated grading fits to it.
    pub alert_rate: f64,
    /// The five rules; only the classic grading reads them. Versions are those they were drafted
    /// from.
    pub rules: Vec<RuleSettings>,
}

impl CriteriaDraft {
    /// The scoring settings with this draft in place of what is in force. The zone stays.
    #[must_use]
    pub fn applied_to(&self, settings: &ScoringSettings) -> ScoringSettings {
        ScoringSettings {
            ruleset: self.ruleset,
            alert_threshold: self.alert_threshold,
            alert_rate: self.alert_rate,
            zone: settings.zone.clone(),
        }
    }
}

/// An alert as a replay raised it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayedAlert {
    /// Whose.
    pub actor: ActorId,
    /// Event time at which the threshold was reached.
    pub opened: Minute,
    /// Event time of the last signal.
    pub last: Minute,
    /// The highest score of the episode.
    pub score: Points,
    /// Rules that fired in it.
    pub rules: Vec<RuleName>,
}

impl ReplayedAlert {
    /// Its band.
    pub fn severity(&self) -> Severity {
        Severity::of_score(self.score)
    }
}

/// An alert that is stored, as far as a comparison needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAlert {
    /// The number of its code.
    pub number: i64,
    /// Whose.
    pub actor: ActorId,
    /// Event time at which it opened.
    pub opened: Minute,
    /// Event time of its last signal.
    pub last: Minute,
    /// What it turned out to be, once closed.
    pub disposition: Option<Disposition>,
}

/// What a comparison says about one alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Opens only under the draft.
    Gained,
    /// Does not open under the draft.
    Lost,
    /// Opens under both, with another score.
    Changed,
}

impl Fate {
    /// The transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gained => "gained",
            Self::Lost => "lost",
            Self::Changed => "changed",
        }
    }
}

/// One alert that the draft gains, loses or changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Which of the three.
    pub fate: Fate,
    /// As the settings in force raise it.
    pub before: Option<ReplayedAlert>,
    /// As the draft raises it.
    pub after: Option<ReplayedAlert>,
    /// The number of the stored alert about the same episode.
    pub alert: Option<i64>,
    /// What that one turned out to be, once closed.
    pub disposition: Option<Disposition>,
}

impl Difference {
    /// The alert as it is known best: under the draft, else under the settings in force.
    pub fn either(&self) -> Option<&ReplayedAlert> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// True when the draft loses an alert that was confirmed.
    pub fn is_confirmed_loss(&self) -> bool {
        self.fate == Fate::Lost && self.disposition.is_some_and(Disposition::confirms_incident)
    }
}

/// One side of a comparison in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Alerts that open in the span.
    pub alerts: u32,
    /// Expected alerts in seven days.
    pub per_week: f64,
    /// Actors with at least one of them.
    pub actors: u32,
    /// Alerts by the UTC day they open on: one number for each day of the span.
    pub daily: Vec<u32>,
    /// Active actor-days by their highest score: [`BANDS`] bands of ten points.
    pub scores: [u32; BANDS],
}

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// First day that is reported.
    pub from: Day,
    /// Last day that is reported: the newest with a stored event.
    pub to: Day,
    /// The oldest stored day; everything since was replayed for the baselines.
    pub history_from: Day,
    /// Events replayed.
    pub events: u64,
    /// Under the settings in force.
    pub before: Side,
    /// Under the draft.
    pub after: Side,
    /// Alerts that open only under the draft.
    pub gained: u32,
    /// Alerts that do not open under the draft.
    pub lost: u32,
    /// Of these, alerts that were confirmed.
    pub lost_confirmed: u32,
    /// Alerts that open under both with another score.
    pub changed: u32,
    /// Alerts that are the same under both.
    pub same: u32,
    /// The differences, lost confirmed ones first; at most [`MOST_DIFFERENCES`].
    pub differences: Vec<Difference>,
}

/// Most differences a report keeps; its numbers count all.
pub const MOST_DIFFERENCES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for state in BacktestState::ALL {
            assert_eq!(BacktestState::from_word(state.word()), Some(state));
        }
        assert_eq!(BacktestState::from_word("paused"), None);
    }
}
