//! What would have kept the score below the threshold, in units.

use domain::rule::RuleKey;
use domain::score::{Assessment, Points, Signal};

use crate::grading::ratio_below;
use crate::words;

/// What of one signal alone would have had to be smaller; `None` when the rest suffices anyway.
pub fn of_signal(signal: &Signal, assessment: &Assessment, threshold: Points) -> Option<String> {
    let sum = assessment.score - assessment.cap;
    let others = sum - signal.points;
    if sum < threshold || others >= threshold {
        return None;
    }
    let allowed = threshold - others;
    Some(at_most(signal, allowed).unwrap_or_else(|| format!("without {}", name(signal.rule))))
}

/// The shortest honest sentence about what would have kept the alert from opening.
pub fn of_alert(assessment: &Assessment, threshold: Points) -> String {
    let single: Vec<String> = assessment
        .signals
        .iter()
        .filter_map(|s| of_signal(s, assessment, threshold))
        .collect();
    if let [head @ .., last] = single.as_slice() {
        let either = if head.is_empty() {
            last.clone()
        } else {
            format!("{}, or {last}", head.join(", or "))
        };
        return format!("Would have stayed below {threshold} {either}.");
    }
    let mut left = assessment.score - assessment.cap;
    let mut removed = Vec::new();
    for signal in &assessment.signals {
        if left < threshold {
            break;
        }
        left = left - signal.points;
        removed.push(name(signal.rule).to_owned());
    }
    format!(
        "No single signal decides: it would have stayed below {threshold} only without {} together.",
        words::list(&removed)
    )
}

/// The largest amount that would still have earned fewer than `allowed` points.
fn at_most(signal: &Signal, allowed: Points) -> Option<String> {
    let ratio = ratio_below(signal.weight, signal.threshold, allowed);
    // Any ratio up to the threshold earns nothing, so it is always an answer.
    let ratio = ratio.unwrap_or(signal.threshold);
    match signal.rule {
        RuleKey::VolumeSpike => Some(format!(
            "with at most {}",
            words::bytes((ratio * signal.median).floor())
        )),
        RuleKey::ScopeExpansion => {
            let most = (ratio * signal.median - 1e-9).floor().max(0.0);
            Some(format!(
                "with at most {}",
                words::plural(most, "resource", "resources")
            ))
        }
        _ => None,
    }
}

fn name(rule: RuleKey) -> &'static str {
    match rule {
        RuleKey::OffHours => "the off-hours activity",
        RuleKey::NewIp => "the new addresses",
        RuleKey::VolumeSpike => "the volume",
        RuleKey::ScopeExpansion => "the number of resources",
        RuleKey::FailureBurst => "the failures",
    }
}
