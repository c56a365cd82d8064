//! From numbers to reasons: the rows of a score, which sum to it exactly.

use domain::score::{Contribution, ContributionKind, Points, Reference, Unit};
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::cause::Cause;
use super::day::ActorDay;
use super::detection;
use super::drift::{self, Drift};
use super::grade;
use super::organisation::{Organisation, YOUNG_DAYS};
use super::rule::{Family, Measure, Rule};
use super::state::ActorState;
use super::threshold::SHOWN;
use super::{Judged, values};
use crate::words;

/// Version of this engine's formulas, stored with each row.
pub const VERSION: i64 = 4;
/// Active days below which "usual" is everyone's and not the actor's.
const OWN_DAYS: usize = 5;

/// One row, with what this engine knows beyond the common fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The common fields. `evidence` is filled by whoever has the events, see `cause`.
    #[serde(flatten)]
    pub contribution: Contribution,
    /// The family it belongs to; none for factors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// `−log10` of the chance of at least as much for this actor.
    pub surprise: f64,
    /// So much happens about once in so many actor-days of the organisation.
    pub once_in_days: f64,
    /// The most that would have kept the score below 60, everything else the same, in the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// How to recognise the events that caused it.
    pub cause: Cause,
}

/// Why something could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unjudged {
    /// What.
    pub what: String,
    /// Why.
    pub because: String,
}

/// A judgement with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The shown score: the exact sum of the rows.
    pub score: Points,
    /// The rows, most points first, factors last.
    pub rows: Vec<Row>,
    /// Checked and normal.
    pub normal: Vec<Row>,
    /// What could not be judged.
    pub unjudged: Vec<Unjudged>,
    /// Values that rise through the actor's own baseline.
    #[serde(default)]
    pub drifts: Vec<Drift>,
    /// What would have kept the score below 60.
    pub counterfactual: String,
}

/// Explains a judgement of [`super::judge`], given the same arguments.
pub fn explain(
    judged: &Judged,
    day: &ActorDay,
    state: &ActorState,
    organisation: &Organisation,
) -> Explanation {
    let context = Context::new(judged, day, state, organisation);
    let (mut rows, exact) = context.rows();
    let score = judged.grade.tenths();
    for (row, tenths) in rows.iter_mut().zip(shares(&exact, score)) {
        row.contribution.points = Points::from_tenths(tenths);
    }
    rows.retain(|row| row.contribution.points != Points::ZERO);
    context.counterfactuals(&mut rows);
    let factor =
        |row: &Row| row.contribution.kind != ContributionKind::Rule && row.family.is_none();
    rows.sort_by_key(|row| (factor(row), std::cmp::Reverse(row.contribution.points)));
    Explanation {
        score: Points::from_tenths(score),
        counterfactual: counterfactual(&rows, score),
        normal: context.normal(&rows),
        unjudged: context.unjudged(),
        drifts: drift::drift(state),
        rows,
    }
}

/// Whole tenths that sum to `total`, each within one of its exact value (largest remainders).
fn shares(exact: &[f64], total: i32) -> Vec<i32> {
    let mut whole: Vec<i32> = exact.iter().map(|x| x.floor() as i32).collect();
    let mut order: Vec<(usize, f64)> = exact.iter().map(|x| x - x.floor()).enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut left = total - whole.iter().sum::<i32>();
    for (at, _) in order.iter().cycle().take(exact.len() * 4) {
        if left == 0 {
            break;
        }
        if let Some(tenths) = whole.get_mut(*at) {
            *tenths += left.signum();
            left -= left.signum();
        }
    }
    whole
}

/// The sentence of the whole: what alone would have been enough.
fn counterfactual(rows: &[Row], score: i32) -> String {
    if f64::from(score) < SHOWN * 10.0 {
        return "Stays below 60.".to_owned();
    }
    let single: Vec<String> = rows
        .iter()
        .filter_map(|row| row.contribution.counterfactual.clone())
        .collect();
    if single.is_empty() {
        let strongest = rows.iter().filter_map(|row| row.family).map(Family::title);
        let mut names: Vec<String> = strongest.map(str::to_owned).collect();
        names.dedup();
        names.truncate(3);
        return format!(
            "No single amount decides: {} together carry it.",
            words::list(&names)
        );
    }
    format!("Would have stayed below 60 {}.", single.join(", or "))
}

