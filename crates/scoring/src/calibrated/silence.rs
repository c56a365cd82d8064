//! A day judged without some of its rules: what suppressions leave of a score.
//!
//! A silenced rule counts as if its value were zero; everything else is graded as ever. What is
//! learnt from the day is not touched.

use domain::score::{ContributionKind, Points, SuppressedBy};
use domain::suppression::Marks;
use domain::time::{Day, Minute, Zone};
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::day::ActorDay;
use super::explain::{Context, Explanation, Row, explain};
use super::grade;
use super::organisation::Organisation;
use super::rule::{Family, Rule};
use super::state::ActorState;
use super::{Activity, Judged};
use crate::suppress::Suppressions;

/// A rule that does not count, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silenced {
    /// The rule's word.
    pub rule: String,
    /// Code of the suppression.
    pub code: String,
    /// The reason its owner gave.
    pub reason: String,
}

impl Silenced {
    fn rule(&self) -> Option<Rule> {
        Rule::from_word(&self.rule)
    }

    fn family(&self) -> Option<Family> {
        self.rule().map(Rule::family)
    }
}

/// The rules that could give points to a day, each with how to recognise its events.
pub fn causes(
    judged: &Judged,
    day: &ActorDay,
    state: &ActorState,
    organisation: &Organisation,
) -> Vec<(Rule, Cause)> {
    let odd_hours = Context::new(judged, day, state, organisation).odd_hours();
    let values = judged.values.iter().filter(|(_, value)| **value > 0.0);
    values
        .map(|(rule, _)| (rule, Cause::of(rule, day, state, odd_hours)))
        .collect()
}

/// Grades a day without its silenced rules. Never higher than with them.
pub fn silence(
    judged: &Judged,
    silenced: &[Silenced],
    day: Day,
    state: &ActorState,
    organisation: &Organisation,
) -> Judged {
    let mut values = judged.values;
    for rule in silenced.iter().filter_map(Silenced::rule) {
        values[rule] = 0.0;
    }
    let grade = grade::of(&values, day, state, organisation);
    Judged { values, grade }
}

/// Explains a day without its silenced rules: their rows stand at the end, without points.
pub fn explain_silenced(
    judged: &Judged,
    silenced: &[Silenced],
    day: &ActorDay,
    state: &ActorState,
    organisation: &Organisation,
) -> Explanation {
    if silenced.is_empty() {
        return explain(judged, day, state, organisation);
    }
    let left = silence(judged, silenced, day.day(), state, organisation);
    let whole = explain(judged, day, state, organisation);
    let mut explanation = explain(&left, day, state, organisation);
    let still = |row: &Row| {
        let word = row.contribution.rule.as_str();
        explanation.rows.iter().any(|r| r.contribution.rule == word)
    };
    let gone: Vec<Row> = whole
        .rows
        .into_iter()
        .filter(|row| row.contribution.points > Points::ZERO && !still(row))
        .filter_map(|row| {
            let by = silenced.iter().find(|one| silences(one, &row))?;
            let by = SuppressedBy {
                code: by.code.clone(),
                reason: by.reason.clone(),
                points: row.contribution.points,
            };
            Some(Row {
                contribution: crate::explain::suppressed(row.contribution, by),
                at_most: None,
                ..row
            })
        })
        .collect();
    explanation.rows.extend(gone);
    explanation
}

/// True when a row of the whole day is gone because of this rule.
fn silences(one: &Silenced, row: &Row) -> bool {
    match row.contribution.kind {
        ContributionKind::Rule => one.rule == row.contribution.rule,
        // What earlier days and the detector's own judgement add wakes with the family only.
        _ if row.family.is_some() => one.family() == row.family,
        _ => row.contribution.rule == "verdict" && one.rule() == Some(Rule::Detections),
    }
}

/// The rules that do not count at the end of a minute. `events` are the actor's of the day up to
/// it.
pub fn silenced<'a>(
    suppressions: &Suppressions,
    minute: Minute,
    causes: &[(Rule, Cause)],
    events: &(impl Iterator<Item = (&'a Activity, &'a Marks)> + Clone),
    zone: &Zone,
) -> Vec<Silenced> {
    let mut list = Vec::new();
    for (rule, cause) in causes {
        let family = rule.family();
        let mut meant = suppressions.on(minute, rule.word(), Some(family.word()));
        let holds = meant.find(|one| {
            let Some(attribute) = &one.aim.attribute else {
                return true;
            };
            let behind = events.clone().filter(|(a, _)| cause.matches(a, zone));
            let mut behind = behind.peekable();
            behind.peek().is_some() && behind.all(|(_, marks)| attribute.is_of(marks))
        });
        list.extend(holds.map(|one| Silenced {
            rule: rule.word().to_owned(),
            code: one.code.to_string(),
            reason: one.reason.clone(),
        }));
    }
    list
}
