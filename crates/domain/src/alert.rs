//! An alert's life: which moves are legal and what closing needs.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The code people see, such as `AL-1042`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertCode(pub i64);

impl fmt::Display for AlertCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AL-{}", self.0)
    }
}

impl AlertCode {
    /// Reads a code in any case; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("AL-").or(text.strip_prefix("al-"))?;
        let plain = !digits.is_empty() && digits.len() <= 15;
        (plain && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse().ok())
            .flatten()
            .map(Self)
    }
}

impl Serialize for AlertCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has looked.
    Open,
    /// Somebody has seen it.
    Acknowledged,
    /// Somebody is working on it.
    Investigating,
    /// Closed with a disposition.
    Resolved,
    /// Closed: the rules were wrong.
    FalsePositive,
}

impl Status {
    /// Every status, in the order of an alert's life.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Acknowledged,
        Self::Investigating,
        Self::Resolved,
        Self::FalsePositive,
    ];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Investigating => "investigating",
            Self::Resolved => "resolved",
            Self::FalsePositive => "false_positive",
        }
    }

    /// The word people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Acknowledged => "Acknowledged",
            Self::Investigating => "Investigating",
            Self::Resolved => "Resolved",
            Self::FalsePositive => "False positive",
        }
    }

    /// Reads a word; `None` when no status has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// True for the two ends.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Resolved | Self::FalsePositive)
    }

    /// True when an alert may go from here to `to`.
    pub fn may_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::Open, to) => to != Self::Open,
            (Self::Acknowledged, to) => matches!(
                to,
                Self::Investigating | Self::Resolved | Self::FalsePositive
            ),
            (Self::Investigating, to) => {
                matches!(
                    to,
                    Self::Acknowledged | Self::Resolved | Self::FalsePositive
                )
            }
            (Self::Resolved | Self::FalsePositive, to) => to == Self::Open,
        }
    }
}

/// What a closed alert turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Real, with damage.
    TruePositiveImpact,
    /// Real, without damage.
    TruePositiveNoImpact,
    /// Unusual, known and fine.
    BenignExpected,
    /// Another alert covers it.
    Duplicate,
    /// Could not be decided.
    Unclear,
    /// The rules were wrong.
    FalsePositive,
}

impl Disposition {
    /// Those offered when an alert is resolved.
    pub const FOR_RESOLVED: [Self; 5] = [
        Self::TruePositiveImpact,
        Self::TruePositiveNoImpact,
        Self::BenignExpected,
        Self::Duplicate,
        Self::Unclear,
    ];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::TruePositiveImpact => "true_positive_impact",
            Self::TruePositiveNoImpact => "true_positive_no_impact",
            Self::BenignExpected => "benign_expected",
            Self::Duplicate => "duplicate",
            Self::Unclear => "unclear",
            Self::FalsePositive => "false_positive",
        }
    }

    /// The words people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::TruePositiveImpact => "True positive, impact",
            Self::TruePositiveNoImpact => "True positive, no impact",
            Self::BenignExpected => "Benign and expected",
            Self::Duplicate => "Duplicate",
            Self::Unclear => "Unclear",
            Self::FalsePositive => "False positive",
        }
    }

    /// Reads a word; `None` when no disposition has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::FOR_RESOLVED
            .into_iter()
            .chain([Self::FalsePositive])
            .find(|d| d.word() == word)
    }

    /// True when the incident was real: its days then stay out of the baseline.
    pub fn confirms_incident(self) -> bool {
        matches!(self, Self::TruePositiveImpact | Self::TruePositiveNoImpact)
    }
}

/// A wanted change of status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The new status.
    pub to: Status,
    /// What it turned out to be, when closing.
    pub disposition: Option<Disposition>,
    /// Why, in the analyst's words.
    pub reason: Option<String>,
}

/// Why a move was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoveRefused {
    /// The status does not lead there.
    #[error("an alert that is {} cannot become {}", .from.word(), .to.word())]
    NotAllowed {
        /// Present status.
        from: Status,
        /// Wanted status.
        to: Status,
    },
    /// Closing needs a reason.
    #[error("closing an alert needs a reason")]
    ReasonMissing,
    /// Resolving needs a disposition.
    #[error("resolving an alert needs a disposition")]
    DispositionMissing,
    /// The disposition does not fit the status.
    #[error("the disposition does not fit the status")]
    DispositionMismatch,
}

impl Move {
    /// Checks the move against the present status and returns the disposition to store.
    pub fn check(&self, from: Status) -> Result<Option<Disposition>, MoveRefused> {
        if !from.may_become(self.to) {
            return Err(MoveRefused::NotAllowed { from, to: self.to });
        }
        if !self.to.is_closed() {
            return Ok(None);
        }
        let disposition = match (self.to, self.disposition) {
            (Status::FalsePositive, None | Some(Disposition::FalsePositive)) => {
                Disposition::FalsePositive
            }
            (Status::Resolved, None) => return Err(MoveRefused::DispositionMissing),
            (Status::Resolved, Some(d)) if d != Disposition::FalsePositive => d,
            _ => return Err(MoveRefused::DispositionMismatch),
        };
        if self.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
            return Err(MoveRefused::ReasonMissing);
        }
        Ok(Some(disposition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves() {
        use Status::{
            Acknowledged as A, FalsePositive as F, Investigating as I, Open as O, Resolved as R,
        };
        let allowed = [
            (O, A),
            (O, I),
            (O, R),
            (O, F),
            (A, I),
            (I, A),
            (A, R),
            (A, F),
            (I, R),
            (I, F),
            (R, O),
            (F, O),
        ];
        for from in Status::ALL {
            for to in Status::ALL {
                assert_eq!(
                    from.may_become(to),
                    allowed.contains(&(from, to)),
                    "{from:?} {to:?}"
                );
            }
        }
    }

    #[test]
    fn closing_needs_reason_and_disposition() {
        let close = |to, disposition, reason: Option<&str>| {
            Move {
                to,
                disposition,
                reason: reason.map(str::to_owned),
            }
            .check(Status::Open)
        };
        let benign = Some(Disposition::BenignExpected);
        assert_eq!(
            close(Status::Resolved, None, Some("x")),
            Err(MoveRefused::DispositionMissing)
        );
        assert_eq!(
            close(Status::Resolved, benign, Some(" ")),
            Err(MoveRefused::ReasonMissing)
        );
        assert_eq!(close(Status::Resolved, benign, Some("backup")), Ok(benign));
        assert_eq!(
            close(Status::FalsePositive, None, Some("rule")),
            Ok(Some(Disposition::FalsePositive))
        );
        assert_eq!(
            close(Status::FalsePositive, benign, Some("x")),
            Err(MoveRefused::DispositionMismatch)
        );
        assert_eq!(
            close(
                Status::Resolved,
                Some(Disposition::FalsePositive),
                Some("x")
            ),
            Err(MoveRefused::DispositionMismatch)
        );
        assert_eq!(close(Status::Acknowledged, None, None), Ok(None));
    }

    #[test]
    fn codes() {
        assert_eq!(AlertCode(1042).to_string(), "AL-1042");
        assert_eq!(AlertCode::parse("al-1042"), Some(AlertCode(1042)));
        for bad in [
            "1042",
            "AL-",
            "AL-x",
            "AL--1",
            "AL-9999999999999999999",
            ":code",
        ] {
            assert_eq!(AlertCode::parse(bad), None, "{bad}");
        }
    }
}
