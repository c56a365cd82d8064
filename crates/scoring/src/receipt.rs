//! Receipts: what an alert's score was computed from, the hash of its canonical form, and computing
//! it again.
//!
//! The canonical form is JSON after RFC 8785: keys in order, numbers as ECMAScript prints them, no
//! space. It holds the snapshot, the sentence, the hash of the inputs and, for `calibrated`, that
//! of the organisation's numbers of the day ([`Organisation::reference`]). The receipt is its
//! SHA-256. Evidence and what peers did are taken over from the snapshot: neither events nor the pasts
//! of others are kept with a receipt, and neither adds a point.

use domain::rule::RuleSettings;
use domain::score::{
    Assessment, Contribution, Points, Reference, Signal, Snapshot, SuppressedSignal,
};
use domain::time::{Day, Minute, Zone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::calibrated::{
    self, ActorDay, ActorState, Judged, Organisation, PerRule, Silenced, explain_silenced, regrade,
};
use crate::explain::evidence::Found;
use crate::rules;

/// Everything a score is computed from, besides the organisation's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Inputs {
    /// The numbers are in the snapshot's assessment.
    Classic {
        /// In which hours were judged.
        zone: String,
    },
    /// The values of the day so far, and the actor's past.
    Calibrated {
        /// The minute whose end was judged.
        minute: Minute,
        /// Its UTC day.
        day: Day,
        /// One number for each rule.
        values: Box<PerRule<f64>>,
        /// The past without remembered values: they are in the numbers already.
        state: Box<ActorState>,
    },
    /// The same, where suppressions took rules out of the score.
    Suppressed {
        /// The minute whose end was judged.
        minute: Minute,
        /// Its UTC day.
        day: Day,
        /// One number for each rule, also for those that do not count.
        values: Box<PerRule<f64>>,
        /// The past without remembered values.
        state: Box<ActorState>,
        /// The rules that do not count, and why.
        silenced: Vec<Silenced>,
    },
}

impl Inputs {
    /// Of the calibrated grading, with or without suppressed rules.
    pub fn calibrated(
        (minute, day): (Minute, Day),
        values: PerRule<f64>,
        state: ActorState,
        silenced: Vec<Silenced>,
    ) -> Self {
        let (values, state) = (Box::new(values), Box::new(state));
        if silenced.is_empty() {
            return Self::Calibrated {
                minute,
                day,
                values,
                state,
            };
        }
        Self::Suppressed {
            minute,
            day,
            values,
            state,
            silenced,
        }
    }
}

/// The hash of some bytes, as lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The hash of an alert's canonical form. `None` for numbers JSON cannot hold.
pub fn seal(
    snapshot: &Snapshot,
    sentence: &str,
    inputs: &[u8],
    reference: Option<&str>,
) -> Option<String> {
    let form = json!({
        "inputs": sha256(inputs),
        "reference": reference,
        "sentence": sentence,
        "snapshot": snapshot,
    });
    let text = serde_json_canonicalizer::to_string(&form).ok()?;
    Some(sha256(text.as_bytes()))
}

/// Why a score cannot be computed again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unable {
    /// Another engine made it.
    #[error("made by version {made} of the {ruleset} engine; this program is version {known}")]
    OtherEngine {
        /// Which rule set.
        ruleset: String,
        /// The engine that made it.
        made: u32,
        /// The engine of this program.
        known: u32,
    },
    /// Something it was computed from is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
}

/// Computes a snapshot again from its inputs.
pub fn recompute(
    stored: &Snapshot,
    inputs: &Inputs,
    reference: Option<&Organisation>,
) -> Result<Snapshot, Unable> {
    let known = match inputs {
        Inputs::Classic { .. } => crate::ENGINE,
        Inputs::Calibrated { .. } | Inputs::Suppressed { .. } => {
            calibrated::explain::VERSION as u32
        }
    };
    if stored.engine != known {
        return Err(Unable::OtherEngine {
            ruleset: stored.ruleset.clone(),
            made: stored.engine,
            known,
        });
    }
    let mut again = match inputs {
        Inputs::Classic { zone } => {
            let assessment = stored.assessment.as_ref();
            let assessment = regraded(assessment.ok_or(Unable::Missing("the assessment"))?);
            let zone = Zone::named(zone).map_err(|_| Unable::Missing("the time zone"))?;
            crate::explain::snapshot(&assessment, stored.threshold, &zone, &[] as &[Found])
        }
        Inputs::Calibrated {
            minute,
            day,
            values,
            state,
        } => day_again(stored, (*minute, *day), (values, state), &[], reference)?,
        Inputs::Suppressed {
            minute,
            day,
            values,
            state,
            silenced,
        } => day_again(
            stored,
            (*minute, *day),
            (values, state),
            silenced,
            reference,
        )?,
    };
    for (row, told) in again.contributions.iter_mut().zip(&stored.contributions) {
        take_over(row, told);
    }
    Ok(again)
}

