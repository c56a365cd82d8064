//! Suppressions: list, preview, make, end.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use domain::actor::ActorId;
use domain::suppression::{Attribute, Suppression, SuppressionCode};
use serde::{Deserialize, Serialize};
use store::Scope;
use store::suppressions::{self, Hidden};
use utoipa::ToSchema;

use super::{ActorRef, List, PageQuery, bad_cursor, json, json_with, limit, names};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Json, Path, Query};
use crate::suppress::draft::{Draft, refused};
use crate::suppress::preview::Preview;

/// Points that do not count for a while.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SuppressionBody {
    /// Such as SU-7.
    id: String,
    /// active, expired or revoked.
    state: &'static str,
    /// Whose points; null for everybody's.
    actor: Option<ActorRef>,
    /// Key of a rule or a family of rules.
    rule: String,
    /// address, resource or source: what every event behind the points must have.
    attribute: Option<&'static str>,
    value: Option<String>,
    reason: String,
    /// Who stands for it.
    owner: String,
    /// The alert it was made from.
    alert: Option<String>,
    /// It works on minutes of event time that begin after this.
    created_at: String,
    expires_at: String,
    revoked_at: Option<String>,
    revoked_by: Option<String>,
    /// Days of actors on which points did not count so far.
    hidden_days: i64,
    /// Of these, days whose score would have reached the alert threshold.
    hidden_alerts: i64,
}

impl SuppressionBody {
    fn of(
        scope: &Scope,
        one: &Suppression,
        hidden: &HashMap<SuppressionCode, Hidden>,
        names: &HashMap<ActorId, String>,
    ) -> Self {
        let named = |id| ActorRef::new(id, names.get(&id).map_or("", String::as_str));
        let hidden = hidden.get(&one.code).copied().unwrap_or_default();
        let attribute = one.aim.attribute.as_ref();
        Self {
            id: one.code.to_string(),
            state: one.state(scope.now).word(),
            actor: one.aim.actor.map(named),
            rule: one.aim.rule.word().to_owned(),
            attribute: attribute.map(Attribute::word),
            value: attribute.map(Attribute::value),
            reason: one.reason.clone(),
            owner: one.owner.clone(),
            alert: one.alert.map(|code| code.to_string()),
            created_at: one.created_at.to_string(),
            expires_at: one.expires_at.to_string(),
            revoked_at: one.revoked_at.map(|at| at.to_string()),
            revoked_by: one.revoked_by.clone(),
            hidden_days: hidden.days,
            hidden_alerts: hidden.alerts,
        }
    }

    async fn answer(scope: &Scope, one: &Suppression) -> WebResult<Self> {
        let hidden = suppressions::hidden(scope).await?;
        let names = names(scope, one.aim.actor.into_iter()).await?;
        Ok(Self::of(scope, one, &hidden, &names))
    }
}

/// A suppression code as a path segment.
pub(crate) struct Code(pub SuppressionCode);

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        SuppressionCode::parse(text).map(Self).ok_or(())
    }
}

/// Lists suppressions of any state, newest first.
#[utoipa::path(
    get, path = "/api/suppressions", tag = "suppressions", params(PageQuery),
    responses((status = 200, body = List<SuppressionBody>), (status = 422, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::SuppressionsView>,
    Query(query): Query<PageQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    let after = query.after.as_deref();
    let after = after.map(|text| SuppressionCode::parse(text).ok_or_else(bad_cursor));
    let rows = suppressions::list(&who.scope, after.transpose()?, limit + 1).await?;
    let page = List::page(rows, limit, |one| one.code.to_string());
    let hidden = suppressions::hidden(&who.scope).await?;
    let names = names(
        &who.scope,
        page.items.iter().filter_map(|one| one.aim.actor),
    )
    .await?;
    let items = page.items.iter();
    let items = items.map(|one| SuppressionBody::of(&who.scope, one, &hidden, &names));
    Ok(json(&List {
        items: items.collect(),
        next: page.next,
    }))
}

/// One suppression.
#[utoipa::path(
    get, path = "/api/suppressions/{id}", tag = "suppressions",
    params(("id" = String, Path, description = "Such as SU-7")),
    responses((status = 200, body = SuppressionBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::SuppressionsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let one = suppressions::find(&who.scope, code.0).await?;
    Ok(json(&SuppressionBody::answer(&who.scope, &one).await?))
}

/// Which points a preview is about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AimChange {
    /// Code or name of an actor; everybody when absent.
    actor: Option<String>,
    /// Key of a rule, or of a family of rules where the rule set is calibrated.
    rule: String,
    /// address, resource or source: what every event behind the points must have.
    attribute: Option<String>,
    value: Option<String>,
}

/// A new suppression.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SuppressionChange {
    /// Code or name of an actor; everybody when absent.
    actor: Option<String>,
    /// Key of a rule, or of a family of rules where the rule set is calibrated.
    rule: String,
    /// address, resource or source: what every event behind the points must have.
    attribute: Option<String>,
    value: Option<String>,
    /// Why, in at most 500 characters.
    reason: String,
    /// When it ends by itself, at most 180 days from now.
    expires_at: String,
    /// The alert it is made from.
    alert: Option<String>,
}

