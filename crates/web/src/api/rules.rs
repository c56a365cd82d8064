//! Rules: read and change. The next scoring pass uses what is stored.

use axum::response::Response;
use domain::rule::{RuleKey, RuleSet, RuleSettings};
use domain::score::Points;
use serde::{Deserialize, Serialize};
use store::Scope;
use store::rules::{self, Record};
use utoipa::ToSchema;

use super::{List, json};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Json, Path};
use crate::pages::rules::recent;
use crate::pages::rules::tally::Tally;

/// A rule's settings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleBody {
    /// off_hours, new_ip, volume_spike, scope_expansion or failure_burst.
    key: &'static str,
    title: &'static str,
    enabled: bool,
    /// Most points.
    weight: f64,
    /// Count or multiple from which it fires.
    threshold: f64,
    /// Minutes it looks back.
    window_minutes: u32,
    /// Send it back when changing the rule.
    version: i64,
    /// What became of its alerts of the last 30 days; absent in a draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdicts: Option<VerdictsBody>,
}

/// What became of the alerts of a rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerdictsBody {
    /// Alerts in which it gave points.
    alerts: usize,
    /// Closed as confirmed, benign or false; duplicate and unclear ones do not count.
    judged: usize,
    /// Of these, confirmed.
    confirmed: usize,
    /// Percent of the judged that were confirmed; null while there are fewer than five.
    precision: Option<usize>,
}

impl From<&Tally> for VerdictsBody {
    fn from(tally: &Tally) -> Self {
        Self {
            alerts: tally.fired,
            judged: tally.judged,
            confirmed: tally.right,
            precision: tally.precision(),
        }
    }
}

impl RuleBody {
    fn of(rule: &RuleSettings, records: &[Record]) -> Self {
        Self {
            verdicts: Some(VerdictsBody::from(&Tally::of(rule.key, records))),
            ..Self::from(rule)
        }
    }
}

impl From<&RuleSettings> for RuleBody {
    fn from(rule: &RuleSettings) -> Self {
        Self {
            verdicts: None,
            key: rule.key.word(),
            title: rule.key.title(),
            enabled: rule.enabled,
            weight: rule.weight.as_f64(),
            threshold: rule.threshold,
            window_minutes: rule.window_minutes,
            version: rule.version,
        }
    }
}

/// A change of a rule. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleChange {
    /// Which rule; needed when several are sent.
    key: Option<String>,
    /// Ignored; accepted so that what was read can be sent back.
    #[serde(default, rename = "title")]
    #[schema(ignore)]
    _title: Option<serde::de::IgnoredAny>,
    /// Ignored, as the title.
    #[serde(default, rename = "verdicts")]
    #[schema(ignore)]
    _verdicts: Option<serde::de::IgnoredAny>,
    enabled: Option<bool>,
    /// 0 to 100 points.
    weight: Option<f64>,
    threshold: Option<f64>,
    /// 1 to 1440.
    window_minutes: Option<u32>,
    /// The version that was read; another one meanwhile gives 409.
    version: Option<i64>,
}

impl RuleChange {
    fn applied_to(&self, now: &RuleSettings) -> WebResult<RuleSettings> {
        let weight = match self.weight {
            None => now.weight,
            Some(weight) => Points::from_f64(weight)
                .ok_or_else(|| WebError::field("weight", "use at most one decimal"))?,
        };
        let changed = RuleSettings {
            key: now.key,
            enabled: self.enabled.unwrap_or(now.enabled),
            weight,
            threshold: self.threshold.unwrap_or(now.threshold),
            window_minutes: self.window_minutes.unwrap_or(now.window_minutes),
            version: self.version.unwrap_or(now.version),
        };
        match changed.problem() {
            Some((field, message)) => Err(WebError::field(field, message)),
            None => Ok(changed),
        }
    }
}

/// A rule key as a path segment.
pub(crate) struct Key(pub RuleKey);

