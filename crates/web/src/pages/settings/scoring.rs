//! The alert threshold, and what it means for the rules and for past alerts.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::score::Points;
use domain::severity::Severity;
use domain::tenant::{RuleSetName, ScoringSettings};
use serde::Deserialize;
use store::Scope;
use store::rules::{self, Record};
use store::tenants::{self, Settings};

use super::super::rules::arithmetic::Arithmetic;
use super::super::rules::calibrated::{Rate, closed_days};
use super::super::rules::{recent, tally};
use super::{Meanwhile, ROOM, Tab, meanwhile, message, tabs};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::{Form, points};
use crate::page::{FieldErrors, Page, Shell, page};

const SECTION: &str = "/settings/scoring";

#[derive(Template)]
#[template(path = "settings_scoring.html")]
struct ScoringPage {
    shell: Shell,
    tabs: Vec<Tab>,
    /// In force.
    in_force: ScoringSettings,
    now: Points,
    /// As typed.
    ruleset: String,
    threshold: String,
    rate: String,
    errors: FieldErrors,
    meanwhile: Vec<Meanwhile>,
    arithmetic: Arithmetic,
    bands: Vec<Band>,
    steps: Vec<Step>,
    alerts: usize,
    /// Where the calibrated rule set is in force.
    realised: Option<Rate>,
    may_edit: bool,
}

/// A severity and the scores it stands for.
#[derive(Debug, PartialEq, Eq)]
struct Band {
    level: Severity,
    scores: String,
}

/// How many past alerts reached a threshold.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    threshold: Points,
    alerts: usize,
    in_force: bool,
}

/// The section.
pub(crate) async fn show(
    who: Require<permit::RulesView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let mut template = scoring_page(&who).await?;
    template.shell = template.shell.with_message(message(query.as_deref()));
    Ok(page(template).into_response())
}

async fn scoring_page<P>(who: &Require<P>) -> WebResult<ScoringPage> {
    let scope = &who.scope;
    let now = scope.tenant.scoring.alert_threshold;
    let records = recent(scope).await?;
    Ok(ScoringPage {
        shell: Shell::of(who, ROOM, "Scoring – Settings").await?,
        tabs: tabs(who.user.role, SECTION),
        in_force: scope.tenant.scoring.clone(),
        now,
        ruleset: scope.tenant.scoring.ruleset.word().to_owned(),
        threshold: now.to_string(),
        rate: scope.tenant.scoring.alert_rate.to_string(),
        errors: FieldErrors::default(),
        meanwhile: Vec::new(),
        arithmetic: Arithmetic::of(&rules::list(scope).await?, now),
        bands: bands(now),
        steps: steps(now, &records),
        alerts: records.len(),
        realised: realised(scope).await?,
        may_edit: who.user.role.allows(Permission::RulesEdit),
    })
}

async fn realised(scope: &Scope) -> WebResult<Option<Rate>> {
    Ok(match scope.tenant.scoring.ruleset {
        RuleSetName::Classic => None,
        RuleSetName::Calibrated => Some(Rate::of(scope, &closed_days(scope).await?)),
    })
}

/// The severities an alert can have at a threshold, worst first.
fn bands(threshold: Points) -> Vec<Band> {
    let first = (threshold.tenths() + 9).div_euclid(10);
    let scores: Vec<(i32, Severity)> = (first..=100)
        .map(|whole| (whole, Severity::of_score(Points::whole(whole))))
        .collect();
    let runs = scores.chunk_by(|a, b| a.1 == b.1);
    let band = |run: &[(i32, Severity)]| {
        let ((from, level), (to, _)) = run.first().zip(run.last())?;
        let scores = if from == to {
            from.to_string()
        } else {
            format!("{from} to {to}")
        };
        Some(Band {
            level: *level,
            scores,
        })
    };
    runs.rev().filter_map(band).collect()
}

/// Past alerts that would still have opened at this threshold and at the next round ones.
fn steps(now: Points, records: &[Record]) -> Vec<Step> {
    let round = (1..=10)
        .map(|ten| Points::whole(ten * 10))
        .filter(|points| *points > now);
    std::iter::once(now)
        .chain(round)
        .map(|threshold| Step {
            threshold,
            alerts: records
                .iter()
                .filter(|r| tally::total(r) >= threshold)
                .count(),
            in_force: threshold == now,
        })
        .collect()
}

/// The posted section, with the value it was opened with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoringForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    was_threshold: String,
    threshold: String,
    #[serde(default)]
    was_ruleset: Option<String>,
    #[serde(default)]
    ruleset: Option<String>,
    #[serde(default)]
    was_rate: Option<String>,
    #[serde(default)]
    rate: Option<String>,
}

