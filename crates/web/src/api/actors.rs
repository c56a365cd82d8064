//! Actors: list, one, and its events, scores and baseline.

use axum::response::Response;
use domain::actor::{ActorId, ActorKind};
use domain::baseline::BaselineView;
use domain::score::Points;
use domain::time::Minute;
use scoring::calibrated::Drift;
use serde::{Deserialize, Serialize};
use store::actors::{self, Actor, After, Filter, Order};
use store::scores::{self, ScoreRow};
use utoipa::{IntoParams, ToSchema};

use super::events::{self, EventBody};
use super::{List, bad_cursor, json, limit};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Path, Query};
use crate::pages::actor::peers::{About, drifts};

/// An actor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActorBody {
    /// Opaque code.
    code: String,
    /// Name as first sent.
    name: String,
    /// person, service or device.
    kind: &'static str,
    /// Score now: it falls as windows empty.
    score: f64,
    /// The instant the score was last judged at.
    score_at: String,
    first_seen: String,
    last_seen: String,
    /// Active days in the 14-day baseline.
    baseline_days: u32,
    /// Alerts that are not closed.
    open_alerts: i64,
    /// Reasons of the score in a few words each.
    reasons: Vec<String>,
}

/// An actor with what was said about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActorDetailBody {
    #[serde(flatten)]
    actor: ActorBody,
    /// Name for people, when one was given.
    display_name: Option<String>,
    /// Zone by whose clock hours are judged, when another than the organisation's was given.
    zone: Option<String>,
    /// What else was said.
    attributes: std::collections::BTreeMap<String, String>,
    /// The UTC day from which this is in force; absent when nothing was said.
    since: Option<String>,
    /// The given group of peers; absent when there is none or it has fewer than five others.
    peers: Option<PeersBody>,
    /// Values that rise through the actor's own baseline: last active days against those before.
    drifts: Vec<DriftBody>,
}

/// A group of peers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeersBody {
    group: String,
    /// Others in it that have sent events.
    size: usize,
}

/// A value that rises through an actor's baseline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DriftBody {
    /// Rule key.
    rule: &'static str,
    /// Mean of a day of the older half.
    before: f64,
    /// Mean of a day of the newer half.
    lately: f64,
    sentence: String,
}

impl From<Drift> for DriftBody {
    fn from(drift: Drift) -> Self {
        Self {
            rule: drift.rule.word(),
            before: drift.before,
            lately: drift.lately,
            sentence: drift.sentence,
        }
    }
}

impl From<&Actor> for ActorBody {
    fn from(actor: &Actor) -> Self {
        Self {
            code: actor.id.code(),
            name: actor.name.clone(),
            kind: actor.kind.word(),
            score: actor.score.as_f64(),
            score_at: actor.score_at.to_string(),
            first_seen: actor.first_seen_at.to_string(),
            last_seen: actor.last_seen_at.to_string(),
            baseline_days: actor.baseline_days,
            open_alerts: actor.open_alerts,
            reasons: actor.reasons.clone(),
        }
    }
}

/// Which actors to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Rows of a page, 1 to 200; 50 when absent.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Only names that contain this text.
    q: Option<String>,
    /// person, service or device.
    kind: Option<String>,
    /// Only scores of at least this.
    min_score: Option<f64>,
}

/// Lists actors, latest event first.
#[utoipa::path(
    get, path = "/api/actors", tag = "actors", params(ListQuery),
    responses((status = 200, body = List<ActorBody>), (status = 422, body = super::Problem))
)]
pub(crate) async fn list(
    who: Require<permit::ActorsView>,
    Query(query): Query<ListQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    let kind = match query.kind.as_deref() {
        None => None,
        Some(word) => Some(
            ActorKind::ALL
                .into_iter()
                .find(|k| k.word() == word)
                .ok_or_else(|| WebError::field("kind", "choose person, service or device"))?,
        ),
    };
    let filter = Filter {
        text: query.q,
        kind,
        min_score: query.min_score.and_then(Points::from_f64),
    };
    let after = query.after.as_deref().map(read_cursor).transpose()?;
    let rows = actors::list(
        &who.scope,
        &filter,
        Order::LastSeen,
        after.as_ref(),
        limit + 1,
    )
    .await?;
    let cursor = |a: &Actor| format!("{}.{}", a.last_seen_at.micros(), a.id.code());
    let page = List::page(rows, limit, cursor);
    Ok(json(&List {
        items: page.items.iter().map(ActorBody::from).collect(),
        next: page.next,
    }))
}

fn read_cursor(text: &str) -> WebResult<After> {
    let (key, code) = text.split_once('.').ok_or_else(bad_cursor)?;
    Ok(After {
        key: key.parse::<i64>().map_err(|_| bad_cursor())?.to_string(),
        id: ActorId::from_code(code).ok_or_else(bad_cursor)?,
    })
}

/// An actor code as a path segment.
pub(crate) struct Code(pub ActorId);

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        ActorId::from_code(text).map(Self).ok_or(())
    }
}