impl std::str::FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        RuleKey::from_word(text).map(Self).ok_or(())
    }
}

async fn body(scope: &Scope, rules: &RuleSet) -> WebResult<Response> {
    let records = recent(scope).await?;
    let rules = rules.iter().map(|rule| RuleBody::of(rule, &records));
    Ok(json(&List::whole(rules.collect())))
}

/// Every rule in force.
#[utoipa::path(
    get, path = "/api/rules", tag = "rules",
    responses((status = 200, body = List<RuleBody>))
)]
pub(crate) async fn list(who: Require<permit::RulesView>) -> WebResult<Response> {
    body(&who.scope, &rules::list(&who.scope).await?).await
}

/// One rule.
#[utoipa::path(
    get, path = "/api/rules/{key}", tag = "rules",
    params(("key" = String, Path, description = "Such as new_ip")),
    responses((status = 200, body = RuleBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::RulesView>,
    Path(key): Path<Key>,
) -> WebResult<Response> {
    let all = rules::list(&who.scope).await?;
    let rule = all
        .iter()
        .find(|r| r.key == key.0)
        .ok_or_else(WebError::not_found)?;
    let records = recent(&who.scope).await?;
    Ok(json(&RuleBody::of(rule, &records)))
}

/// Changes one rule.
#[utoipa::path(
    put, path = "/api/rules/{key}", tag = "rules", request_body = RuleChange,
    params(("key" = String, Path, description = "Such as new_ip")),
    responses(
        (status = 200, body = RuleBody), (status = 404, body = super::Problem),
        (status = 409, body = super::Problem), (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn update(
    who: Require<permit::RulesEdit>,
    Path(key): Path<Key>,
    Json(change): Json<RuleChange>,
) -> WebResult<Response> {
    if change.key.as_deref().is_some_and(|k| k != key.0.word()) {
        return Err(WebError::field("key", "is not the rule of the address"));
    }
    let all = rules::list(&who.scope).await?;
    let now = all
        .iter()
        .find(|r| r.key == key.0)
        .ok_or_else(WebError::not_found)?;
    let wanted = change.applied_to(now)?;
    let after = rules::update(&who.scope, &[wanted]).await?;
    let rule = after
        .iter()
        .find(|r| r.key == key.0)
        .ok_or_else(WebError::not_found)?;
    let records = recent(&who.scope).await?;
    Ok(json(&RuleBody::of(rule, &records)))
}

/// Several changes: a list, or what the list of rules answers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum RuleChanges {
    /// A plain list.
    Bare(Vec<RuleChange>),
    /// The form of the list of rules.
    Listed {
        /// The changes.
        items: Vec<RuleChange>,
    },
}

impl RuleChanges {
    /// The rules asked for, as they would be.
    pub(crate) fn applied_to(&self, all: &RuleSet) -> WebResult<Vec<RuleSettings>> {
        let (Self::Bare(changes) | Self::Listed { items: changes }) = self;
        let mut wanted = Vec::with_capacity(changes.len());
        for change in changes {
            let key = change.key.as_deref().unwrap_or_default();
            let now = all.iter().find(|r| r.key.word() == key);
            let now =
                now.ok_or_else(|| WebError::field("key", format!("{key:?} is not a rule")))?;
            wanted.push(change.applied_to(now)?);
        }
        Ok(wanted)
    }
}

/// Changes several rules: all or none.
#[utoipa::path(
    put, path = "/api/rules", tag = "rules", request_body = RuleChanges,
    responses((status = 200, body = List<RuleBody>), (status = 409, body = super::Problem), (status = 422, body = super::Problem))
)]
pub(crate) async fn update_all(
    who: Require<permit::RulesEdit>,
    Json(changes): Json<RuleChanges>,
) -> WebResult<Response> {
    let wanted = changes.applied_to(&rules::list(&who.scope).await?)?;
    let after = rules::update(&who.scope, &wanted).await?;
    body(&who.scope, &after).await
}