/// A threshold within its bounds.
fn threshold(text: &str) -> Option<Points> {
    points(text).filter(|p| (Points::whole(1)..=Points::MAX).contains(p))
}

/// The settings asked for; `None` with the errors when one of them makes no sense. What the form
/// does not hold stays as it is.
fn wanted(
    form: &ScoringForm,
    now: &ScoringSettings,
    errors: &mut FieldErrors,
) -> Option<ScoringSettings> {
    let threshold = threshold(&form.threshold);
    if threshold.is_none() {
        errors.add(
            "threshold",
            "Choose 1 to 100 points, with at most one decimal.",
        );
    }
    let ruleset = match form.ruleset.as_deref() {
        None => Some(now.ruleset),
        Some(word) => RuleSetName::from_word(word),
    };
    if ruleset.is_none() {
        errors.add("ruleset", "Choose classic or calibrated.");
    }
    let rate = match form.rate.as_deref() {
        None => Some(now.alert_rate),
        Some(text) => rate(text),
    };
    if rate.is_none() {
        errors.add("rate", "Choose 0.1 to 1000 alerts.");
    }
    Some(ScoringSettings {
        ruleset: ruleset?,
        alert_threshold: threshold?,
        zone: now.zone.clone(),
        alert_rate: rate?,
    })
}

/// Alerts per 1,000 actors a day within their bounds.
fn rate(text: &str) -> Option<f64> {
    let rate = text.trim().parse::<f64>().ok();
    rate.filter(|rate| (0.1..=1000.0).contains(rate))
}

/// Saves the section; a form with errors or a conflict comes back as typed.
pub(crate) async fn update(
    who: Require<permit::RulesEdit>,
    Form(form): Form<ScoringForm>,
) -> WebResult<Response> {
    let before = &who.scope.tenant;
    let now = &before.scoring;
    let (ruleset, rate) = (now.ruleset.word().to_owned(), now.alert_rate.to_string());
    let was = |text: &Option<String>, now: &String| text.clone().unwrap_or_else(|| now.clone());
    let moved = meanwhile([
        (
            "Alert threshold",
            &form.was_threshold,
            now.alert_threshold.to_string(),
        ),
        (
            "Rule set",
            &was(&form.was_ruleset, &ruleset),
            ruleset.clone(),
        ),
        ("Alert rate", &was(&form.was_rate, &rate), rate.clone()),
    ]);
    let mut errors = FieldErrors::default();
    let status = match wanted(&form, now, &mut errors) {
        None => StatusCode::UNPROCESSABLE_ENTITY,
        Some(_) if !moved.is_empty() => StatusCode::CONFLICT,
        Some(same) if same == *now => {
            return Ok(Redirect::to("/settings/scoring?done=same").into_response());
        }
        Some(scoring) => {
            let settings = Settings {
                scoring,
                ..Settings::from(before)
            };
            tenants::update(&who.scope, &settings).await?;
            return Ok(Redirect::to("/settings/scoring?done=scoring").into_response());
        }
    };
    let template = ScoringPage {
        threshold: form.threshold,
        ruleset: form.ruleset.unwrap_or(ruleset),
        rate: form.rate.unwrap_or(rate),
        errors,
        meanwhile: moved,
        ..scoring_page(&who).await?
    };
    Ok(Page(status, template).into_response())
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::tally::tests::record;
    use super::*;
    use domain::rule::RuleKey;

    #[test]
    fn bands_begin_at_the_threshold() {
        let text = |whole: i32| -> Vec<String> {
            let bands = bands(Points::from_tenths(whole));
            let line = |b: &Band| format!("{} {}", b.level, b.scores);
            bands.iter().map(line).collect()
        };
        assert_eq!(
            text(600),
            [
                "critical 90 to 100",
                "high 80 to 89",
                "medium 70 to 79",
                "low 60 to 69"
            ]
        );
        assert_eq!(text(845), ["critical 90 to 100", "high 85 to 89"]);
        assert_eq!(text(1000), ["critical 100"]);
    }

    #[test]
    fn past_alerts_are_counted_at_higher_thresholds() {
        let scope = RuleKey::ScopeExpansion;
        let records = [70, 85].map(|points| record(1, None, &[(scope, points, 9.0)]));
        let steps = steps(Points::whole(60), &records);
        let counts: Vec<_> = steps
            .iter()
            .map(|s| (s.threshold.tenths() / 10, s.alerts))
            .collect();
        assert_eq!(counts, [(60, 2), (70, 2), (80, 1), (90, 0), (100, 0)]);
    }

    #[test]
    fn thresholds_have_bounds() {
        assert_eq!(threshold(" 62.5 "), Some(Points::from_tenths(625)));
        for bad in ["", "0", "100.5", "sixty", "60.25", "NaN"] {
            assert_eq!(threshold(bad), None, "{bad}");
        }
    }
}
