//! One actor: who is this, what is normal for them, what changed?

pub(crate) mod baseline;
pub(crate) mod effect;
pub(crate) mod excluded;
pub(crate) mod peers;
mod timeline;
mod usual;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Redirect, Response};
use domain::actor::ActorId;
use domain::baseline::{BASELINE_DAYS, BaselineView};
use domain::time::{DAY_US, Day};
use peers::About;
use scoring::calibrated::Drift;
use scoring::words;
use store::actors::{self, Actor};
use store::alerts::{self, Alert, Filter, Order};
use store::events::{self, Seen};
use store::{Scope, scores};

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Path;
use crate::page::{Score, Shell, When, page, shown};
use crate::viz::{Hours, Opened, ScoreLine, hours, score_line};
use timeline::{Asked, Timeline};
use usual::{Feature, Why, features};

/// Days of the score line.
const LINE_DAYS: i32 = 30;
/// Addresses shown.
const ADDRESSES: usize = 6;
/// Alerts shown beside the timeline.
const ALERTS: usize = 6;
/// Alerts drawn into the score line.
const MARKS: u32 = 100;

#[derive(Template)]
#[template(path = "actor.html")]
struct ActorPage {
    shell: Shell,
    head: Head,
    view: Option<BaselineView>,
    addresses: Vec<(Seen, When)>,
    more_addresses: bool,
    line: ScoreLine,
    timeline: Timeline,
    asked: Asked,
    why: Why,
    features: Vec<Feature>,
    hours: Option<Hours>,
    alerts: Vec<Alert>,
    about: About,
    drifts: Vec<Drift>,
    /// What suppressions hid of the last days, in words.
    suppressed: Vec<(String, String)>,
}

/// What suppressions hid of an actor in the last 14 days: code and words.
async fn suppressed(scope: &Scope, actor: ActorId) -> WebResult<Vec<(String, String)>> {
    let since = scope.now.plus(-14 * DAY_US).utc_day();
    let hits = store::suppressions::hits_of_actor(scope, actor, since).await?;
    let words = hits.into_iter().map(|hit| {
        let alert = if hit.alert_hidden {
            ", and so an alert"
        } else {
            ""
        };
        (
            format!("SU-{}", hit.number),
            format!("hid {} points on {}{alert}", hit.points, hit.day),
        )
    });
    Ok(words.collect())
}

/// What every page of an actor begins with.
pub(crate) struct Head {
    pub actor: Actor,
    pub code: String,
    pub score: Score,
    pub first: When,
    pub last: When,
    /// Name of the page shown.
    pub tab: &'static str,
}

impl Head {
    async fn of(scope: &Scope, id: ActorId, tab: &'static str) -> WebResult<Self> {
        let actor = actors::find(scope, id).await?;
        let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
        Ok(Self {
            code: id.code(),
            score: Score {
                points: actor.score,
                threshold: scope.tenant.scoring.alert_threshold,
            },
            first: When::of(actor.first_seen_at, zone, now),
            last: When::of(actor.last_seen_at, zone, now),
            actor,
            tab,
        })
    }

    /// Whether the score reaches the threshold, which gives it a severity.
    pub(crate) fn severity(&self) -> Option<domain::severity::Severity> {
        let reached = self.score.points >= self.score.threshold;
        reached.then(|| domain::severity::Severity::of_score(self.score.points))
    }

