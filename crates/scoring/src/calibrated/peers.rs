//! Given groups of people, such as departments, as a reference for an explanation.

use domain::score::{Comparison, Contribution, ContributionKind, Reference};

use super::rule::{Measure, PerRule, Rule};
use super::state::ActorState;

/// Groups of fewer people are neither used nor shown: they would tell about single persons.
pub const SMALLEST: usize = 5;

/// What the people of one group did on their last days: for each value and person the most.
#[derive(Debug, Clone, PartialEq)]
pub struct Peers {
    name: String,
    most: Vec<PerRule<f32>>,
}

impl Peers {
    /// A group by its members, the actor in question left out by the caller. `None` when fewer
    /// than [`SMALLEST`] of them have a past.
    pub fn of<'a>(name: &str, members: impl IntoIterator<Item = &'a ActorState>) -> Option<Self> {
        let most: Vec<PerRule<f32>> = members
            .into_iter()
            .filter(|state| !state.recent.is_empty())
            .map(|state| {
                PerRule::from_fn(|rule| {
                    let days = state.recent.iter().map(|day| day.values[rule]);
                    days.fold(0.0, f32::max)
                })
            })
            .collect();
        let name = name.to_owned();
        (most.len() >= SMALLEST).then_some(Self { name, most })
    }

    /// How many people.
    pub fn size(&self) -> usize {
        self.most.len()
    }

    /// How many of them did at least as much on one of their last days.
    pub fn as_much(&self, rule: Rule, observed: f64) -> usize {
        let reached = self
            .most
            .iter()
            .filter(|most| f64::from(most[rule]) >= observed);
        reached.count()
    }

    /// How one value compares.
    pub fn comparison(&self, rule: Rule, observed: f64) -> Comparison {
        let (as_much, size) = (self.as_much(rule, observed), self.size());
        let who = match as_much {
            0 => "nobody".to_owned(),
            n => n.to_string(),
        };
        Comparison {
            group: self.name.clone(),
            size: size as u32,
            as_much: as_much as u32,
            sentence: format!(
                "{who} of the {size} others in {} did as much on a day of their last days",
                self.name
            ),
        }
    }

    /// Puts the group beside a row of an explanation. Factors and sums of rarities, which mean
    /// something else for everybody, are left alone. Where the actor has too little past of its own,
    /// the group is what the row refers to.
    pub fn compare(&self, row: &mut Contribution) {
        let rule = Rule::from_word(&row.rule).filter(|rule| rule.measure() != Measure::Rarity);
        let Some(rule) = rule.filter(|_| row.kind == ContributionKind::Rule) else {
            return;
        };
        if row.reference != Reference::Own {
            row.reference = Reference::Peers;
        }
        row.peers = Some(self.comparison(rule, row.observed));
    }
}
