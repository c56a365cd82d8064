//! Reading scores: an actor's path, the highest of each day, the export.

use domain::actor::{ActorId, ActorKind};
use domain::score::{Judgement, Points};
use domain::time::{Day, Minute};

use crate::db::sql;
use crate::error::Result;
use crate::scope::Scope;

/// One scored minute at which the points changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// The minute.
    pub minute: Minute,
    /// The score.
    pub score: Points,
    /// All the numbers.
    pub judgement: Judgement,
    /// Why it was scored: `in order` or `late event`.
    pub cause: String,
}

/// One page of an actor's score path, newest first, before a given minute.
pub async fn of_actor(
    scope: &Scope,
    actor: ActorId,
    before: Option<Minute>,
    limit: u32,
) -> Result<Vec<ScoreRow>> {
    let rows = sql("SELECT minute, score, assessment, cause
         FROM scores
         WHERE tenant_id = $1 AND actor_id = $2 AND minute < $3
         ORDER BY minute DESC
         LIMIT $4")
    .bind(scope.tenant_id())
    .bind(actor)
    .bind(before.unwrap_or(Minute(i64::MAX)))
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ScoreRow {
                minute: Minute(row.get("minute")?),
                score: row.points("score")?,
                judgement: row.json("assessment")?,
                cause: row.get("cause")?,
            })
        })
        .collect()
}

/// The highest score of one day of one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// Who.
    pub actor: ActorId,
    /// Name as first sent.
    pub name: String,
    /// UTC date.
    pub day: Day,
    /// Highest score.
    pub score: Points,
    /// Whether it reached the alert threshold.
    pub alerted: bool,
}

/// The first and last day that were scored.
pub async fn range(scope: &Scope) -> Result<Option<(Day, Day)>> {
    let row =
        sql("SELECT MIN(day) AS first, MAX(day) AS last FROM score_days WHERE tenant_id = $1")
            .bind(scope.tenant_id())
            .fetch_one(&scope.db)
            .await?;
    let first: Option<i64> = row.get("first")?;
    let last: Option<i64> = row.get("last")?;
    Ok(first
        .zip(last)
        .map(|(first, last)| (Day(first as i32), Day(last as i32))))
}

/// Every active actor of one UTC day, ordered by folded name in byte order on both engines.
pub async fn of_day(scope: &Scope, day: Day) -> Result<Vec<DayRow>> {
    let rows = sql("SELECT d.actor_id, d.score, d.alerted, a.name, a.key
         FROM score_days d
         JOIN actors a ON a.tenant_id = d.tenant_id AND a.id = d.actor_id
         WHERE d.tenant_id = $1 AND d.day = $2")
    .bind(scope.tenant_id())
    .bind(day)
    .fetch_all(&scope.db)
    .await?;
    let mut keyed: Vec<(String, DayRow)> = rows
        .iter()
        .map(|row| {
            let day_row = DayRow {
                actor: ActorId(row.get("actor_id")?),
                name: row.get("name")?,
                day,
                score: row.points("score")?,
                alerted: row.get("alerted")?,
            };
            Ok((row.get("key")?, day_row))
        })
        .collect::<Result<_>>()?;
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// The highest scores of the last days of some actors, for drawing lines.
pub async fn days_of(
    scope: &Scope,
    actors: &[ActorId],
    since: Day,
) -> Result<Vec<(ActorId, Day, Points)>> {
    let rows =
        sql("SELECT actor_id, day, score FROM score_days WHERE tenant_id = $1 AND day >= $2")
            .bind(scope.tenant_id())
            .bind(since)
            .push(" AND actor_id IN ")
            .push_list(actors.iter().copied())
            .push(" ORDER BY actor_id, day")
            .fetch_all(&scope.db)
            .await?;
    rows.iter()
        .map(|row| {
            Ok((
                ActorId(row.get("actor_id")?),
                Day(row.get::<i64>("day")? as i32),
                row.points("score")?,
            ))
        })
        .collect()
}

/// The highest score an actor reached on any day of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peak {
    /// Who.
    pub actor: ActorId,
    /// Name as first sent.
    pub name: String,
    /// What sort of actor.
    pub kind: ActorKind,
    /// UTC date of the score.
    pub day: Day,
    /// The minute it was first reached in.
    pub minute: Minute,
    /// The score.
    pub score: Points,
}

/// The actors with the highest scores since a day, each with its latest highest day. Actors
/// without any points are missing.
pub async fn highest(scope: &Scope, since: Day, limit: u32) -> Result<Vec<Peak>> {
    let rows = sql("SELECT p.actor_id, p.day, p.minute, p.score, a.name, a.kind
         FROM (
            SELECT tenant_id, actor_id, day, minute, score,
                ROW_NUMBER() OVER (PARTITION BY actor_id ORDER BY score DESC, day DESC) AS place
            FROM score_days
            WHERE tenant_id = $1 AND day >= $2 AND score > 0
         ) AS p
         JOIN actors a ON a.tenant_id = p.tenant_id AND a.id = p.actor_id
         WHERE p.place = 1
         ORDER BY p.score DESC, p.day DESC, p.actor_id
         LIMIT $3")
    .bind(scope.tenant_id())
    .bind(since)
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Peak {
                actor: ActorId(row.get("actor_id")?),
                name: row.get("name")?,
                kind: row.parse("kind", ActorKind::from_word)?,
                day: Day(row.get::<i64>("day")? as i32),
                minute: Minute(row.get("minute")?),
                score: row.points("score")?,
            })
        })
        .collect()
}