/// One actor.
#[utoipa::path(
    get, path = "/api/actors/{code}", tag = "actors",
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT")),
    responses((status = 200, body = ActorDetailBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let actor = actors::find(scope, code.0).await?;
    let about = About::of(scope, code.0).await?;
    let drifts = drifts(scope, code.0).await?;
    let group = about.group().map(str::to_owned);
    let since = about.told.as_ref().map(|told| told.since.to_string());
    let facts = about.told.map(|told| told.facts).unwrap_or_default();
    Ok(json(&ActorDetailBody {
        actor: ActorBody::from(&actor),
        display_name: facts.name,
        zone: facts.zone.map(|zone| zone.name().to_owned()),
        attributes: facts.attributes,
        since,
        peers: group.map(|group| PeersBody {
            group,
            size: about.others,
        }),
        drifts: drifts.into_iter().map(DriftBody::from).collect(),
    }))
}

/// An actor's events, newest first.
#[utoipa::path(
    get, path = "/api/actors/{code}/events", tag = "actors",
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT"), super::events::ListQuery),
    responses((status = 200, body = List<EventBody>), (status = 404, body = super::Problem))
)]
pub(crate) async fn actor_events(
    who: Require<permit::EventsView>,
    Path(code): Path<Code>,
    Query(query): Query<events::ListQuery>,
) -> WebResult<Response> {
    actors::find(&who.scope, code.0).await?;
    Ok(json(&events::page(&who, &query, Some(code.0)).await?))
}

/// A scored minute at which the points changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScoreBody {
    /// The scored instant.
    at: String,
    score: f64,
    /// Why it was scored: in order, or again because of a late event.
    cause: String,
    /// Rows that sum to the score.
    #[schema(value_type = Vec<super::alerts::ContributionBody>)]
    contributions: serde_json::Value,
}

/// Where to continue.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Rows of a page, 1 to 200; 50 when absent.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// An actor's scores, newest first: one row for each minute at which the points changed.
#[utoipa::path(
    get, path = "/api/actors/{code}/scores", tag = "actors",
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT"), PageQuery),
    responses((status = 200, body = List<ScoreBody>), (status = 404, body = super::Problem))
)]
pub(crate) async fn actor_scores(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
    Query(query): Query<PageQuery>,
) -> WebResult<Response> {
    let limit = limit(query.limit)?;
    let scope = &who.scope;
    actors::find(scope, code.0).await?;
    let before = query
        .after
        .as_deref()
        .map(|c| c.parse().map(Minute).map_err(|_| bad_cursor()));
    let rows = scores::of_actor(scope, code.0, before.transpose()?, limit + 1).await?;
    let page = List::page(rows, limit, |r| r.minute.0.to_string());
    let zone = &scope.tenant.scoring.zone;
    let body = |row: &ScoreRow| ScoreBody {
        at: row.minute.end().to_string(),
        score: row.score.as_f64(),
        cause: row.cause.clone(),
        contributions: serde_json::to_value(scoring::explain::rows(&row.judgement, zone))
            .unwrap_or_default(),
    };
    Ok(json(&List {
        items: page.items.iter().map(body).collect(),
        next: page.next,
    }))
}

/// The 14-day baseline of an actor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BaselineBody {
    computed_at: String,
    /// True while documented defaults stand in for the actor's own past.
    young: bool,
    events: u64,
    active_days: u32,
    typical_hours: Vec<u8>,
    /// Events per hour of the day.
    hours: Vec<u64>,
    daily_events: UsualBody,
    daily_bytes: UsualBody,
    daily_resources: UsualBody,
    daily_addresses: UsualBody,
    daily_failures: UsualBody,
    days: Vec<BaselineDayBody>,
}

/// Median, 95th percentile and maximum of the active days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsualBody {
    median: f64,
    p95: f64,
    max: f64,
}

/// One day of the baseline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BaselineDayBody {
    day: String,
    /// active, quiet, silent (no source delivered) or excluded.
    state: &'static str,
    events: u64,
    bytes: u64,
    failures: u64,
    resources: u64,
    addresses: u64,
}

impl From<domain::baseline::Usual> for UsualBody {
    fn from(usual: domain::baseline::Usual) -> Self {
        Self {
            median: usual.median,
            p95: usual.p95,
            max: usual.max,
        }
    }
}

impl From<BaselineView> for BaselineBody {
    fn from(view: BaselineView) -> Self {
        let usual = UsualBody::from;
        Self {
            computed_at: view.computed_at.to_string(),
            young: view.young,
            events: view.events,
            active_days: view.active_days(),
            typical_hours: view.typical_hours.clone(),
            hours: view.hours.to_vec(),
            daily_events: usual(view.daily_events),
            daily_bytes: usual(view.daily_bytes),
            daily_resources: usual(view.daily_resources),
            daily_addresses: usual(view.daily_addresses),
            daily_failures: usual(view.daily_failures),
            days: view.days.iter().map(baseline_day).collect(),
        }
    }
}

fn baseline_day(day: &domain::baseline::BaselineDay) -> BaselineDayBody {
    use domain::baseline::DayState;
    BaselineDayBody {
        day: day.day.to_string(),
        state: match day.state {
            DayState::Active => "active",
            DayState::Quiet => "quiet",
            DayState::Silent => "silent",
            DayState::Excluded => "excluded",
        },
        events: day.events,
        bytes: day.bytes,
        failures: day.failures,
        resources: day.resources,
        addresses: day.addresses,
    }
}

/// An actor's stored 14-day baseline; 404 before the first baseline run after its first event.
#[utoipa::path(
    get, path = "/api/actors/{code}/baseline", tag = "actors",
    params(("code" = String, Path, description = "Such as AC-07ZK3M9Q2XWT")),
    responses((status = 200, body = BaselineBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn actor_baseline(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let view = actors::baseline(&who.scope, code.0).await?;
    let view = view.ok_or_else(|| {
        WebError::new(
            axum::http::StatusCode::NOT_FOUND,
            "No baseline yet",
            "The baseline is computed a few minutes after an actor's first event.",
        )
    })?;
    Ok(json(&BaselineBody::from(view)))
}
