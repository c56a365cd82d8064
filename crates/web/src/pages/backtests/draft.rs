//! A draft as form fields and as a list of what it changes.

use std::collections::BTreeMap;

use domain::backtest::{CriteriaDraft, SPANS};
use domain::rule::{RuleKey, RuleSettings};
use domain::score::Points;
use domain::tenant::RuleSetName;
use store::backtests::Backtest;

use super::super::rule::edit::Fields;
use super::super::rules::words;
use crate::form::{number, points};
use crate::page::FieldErrors;

/// What a backtest looks back over when nobody says otherwise.
const DAYS: &str = "14";

/// The form as typed.
pub(super) struct DraftFields {
    pub days: String,
    pub ruleset: String,
    pub threshold: String,
    pub rate: String,
    pub rules: Vec<RuleFields>,
    pub errors: FieldErrors,
}

/// One rule of the form.
pub(super) struct RuleFields {
    pub key: RuleKey,
    pub typed: Fields,
    pub errors: FieldErrors,
}

impl DraftFields {
    /// From a query or a posted form; what it does not hold is as in force.
    pub fn read(given: &BTreeMap<String, String>, live: &CriteriaDraft) -> Self {
        let text = |name: &str, now: String| given.get(name).cloned().unwrap_or(now);
        let rule = |rule: &RuleSettings| {
            let key = rule.key;
            let now = Fields::from(rule);
            let part = |part: &str, now: String| text(&format!("{key}_{part}"), now);
            let enabled = given.get(&format!("{key}_enabled"));
            RuleFields {
                key,
                typed: Fields {
                    enabled: enabled.map_or(rule.enabled, |word| word == "1"),
                    weight: part("weight", now.weight),
                    threshold: part("threshold", now.threshold),
                    window: part("window", now.window),
                },
                errors: FieldErrors::default(),
            }
        };
        Self {
            days: text("days", DAYS.to_owned()),
            ruleset: text("ruleset", live.ruleset.word().to_owned()),
            threshold: text("alert_threshold", live.alert_threshold.to_string()),
            rate: text("alert_rate", live.alert_rate.to_string()),
            rules: live.rules.iter().map(rule).collect(),
            errors: FieldErrors::default(),
        }
    }

    /// Days and draft; `None` with the errors noted when something cannot be used.
    pub fn draft(&mut self, live: &CriteriaDraft) -> Option<(u32, CriteriaDraft)> {
        let days = self.days.parse().ok().filter(|days| SPANS.contains(days));
        if days.is_none() {
            self.errors.add("days", "Choose 7, 14 or 30 days.");
        }
        let ruleset = RuleSetName::from_word(&self.ruleset);
        if ruleset.is_none() {
            self.errors.add("ruleset", "Choose calibrated or classic.");
        }
        let bounds = Points::whole(1)..=Points::MAX;
        let threshold = points(&self.threshold).filter(|p| bounds.contains(p));
        if threshold.is_none() {
            let remedy = "Give 1 to 100 points, with at most one decimal.";
            self.errors.add("threshold", remedy);
        }
        let rate = number(&self.rate).filter(|rate| (0.1..=1000.0).contains(rate));
        if rate.is_none() {
            self.errors.add("rate", "Give a number from 0.1 to 1000.");
        }
        let mut rules = Vec::new();
        for (fields, now) in self.rules.iter_mut().zip(&live.rules) {
            match fields.typed.settings(fields.key, now.version) {
                Ok(rule) => rules.push(rule),
                Err(errors) => fields.errors = errors,
            }
        }
        if rules.len() < live.rules.len() {
            return None;
        }
        let draft = CriteriaDraft {
            ruleset: ruleset?,
            alert_threshold: threshold?,
            alert_rate: rate?,
            rules,
        };
        Some((days?, draft))
    }

    /// Whether anything was typed that cannot be used.
    pub fn is_wrong(&self) -> bool {
        !self.errors.is_empty() || self.rules.iter().any(|rule| !rule.errors.is_empty())
    }
}

/// One setting that a draft changes.
pub(super) struct Change {
    pub what: String,
    pub before: String,
    pub after: String,
}

impl Change {
    /// In a few words.
    pub fn short(&self) -> String {
        format!("{} {} → {}", self.what, self.before, self.after)
    }
}

