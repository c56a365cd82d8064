//! The scoring settings of the organisation.

use axum::response::Response;
use domain::score::Points;
use domain::tenant::{RuleSetName, ScoringSettings};
use domain::time::Zone;
use serde::{Deserialize, Serialize};
use store::tenants::{self, Settings};
use utoipa::ToSchema;

use super::json;
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::Json;

/// How scores are made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScoringBody {
    /// classic or calibrated.
    ruleset: &'static str,
    /// Score from which an alert opens.
    alert_threshold: f64,
    /// IANA zone in which hours are judged.
    zone: String,
    /// Wanted alerts per 1,000 actors a day: the calibrated rule set fits its threshold to it.
    alert_rate: f64,
}

impl From<&ScoringSettings> for ScoringBody {
    fn from(settings: &ScoringSettings) -> Self {
        Self {
            ruleset: settings.ruleset.word(),
            alert_threshold: settings.alert_threshold.as_f64(),
            zone: settings.zone.name().to_owned(),
            alert_rate: settings.alert_rate,
        }
    }
}

/// A change. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScoringChange {
    /// classic or calibrated. A change derives the scores of the open day anew.
    ruleset: Option<String>,
    /// 1 to 100.
    alert_threshold: Option<f64>,
    /// IANA zone.
    zone: Option<String>,
    /// 0.1 to 1000.
    alert_rate: Option<f64>,
}

/// How scores are made.
#[utoipa::path(
    get, path = "/api/settings/scoring", tag = "settings",
    responses((status = 200, body = ScoringBody))
)]
pub(crate) async fn scoring(who: Require<permit::RulesView>) -> WebResult<Response> {
    Ok(json(&ScoringBody::from(&who.scope.tenant.scoring)))
}

/// Changes how scores are made; the next scoring pass uses it.
#[utoipa::path(
    put, path = "/api/settings/scoring", tag = "settings", request_body = ScoringChange,
    responses((status = 200, body = ScoringBody), (status = 422, body = super::Problem))
)]
pub(crate) async fn update_scoring(
    who: Require<permit::RulesEdit>,
    Json(change): Json<ScoringChange>,
) -> WebResult<Response> {
    let mut settings = Settings::from(&who.scope.tenant);
    let scoring = &mut settings.scoring;
    if let Some(word) = &change.ruleset {
        scoring.ruleset = RuleSetName::from_word(word)
            .ok_or_else(|| WebError::field("ruleset", "choose classic or calibrated"))?;
    }
    if let Some(threshold) = change.alert_threshold {
        scoring.alert_threshold = threshold_points(threshold).ok_or_else(|| {
            WebError::field(
                "alertThreshold",
                "choose 1 to 100, with at most one decimal",
            )
        })?;
    }
    if let Some(zone) = &change.zone {
        scoring.zone = Zone::named(zone).map_err(|e| WebError::field("zone", e.to_string()))?;
    }
    if let Some(rate) = change.alert_rate {
        if !(0.1..=1000.0).contains(&rate) {
            return Err(WebError::field("alertRate", "choose 0.1 to 1000"));
        }
        scoring.alert_rate = rate;
    }
    let tenant = tenants::update(&who.scope, &settings).await?;
    Ok(json(&ScoringBody::from(&tenant.scoring)))
}

/// A threshold within its bounds.
pub(crate) fn threshold_points(value: f64) -> Option<Points> {
    Points::from_f64(value).filter(|p| (Points::whole(1)..=Points::MAX).contains(p))
}
