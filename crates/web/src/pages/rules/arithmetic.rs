//! What the weights alone decide: which combinations of rules can never open an alert.

use domain::rule::{RuleKey, RuleSet, RuleSettings};
use domain::score::Points;

/// The note beside the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arithmetic {
    /// The most important finding.
    pub finding: String,
    /// More of the same kind.
    pub details: Vec<String>,
    /// Not even all rules together reach the threshold.
    pub mute: bool,
}

/// A rule and the most points it can add.
type Most = (RuleKey, Points);

impl Arithmetic {
    pub(crate) fn of(set: &RuleSet, threshold: Points) -> Self {
        let rules: Vec<Most> = set.enabled().map(|r| (r.key, most(r))).collect();
        let all: Points = rules.iter().map(|r| r.1).sum();
        if all < threshold {
            return Self {
                finding: nothing_reaches(&rules, all, threshold),
                details: Vec::new(),
                mute: true,
            };
        }
        let (one, more): (Vec<_>, Vec<_>) = rules.iter().partition(|r| r.1 >= threshold);
        let mut said: Vec<String> = one
            .iter()
            .map(|(key, points)| {
                format!(
                    "{} alone can open an alert: it adds up to {points}.",
                    key.title()
                )
            })
            .collect();
        let whose = if one.is_empty() {
            "rules"
        } else {
            "the other rules"
        };
        said.push(pairs(&more, threshold, whose));
        said.extend(triples(&more, threshold));
        let mut said = said.into_iter().filter(|s| !s.is_empty());
        Self {
            finding: said.next().unwrap_or_default(),
            details: said.collect(),
            mute: false,
        }
    }
}

/// What a rule adds at any amount, however large.
pub(crate) fn most(rule: &RuleSettings) -> Points {
    scoring::rules::points(rule, f64::MAX)
}

fn nothing_reaches(rules: &[Most], all: Points, threshold: Points) -> String {
    match rules.len() {
        0 => "No rule is on: no alert can open.".to_owned(),
        1 => format!("One rule is on and adds up to {all}: no alert can reach {threshold}."),
        n => format!(
            "The {n} rules that are on add up to {all} together: no alert can reach {threshold}."
        ),
    }
}

fn pairs(rules: &[Most], threshold: Points, whose: &str) -> String {
    let pairs: Vec<Vec<Most>> = choose(rules, 2);
    let reaching: Vec<&Vec<Most>> = pairs.iter().filter(|p| sum(p) >= threshold).collect();
    match (pairs.len(), reaching.len()) {
        (0, _) => String::new(),
        (1, 0) => format!(
            "The one pair of {whose} does not reach {threshold}: {}.",
            named(&pairs)
        ),
        (_, 0) => {
            let heaviest: Vec<_> = pairs.iter().max_by_key(|p| sum(p)).into_iter().collect();
            format!(
                "No pair of {whose} reaches {threshold}: the heaviest, {}, stops there.",
                named(heaviest)
            )
        }
        (all, some) if all == some => format!("Every pair of {whose} can reach {threshold}."),
        (all, some) => format!(
            "{some} of {all} pairs of {whose} can reach {threshold}: {}.",
            named(reaching)
        ),
    }
}

fn triples(rules: &[Most], threshold: Points) -> Option<String> {
    let triples = choose(rules, 3);
    let failing: Vec<&Vec<Most>> = triples.iter().filter(|t| sum(t) < threshold).collect();
    match (triples.len(), failing.len()) {
        (0, _) | (_, 0) => None,
        (all, some) if all == some => Some(format!(
            "No three rules reach {threshold} either; it takes at least four."
        )),
        (all, some) => Some(format!(
            "Of {all} combinations of three, {some} cannot reach it either: {}.",
            named(failing)
        )),
    }
}

/// `off hours + new address (30), …`
fn named<'a>(combinations: impl IntoIterator<Item = &'a Vec<Most>>) -> String {
    let one = |rules: &Vec<Most>| {
        let names: Vec<_> = rules
            .iter()
            .map(|(key, _)| key.title().to_lowercase())
            .collect();
        format!("{} ({})", names.join(" + "), sum(rules))
    };
    combinations
        .into_iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(", ")
}

fn sum(rules: &[Most]) -> Points {
    rules.iter().map(|r| r.1).sum()
}

/// Every way to choose `count` of the rules, in their order.
fn choose(rules: &[Most], count: usize) -> Vec<Vec<Most>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut out = Vec::new();
    let mut rest = rules;
    while let Some((first, tail)) = rest.split_first() {
        for mut others in choose(tail, count - 1) {
            others.insert(0, *first);
            out.push(others);
        }
        rest = tail;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(weights: [i32; 5], off: &[RuleKey]) -> RuleSet {
        let keys = RuleKey::ALL.into_iter().zip(weights);
        RuleSet::with(keys.map(|(key, weight)| RuleSettings {
            weight: Points::whole(weight),
            enabled: !off.contains(&key),
            ..RuleSettings::default_for(key)
        }))
    }

    #[test]
    fn the_shipped_weights() {
        let note = Arithmetic::of(&RuleSet::default(), Points::whole(60));
        assert_eq!(
            note.finding,
            "No pair of rules reaches 60: the heaviest, volume spike + failure burst (50), stops there."
        );
        assert_eq!(
            note.details,
            ["Of 10 combinations of three, 3 cannot reach it either: \
                 off hours + new address + volume spike (55), \
                 off hours + new address + scope expansion (50), \
                 off hours + new address + failure burst (55)."]
        );
        assert!(!note.mute);
    }

    #[test]
    fn other_weights_give_another_note() {
        let note = Arithmetic::of(&set([60, 10, 40, 20, 10], &[]), Points::whole(60));
        assert_eq!(
            note.finding,
            "Off hours alone can open an alert: it adds up to 60."
        );
        assert_eq!(
            note.details[0],
            "1 of 6 pairs of the other rules can reach 60: volume spike + scope expansion (60)."
        );
        let every = Arithmetic::of(&set([30; 5], &[]), Points::whole(60));
        assert_eq!(every.finding, "Every pair of rules can reach 60.");
        assert!(every.details.is_empty());
    }

    #[test]
    fn rules_that_are_off_do_not_count() {
        let off = [RuleKey::VolumeSpike, RuleKey::FailureBurst];
        let note = Arithmetic::of(&set([15, 15, 25, 20, 25], &off), Points::whole(60));
        assert!(note.mute);
        assert_eq!(
            note.finding,
            "The 3 rules that are on add up to 50 together: no alert can reach 60."
        );
        let none = Arithmetic::of(&set([15; 5], &RuleKey::ALL), Points::whole(60));
        assert_eq!(none.finding, "No rule is on: no alert can open.");
    }

    #[test]
    fn a_low_threshold_is_said_rule_by_rule() {
        let note = Arithmetic::of(&RuleSet::default(), Points::whole(20));
        assert!(note.finding.starts_with("Volume spike alone"));
        assert_eq!(note.details.len(), 3, "{:?}", note.details);
    }
}
