//! Days left out of an actor's baseline.

use axum::response::Response;
use domain::actor::ActorId;
use serde::{Deserialize, Serialize};
use store::excluded_days::{self, ExcludedDay};
use store::{Scope, actors};
use utoipa::{IntoParams, ToSchema};

use super::actors::{Code, UsualBody};
use super::{List, json};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Json, Path, Query};
use crate::pages::actor::effect::{Effect, Range, reason};

/// A day that an analyst left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExcludedDayBody {
    /// Such as 2026-03-05.
    day: String,
    reason: String,
    /// Who left it out.
    who: String,
    made_at: String,
}

impl From<&ExcludedDay> for ExcludedDayBody {
    fn from(day: &ExcludedDay) -> Self {
        Self {
            day: day.day.to_string(),
            reason: day.reason.clone(),
            who: day.who.clone(),
            made_at: day.made_at.to_string(),
        }
    }
}

/// Days to leave out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Exclusion {
    /// The first day.
    from: String,
    /// The last day; the first when absent. At most 31 days.
    until: Option<String>,
    /// Why.
    reason: String,
}

/// The median day of the 14-day view with and without the days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectBody {
    active_days: u32,
    daily_events: UsualBody,
    daily_bytes: UsualBody,
    daily_resources: UsualBody,
}

impl From<&domain::baseline::BaselineView> for EffectBody {
    fn from(view: &domain::baseline::BaselineView) -> Self {
        Self {
            active_days: view.active_days(),
            daily_events: view.daily_events.into(),
            daily_bytes: view.daily_bytes.into(),
            daily_resources: view.daily_resources.into(),
        }
    }
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExcludedBody {
    /// Days that were not left out before.
    excluded: usize,
    /// The 14-day view before; absent when none was computed yet.
    before: Option<EffectBody>,
    /// The 14-day view without the days.
    after: Option<EffectBody>,
    /// Every day left out of this actor's baseline now, newest first.
    items: Vec<ExcludedDayBody>,
}

async fn bodies(scope: &Scope, actor: ActorId) -> WebResult<Vec<ExcludedDayBody>> {
    let days = excluded_days::list(scope, actor).await?;
    Ok(days.iter().map(ExcludedDayBody::from).collect())
}

fn range(scope: &Scope, from: &str, until: Option<&str>) -> WebResult<Range> {
    let today = scope.tenant.scoring.zone.local(scope.now).day;
    let today = today.max(scope.now.utc_day());
    let range = Range::read(from, until.unwrap_or_default(), today);
    range.map_err(|(field, message)| WebError::field(field, message))
}

/// The days left out of an actor's baseline, newest first. Days of confirmed incidents are left
/// out as well and are seen in the baseline.
#[utoipa::path(
    get, path = "/api/actors/{code}/excluded-days", tag = "actors",
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT")),
    responses((status = 200, body = List<ExcludedDayBody>), (status = 404, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    actors::find(&who.scope, code.0).await?;
    Ok(json(&List::whole(bodies(&who.scope, code.0).await?)))
}

/// Leaves days out of an actor's baseline. What was derived from them is derived again with the
/// next scoring pass; alerts stay as they are.
#[utoipa::path(
    post, path = "/api/actors/{code}/excluded-days", tag = "actors", request_body = Exclusion,
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT")),
    responses(
        (status = 200, body = ExcludedBody), (status = 404, body = super::Problem),
        (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn add(
    who: Require<permit::ActorsExclude>,
    Path(code): Path<Code>,
    Json(wanted): Json<Exclusion>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let range = range(scope, &wanted.from, wanted.until.as_deref())?;
    let why = reason(&wanted.reason).map_err(|message| WebError::field("reason", message))?;
    let effect = Effect::of(scope, code.0, range).await?;
    let days = (range.from, range.until);
    let excluded = excluded_days::add(scope, code.0, days, why).await?;
    Ok(json(&ExcludedBody {
        excluded,
        before: effect.as_ref().map(|e| EffectBody::from(&e.before)),
        after: effect.as_ref().map(|e| EffectBody::from(&e.after)),
        items: bodies(scope, code.0).await?,
    }))
}

/// Which days to take back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeQuery {
    /// The first day.
    from: String,
    /// The last day; the first when absent.
    until: Option<String>,
}

/// Takes days back into an actor's baseline; 404 when none of them was left out.
#[utoipa::path(
    delete, path = "/api/actors/{code}/excluded-days", tag = "actors",
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT"), RangeQuery),
    responses(
        (status = 200, body = List<ExcludedDayBody>), (status = 404, body = super::Problem),
        (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn remove(
    who: Require<permit::ActorsExclude>,
    Path(code): Path<Code>,
    Query(query): Query<RangeQuery>,
) -> WebResult<Response> {
    let range = range(&who.scope, &query.from, query.until.as_deref())?;
    excluded_days::remove(&who.scope, code.0, (range.from, range.until)).await?;
    Ok(json(&List::whole(bodies(&who.scope, code.0).await?)))
}
