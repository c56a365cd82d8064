//! A draft in the address: drawn beside the rule, and held against the alerts of the last days.

use std::collections::BTreeMap;

use domain::alert::Disposition;
use domain::rule::{RuleKey, RuleSettings};
use domain::score::Points;
use scoring::words as say;
use store::Scope;
use store::rules::Record;

use super::super::rules::{tally, words};
use crate::form::{number, points};
use crate::page::When;

/// Alerts shown on the page.
const FIRINGS: usize = 20;
/// Amounts drawn under the curve.
const DOTS: usize = 200;

/// What the address asks for.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The rule with the draft's values; none without a draft.
    pub settings: Option<RuleSettings>,
    pub threshold: String,
    pub weight: String,
    /// Values that were ignored, in words.
    pub ignored: Vec<String>,
    /// What it would have done, once judged.
    pub outcome: Option<Outcome>,
}

/// Alerts of the last days under the draft.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub before: usize,
    pub after: usize,
    /// Alerts that would be lost although they were real.
    pub lost: usize,
}

impl Draft {
    /// No draft: the fields hold the rule's own values.
    pub(super) fn none(rule: &RuleSettings) -> Self {
        Self::read(&BTreeMap::new(), rule)
    }

    /// Reads `threshold` and `weight`; what cannot be used is noted and left out.
    pub(super) fn read(query: &BTreeMap<String, String>, rule: &RuleSettings) -> Self {
        let mut draft = Self {
            threshold: rule.threshold.to_string(),
            weight: rule.weight.to_string(),
            ..Self::default()
        };
        let mut settings = *rule;
        if let Some(text) = query.get("threshold") {
            match number(text) {
                Some(threshold) => settings.threshold = threshold,
                None => draft.ignore("threshold", text),
            }
        }
        if let Some(text) = query.get("weight") {
            match points(text) {
                Some(weight) => settings.weight = weight,
                None => draft.ignore("weight", text),
            }
        }
        if let Some((field, message)) = settings.problem() {
            draft.ignored.push(format!("{field}: {message}; ignored"));
            return draft;
        }
        draft.threshold = settings.threshold.to_string();
        draft.weight = settings.weight.to_string();
        draft.settings = Some(settings).filter(|s| s != rule);
        draft
    }

    fn ignore(&mut self, field: &str, text: &str) {
        let shown: String = text.chars().take(40).collect();
        self.ignored
            .push(format!("{field}={shown} is not a number, ignored"));
    }

    /// The same draft with what it would have done to past alerts.
    pub(super) fn judged(mut self, records: &[Record]) -> Self {
        self.outcome = self.settings.map(|draft| {
            let lost = |r: &&Record| tally::rescored(r, &draft) < r.threshold;
            let gone: Vec<&Record> = records.iter().filter(lost).collect();
            Outcome {
                before: records.len(),
                after: records.len() - gone.len(),
                lost: gone.iter().filter(|r| is_real(r)).count(),
            }
        });
        self
    }
}

fn is_real(record: &Record) -> bool {
    record
        .disposition
        .is_some_and(Disposition::confirms_incident)
}

/// One alert in which the rule took part.
pub(super) struct Firing {
    pub code: String,
    pub actor: String,
    pub actor_name: String,
    pub opened: When,
    pub observed: String,
    pub points: Points,
    pub score: Points,
    pub decided: bool,
    pub verdict: Option<&'static str>,
    /// The score under the draft, and whether the alert would not have opened.
    pub drafted: Option<(Points, bool)>,
}

/// The alerts in which the rule took part: with a draft the lost ones first, real ones before
/// the others; else newest first.
pub(super) fn firings(
    scope: &Scope,
    rule: &RuleSettings,
    draft: Option<&RuleSettings>,
    records: &[Record],
) -> Vec<Firing> {
    let touched = |r: &&Record| {
        let drafted = draft.map(|d| tally::rescored(r, d));
        tally::fired(r, rule.key) || drafted.is_some_and(|score| score != tally::total(r))
    };
    let mut ordered: Vec<&Record> = records.iter().filter(touched).collect();
    if let Some(draft) = draft {
        let lost = |r: &Record| tally::rescored(r, draft) < r.threshold;
        ordered.sort_by_key(|r| (!lost(r), !is_real(r)));
    }
    let rows = ordered.into_iter().take(FIRINGS);
    rows.filter_map(|r| firing(scope, rule.key, draft, r))
        .collect()
}

