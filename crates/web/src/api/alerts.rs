//! Alerts: list, one, change of status, bulk.

use std::collections::BTreeMap;

use axum::response::Response;
use domain::actor::ActorId;
use domain::alert::{AlertCode, Disposition, Move, Status};
use domain::rule::RuleName;
use domain::score::Snapshot;
use domain::severity::Severity;
use serde::{Deserialize, Serialize};
use store::alerts::{self, After, Alert, Filter, Order};
use utoipa::{IntoParams, ToSchema};

use super::{ActorRef, List, bad_cursor, json, limit, time};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Json, Path, Query};
use crate::pages::alert::Code;

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertBody {
    /// The code people use.
    #[schema(example = "AL-1042")]
    code: String,
    actor: ActorRef,
    /// Highest score of the episode.
    score: f64,
    /// low, medium, high or critical.
    severity: &'static str,
    /// open, acknowledged, investigating, resolved or false_positive.
    status: &'static str,
    /// Event time at which the score reached the threshold.
    opened_at: String,
    /// Event time of the latest signal.
    last_signal_at: String,
    /// Wall clock at which the alert was raised.
    detected_at: String,
    updated_at: String,
    acknowledged_at: Option<String>,
    closed_at: Option<String>,
    /// Send it back when changing the status.
    version: i64,
    disposition: Option<&'static str>,
    reason: Option<String>,
    decided_by: Option<String>,
    /// The reason in one sentence.
    sentence: String,
    /// Rules that fired in the episode; families of rules where the rule set is calibrated.
    rules: Vec<String>,
    /// Score from which the alert opened.
    threshold: f64,
    /// Rows that sum to the score.
    #[schema(value_type = Vec<ContributionBody>)]
    contributions: serde_json::Value,
    /// Rules that were checked and found normal.
    #[schema(value_type = Vec<ContributionBody>)]
    normal: serde_json::Value,
    /// What would have kept the alert from opening.
    counterfactual: String,
    /// UTC dates of the baseline days that were used; empty where the rule set has its own memory,
    /// see `baselineDays` of each row.
    baseline_days: Vec<String>,
    /// The rule set that scored it: classic or calibrated.
    ruleset: String,
    /// What could not be judged, and why.
    #[schema(value_type = Vec<UnjudgedBody>)]
    unjudged: serde_json::Value,
    /// What else has to be known about the numbers, such as a baseline that is rising.
    notes: Vec<String>,
}

/// Something that could not be judged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnjudgedBody {
    what: String,
    because: String,
}

/// One value beside a group of at least five other people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComparisonBody {
    group: String,
    /// People in it, besides the actor.
    size: u32,
    /// Of these, those who did as much on one of their last days.
    as_much: u32,
    sentence: String,
}

/// One row of the explanation. All rows sum to the score.
///
/// Never built: the snapshot is stored as the JSON this describes, and answered as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContributionBody {
    /// rule, modifier, confidence or cap.
    kind: String,
    /// Rule key, or the name of the modifier.
    rule: String,
    /// Version of the rule's settings that was used.
    version: i64,
    points: f64,
    sentence: String,
    short: String,
    observed: f64,
    /// Median of the baseline days.
    expected: f64,
    /// What 95 of 100 baseline days do not exceed.
    p95: f64,
    /// events, addresses, bytes, resources, failures or points.
    unit: String,
    ratio: Option<f64>,
    rarity: String,
    /// own, default, organisation or peers.
    reference: String,
    baseline_days: u32,
    threshold: f64,
    weight: f64,
    window_minutes: u32,
    counterfactual: Option<String>,
    /// The family the rule belongs to; absent for classic.
    family: Option<String>,
    /// So much happens about once in so many active days; absent for classic.
    once_in_days: Option<f64>,
    /// The same value beside the actor's group of peers; absent where there is none.
    peers: Option<ComparisonBody>,
    /// A sample of the events that caused the row.
    evidence: Vec<String>,
    /// How many there were in all.
    evidence_count: u64,
    /// Present when the row does not count: its points are zero then.
    suppressed: Option<SuppressedBody>,
}

