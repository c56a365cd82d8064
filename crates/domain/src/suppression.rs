//! A suppression: points that do not count for a while, for a reason somebody stands for.
//!
//! It works by event time, from its creation to its end, and only forward: what was judged before
//! stays as it was, and judging the same minute again gives the same.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::actor::ActorId;
use crate::alert::AlertCode;
use crate::id::SourceId;
use crate::rule::RuleName;
use crate::time::{DAY_US, Minute, Timestamp};

/// The longest life of a suppression, in days.
pub const MOST_DAYS: i64 = 180;
/// The longest reason, in characters.
pub const REASON_CHARS: usize = 500;

/// The code people see, such as `SU-7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SuppressionCode(pub i64);

impl fmt::Display for SuppressionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SU-{}", self.0)
    }
}

impl Serialize for SuppressionCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl SuppressionCode {
    /// Reads a code in any case; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("SU-").or(text.strip_prefix("su-"))?;
        let plain = !digits.is_empty() && digits.len() <= 15;
        (plain && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse().ok())
            .flatten()
            .map(Self)
    }
}

/// What every event behind the points must have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Came from this address.
    Address(IpAddr),
    /// Acted on this kind of thing.
    Resource(String),
    /// Was sent by this source.
    Source {
        /// Its row.
        id: SourceId,
        /// Its slug.
        slug: String,
    },
}

impl Attribute {
    /// The stored and transmitted word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Resource(_) => "resource",
            Self::Source { .. } => "source",
        }
    }

    /// The value people read.
    pub fn value(&self) -> String {
        match self {
            Self::Address(address) => address.to_string(),
            Self::Resource(word) => word.clone(),
            Self::Source { slug, .. } => slug.clone(),
        }
    }

    /// True when an event has the attribute.
    pub fn is_of(&self, marks: &Marks) -> bool {
        match self {
            Self::Address(address) => marks.address == Some(*address),
            Self::Resource(word) => marks.resource.as_deref() == Some(word),
            Self::Source { id, .. } => marks.source == *id,
        }
    }
}

/// What attributes are compared with: the part of an event they speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Where the actor came from.
    pub address: Option<IpAddr>,
    /// Kind of thing acted on.
    pub resource: Option<String>,
    /// Who sent it.
    pub source: SourceId,
}

/// Which points do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// Whose; everybody's when `None`.
    pub actor: Option<ActorId>,
    /// A rule, or a family of rules.
    pub rule: RuleName,
    /// What every event behind the points must have.
    pub attribute: Option<Attribute>,
}

impl Aim {
    /// True when points of an actor, a rule and its family are meant, attributes aside.
    pub fn covers(&self, actor: ActorId, rule: &str, family: Option<&str>) -> bool {
        let word = self.rule.word();
        self.actor.is_none_or(|own| own == actor) && (word == rule || Some(word) == family)
    }
}

/// Where a suppression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In force.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl State {
    /// The transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// One suppression. Never deleted: judging old minutes again needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The code.
    pub code: SuppressionCode,
    /// Which points.
    pub aim: Aim,
    /// Why, in the owner's words.
    pub reason: String,
    /// Who stands for it.
    pub owner: String,
    /// The alert it was made from.
    pub alert: Option<AlertCode>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended by hand.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

impl Suppression {
    /// When it ends, or ended.
    pub fn ends_at(&self) -> Timestamp {
        self.revoked_at
            .map_or(self.expires_at, |revoked| revoked.min(self.expires_at))
    }

    /// Where it stands at an instant.
    pub fn state(&self, now: Timestamp) -> State {
        match self.revoked_at {
            Some(revoked) if revoked < self.expires_at => State::Revoked,
            _ if now >= self.expires_at => State::Expired,
            _ => State::Active,
        }
    }

    /// True when points of a minute do not count: one that began after the creation and before the
    /// end.
    pub fn is_in_force(&self, minute: Minute) -> bool {
        minute.start() >= self.created_at && minute.start() < self.ends_at()
    }

    /// True when it is in force somewhere between two minutes, both included.
    pub fn reaches(&self, first: Minute, last: Minute) -> bool {
        last.start() >= self.created_at && first.start() < self.ends_at()
    }
}

