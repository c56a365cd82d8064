//! What past alerts say about one rule: took part, decided, was right; and what a draft of it
//! would have given.

use domain::alert::Disposition;
use domain::rule::{RuleKey, RuleSettings};
use domain::score::{Points, Signal};
use store::rules::Record;

/// Fewest verdicts from which a share means something.
pub(crate) const FEWEST_VERDICTS: usize = 5;

/// The numbers of one rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Alerts it gave points to.
    pub fired: usize,
    /// Alerts that would not exist without it.
    pub decided: usize,
    /// Of the alerts with a verdict for or against, how many were real.
    pub right: usize,
    pub judged: usize,
}

impl Tally {
    pub(crate) fn of(key: RuleKey, records: &[Record]) -> Self {
        let took_part: Vec<&Record> = records.iter().filter(|r| fired(r, key)).collect();
        let verdicts: Vec<bool> = took_part
            .iter()
            .filter_map(|r| r.disposition.and_then(verdict))
            .collect();
        Self {
            fired: took_part.len(),
            decided: took_part.iter().filter(|r| decided(r, key)).count(),
            right: verdicts.iter().filter(|right| **right).count(),
            judged: verdicts.len(),
        }
    }

    /// Percent of verdicts that were real; `None` while there are too few.
    pub(crate) fn precision(&self) -> Option<usize> {
        let share = || (self.right * 200 + self.judged) / (self.judged * 2);
        (self.judged >= FEWEST_VERDICTS).then(share)
    }
}

/// Duplicates and undecided alerts say nothing about a rule.
pub(super) fn verdict(disposition: Disposition) -> Option<bool> {
    match disposition {
        Disposition::Duplicate | Disposition::Unclear => None,
        other => Some(other.confirms_incident()),
    }
}

/// The signal of a rule, with or without points.
pub(crate) fn signal(record: &Record, key: RuleKey) -> Option<&Signal> {
    record.signals.iter().find(|s| s.rule == key)
}

/// Whether a rule gave points.
pub(crate) fn fired(record: &Record, key: RuleKey) -> bool {
    signal(record, key).is_some_and(|s| s.points > Points::ZERO)
}

/// Whether the alert would not exist without the rule's points.
pub(crate) fn decided(record: &Record, key: RuleKey) -> bool {
    score(record, |s| (s.rule != key).then_some(s.points)) < record.threshold
        && total(record) >= record.threshold
}

/// The amount a rule judged: a multiple of the usual where it has one, else a count.
pub(crate) fn amount(signal: &Signal) -> f64 {
    signal.ratio.unwrap_or(signal.observed)
}

/// The alert's score had one rule been as the draft says. The other rules keep their points.
pub(crate) fn rescored(record: &Record, draft: &RuleSettings) -> Points {
    score(record, |s| {
        Some(if s.rule == draft.key {
            scoring::rules::points(draft, amount(s))
        } else {
            s.points
        })
    })
}

/// The alert's score.
pub(crate) fn total(record: &Record) -> Points {
    if record.signals.is_empty() {
        return record.contributions.iter().map(|row| row.points).sum();
    }
    score(record, |s| Some(s.points))
}

fn score(record: &Record, points: impl Fn(&Signal) -> Option<Points>) -> Points {
    let sum: Points = record.signals.iter().filter_map(points).sum();
    sum.min(Points::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use domain::actor::ActorId;
    use domain::alert::AlertCode;
    use domain::score::Reference;
    use domain::time::Minute;

    /// An alert at threshold 60 made of the given rules, points and amounts.
    pub(crate) fn record(
        number: i64,
        disposition: Option<Disposition>,
        parts: &[(RuleKey, i32, f64)],
    ) -> Record {
        let signal = |(rule, points, amount): &(RuleKey, i32, f64)| Signal {
            rule: *rule,
            version: 1,
            points: Points::whole(*points),
            weight: Points::whole(25),
            threshold: 3.0,
            window_minutes: 60,
            observed: *amount,
            median: 1.0,
            p95: 1.0,
            ratio: rule.compares_with_usual().then_some(*amount),
            days_reached: 0,
            reference: Reference::Own,
            span: None,
        };
        Record {
            code: AlertCode(number),
            actor: ActorId(1),
            actor_name: "jane".to_owned(),
            opened: Minute(0),
            disposition,
            threshold: Points::whole(60),
            signals: parts.iter().map(signal).collect(),
            contributions: Vec::new(),
        }
    }

    const VOLUME: RuleKey = RuleKey::VolumeSpike;
    const SCOPE: RuleKey = RuleKey::ScopeExpansion;
    const FAILURES: RuleKey = RuleKey::FailureBurst;

    #[test]
    fn fired_decided_and_right() {
        let real = Some(Disposition::TruePositiveNoImpact);
        let wrong = Some(Disposition::FalsePositive);
        let three = [(VOLUME, 25, 9.0), (SCOPE, 20, 9.0), (FAILURES, 25, 20.0)];
        let much = [(VOLUME, 17, 3.1), (SCOPE, 80, 9.0)];
        let records = [
            record(1, real, &three),
            record(2, real, &three),
            record(3, wrong, &much),
            record(4, None, &much),
            record(5, Some(Disposition::Duplicate), &three),
            record(6, wrong, &[(VOLUME, 0, 1.0), (SCOPE, 80, 9.0)]),
        ];
        let tally = Tally::of(VOLUME, &records);
        assert_eq!(
            tally,
            Tally {
                fired: 5,
                decided: 3,
                right: 2,
                judged: 3
            }
        );
        assert_eq!(tally.precision(), None, "three verdicts are too few");
    }

    #[test]
    fn a_share_needs_five_verdicts() {
        let tally = |right, judged| Tally {
            fired: judged,
            decided: 0,
            right,
            judged,
        };
        assert_eq!(tally(4, 4).precision(), None);
        assert_eq!(tally(18, 25).precision(), Some(72));
        assert_eq!(tally(2, 3 + 2).precision(), Some(40));
        assert_eq!(tally(1, 6).precision(), Some(17));
    }

    #[test]
    fn a_capped_alert_is_decided_by_what_is_left_without_the_rule() {
        let over = record(1, None, &[(VOLUME, 70, 9.0), (SCOPE, 60, 9.0)]);
        assert!(!decided(&over, VOLUME), "60 are left");
        assert!(!decided(&over, FAILURES), "it took no part");
    }

    #[test]
    fn a_draft_gives_other_points_to_the_same_amount() {
        let alert = record(1, None, &[(VOLUME, 25, 5.0), (SCOPE, 40, 9.0)]);
        let rule = RuleSettings::default_for(VOLUME);
        assert_eq!(rescored(&alert, &rule), Points::whole(65));
        let draft = RuleSettings {
            threshold: 5.0,
            ..rule
        };
        assert_eq!(rescored(&alert, &draft), Points::whole(40));
        let other = RuleSettings::default_for(FAILURES);
        assert_eq!(rescored(&alert, &other), Points::whole(65));
    }
}