/// Why a row does not count.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuppressedBody {
    /// The suppression, such as SU-7.
    code: String,
    /// The reason its owner gave.
    reason: String,
    /// The points there would be.
    points: f64,
}

impl AlertBody {
    fn new(alert: &Alert, snapshot: &Snapshot) -> Self {
        let rows = |rows: &Vec<_>| serde_json::to_value(rows).unwrap_or_default();
        Self {
            code: alert.code.to_string(),
            actor: ActorRef::new(alert.actor, &alert.actor_name),
            score: alert.score.as_f64(),
            severity: alert.severity.word(),
            status: alert.status.word(),
            opened_at: alert.opened_at().to_string(),
            last_signal_at: alert.last_signal_at().to_string(),
            detected_at: alert.detected_at.to_string(),
            updated_at: alert.updated_at.to_string(),
            acknowledged_at: alert.acknowledged_at.map(|t| t.to_string()),
            closed_at: alert.closed_at.map(|t| t.to_string()),
            version: alert.version,
            disposition: alert.disposition.map(Disposition::word),
            reason: alert.reason.clone(),
            decided_by: alert.decided_by.clone(),
            sentence: alert.sentence.clone(),
            rules: alert.rules.iter().map(|r| r.word().to_owned()).collect(),
            threshold: snapshot.threshold.as_f64(),
            contributions: rows(&snapshot.contributions),
            normal: rows(&snapshot.normal),
            counterfactual: snapshot.counterfactual.clone(),
            baseline_days: snapshot
                .assessment
                .as_ref()
                .map_or_else(Vec::new, |assessment| {
                    assessment
                        .days_used
                        .iter()
                        .map(ToString::to_string)
                        .collect()
                }),
            ruleset: snapshot.ruleset.clone(),
            unjudged: serde_json::to_value(&snapshot.unjudged).unwrap_or_default(),
            notes: snapshot.notes.clone(),
        }
    }
}

/// Which alerts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Rows of a page, 1 to 200; 50 when absent.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Only this status; several are separated by commas.
    status: Option<String>,
    /// Only this severity; several are separated by commas.
    severity: Option<String>,
    /// Only alerts in which this rule fired.
    rule: Option<String>,
    /// Only of this actor code.
    actor: Option<String>,
    /// Only names or sentences that contain this text.
    q: Option<String>,
    /// Only opened at or after this time.
    from: Option<String>,
    /// Only opened before this time.
    to: Option<String>,
}

impl ListQuery {
    fn filter(&self) -> WebResult<Filter> {
        Ok(Filter {
            statuses: words("status", self.status.as_deref(), Status::from_word)?,
            severities: words("severity", self.severity.as_deref(), Severity::from_word)?,
            rule: one("rule", self.rule.as_deref(), RuleName::parse)?,
            actor: one("actor", self.actor.as_deref(), ActorId::from_code)?,
            text: self.q.clone(),
            from: time("from", self.from.as_deref())?,
            until: time("to", self.to.as_deref())?,
        })
    }
}