/// The field that is out of bounds, with what would be right.
pub fn problem(
    reason: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Option<(&'static str, &'static str)> {
    if reason.trim().is_empty() {
        return Some(("reason", "say why these points should not count"));
    }
    if reason.chars().count() > REASON_CHARS {
        return Some(("reason", "use at most 500 characters"));
    }
    if expires_at <= now {
        return Some(("expiresAt", "choose an instant in the future"));
    }
    if expires_at.micros() - now.micros() > MOST_DAYS * DAY_US {
        return Some(("expiresAt", "choose at most 180 days from now"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn suppression() -> Suppression {
        Suppression {
            code: SuppressionCode(7),
            aim: Aim {
                actor: Some(ActorId(3)),
                rule: RuleName::parse("new_ip").unwrap(),
                attribute: None,
            },
            reason: "known".to_owned(),
            owner: "Jane".to_owned(),
            alert: None,
            created_at: at(90_000_000),
            expires_at: at(600_000_000),
            revoked_at: None,
            revoked_by: None,
        }
    }

    #[test]
    fn the_minute_of_its_making_still_counts() {
        let one = suppression();
        let in_force: Vec<i64> = (0..12).filter(|m| one.is_in_force(Minute(*m))).collect();
        assert_eq!(in_force, (2..10).collect::<Vec<_>>());
        let revoked = Suppression {
            revoked_at: Some(at(270_000_000)),
            ..one
        };
        let in_force: Vec<i64> = (0..12)
            .filter(|m| revoked.is_in_force(Minute(*m)))
            .collect();
        assert_eq!(in_force, [2, 3, 4], "what was suppressed before stays so");
        assert!(revoked.reaches(Minute(4), Minute(9)));
        assert!(!revoked.reaches(Minute(5), Minute(9)));
        assert!(!revoked.reaches(Minute(0), Minute(1)));
    }

    #[test]
    fn states() {
        let one = suppression();
        assert_eq!(one.state(at(100)), State::Active);
        assert_eq!(one.state(at(600_000_000)), State::Expired);
        let revoked = Suppression {
            revoked_at: Some(at(100_000_000)),
            ..one
        };
        assert_eq!(revoked.state(at(700_000_000)), State::Revoked);
    }

    #[test]
    fn an_aim_is_one_rule_or_family_of_one_actor_or_all() {
        let own = suppression().aim;
        assert!(own.covers(ActorId(3), "new_ip", None));
        assert!(!own.covers(ActorId(4), "new_ip", None));
        assert!(!own.covers(ActorId(3), "off_hours", Some("time")));
        let family = Aim {
            actor: None,
            rule: RuleName::parse("network").unwrap(),
            attribute: None,
        };
        assert!(family.covers(ActorId(9), "new_addresses", Some("network")));
    }

    #[test]
    fn attributes_compare_with_marks() {
        let marks = Marks {
            address: Some("203.0.113.9".parse().unwrap()),
            resource: Some("share".to_owned()),
            source: SourceId(2),
        };
        let source = |id| Attribute::Source {
            id: SourceId(id),
            slug: "vpn".to_owned(),
        };
        assert!(Attribute::Address("203.0.113.9".parse().unwrap()).is_of(&marks));
        assert!(!Attribute::Address("203.0.113.8".parse().unwrap()).is_of(&marks));
        assert!(Attribute::Resource("share".to_owned()).is_of(&marks));
        assert!(source(2).is_of(&marks) && !source(3).is_of(&marks));
    }

    #[test]
    fn an_end_is_needed_and_not_far() {
        let now = at(0);
        let field = |reason, days| problem(reason, at(days * DAY_US), now).map(|p| p.0);
        assert_eq!(field("known", 180), None);
        assert_eq!(field("known", 181), Some("expiresAt"));
        assert_eq!(field("known", 0), Some("expiresAt"));
        assert_eq!(field("  ", 1), Some("reason"));
        assert_eq!(SuppressionCode::parse("su-12"), Some(SuppressionCode(12)));
        assert_eq!(SuppressionCode::parse("12"), None);
    }
}
