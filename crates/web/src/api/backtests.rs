//! Backtests: what a draft of the rules would have done to the events of the last days.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use domain::actor::ActorId;
use domain::alert::{AlertCode, Disposition};
use domain::backtest::{CriteriaDraft, Difference, ReplayedAlert, Report, SPANS, Side};
use domain::rule::RuleSet;
use domain::tenant::RuleSetName;
use serde::{Deserialize, Serialize};
use store::Scope;
use store::backtests::{self, Backtest};
use utoipa::ToSchema;

use super::rules::{RuleBody, RuleChanges};
use super::settings::threshold_points;
use super::{ActorRef, List, PageQuery, bad_cursor, json, json_with, limit};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Json, Path, Query};

/// What to try. Whatever is absent is as it is in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BacktestRequest {
    /// Days to look back over: 7, 14 or 30.
    days: u32,
    /// classic or calibrated.
    ruleset: Option<String>,
    /// 1 to 100.
    alert_threshold: Option<f64>,
    /// Wanted alerts per 1,000 actors a day, 0.1 to 1000; only calibrated fits to it.
    alert_rate: Option<f64>,
    /// Rules as GET /api/rules answers them; only classic reads them.
    rules: Option<RuleChanges>,
}

impl BacktestRequest {
    fn applied_to(&self, live: &CriteriaDraft) -> WebResult<CriteriaDraft> {
        let mut draft = live.clone();
        if let Some(word) = &self.ruleset {
            draft.ruleset = RuleSetName::from_word(word)
                .ok_or_else(|| WebError::field("ruleset", "choose classic or calibrated"))?;
        }
        if let Some(threshold) = self.alert_threshold {
            draft.alert_threshold = threshold_points(threshold).ok_or_else(|| {
                let remedy = "choose 1 to 100, with at most one decimal";
                WebError::field("alertThreshold", remedy)
            })?;
        }
        if let Some(rate) = self.alert_rate {
            if !(0.1..=1000.0).contains(&rate) {
                return Err(WebError::field("alertRate", "choose 0.1 to 1000"));
            }
            draft.alert_rate = rate;
        }
        if let Some(changes) = &self.rules {
            let now = RuleSet::with(live.rules.iter().copied());
            let wanted = changes.applied_to(&now)?;
            // Versions are those in force: the draft begins there, whatever was sent along.
            let rules = RuleSet::with(live.rules.iter().copied().chain(wanted));
            draft.rules = rules.iter().copied().collect();
            for (rule, before) in draft.rules.iter_mut().zip(now.iter()) {
                rule.version = before.version;
            }
        }
        Ok(draft)
    }
}

/// Criteria of one side.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CriteriaBody {
    /// classic or calibrated.
    ruleset: &'static str,
    /// Score from which an alert opens.
    alert_threshold: f64,
    /// Wanted alerts per 1,000 actors a day.
    alert_rate: f64,
    /// The five rules; calibrated does not read them.
    rules: Vec<RuleBody>,
}

impl From<&CriteriaDraft> for CriteriaBody {
    fn from(criteria: &CriteriaDraft) -> Self {
        Self {
            ruleset: criteria.ruleset.word(),
            alert_threshold: criteria.alert_threshold.as_f64(),
            alert_rate: criteria.alert_rate,
            rules: criteria.rules.iter().map(RuleBody::from).collect(),
        }
    }
}

/// A backtest.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BacktestBody {
    /// Counts up within the organisation.
    id: i64,
    /// queued, running, done, failed or cancelled.
    state: &'static str,
    /// Days it looks back over.
    days: u32,
    /// 0 to 1.
    progress: f64,
    /// Whether it was asked to stop.
    cancelling: bool,
    /// What was in force when it was asked for.
    before: CriteriaBody,
    /// What is tried instead.
    draft: CriteriaBody,
    /// What it found; only of a single backtest that is done.
    report: Option<ReportBody>,
    /// Why it failed, and what to do.
    error: Option<String>,
    asked_by: String,
    asked_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl From<&Backtest> for BacktestBody {
    fn from(backtest: &Backtest) -> Self {
        let time = |at: domain::time::Timestamp| at.to_string();
        Self {
            id: backtest.number,
            state: backtest.state.word(),
            days: backtest.days,
            progress: backtest.progress,
            cancelling: backtest.cancelling,
            before: CriteriaBody::from(&backtest.live),
            draft: CriteriaBody::from(&backtest.draft),
            report: None,
            error: backtest.error.clone(),
            asked_by: backtest.asked_by.clone(),
            asked_at: time(backtest.asked_at),
            started_at: backtest.started_at.map(time),
            finished_at: backtest.finished_at.map(time),
        }
    }
}

/// One side in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SideBody {
    /// Alerts that open in the span.
    alerts: u32,
    /// Expected alerts in seven days.
    per_week: f64,
    /// Actors with at least one of them.
    actors: u32,
    /// Alerts by the UTC day they open on, from the first day of the span.
    daily: Vec<u32>,
    /// Active actor-days by highest score: ten bands of ten points.
    scores: Vec<u32>,
}

impl From<&Side> for SideBody {
    fn from(side: &Side) -> Self {
        Self {
            alerts: side.alerts,
            per_week: (side.per_week * 10.0).round() / 10.0,
            actors: side.actors,
            daily: side.daily.clone(),
            scores: side.scores.to_vec(),
        }
    }
}

/// An alert as a replay raised it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplayedBody {
    /// Event time at which the threshold was reached.
    opened_at: String,
    /// The highest score of the episode.
    score: f64,
    severity: &'static str,
    /// Rules that gave points.
    rules: Vec<String>,
}

