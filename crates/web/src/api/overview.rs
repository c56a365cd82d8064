//! The numbers of the overview.

use axum::response::Response;
use domain::time::{DAY_US, HOUR_US};
use serde::Serialize;
use store::{actors, overview, quarantine};
use utoipa::ToSchema;

use super::json;
use crate::auth::{Require, permit};
use crate::error::WebResult;

/// Where things stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverviewBody {
    /// Alerts that are not closed.
    open_alerts: i64,
    by_severity: Vec<Count>,
    by_status: Vec<Count>,
    /// Actors that were ever seen.
    actors: i64,
    /// Actors whose score now reaches the alert threshold.
    actors_at_threshold: i64,
    /// Events of the last 24 hours.
    events_in_24h: i64,
    /// Events that were put aside and wait for a decision.
    quarantined: i64,
    alert_threshold: f64,
    /// Suppressions in force.
    active_suppressions: usize,
    /// When the first of them ends.
    next_suppression_end: Option<String>,
    /// Keys of rules that are off.
    disabled_rules: Vec<&'static str>,
}

/// One count.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    name: &'static str,
    count: i64,
}

/// Where things stand.
#[utoipa::path(
    get, path = "/api/overview", tag = "overview",
    responses((status = 200, body = OverviewBody))
)]
pub(crate) async fn show(who: Require<permit::OverviewView>) -> WebResult<Response> {
    let scope = &who.scope;
    let threshold = scope.tenant.scoring.alert_threshold;
    let hour = |at: domain::time::Timestamp| at.micros().div_euclid(HOUR_US);
    let range = (hour(scope.now.plus(-DAY_US)), hour(scope.now) + 1);
    let severities = overview::open_by_severity(scope).await?;
    let statuses = overview::by_status(scope).await?;
    let active = store::suppressions::active(scope).await?;
    let rules = store::rules::list(scope).await?;
    let off = rules.iter().filter(|rule| !rule.enabled);
    Ok(json(&OverviewBody {
        active_suppressions: active.len(),
        next_suppression_end: active.first().map(|one| one.expires_at.to_string()),
        disabled_rules: off.map(|rule| rule.key.word()).collect(),
        open_alerts: severities.iter().map(|(_, n)| n).sum(),
        by_severity: severities
            .into_iter()
            .map(|(level, count)| Count {
                name: level.word(),
                count,
            })
            .collect(),
        by_status: statuses
            .into_iter()
            .map(|(status, count)| Count {
                name: status.word(),
                count,
            })
            .collect(),
        actors: actors::count(scope).await?,
        actors_at_threshold: overview::actors_scoring(scope, threshold).await?,
        events_in_24h: overview::events(scope, range).await?,
        quarantined: quarantine::pending(scope).await?,
        alert_threshold: threshold.as_f64(),
    }))
}