fn firing(
    scope: &Scope,
    key: RuleKey,
    draft: Option<&RuleSettings>,
    record: &Record,
) -> Option<Firing> {
    let signal = tally::signal(record, key)?;
    let zone = &scope.tenant.scoring.zone;
    Some(Firing {
        code: record.code.to_string(),
        actor: record.actor.code(),
        actor_name: record.actor_name.clone(),
        opened: When::of(record.opened.end(), zone, scope.now),
        observed: observed_words(key, signal.observed, signal.ratio),
        points: signal.points,
        score: tally::total(record),
        decided: tally::decided(record, key),
        verdict: record.disposition.map(Disposition::title),
        drafted: draft.map(|d| {
            let score = tally::rescored(record, d);
            (score, score < record.threshold)
        }),
    })
}

fn observed_words(key: RuleKey, observed: f64, ratio: Option<f64>) -> String {
    let plain = match key {
        RuleKey::VolumeSpike => say::bytes(observed),
        RuleKey::ScopeExpansion => say::plural(observed, "resource", "resources"),
        _ => words::amount(key, observed),
    };
    ratio.map_or(plain.clone(), |r| {
        format!("{plain}, {} usual", say::ratio(r))
    })
}

/// The amounts the rule judged in past alerts, for the dots under the curve.
pub(super) fn observed(key: RuleKey, records: &[Record]) -> Vec<f64> {
    let signals = records.iter().filter_map(|r| tally::signal(r, key));
    signals.map(tally::amount).take(DOTS).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::tally::tests::record;
    use super::*;

    const VOLUME: RuleKey = RuleKey::VolumeSpike;
    const SCOPE: RuleKey = RuleKey::ScopeExpansion;

    fn query(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn a_draft_is_what_differs_from_the_rule() {
        let rule = RuleSettings::default_for(VOLUME);
        assert!(Draft::read(&query(&[]), &rule).settings.is_none());
        let same = query(&[("threshold", "3"), ("weight", "25")]);
        assert!(Draft::read(&same, &rule).settings.is_none());
        let draft = Draft::read(&query(&[("threshold", "4")]), &rule);
        assert_eq!(draft.settings.map(|d| d.threshold), Some(4.0));
        assert_eq!(
            (draft.threshold.as_str(), draft.weight.as_str()),
            ("4", "25")
        );
    }

    #[test]
    fn wrong_values_are_noted() {
        let rule = RuleSettings::default_for(VOLUME);
        let draft = Draft::read(&query(&[("threshold", "four"), ("weight", "20")]), &rule);
        assert_eq!(draft.ignored, ["threshold=four is not a number, ignored"]);
        assert!(draft.settings.is_some(), "the weight counts");
        let draft = Draft::read(&query(&[("weight", "900")]), &rule);
        assert_eq!(draft.ignored, ["weight: choose 0 to 100 points; ignored"]);
        assert!(draft.settings.is_none());
    }

    #[test]
    fn a_draft_is_held_against_past_alerts() {
        let real = Some(Disposition::TruePositiveImpact);
        let records = [
            record(1, real, &[(VOLUME, 25, 3.5), (SCOPE, 40, 9.0)]),
            record(2, None, &[(VOLUME, 25, 9.0), (SCOPE, 40, 9.0)]),
            record(3, None, &[(SCOPE, 70, 9.0)]),
        ];
        let rule = RuleSettings::default_for(VOLUME);
        let draft = Draft::read(&query(&[("threshold", "4")]), &rule).judged(&records);
        let expected = Outcome {
            before: 3,
            after: 2,
            lost: 1,
        };
        assert_eq!(draft.outcome, Some(expected));
    }

    #[test]
    fn amounts_in_words() {
        assert_eq!(
            observed_words(SCOPE, 40.0, Some(8.0)),
            "40 resources, 8.0× usual"
        );
        assert_eq!(observed_words(RuleKey::NewIp, 1.0, None), "1 address");
    }
}