    /// Views of the actor: title, address, whether it is the one shown.
    pub(crate) fn tabs(&self) -> [(&'static str, String, bool); 5] {
        let code = &self.code;
        [
            ("Timeline", format!("/actors/{code}")),
            ("Baseline", format!("/actors/{code}/baseline")),
            ("Peers", format!("/actors/{code}/peers")),
            ("Alerts", format!("/alerts?status=all&actor={code}")),
            ("Events", format!("/events?actor={code}")),
        ]
        .map(|(name, href)| (name, href, name == self.tab))
    }

    /// Days with events in the baseline, in words.
    pub(crate) fn baseline_days(&self) -> String {
        format!(
            "{} of {BASELINE_DAYS} days active",
            self.actor.baseline_days
        )
    }
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let head = Head::of(scope, code.0, "Timeline").await?;
    let view = actors::baseline(scope, code.0).await?;
    let asked = Asked::read(query.as_deref().unwrap_or_default());
    let since = now.plus(-14 * DAY_US);
    let mut addresses = events::addresses(scope, code.0, since, ADDRESSES as u32 + 1).await?;
    let more_addresses = addresses.len() > ADDRESSES;
    addresses.truncate(ADDRESSES);
    let of_actor = Filter {
        actor: Some(code.0),
        ..Filter::default()
    };
    let mut alerts = alerts::list(scope, &of_actor, Order::Newest, None, MARKS).await?;
    let line = line(scope, code.0, &alerts).await?;
    alerts.truncate(ALERTS);
    let today = events::totals(scope, code.0, usual::today(scope)).await?;
    let known = view.as_ref().filter(|v| !v.young);
    let template = ActorPage {
        shell: Shell::of(
            &who,
            "/actors",
            format!("{} – Actors", shown(&head.actor.name)),
        )
        .await?,
        timeline: Timeline::of(scope, &head.actor, view.as_ref(), &asked).await?,
        why: Why::of(scope, &head.actor).await?,
        suppressed: suppressed(scope, code.0).await?,
        features: known.map_or_else(Vec::new, |v| features(v, &today)),
        hours: known.map(|v| hours(&v.hours, &v.typical_hours)),
        addresses: addresses
            .into_iter()
            .map(|seen| {
                let last = When::of(seen.last_at, zone, now);
                (seen, last)
            })
            .collect(),
        head,
        view,
        more_addresses,
        line,
        asked,
        alerts,
        about: About::of(scope, code.0).await?,
        drifts: peers::drifts(scope, code.0).await?,
    };
    Ok(page(template).into_response())
}

async fn line(scope: &Scope, actor: ActorId, alerts: &[Alert]) -> WebResult<ScoreLine> {
    let last = scope.now.utc_day();
    let days = scores::days_of(scope, &[actor], last.plus(1 - LINE_DAYS)).await?;
    let points: Vec<(Day, _)> = days.iter().map(|(_, day, score)| (*day, *score)).collect();
    let opened: Vec<Opened> = alerts
        .iter()
        .map(|alert| Opened {
            code: alert.code,
            day: alert.opened_minute.start().utc_day(),
            score: alert.score,
            severity: alert.severity,
        })
        .collect();
    let threshold = scope.tenant.scoring.alert_threshold;
    Ok(score_line((last, LINE_DAYS), &points, &opened, threshold))
}

/// The actor's alerts are the list of alerts, filtered.
pub(crate) async fn alerts(
    who: Require<permit::AlertsView>,
    Path(code): Path<Code>,
) -> WebResult<Redirect> {
    let actor = actors::find(&who.scope, code.0).await?;
    let address = format!("/alerts?status=all&actor={}", actor.id.code());
    Ok(Redirect::to(&address))
}

/// The actor's events are the list of events, filtered.
pub(crate) async fn events(
    who: Require<permit::EventsView>,
    Path(code): Path<Code>,
) -> WebResult<Redirect> {
    let actor = actors::find(&who.scope, code.0).await?;
    Ok(Redirect::to(&format!("/events?actor={}", actor.id.code())))
}

/// An actor's code as a path segment.
pub(crate) struct Code(pub ActorId);

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        ActorId::from_code(text).map(Self).ok_or(())
    }
}

impl ActorPage {
    /// The hours the actor is usually active at, in words.
    fn usual_hours(&self) -> String {
        match &self.view {
            Some(view) if !view.young => words::hours(&view.typical_hours),
            _ => "not known yet".to_owned(),
        }
    }

    fn is_young(&self) -> bool {
        self.view.as_ref().is_none_or(|v| v.young)
    }
}