/// The score of a snapshot without some of its rules, which are asked for by rule and family.
/// `None` when something it was computed from is missing.
pub fn score_without(
    stored: &Snapshot,
    inputs: &Inputs,
    reference: Option<&Organisation>,
    is_gone: impl Fn(&str, Option<&str>) -> bool,
) -> Option<Points> {
    let (values, day, state, known) = match inputs {
        Inputs::Classic { .. } => {
            let signals = stored.assessment.as_ref()?.signals.iter();
            let left = signals.filter(|signal| !is_gone(signal.rule.word(), None));
            return Some(left.map(|s| s.points).sum::<Points>().min(Points::MAX));
        }
        Inputs::Calibrated {
            day, values, state, ..
        } => (values, *day, state, &[][..]),
        Inputs::Suppressed {
            day,
            values,
            state,
            silenced,
            ..
        } => (values, *day, state, silenced.as_slice()),
    };
    let mut left = **values;
    for (rule, value) in values.iter() {
        let before = known.iter().any(|one| one.rule == rule.word());
        if before || (*value > 0.0 && is_gone(rule.word(), Some(rule.family().word()))) {
            left[rule] = 0.0;
        }
    }
    let grade = regrade(&left, day, state, reference?);
    Some(Points::from_tenths(grade.tenths()))
}

fn day_again(
    stored: &Snapshot,
    (minute, day): (Minute, Day),
    (values, state): (&PerRule<f64>, &ActorState),
    silenced: &[Silenced],
    reference: Option<&Organisation>,
) -> Result<Snapshot, Unable> {
    let organisation = reference.ok_or(Unable::Missing("the organisation's numbers"))?;
    let judged = Judged {
        values: *values,
        grade: regrade(values, day, state, organisation),
    };
    let own = ActorDay::new(day);
    let explanation = explain_silenced(&judged, silenced, &own, state, organisation);
    Ok(calibrated::snapshot(&explanation, minute, stored.threshold))
}

fn take_over(row: &mut Contribution, told: &Contribution) {
    row.peers.clone_from(&told.peers);
    if told.peers.is_some() && told.reference == Reference::Peers {
        row.reference = told.reference;
    }
    row.evidence.clone_from(&told.evidence);
    row.evidence_count = told.evidence_count;
}

/// The same numbers with the points computed anew.
fn regraded(stored: &Assessment) -> Assessment {
    let grade = |signal: &Signal| Signal {
        points: rules::points(&settings(signal), signal.ratio.unwrap_or(signal.observed)),
        ..signal.clone()
    };
    let (signals, normal): (Vec<_>, Vec<_>) = (
        stored.signals.iter().map(grade).collect(),
        stored.normal.iter().map(grade).collect(),
    );
    let suppressed = stored.suppressed.iter().map(|one| SuppressedSignal {
        signal: grade(&one.signal),
        ..one.clone()
    });
    let sum: Points = signals.iter().map(|s: &Signal| s.points).sum();
    let score = sum.min(Points::MAX);
    Assessment {
        suppressed: suppressed.collect(),
        score,
        cap: score - sum,
        signals,
        normal,
        ..stored.clone()
    }
}

fn settings(signal: &Signal) -> RuleSettings {
    RuleSettings {
        key: signal.rule,
        enabled: true,
        weight: signal.weight,
        threshold: signal.threshold,
        window_minutes: signal.window_minutes,
        version: signal.version,
    }
}

/// Where two snapshots part, each as `path: stored, recomputed`.
pub fn differences(stored: &Snapshot, again: &Snapshot) -> Vec<String> {
    let value = |snapshot: &Snapshot| serde_json::to_value(snapshot).unwrap_or_default();
    let mut found = Vec::new();
    compare("", &value(stored), &value(again), &mut found);
    found
}

fn compare(path: &str, stored: &Value, again: &Value, found: &mut Vec<String>) {
    match (stored, again) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let at = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_default()
                };
                let dot = if path.is_empty() { "" } else { "." };
                compare(&format!("{path}{dot}{key}"), &at(a), &at(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{place}]"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path} is {a}, recomputed {b}")),
    }
}