fn one<T>(
    field: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> WebResult<Option<T>> {
    text.filter(|t| !t.is_empty())
        .map(|t| read(t).ok_or_else(|| WebError::field(field, format!("{t:?} is not known"))))
        .transpose()
}

fn words<T>(
    field: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> WebResult<Vec<T>> {
    let parts = text
        .unwrap_or_default()
        .split(',')
        .filter(|p| !p.is_empty());
    parts
        .map(|p| read(p).ok_or_else(|| WebError::field(field, format!("{p:?} is not known"))))
        .collect()
}

/// Lists alerts, newest first.
#[utoipa::path(
    get, path = "/api/alerts", tag = "alerts", params(ListQuery),
    responses((status = 200, body = List<AlertBody>), (status = 422, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::AlertsView>,
    Query(query): Query<ListQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    let after = query.after.as_deref().map(read_cursor).transpose()?;
    let scope = &who.scope;
    let rows = alerts::list(scope, &query.filter()?, Order::Newest, after, limit + 1).await?;
    let page = List::page(rows, limit, |a| format!("{}.{}", a.opened_minute.0, a.id.0));
    let ids: Vec<_> = page.items.iter().map(|alert| alert.id).collect();
    let snapshots = alerts::snapshots(scope, &ids).await?;
    let body = |alert: &Alert| Some(AlertBody::new(alert, snapshots.get(&alert.id)?));
    Ok(json(&List {
        items: page.items.iter().filter_map(body).collect(),
        next: page.next,
    }))
}

fn read_cursor(text: &str) -> WebResult<After> {
    let parts = text
        .split_once('.')
        .and_then(|(opened, id)| Some((opened.parse().ok()?, id.parse().ok()?)));
    let (opened, id) = parts.ok_or_else(bad_cursor)?;
    Ok(After {
        severity: 0,
        score: 0,
        opened,
        id,
    })
}

/// One alert.
#[utoipa::path(
    get, path = "/api/alerts/{code}", tag = "alerts",
    params(("code" = String, Path, description = "Such as AL-1042")),
    responses((status = 200, body = AlertBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::AlertsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let alert = alerts::find(&who.scope, code.0).await?;
    let snapshot = alerts::snapshot(&who.scope, alert.id).await?;
    Ok(json(&AlertBody::new(&alert, &snapshot)))
}

/// A wanted change of status.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusChange {
    /// acknowledged, investigating, resolved, false_positive, or open to reopen.
    status: String,
    /// The version that was read; another one meanwhile gives 409.
    #[schema(value_type = i64)]
    version: Option<i64>,
    /// Needed for resolved: true_positive_impact, true_positive_no_impact, benign_expected,
    /// duplicate or unclear.
    disposition: Option<String>,
    /// Needed for closing.
    reason: Option<String>,
}

/// Moves an alert to another status.
#[utoipa::path(
    patch, path = "/api/alerts/{code}/status", tag = "alerts", request_body = StatusChange,
    params(("code" = String, Path, description = "Such as AL-1042")),
    responses(
        (status = 200, body = AlertBody), (status = 404, body = super::Problem),
        (status = 409, description = "Not a legal step, or changed meanwhile", body = super::Problem),
        (status = 422, description = "Version, reason or disposition missing", body = super::Problem),
    )
)]
pub(crate) async fn change_status(
    who: Require<permit::AlertsTriage>,
    Path(code): Path<Code>,
    Json(change): Json<StatusChange>,
) -> WebResult<Response> {
    let wanted = wanted(
        Some(&change.status),
        change.disposition.as_deref(),
        change.reason,
    )?;
    let version = change.version.ok_or_else(|| {
        WebError::field(
            "version",
            "send the version of the alert that you have read",
        )
    })?;
    let alert = alerts::change_status(&who.scope, code.0, Some(version), &wanted).await?;
    let snapshot = alerts::snapshot(&who.scope, alert.id).await?;
    Ok(json(&AlertBody::new(&alert, &snapshot)))
}

fn wanted(
    status: Option<&str>,
    disposition: Option<&str>,
    reason: Option<String>,
) -> WebResult<Move> {
    let to = one("status", status, Status::from_word)?;
    let disposition = one("disposition", disposition, Disposition::from_word)?;
    if reason.as_ref().is_some_and(|r| r.chars().count() > 2000) {
        return Err(WebError::field("reason", "use at most 2,000 characters"));
    }
    Ok(Move {
        to: to.ok_or_else(|| WebError::field("status", "name the new status"))?,
        disposition,
        reason,
    })
}

/// Alerts to be acknowledged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkAcknowledge {
    /// Alert codes, at most 1,000.
    codes: Vec<String>,
    /// The versions that were read, by code: an alert that has another one meanwhile is skipped.
    /// Alerts without one are changed whatever happened to them.
    #[serde(default)]
    versions: BTreeMap<String, i64>,
}

