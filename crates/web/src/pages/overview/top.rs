//! The ten actors with the highest scores: now, and while those are fewer, lately.

use domain::actor::{ActorId, ActorKind};
use domain::score::Points;
use domain::time::Day;
use scoring::explain;
use store::Scope;
use store::actors::{self, Filter, Order};
use store::scores::{self, Peak};

use crate::error::WebResult;
use crate::page::Score;
use crate::viz::{SPARK_DAYS, Spark, day_label, spark};

/// Rows of the table.
const ROWS: u32 = 10;

/// The panel.
pub(super) struct Top {
    /// Actors with points now.
    pub now: Vec<Row>,
    /// Actors without, with the highest of the last 14 days.
    pub lately: Vec<Row>,
    /// How many actors there are.
    pub all: i64,
}

/// One actor.
pub(super) struct Row {
    pub id: ActorId,
    pub name: String,
    pub kind: ActorKind,
    pub score: Score,
    /// The day of the score, when it is not of now.
    pub day: Option<String>,
    pub spark: Spark,
    pub why: String,
}

impl Top {
    pub(super) async fn of(scope: &Scope) -> WebResult<Self> {
        let threshold = scope.tenant.scoring.alert_threshold;
        let today = scope.now.utc_day();
        let since = today.plus(1 - SPARK_DAYS);
        let with_points = Filter {
            min_score: Some(Points::from_tenths(1)),
            ..Filter::default()
        };
        let current = actors::list(scope, &with_points, Order::Score, None, ROWS).await?;
        let mut peaks = scores::highest(scope, since, 2 * ROWS).await?;
        peaks.retain(|peak| current.iter().all(|actor| actor.id != peak.actor));
        peaks.truncate(ROWS as usize - current.len().min(ROWS as usize));
        let ids: Vec<ActorId> = current
            .iter()
            .map(|a| a.id)
            .chain(peaks.iter().map(|p| p.actor))
            .collect();
        let lines = Lines {
            days: scores::days_of(scope, &ids, since).await?,
            today,
            threshold,
        };
        let mut lately = Vec::new();
        for peak in peaks {
            let why = reasons(scope, &peak).await?;
            lately.push(Row {
                id: peak.actor,
                kind: peak.kind,
                score: lines.score(peak.score),
                day: Some(day_label(peak.day)),
                spark: lines.of(peak.actor),
                name: peak.name,
                why,
            });
        }
        let now = current.into_iter().map(|actor| Row {
            id: actor.id,
            kind: actor.kind,
            score: lines.score(actor.score),
            day: None,
            spark: lines.of(actor.id),
            why: actor.reasons.join(" · "),
            name: actor.name,
        });
        Ok(Self {
            now: now.collect(),
            lately,
            all: actors::count(scope).await?,
        })
    }
}

/// The reasons of a past score, from the numbers stored with it.
async fn reasons(scope: &Scope, peak: &Peak) -> WebResult<String> {
    // Only changes are stored: the row in force is the latest one up to the minute.
    let before = Some(peak.minute.plus(1));
    let rows = scores::of_actor(scope, peak.actor, before, 1).await?;
    let row = rows.first().filter(|row| row.score == peak.score);
    let short = row.map(|row| explain::short_rows(&row.judgement));
    Ok(short.map_or_else(String::new, |short: Vec<String>| short.join(" · ")))
}

/// The daily scores of all rows.
struct Lines {
    days: Vec<(ActorId, Day, Points)>,
    today: Day,
    threshold: Points,
}

impl Lines {
    fn of(&self, actor: ActorId) -> Spark {
        let own = self.days.iter().filter(|(id, ..)| *id == actor);
        let own: Vec<_> = own.map(|(_, day, score)| (*day, *score)).collect();
        spark(self.today, &own, self.threshold)
    }

    fn score(&self, points: Points) -> Score {
        Score {
            points,
            threshold: self.threshold,
        }
    }
}