impl From<AimChange> for Draft {
    fn from(change: AimChange) -> Self {
        Self {
            actor: change.actor.unwrap_or_default(),
            rule: change.rule,
            attribute: change.attribute.unwrap_or_default(),
            value: change.value.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Makes a suppression. It works from now on and never backwards.
#[utoipa::path(
    post, path = "/api/suppressions", tag = "suppressions", request_body = SuppressionChange,
    responses((status = 201, body = SuppressionBody), (status = 422, body = super::Problem))
)]
pub(crate) async fn create(
    who: Require<permit::SuppressionsEdit>,
    Json(change): Json<SuppressionChange>,
) -> WebResult<Response> {
    let expires_at = super::time("expiresAt", Some(&change.expires_at))?;
    let expires_at =
        expires_at.ok_or_else(|| WebError::field("expiresAt", "a suppression must end"))?;
    let draft = Draft {
        reason: change.reason,
        alert: change.alert.unwrap_or_default(),
        ..Draft::from(AimChange {
            actor: change.actor,
            rule: change.rule,
            attribute: change.attribute,
            value: change.value,
        })
    };
    let new = draft.complete(&who.scope, expires_at).await;
    let made = suppressions::create(&who.scope, &new.map_err(refused)?).await?;
    let body = SuppressionBody::answer(&who.scope, &made).await?;
    Ok(json_with(StatusCode::CREATED, &body))
}

/// Ends a suppression now. It stays listed: what it hid stays explained.
#[utoipa::path(
    delete, path = "/api/suppressions/{id}", tag = "suppressions",
    params(("id" = String, Path, description = "Such as SU-7")),
    responses((status = 200, body = SuppressionBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn revoke(
    who: Require<permit::SuppressionsEdit>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let one = suppressions::revoke(&who.scope, code.0).await?;
    Ok(json(&SuppressionBody::answer(&who.scope, &one).await?))
}

/// What a suppression would have hidden in the last 30 days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewBody {
    /// In words, a confirmed incident first.
    sentence: String,
    days: i64,
    /// Alerts that would not have opened.
    hidden_alerts: usize,
    /// Of these, confirmed incidents.
    confirmed: usize,
    /// Alerts that would have opened with fewer points.
    lowered_alerts: usize,
    /// Scores of the history in which the rule gave points, attributes aside.
    signals: usize,
    /// Only the newest alerts or scores were looked at.
    cut: bool,
    verdicts: Vec<VerdictCount>,
    /// Confirmed incidents first.
    alerts: Vec<TouchedBody>,
}

/// How often a verdict was given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictCount {
    disposition: &'static str,
    count: usize,
}

/// An alert that would have been different.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TouchedBody {
    code: String,
    actor: ActorRef,
    opened_at: String,
    score: f64,
    /// What its score would have been.
    score_without: f64,
    /// Whether it would not have opened.
    hidden: bool,
    disposition: Option<&'static str>,
}

/// Computes what a suppression would have hidden. Changes nothing.
#[utoipa::path(
    post, path = "/api/suppressions/preview", tag = "suppressions", request_body = AimChange,
    responses((status = 200, body = PreviewBody), (status = 422, body = super::Problem))
)]
pub(crate) async fn preview(
    who: Require<permit::SuppressionsView>,
    Json(change): Json<AimChange>,
) -> WebResult<Response> {
    let aim = Draft::from(change).aim(&who.scope).await.map_err(refused)?;
    let preview = Preview::of(&who.scope, &aim).await?;
    let alerts = preview.alerts.iter().map(|one| TouchedBody {
        code: one.alert.code.to_string(),
        actor: ActorRef::new(one.alert.actor, &one.alert.actor_name),
        opened_at: one.alert.opened_at().to_string(),
        score: one.alert.score.as_f64(),
        score_without: one.left.as_f64(),
        hidden: one.hidden,
        disposition: one.alert.disposition.map(domain::alert::Disposition::word),
    });
    let verdicts = preview.verdicts().into_iter();
    Ok(json(&PreviewBody {
        sentence: preview.sentence(),
        days: crate::suppress::preview::DAYS,
        hidden_alerts: preview.hidden(),
        confirmed: preview.confirmed(),
        lowered_alerts: preview.lowered(),
        signals: preview.signals,
        cut: preview.cut,
        verdicts: verdicts
            .map(|(disposition, _, count)| VerdictCount { disposition, count })
            .collect(),
        alerts: alerts.collect(),
    }))
}