/// Alerts to be closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkClose {
    /// Alert codes, at most 1,000.
    codes: Vec<String>,
    /// The versions that were read, by code: an alert that has another one meanwhile is skipped.
    /// Alerts without one are changed whatever happened to them.
    #[serde(default)]
    versions: BTreeMap<String, i64>,
    /// resolved or false_positive; told by the disposition when absent.
    status: Option<String>,
    /// What they turned out to be.
    disposition: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// What became of each alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkAnswer {
    /// Alerts that were changed.
    changed: usize,
    /// Alerts that were not.
    skipped: usize,
    /// One line each, in the order sent.
    results: Vec<BulkResult>,
}

/// What became of one alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkResult {
    code: String,
    /// The status now, when it was changed.
    status: Option<&'static str>,
    /// Why it was not changed.
    error: Option<String>,
}

/// Acknowledges several alerts; each succeeds or fails for itself.
#[utoipa::path(
    post, path = "/api/alerts/bulk/acknowledge", tag = "alerts", request_body = BulkAcknowledge,
    responses((status = 200, body = BulkAnswer), (status = 422, body = super::Problem))
)]
pub(crate) async fn bulk_acknowledge(
    who: Require<permit::AlertsTriage>,
    Json(body): Json<BulkAcknowledge>,
) -> WebResult<Response> {
    let wanted = Move {
        to: Status::Acknowledged,
        disposition: None,
        reason: None,
    };
    bulk(&who, &body.codes, &body.versions, &wanted).await
}

/// Closes several alerts; each succeeds or fails for itself.
#[utoipa::path(
    post, path = "/api/alerts/bulk/close", tag = "alerts", request_body = BulkClose,
    responses((status = 200, body = BulkAnswer), (status = 422, body = super::Problem))
)]
pub(crate) async fn bulk_close(
    who: Require<permit::AlertsTriage>,
    Json(body): Json<BulkClose>,
) -> WebResult<Response> {
    let implied = match body.disposition.as_deref() {
        Some("false_positive") => "false_positive",
        _ => "resolved",
    };
    let status = body.status.as_deref().unwrap_or(implied);
    let wanted = wanted(Some(status), body.disposition.as_deref(), body.reason)?;
    if !wanted.to.is_closed() {
        return Err(WebError::field(
            "status",
            "closing leads to resolved or false_positive",
        ));
    }
    // What would be missing for every alert is told once and nothing is changed.
    wanted.check(Status::Open).map_err(store::Error::from)?;
    bulk(&who, &body.codes, &body.versions, &wanted).await
}

async fn bulk(
    who: &Require<permit::AlertsTriage>,
    codes: &[String],
    versions: &BTreeMap<String, i64>,
    wanted: &Move,
) -> WebResult<Response> {
    if codes.is_empty() || codes.len() > 1000 {
        return Err(WebError::field("codes", "name 1 to 1,000 alerts"));
    }
    let read = |code: &String| {
        let parsed = AlertCode::parse(code)
            .ok_or_else(|| WebError::field("codes", format!("{code:?} is not an alert code")))?;
        Ok((parsed, versions.get(code).copied()))
    };
    if let Some(code) = versions.keys().find(|code| !codes.contains(code)) {
        let message = format!("{code:?} is not among the codes");
        return Err(WebError::field("versions", message));
    }
    let seen: Vec<_> = codes.iter().map(read).collect::<WebResult<_>>()?;
    let done = alerts::change_many(&who.scope, &seen, wanted).await;
    let results: Vec<BulkResult> = done
        .into_iter()
        .map(|(code, result)| match result {
            Ok(alert) => BulkResult {
                code: code.to_string(),
                status: Some(alert.status.word()),
                error: None,
            },
            Err(error) => BulkResult {
                code: code.to_string(),
                status: None,
                error: Some(WebError::from(error).detail),
            },
        })
        .collect();
    let changed = results.iter().filter(|r| r.error.is_none()).count();
    Ok(json(&BulkAnswer {
        changed,
        skipped: results.len() - changed,
        results,
    }))
}