/// What a draft changes of what its grading reads.
pub(super) fn changes(live: &CriteriaDraft, draft: &CriteriaDraft) -> Vec<Change> {
    let mut found = Vec::new();
    let mut note = |what: &str, before: String, after: String| {
        if before != after {
            let what = what.to_owned();
            found.push(Change {
                what,
                before,
                after,
            });
        }
    };
    let word = |criteria: &CriteriaDraft| criteria.ruleset.word().to_owned();
    note("rule set", word(live), word(draft));
    let points = |criteria: &CriteriaDraft| criteria.alert_threshold.to_string();
    note("alert threshold", points(live), points(draft));
    let rate = |criteria: &CriteriaDraft| criteria.alert_rate.to_string();
    note("wanted alerts", rate(live), rate(draft));
    for (before, after) in live.rules.iter().zip(&draft.rules) {
        let title = after.key.title().to_lowercase();
        let state = |rule: &RuleSettings| if rule.enabled { "on" } else { "off" }.to_owned();
        let window = |rule: &RuleSettings| scoring::words::window(rule.window_minutes);
        note(&title, state(before), state(after));
        let part = |part: &str| format!("{title}, {part}");
        let weight = |rule: &RuleSettings| rule.weight.to_string();
        note(&part("weight"), weight(before), weight(after));
        let (old, new) = (words::threshold(before), words::threshold(after));
        note(&part("threshold"), old, new);
        note(&part("window"), window(before), window(after));
    }
    found
}

/// The form's address with the draft of a backtest in it.
pub(super) fn address(backtest: &Backtest) -> String {
    let (draft, days) = (&backtest.draft, backtest.days);
    let mut parts = vec![
        format!("days={days}"),
        format!("ruleset={}", draft.ruleset.word()),
        format!("alert_threshold={}", draft.alert_threshold),
        format!("alert_rate={}", draft.alert_rate),
    ];
    for (rule, live) in draft.rules.iter().zip(&backtest.live.rules) {
        if rule == live {
            continue;
        }
        let key = rule.key;
        parts.push(format!("{key}_enabled={}", u8::from(rule.enabled)));
        parts.push(format!("{key}_weight={}", rule.weight));
        parts.push(format!("{key}_threshold={}", rule.threshold));
        parts.push(format!("{key}_window={}", rule.window_minutes));
    }
    format!("/rules/backtests?{}", parts.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rule::RuleSet;

    fn live() -> CriteriaDraft {
        CriteriaDraft {
            ruleset: RuleSetName::Classic,
            alert_threshold: Points::whole(60),
            alert_rate: 5.0,
            rules: RuleSet::default().iter().copied().collect(),
        }
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_not_given_is_as_in_force() {
        let draft = DraftFields::read(&BTreeMap::new(), &live()).draft(&live());
        assert_eq!(draft, Some((14, live())));
        assert!(changes(&live(), &live()).is_empty());
    }

    #[test]
    fn what_is_given_is_drafted_and_said() {
        let query = given(&[
            ("days", "30"),
            ("new_ip_weight", "20"),
            ("off_hours_enabled", "0"),
            ("alert_threshold", "55.5"),
        ]);
        let (days, draft) = DraftFields::read(&query, &live()).draft(&live()).unwrap();
        assert_eq!(days, 30);
        let said: Vec<String> = changes(&live(), &draft).iter().map(Change::short).collect();
        assert_eq!(
            said,
            [
                "alert threshold 60 → 55.5",
                "off hours on → off",
                "new address, weight 15 → 20"
            ]
        );
    }

    #[test]
    fn every_wrong_field_is_told() {
        let query = given(&[
            ("days", "9"),
            ("ruleset", "best"),
            ("alert_threshold", "0"),
            ("alert_rate", "many"),
            ("new_ip_weight", "101"),
        ]);
        let mut fields = DraftFields::read(&query, &live());
        assert_eq!(fields.draft(&live()), None);
        for field in ["days", "ruleset", "threshold", "rate"] {
            assert!(fields.errors.of(field).is_some(), "{field}");
        }
        let wrong: Vec<_> = fields
            .rules
            .iter()
            .filter(|r| !r.errors.is_empty())
            .collect();
        assert_eq!(wrong.len(), 1);
        assert!(fields.is_wrong());
    }
}