impl From<&ReplayedAlert> for ReplayedBody {
    fn from(alert: &ReplayedAlert) -> Self {
        Self {
            // As the alert itself says it: the end of the minute.
            opened_at: alert.opened.end().to_string(),
            score: alert.score.as_f64(),
            severity: alert.severity().word(),
            rules: alert.rules.iter().map(|r| r.word().to_owned()).collect(),
        }
    }
}

/// One alert that the draft gains, loses or changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DifferenceBody {
    /// gained, lost or changed.
    fate: &'static str,
    actor: ActorRef,
    /// Under the settings in force.
    before: Option<ReplayedBody>,
    /// Under the draft.
    after: Option<ReplayedBody>,
    /// The code of the stored alert about the same episode.
    alert: Option<String>,
    /// What that one turned out to be, once closed.
    disposition: Option<&'static str>,
}

/// What a backtest found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportBody {
    /// First reported UTC day.
    from: String,
    /// Last reported UTC day: the newest with a stored event.
    to: String,
    /// The oldest stored day; everything since was replayed for the baselines.
    history_from: String,
    /// Events replayed.
    events: u64,
    /// Under the settings in force.
    before: SideBody,
    /// Under the draft.
    after: SideBody,
    gained: u32,
    lost: u32,
    /// Of the lost ones, alerts that were confirmed.
    lost_confirmed: u32,
    /// Alerts that open under both with another score.
    changed: u32,
    same: u32,
    /// Lost confirmed ones first; at most 1,000, the numbers count all.
    differences: Vec<DifferenceBody>,
}

impl ReportBody {
    fn of(report: &Report, names: &HashMap<ActorId, String>) -> Self {
        Self {
            from: report.from.to_string(),
            to: report.to.to_string(),
            history_from: report.history_from.to_string(),
            events: report.events,
            before: SideBody::from(&report.before),
            after: SideBody::from(&report.after),
            gained: report.gained,
            lost: report.lost,
            lost_confirmed: report.lost_confirmed,
            changed: report.changed,
            same: report.same,
            differences: report
                .differences
                .iter()
                .filter_map(|difference| told(difference, names))
                .collect(),
        }
    }
}

fn told(difference: &Difference, names: &HashMap<ActorId, String>) -> Option<DifferenceBody> {
    let actor = difference.either()?.actor;
    let name = names.get(&actor).map_or("", String::as_str);
    Some(DifferenceBody {
        fate: difference.fate.word(),
        actor: ActorRef::new(actor, name),
        before: difference.before.as_ref().map(ReplayedBody::from),
        after: difference.after.as_ref().map(ReplayedBody::from),
        alert: difference.alert.map(|number| AlertCode(number).to_string()),
        disposition: difference.disposition.map(Disposition::word),
    })
}

/// The names of everybody a report is about.
pub(crate) async fn names(scope: &Scope, report: &Report) -> WebResult<HashMap<ActorId, String>> {
    let all = report.differences.iter().filter_map(|d| d.either());
    super::names(scope, all.map(|alert| alert.actor)).await
}

/// Backtests, newest first, without their reports.
#[utoipa::path(
    get, path = "/api/rules/backtests", tag = "rules", params(PageQuery),
    responses((status = 200, body = List<BacktestBody>), (status = 422, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::RulesView>,
    Query(query): Query<PageQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    let before = query.after.as_deref().filter(|text| !text.is_empty());
    let before = before.map(|text| text.parse().map_err(|_| bad_cursor()));
    let found = backtests::list(&who.scope, before.transpose()?, limit + 1).await?;
    let rows: Vec<BacktestBody> = found.iter().map(BacktestBody::from).collect();
    Ok(json(&List::page(rows, limit, |row| row.id.to_string())))
}

/// Asks for a backtest: the stored events are replayed under the settings in force and under the
/// draft. At most three of an organisation wait or run.
#[utoipa::path(
    post, path = "/api/rules/backtests", tag = "rules", request_body = BacktestRequest,
    responses(
        (status = 202, body = BacktestBody), (status = 409, body = super::Problem),
        (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn start(
    who: Require<permit::RulesEdit>,
    Json(request): Json<BacktestRequest>,
) -> WebResult<Response> {
    if !SPANS.contains(&request.days) {
        return Err(WebError::field("days", "choose 7, 14 or 30"));
    }
    let live = backtests::in_force(&who.scope).await?;
    let draft = request.applied_to(&live)?;
    let started = backtests::start(&who.scope, request.days, &live, &draft).await?;
    Ok(json_with(
        StatusCode::ACCEPTED,
        &BacktestBody::from(&started),
    ))
}

/// One backtest, with its report once it is done.
#[utoipa::path(
    get, path = "/api/rules/backtests/{id}", tag = "rules",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = BacktestBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::RulesView>,
    Path(id): Path<i64>,
) -> WebResult<Response> {
    let backtest = backtests::find(&who.scope, id).await?;
    let mut body = BacktestBody::from(&backtest);
    if let Some(report) = &backtest.report {
        let names = names(&who.scope, report).await?;
        body.report = Some(ReportBody::of(report, &names));
    }
    Ok(json(&body))
}

/// Stops a backtest: a waiting one at once, a running one within seconds. One that has ended stays
/// as it is.
#[utoipa::path(
    delete, path = "/api/rules/backtests/{id}", tag = "rules",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = BacktestBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn cancel(
    who: Require<permit::RulesEdit>,
    Path(id): Path<i64>,
) -> WebResult<Response> {
    let backtest = backtests::cancel(&who.scope, id).await?;
    Ok(json(&BacktestBody::from(&backtest)))
}
