//! What if the calibrated grading were asked for another rate of alerts, or opened them at another
//! score? Answered from the kept scores of the last closed days, without replaying anything.

use std::collections::BTreeMap;

use domain::score::Points;
use scoring::calibrated::{Organisation, organisation::Reaching, stored};
use store::{Scope, calibrated};

use crate::error::WebResult;
use crate::form::{number, points};

/// What the address asks for, and the answer.
#[derive(Debug, Default)]
pub(crate) struct WhatIf {
    pub threshold: String,
    pub rate: String,
    /// Values that were ignored, in words.
    pub ignored: Vec<String>,
    /// Whether anything differs from what is in force.
    pub drafted: bool,
    /// None without a draft, or before the first closed day.
    pub outcome: Option<Outcome>,
}

/// Actor-days at the threshold, in force and under the draft.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub before: u32,
    pub after: u32,
    pub days: usize,
    /// Only the highest scores of a day are kept: it may be more.
    pub at_least: bool,
}

impl WhatIf {
    /// Reads `alert_threshold` and `alert_rate`; what cannot be used is noted and left out.
    pub(crate) async fn of(scope: &Scope, query: &BTreeMap<String, String>) -> WebResult<Self> {
        let scoring = &scope.tenant.scoring;
        let (live_threshold, live_rate) = (scoring.alert_threshold, scoring.alert_rate);
        let (mut threshold, mut rate) = (live_threshold, live_rate);
        let mut draft = Self::default();
        if let Some(text) = query.get("alert_threshold") {
            let bounds = Points::whole(1)..=Points::MAX;
            match points(text).filter(|p| bounds.contains(p)) {
                Some(wanted) => threshold = wanted,
                None => draft.ignore("alert_threshold", text, "1 to 100"),
            }
        }
        if let Some(text) = query.get("alert_rate") {
            match number(text).filter(|rate| (0.1..=1000.0).contains(rate)) {
                Some(wanted) => rate = wanted,
                None => draft.ignore("alert_rate", text, "0.1 to 1000"),
            }
        }
        draft.threshold = threshold.to_string();
        draft.rate = rate.to_string();
        draft.drafted = threshold != live_threshold || (rate - live_rate).abs() > f64::EPSILON;
        if draft.drafted {
            draft.outcome = outcome(scope, (live_rate, live_threshold), (rate, threshold)).await?;
        }
        Ok(draft)
    }

    fn ignore(&mut self, field: &str, text: &str, bounds: &str) {
        let shown: String = text.chars().take(40).collect();
        let note = format!("{field}={shown} is not a number from {bounds}, ignored");
        self.ignored.push(note);
    }
}

async fn outcome(
    scope: &Scope,
    live: (f64, Points),
    draft: (f64, Points),
) -> WebResult<Option<Outcome>> {
    let kept = calibrated::organisation(scope.database(), scope.tenant_id()).await?;
    let organisation = kept.and_then(|kept| stored::from_bytes::<Organisation>(&kept.state).ok());
    let Some(organisation) = organisation else {
        return Ok(None);
    };
    let before = organisation.reaching(live.0, live.1);
    let after = organisation.reaching(draft.0, draft.1);
    let sum = |days: &[Reaching]| days.iter().map(|day| day.actor_days).sum();
    Ok((!before.is_empty()).then(|| Outcome {
        before: sum(&before),
        after: sum(&after),
        days: before.len(),
        at_least: before.iter().chain(&after).any(|day| day.at_least),
    }))
}
