//! From numbers to reasons: contributions, the alert's sentence, the counterfactual.
//!
//! Every word is generated from the numbers of the [`Assessment`]; there is no free text.

pub mod counterfactual;
pub mod evidence;
mod sentence;

use domain::baseline::MIN_BASELINE_EVENTS;
use domain::rule::RuleKey;
use domain::score::{
    Assessment, Contribution, ContributionKind, Judgement, Points, Reference, Signal, Snapshot,
    SuppressedBy, SuppressedSignal, Unit,
};
use domain::time::Zone;

pub use sentence::{headline, short};

use crate::ENGINE;
use evidence::Found;

/// The word under which a snapshot names this rule set.
const CLASSIC: &str = "classic";

/// In which unit a rule counts.
pub fn unit(rule: RuleKey) -> Unit {
    match rule {
        RuleKey::OffHours => Unit::Events,
        RuleKey::NewIp => Unit::Addresses,
        RuleKey::VolumeSpike => Unit::Bytes,
        RuleKey::ScopeExpansion => Unit::Resources,
        RuleKey::FailureBurst => Unit::Failures,
    }
}

/// The frozen reasons of an alert.
pub fn snapshot(
    assessment: &Assessment,
    threshold: Points,
    zone: &Zone,
    found: &[Found],
) -> Snapshot {
    let mut contributions: Vec<Contribution> = assessment
        .signals
        .iter()
        .map(|signal| {
            let mut row = contribution(signal, assessment, zone);
            row.counterfactual = counterfactual::of_signal(signal, assessment, threshold);
            if let Some(found) = found.iter().find(|f| f.rule == signal.rule) {
                row.evidence.clone_from(&found.sample);
                row.evidence_count = found.count;
            }
            row
        })
        .collect();
    if assessment.cap != Points::ZERO {
        contributions.push(cap(assessment));
    }
    contributions.extend(suppressed_rows(assessment, zone));
    Snapshot {
        engine: ENGINE,
        ruleset: CLASSIC.to_owned(),
        threshold,
        at: assessment.minute.end(),
        assessment: Some(assessment.clone()),
        contributions,
        normal: assessment
            .normal
            .iter()
            .map(|signal| contribution(signal, assessment, zone))
            .collect(),
        counterfactual: counterfactual::of_alert(assessment, threshold),
        unjudged: Vec::new(),
        notes: Vec::new(),
    }
}

/// The rows of a stored judgement of either grading, without evidence.
pub fn rows(judgement: &Judgement, zone: &Zone) -> Vec<Contribution> {
    match judgement {
        Judgement::Classic(assessment) => contributions(assessment, zone),
        Judgement::Calibrated(explained) => explained.contributions.clone(),
    }
}

/// A few words for each reason of a stored judgement.
pub fn short_rows(judgement: &Judgement) -> Vec<String> {
    match judgement {
        Judgement::Classic(assessment) => short_assessment(assessment),
        Judgement::Calibrated(explained) => short_contributions(&explained.contributions),
    }
}

/// A few words for each reason of an assessment, what does not count last.
pub fn short_assessment(assessment: &Assessment) -> Vec<String> {
    let suppressed = assessment.suppressed.iter();
    let suppressed = suppressed.map(|one| format!("{} (suppressed)", short(&one.signal)));
    assessment
        .signals
        .iter()
        .map(short)
        .chain(suppressed)
        .collect()
}

/// A few words for each row that adds points or would.
pub fn short_contributions(rows: &[Contribution]) -> Vec<String> {
    let words = |row: &Contribution| match &row.suppressed {
        Some(_) => Some(format!("{} (suppressed)", row.short)),
        None => (row.points > Points::ZERO).then(|| row.short.clone()),
    };
    rows.iter().filter_map(words).collect()
}

/// The rows that explain an assessment, without evidence: for scores that raised no alert.
pub fn contributions(assessment: &Assessment, zone: &Zone) -> Vec<Contribution> {
    let rows = assessment.signals.iter();
    let mut rows: Vec<_> = rows.map(|s| contribution(s, assessment, zone)).collect();
    if assessment.cap != Points::ZERO {
        rows.push(cap(assessment));
    }
    rows.extend(suppressed_rows(assessment, zone));
    rows
}

/// One row for each signal that does not count.
fn suppressed_rows(assessment: &Assessment, zone: &Zone) -> Vec<Contribution> {
    let row = |one: &SuppressedSignal| {
        let by = SuppressedBy {
            code: one.code.clone(),
            reason: one.reason.clone(),
            points: one.signal.points,
        };
        suppressed(contribution(&one.signal, assessment, zone), by)
    };
    assessment.suppressed.iter().map(row).collect()
}

/// The row as it stands when it does not count.
pub fn suppressed(row: Contribution, by: SuppressedBy) -> Contribution {
    Contribution {
        points: Points::ZERO,
        sentence: format!(
            "Suppressed by {}, would add {}: {}",
            by.code, by.points, row.sentence
        ),
        counterfactual: None,
        suppressed: Some(by),
        ..row
    }
}

fn contribution(signal: &Signal, assessment: &Assessment, zone: &Zone) -> Contribution {
    Contribution {
        kind: ContributionKind::Rule,
        rule: signal.rule.word().to_owned(),
        version: signal.version,
        points: signal.points,
        sentence: sentence::of(signal, assessment, zone),
        short: short(signal),
        observed: signal.observed,
        expected: signal.median,
        p95: signal.p95,
        unit: unit(signal.rule),
        ratio: signal.ratio,
        rarity: rarity(signal, assessment),
        reference: signal.reference,
        baseline_days: assessment.days_used.len() as u32,
        threshold: signal.threshold,
        weight: signal.weight,
        window_minutes: signal.window_minutes,
        counterfactual: None,
        family: None,
        once_in_days: None,
        peers: None,
        evidence: Vec::new(),
        evidence_count: 0,
        suppressed: None,
    }
}

fn cap(assessment: &Assessment) -> Contribution {
    let sum = assessment.score - assessment.cap;
    Contribution {
        kind: ContributionKind::Cap,
        rule: "cap".to_owned(),
        version: 1,
        points: assessment.cap,
        sentence: format!("The signals add up to {sum}; a score ends at 100"),
        short: "cap at 100".to_owned(),
        observed: sum.as_f64(),
        expected: 100.0,
        p95: 100.0,
        unit: Unit::Points,
        ratio: None,
        rarity: String::new(),
        reference: Reference::Default,
        baseline_days: 0,
        threshold: 100.0,
        weight: Points::ZERO,
        window_minutes: 0,
        counterfactual: None,
        family: None,
        once_in_days: None,
        peers: None,
        evidence: Vec::new(),
        evidence_count: 0,
        suppressed: None,
    }
}

fn rarity(signal: &Signal, assessment: &Assessment) -> String {
    let days = assessment.days_used.len();
    let young = assessment.baseline_events < MIN_BASELINE_EVENTS;
    match (young, signal.days_reached, days) {
        (true, ..) | (_, _, 0) => "baseline too young: compared with defaults".to_owned(),
        (_, 0, days) => format!("not once on {days} active days"),
        (_, reached, days) => {
            format!(
                "about once in {} active days",
                (days as u32).div_ceil(reached)
            )
        }
    }
}