pub(super) struct Context<'a> {
    judged: &'a Judged,
    day: &'a ActorDay,
    state: &'a ActorState,
    organisation: &'a Organisation,
    odd_hours: u32,
    /// Tenths of a shown point for one raw point.
    scale: f64,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        judged: &'a Judged,
        day: &'a ActorDay,
        state: &'a ActorState,
        organisation: &'a Organisation,
    ) -> Self {
        let hours = values::hour_rarity(state, organisation.tables());
        let odd = hours
            .iter()
            .enumerate()
            .filter(|(_, rarity)| **rarity > 1.0);
        Self {
            judged,
            day,
            state,
            organisation,
            odd_hours: odd.map(|(hour, _)| 1_u32 << hour).sum(),
            scale: SHOWN * 10.0 / judged.grade.threshold,
        }
    }

    /// Hours of the actor's clock that are rare for it, one bit each.
    pub(super) fn odd_hours(&self) -> u32 {
        self.odd_hours
    }

    /// Every row with its exact tenths.
    fn rows(&self) -> (Vec<Row>, Vec<f64>) {
        let grade = &self.judged.grade;
        let (mut rows, mut exact) = (Vec::new(), Vec::new());
        for (family, part) in grade.families.iter() {
            let points = part.rank * part.today * self.scale;
            for (rule, share) in self.parts(family) {
                rows.push(self.rule_row(rule));
                exact.push(points * share);
            }
            if part.memory > 0.0 {
                rows.push(memory_row(family, part.strangeness));
                exact.push(part.rank * part.memory * self.scale);
            }
        }
        if grade.noise < 1.0 {
            rows.push(noise_row(grade.noise, grade.context));
            exact.push(grade.sum * (grade.noise - 1.0) * self.scale);
        }
        if grade.raw > grade.sum * grade.noise {
            rows.push(self.verdict_row());
            exact.push((grade.raw - grade.sum * grade.noise) * self.scale);
        }
        if grade.raw > grade.threshold {
            rows.push(compression_row());
            exact.push(f64::from(grade.tenths()) - grade.raw * self.scale);
        }
        (rows, exact)
    }

    /// The two strongest rules of a family and their shares of its points.
    fn parts(&self, family: Family) -> Vec<(Rule, f64)> {
        let grade = &self.judged.grade;
        if grade.families[family].today <= 0.0 {
            return Vec::new();
        }
        let mut rules: Vec<(Rule, f64)> = grade
            .rarities
            .iter()
            .filter(|(rule, rarity)| rule.family() == family && **rarity > 0.0)
            .map(|(rule, rarity)| (rule, *rarity))
            .collect();
        rules.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        rules.truncate(2);
        let second = self.organisation.parameters().second;
        for (place, (_, rarity)) in rules.iter_mut().enumerate() {
            *rarity *= if place == 0 { 1.0 } else { second };
        }
        let sum: f64 = rules.iter().map(|(_, weight)| weight).sum();
        rules
            .iter()
            .map(|(rule, w)| (*rule, w / sum.max(1e-9)))
            .collect()
    }

    fn rule_row(&self, rule: Rule) -> Row {
        let (judged, state) = (self.judged, self.state);
        let observed = judged.values[rule];
        let mut past: Vec<f64> = state
            .recent
            .iter()
            .map(|d| f64::from(d.values[rule]))
            .collect();
        past.sort_by(f64::total_cmp);
        let own = past.len() >= OWN_DAYS;
        let at = |share: f64| {
            let place = (share * past.len() as f64).ceil() as usize;
            past.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        let (median, p95) = (at(0.5), at(0.95));
        let once = 10_f64.powf(judged.grade.rarities[rule]).max(1.0);
        let rarity = format!("about once in {} active days", words::count(once));
        let usual = if own {
            match rule.measure() {
                Measure::Rarity => String::new(),
                _ => format!(
                    "; usual {} a day, at most {} on 95 of 100 days",
                    rule.number(median),
                    rule.number(p95)
                ),
            }
        } else {
            "; too few days of its own, compared with everyone".to_owned()
        };
        let contribution = Contribution {
            sentence: format!("{}{usual}; {rarity}", rule.amount(observed)),
            short: rule.amount(observed),
            observed,
            expected: median,
            p95,
            unit: rule.unit(),
            ratio: (median > 0.0).then(|| observed / median),
            rarity,
            reference: if own {
                Reference::Own
            } else {
                Reference::Default
            },
            baseline_days: past.len() as u32,
            ..blank(ContributionKind::Rule, rule.word())
        };
        Row {
            contribution,
            family: Some(rule.family()),
            surprise: judged.grade.surprises[rule],
            once_in_days: once,
            at_most: None,
            cause: Cause::of(rule, self.day, state, self.odd_hours),
        }
    }

    /// What a detector's own judgement adds where the rarities alone would say less.
    fn verdict_row(&self) -> Row {
        let observed = self.judged.values[Rule::Detections];
        let severity = detection::severity(observed).word();
        let contribution = Contribution {
            sentence: format!(
                "New for this actor and of {severity} severity: such a report is heard alone"
            ),
            short: format!("a detector's report of {severity} severity"),
            observed,
            ..blank(ContributionKind::Modifier, "verdict")
        };
        factor(contribution, None)
    }

    /// For each amount alone: the most that would have kept the score below 60.
    fn counterfactuals(&self, rows: &mut [Row]) {
        if self.judged.grade.raw < self.judged.grade.threshold {
            return;
        }
        for row in rows.iter_mut() {
            let Some(rule) = Rule::from_word(&row.contribution.rule) else {
                continue;
            };
            if rule == Rule::Detections && self.at_most(rule).is_some() {
                row.contribution.counterfactual = Some("without the detector's report".to_owned());
            }
            if rule.measure() == Measure::Rarity || row.contribution.kind != ContributionKind::Rule
            {
                continue;
            }
            row.at_most = self.at_most(rule);
            row.contribution.counterfactual = row.at_most.map(|most| {
                if most < 1.0 {
                    format!("without {}", rule.amount(row.contribution.observed))
                } else {
                    format!("with at most {}", rule.amount(most))
                }
            });
        }
    }

    /// The largest whole amount of one rule below the threshold, by bisection: the score never
    /// falls when a value grows.
    fn at_most(&self, rule: Rule) -> Option<f64> {
        let below = |amount: f64| {
            let mut changed = self.judged.values;
            changed[rule] = amount;
            let grade = grade::of(&changed, self.day.day(), self.state, self.organisation);
            f64::from(grade.tenths()) < SHOWN * 10.0
        };
        if !below(0.0) {
            return None;
        }
        let (mut low, mut high) = (0.0_f64, self.judged.values[rule].floor());
        while high - low > 1.0 {
            let middle = f64::midpoint(low, high).floor();
            if below(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    fn normal(&self, rows: &[Row]) -> Vec<Row> {
        let fired = |rule: Rule| rows.iter().any(|r| r.contribution.rule == rule.word());
        let values = self.judged.values.iter();
        let quiet = values.filter(|(rule, value)| **value > 0.0 && !fired(*rule));
        quiet.map(|(rule, _)| self.rule_row(rule)).collect()
    }

    fn unjudged(&self) -> Vec<Unjudged> {
        let mut list = Vec::new();
        let tables = self.organisation.tables();
        if self.organisation.is_young(self.day.day()) {
            let days = tables.age(self.day.day());
            list.push(Unjudged {
                what: "the organisation's own threshold".to_owned(),
                because: format!(
                    "it is {} old, younger than {YOUNG_DAYS} days: pooled with the documented prior",
                    words::plural(f64::from(days), "day", "days")
                ),
            });
        }
        if self.state.active_days < OWN_DAYS as u32 {
            list.push(Unjudged {
                what: "the actor's own habits".to_owned(),
                because: format!(
                    "only {} known: compared with everyone",
                    words::plural(
                        f64::from(self.state.active_days),
                        "active day",
                        "active days"
                    )
                ),
            });
        }
        if let Some(actions) = tables.silent.get(&self.day.day().plus(-1)) {
            list.extend(actions.iter().map(|action: &Action| Unjudged {
                what: action.word().to_owned(),
                because: "its source was silent the day before".to_owned(),
            }));
        }
        list
    }
}

fn blank(kind: ContributionKind, rule: &str) -> Contribution {
    Contribution {
        kind,
        rule: rule.to_owned(),
        version: VERSION,
        points: Points::ZERO,
        sentence: String::new(),
        short: String::new(),
        observed: 0.0,
        expected: 0.0,
        p95: 0.0,
        unit: Unit::Points,
        ratio: None,
        rarity: String::new(),
        reference: Reference::Default,
        baseline_days: 0,
        threshold: 0.0,
        weight: Points::ZERO,
        window_minutes: 24 * 60,
        counterfactual: None,
        family: None,
        once_in_days: None,
        peers: None,
        evidence: Vec::new(),
        evidence_count: 0,
        suppressed: None,
    }
}

fn factor(contribution: Contribution, family: Option<Family>) -> Row {
    Row {
        contribution,
        family,
        surprise: 0.0,
        once_in_days: 1.0,
        at_most: None,
        cause: Cause::default(),
    }
}

fn memory_row(family: Family, strangeness: f64) -> Row {
    let contribution = Contribution {
        sentence: format!("{}: earlier days were strange too", family.title()),
        short: "earlier days".to_owned(),
        observed: strangeness,
        reference: Reference::Own,
        ..blank(
            ContributionKind::Modifier,
            &format!("memory_{}", family.word()),
        )
    };
    factor(contribution, Some(family))
}

fn noise_row(noise: f64, context: Option<super::Context>) -> Row {
    let who = context.map_or("Such actors", super::Context::title);
    let contribution = Contribution {
        sentence: format!(
            "{who} surprise more often than others: {} of 100 parts count",
            words::count(noise * 100.0)
        ),
        short: "usual for such work".to_owned(),
        observed: noise,
        expected: 1.0,
        ..blank(ContributionKind::Modifier, "noise")
    };
    factor(contribution, None)
}

fn compression_row() -> Row {
    let contribution = Contribution {
        sentence: "Above 60 the scale is compressed, so that 100 is never passed".to_owned(),
        short: "scale above 60".to_owned(),
        ..blank(ContributionKind::Cap, "cap")
    };
    factor(contribution, None)
}
