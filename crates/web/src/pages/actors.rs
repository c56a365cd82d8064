//! The actors list: who is drifting?

mod filter;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use domain::actor::{ActorId, ActorKind};
use store::actors::{self, Actor};
use store::scores;

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Score, Shell, When, page};
use crate::viz::{SPARK_DAYS, Spark, spark};
use filter::Wanted;

/// Rows of a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "actors.html")]
struct ActorsPage {
    shell: Shell,
    wanted: Wanted,
    rows: Vec<Row>,
    total: i64,
    everybody: i64,
    next: Option<String>,
}

/// One actor of the list.
struct Row {
    actor: Actor,
    score: Score,
    spark: Spark,
    why: String,
    last: When,
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::ActorsView>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let wanted = Wanted::read(query.as_deref().unwrap_or_default());
    let filter = wanted.filter();
    let after = wanted.after.as_ref();
    let mut found = actors::list(scope, &filter, wanted.order, after, ROWS + 1).await?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let next = found.last().filter(|_| more).map(|a| wanted.page_after(a));
    let template = ActorsPage {
        shell: Shell::of(&who, "/actors", "Actors").await?,
        total: actors::count_matching(scope, &filter).await?,
        everybody: actors::count(scope).await?,
        rows: rows(&who, found).await?,
        next,
        wanted,
    };
    Ok(page(template).into_response())
}

async fn rows<P>(who: &Require<P>, found: Vec<Actor>) -> WebResult<Vec<Row>> {
    let scope = &who.scope;
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let threshold = scope.tenant.scoring.alert_threshold;
    let today = now.utc_day();
    let ids: Vec<ActorId> = found.iter().map(|a| a.id).collect();
    let days = scores::days_of(scope, &ids, today.plus(1 - SPARK_DAYS)).await?;
    let row = |actor: Actor| {
        let own = days.iter().filter(|(id, ..)| *id == actor.id);
        let own: Vec<_> = own.map(|(_, day, score)| (*day, *score)).collect();
        Row {
            score: Score {
                points: actor.score,
                threshold,
            },
            spark: spark(today, &own, threshold),
            why: actor.reasons.join(" · "),
            last: When::of(actor.last_seen_at, zone, now),
            actor,
        }
    };
    Ok(found.into_iter().map(row).collect())
}

/// The words people read for a kind.
pub(crate) fn kind_title(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Person => "Person",
        ActorKind::Service => "Service account",
        ActorKind::Device => "Device",
    }
}
