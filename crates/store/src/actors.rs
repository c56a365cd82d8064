//! Actors: who acts, how risky now, what is usual.

use domain::actor::{ActorId, ActorKind};
use domain::baseline::BaselineView;
use domain::score::Points;
use domain::time::Timestamp;

use crate::db::{Row, Statement, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// An actor as listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// Identity.
    pub id: ActorId,
    /// Name as first sent.
    pub name: String,
    /// Folded name, the order of the list by name.
    pub key: String,
    /// What sort of actor.
    pub kind: ActorKind,
    /// Earliest event.
    pub first_seen_at: Timestamp,
    /// Latest event.
    pub last_seen_at: Timestamp,
    /// Score now: it falls as windows empty.
    pub score: Points,
    /// The instant the score was last judged at.
    pub score_at: Timestamp,
    /// Reasons of the score in a few words each.
    pub reasons: Vec<String>,
    /// Active days in the 14-day view.
    pub baseline_days: u32,
    /// Alerts that are not closed.
    pub open_alerts: i64,
}

/// Order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Highest score first.
    #[default]
    Score,
    /// Latest event first.
    LastSeen,
    /// By name.
    Name,
}

/// Which actors to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only names that contain this text.
    pub text: Option<String>,
    /// Only this kind.
    pub kind: Option<ActorKind>,
    /// Only scores of at least this.
    pub min_score: Option<Points>,
}

/// The place after which a page continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The last row's value of the order: tenths, microseconds or folded name.
    pub key: String,
    /// The last row's id.
    pub id: ActorId,
}

const COLUMNS: &str = "SELECT a.id, a.name, a.key, a.kind, a.first_seen_at, a.last_seen_at,
    a.score, a.score_at, a.reasons, a.baseline_days,
    (SELECT COUNT(*) FROM alerts l
     WHERE l.tenant_id = a.tenant_id AND l.actor_id = a.id AND l.closed_at IS NULL) AS open_alerts
 FROM actors a
 WHERE a.tenant_id = $1";

/// One page of actors.
pub async fn list(
    scope: &Scope,
    filter: &Filter,
    order: Order,
    after: Option<&After>,
    limit: u32,
) -> Result<Vec<Actor>> {
    let mut query = filtered(sql(COLUMNS).bind(scope.tenant_id()), filter);
    if let Some(after) = after {
        let number = after.key.parse::<i64>().unwrap_or_default();
        query = match order {
            Order::Score => query
                .push(" AND (a.score < ")
                .push_bind(number)
                .push(" OR (a.score = ")
                .push_bind(number)
                .push(" AND a.id > ")
                .push_bind(after.id)
                .push("))"),
            Order::LastSeen => query
                .push(" AND (a.last_seen_at, a.id) < (")
                .push_bind(number)
                .push(", ")
                .push_bind(after.id)
                .push(")"),
            Order::Name => query
                .push(" AND (a.key, a.id) > (")
                .push_bind(&after.key)
                .push(", ")
                .push_bind(after.id)
                .push(")"),
        };
    }
    let query = query.push(match order {
        Order::Score => " ORDER BY a.score DESC, a.id LIMIT ",
        Order::LastSeen => " ORDER BY a.last_seen_at DESC, a.id DESC LIMIT ",
        Order::Name => " ORDER BY a.key, a.id LIMIT ",
    });
    let rows = query.push_bind(limit).fetch_all(&scope.db).await?;
    rows.iter().map(read).collect()
}

fn filtered(mut query: Statement, filter: &Filter) -> Statement {
    if let Some(text) = filter.text.as_deref().filter(|t| !t.trim().is_empty()) {
        let pattern = crate::db::like(text);
        query = query
            .push(" AND a.key LIKE ")
            .push_bind(pattern)
            .push(" ESCAPE '!'");
    }
    if let Some(kind) = filter.kind {
        query = query.push(" AND a.kind = ").push_bind(kind.word());
    }
    if let Some(score) = filter.min_score {
        query = query.push(" AND a.score >= ").push_bind(score);
    }
    query
}

/// How many actors match.
pub async fn count_matching(scope: &Scope, filter: &Filter) -> Result<i64> {
    let start = sql("SELECT COUNT(*) AS n FROM actors a WHERE a.tenant_id = $1");
    filtered(start.bind(scope.tenant_id()), filter)
        .fetch_one(&scope.db)
        .await?
        .get("n")
}

/// How many actors there are.
pub async fn count(scope: &Scope) -> Result<i64> {
    sql("SELECT COUNT(*) AS n FROM actors WHERE tenant_id = $1")
        .bind(scope.tenant_id())
        .fetch_one(&scope.db)
        .await?
        .get("n")
}

/// One actor.
pub async fn find(scope: &Scope, id: ActorId) -> Result<Actor> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND a.id = ")
        .push_bind(id)
        .fetch_one(&scope.db)
        .await?;
    read(&row)
}

/// The stored 14-day view of an actor; `None` before the first baseline run after its first event.
pub async fn baseline(scope: &Scope, id: ActorId) -> Result<Option<BaselineView>> {
    let row = sql("SELECT baseline FROM actors WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(id)
        .fetch_one(&scope.db)
        .await?;
    let text: Option<String> = row.get("baseline")?;
    text.map(|t| serde_json::from_str(&t))
        .transpose()
        .map_err(|e| Error::Inconsistent(format!("actors.baseline of {id:?}: {e}")))
}

/// How many actors have how many baseline days: (10 or more, 3 to 9, fewer).
pub async fn baseline_confidence(scope: &Scope) -> Result<(i64, i64, i64)> {
    let row = sql("SELECT
            COUNT(CASE WHEN baseline_days >= 10 THEN 1 END) AS good,
            COUNT(CASE WHEN baseline_days BETWEEN 3 AND 9 THEN 1 END) AS fair,
            COUNT(CASE WHEN baseline_days < 3 THEN 1 END) AS young
         FROM actors
         WHERE tenant_id = $1")
    .bind(scope.tenant_id())
    .fetch_one(&scope.db)
    .await?;
    Ok((row.get("good")?, row.get("fair")?, row.get("young")?))
}

/// Whether any actor has a complete day behind it.
pub async fn any_baseline(scope: &Scope) -> Result<bool> {
    let found = sql("SELECT id FROM actors WHERE tenant_id = $1 AND baseline_days > 0 LIMIT 1")
        .bind(scope.tenant_id())
        .fetch_optional(&scope.db)
        .await?;
    Ok(found.is_some())
}

fn read(row: &Row) -> Result<Actor> {
    Ok(Actor {
        id: ActorId(row.get("id")?),
        name: row.get("name")?,
        key: row.get("key")?,
        kind: row.parse("kind", ActorKind::from_word)?,
        first_seen_at: row.time("first_seen_at")?,
        last_seen_at: row.time("last_seen_at")?,
        score: row.points("score")?,
        score_at: row.time("score_at")?,
        reasons: row.json("reasons")?,
        baseline_days: row.get::<i64>("baseline_days")? as u32,
        open_alerts: row.get("open_alerts")?,
    })
}
