//! What an organisation says about its actors, each from a UTC day on.
//!
//! A row is in force from the day after the last closed one: what was judged stays as it was, and
//! deriving it again uses what was in force on each day.

use std::collections::{BTreeMap, HashMap};

use domain::actor::{ActorId, ActorKey, ActorKind};
use domain::actor_facts::ActorFacts;
use domain::id::TenantId;
use domain::time::{Day, Zone};
use serde::Serialize;

use crate::audit::{self, Change, NOTHING};
use crate::calibrated;
use crate::db::{Row, Target, Tx, execute_rows, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// What is said about an actor, and from which day on.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// About whom.
    pub actor: ActorId,
    /// The UTC day from which it is in force.
    pub since: Day,
    /// What.
    pub facts: ActorFacts,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// Actors about which nothing was said before.
    pub new: usize,
    /// Actors about which something else was said before.
    pub changed: usize,
    /// Actors about which the same was said before.
    pub unchanged: usize,
    /// Of all of them, those without any event yet: kept for their first.
    pub waiting: usize,
    /// The UTC day from which what is new is in force.
    #[serde(serialize_with = "as_date")]
    pub since: Day,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde wants")]
fn as_date<S: serde::Serializer>(day: &Day, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

const COLUMNS: &str = "SELECT actor_id, since, name, kind, zone, peer_group, attributes
 FROM actor_facts
 WHERE tenant_id = $1";

/// Takes in what is said about actors, by their names, all of it or nothing. With `dry` nothing is
/// written.
pub async fn import(
    scope: &Scope,
    said: &BTreeMap<ActorKey, ActorFacts>,
    dry: bool,
) -> Result<Imported> {
    let mut tx = scope.db.begin().await?;
    let since = calibrated::next_day(&mut tx, scope.tenant_id()).await?;
    let known: HashMap<ActorId, ActorFacts> = newest(&mut tx, scope.tenant_id()).await?;
    let mut done = Imported {
        new: 0,
        changed: 0,
        unchanged: 0,
        waiting: 0,
        since,
    };
    let mut rows = Vec::new();
    let mut kinds: BTreeMap<&'static str, Vec<ActorId>> = BTreeMap::new();
    let mut actors = Vec::with_capacity(said.len());
    for (key, facts) in said {
        let actor = key.identify(scope.tenant.key).0;
        actors.push(actor);
        match known.get(&actor) {
            Some(same) if same == facts => {
                done.unchanged += 1;
                continue;
            }
            Some(_) => done.changed += 1,
            None => done.new += 1,
        }
        if let Some(kind) = facts.kind {
            kinds.entry(kind.word()).or_default().push(actor);
        }
        rows.push((actor, key, facts));
    }
    done.waiting = actors.len() - seen(&mut tx, scope.tenant_id(), &actors).await?;
    if dry || rows.is_empty() {
        return Ok(done);
    }
    insert(&mut tx, scope, since, &rows).await?;
    for (kind, actors) in kinds {
        for chunk in actors.chunks(500) {
            sql("UPDATE actors SET kind = $2 WHERE tenant_id = $1 AND id IN ")
                .bind(scope.tenant_id())
                .bind(kind)
                .push_list(chunk.iter().copied())
                .execute(&mut tx)
                .await?;
        }
    }
    calibrated::criteria_changed(&mut tx, scope.tenant_id()).await?;
    let change = Change {
        action: "actors.import",
        kind: "actors",
        object: "actors",
    };
    audit::record(&mut tx, scope, change, NOTHING, Some(&done)).await?;
    tx.commit().await?;
    Ok(done)
}

async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    since: Day,
    rows: &[(ActorId, &ActorKey, &ActorFacts)],
) -> Result<()> {
    let mut values = Vec::with_capacity(rows.len());
    for (actor, key, facts) in rows {
        let attributes = serde_json::to_string(&facts.attributes)
            .map_err(|e| Error::Inconsistent(format!("attributes of an actor: {e}")))?;
        values.push(vec![
            scope.tenant_id().into(),
            (*actor).into(),
            since.into(),
            key.as_str().into(),
            facts.name.as_deref().into(),
            facts.kind.map(ActorKind::word).into(),
            facts.zone.as_ref().map(Zone::name).into(),
            facts.peer_group.as_deref().into(),
            attributes.into(),
            scope.now.into(),
        ]);
    }
    execute_rows(
        tx,
        "INSERT INTO actor_facts (tenant_id, actor_id, since, key, name, kind, zone, peer_group,
            attributes, told_at)
         VALUES ",
        values,
        " ON CONFLICT (tenant_id, actor_id, since) DO UPDATE SET name = excluded.name,
            kind = excluded.kind, zone = excluded.zone, peer_group = excluded.peer_group,
            attributes = excluded.attributes, told_at = excluded.told_at",
    )
    .await
}

/// How many of some actors have sent an event.
async fn seen(tx: &mut Tx, tenant: TenantId, actors: &[ActorId]) -> Result<usize> {
    let mut count = 0;
    for chunk in actors.chunks(500) {
        let n: i64 = sql("SELECT COUNT(*) AS n FROM actors WHERE tenant_id = $1 AND id IN ")
            .bind(tenant)
            .push_list(chunk.iter().copied())
            .fetch_one(&mut *tx)
            .await?
            .get("n")?;
        count += n as usize;
    }
    Ok(count)
}

async fn newest(tx: &mut Tx, tenant: TenantId) -> Result<HashMap<ActorId, ActorFacts>> {
    let rows = all(tx, tenant).await?;
    Ok(rows.into_iter().map(|t| (t.actor, t.facts)).collect())
}

/// Everything that was ever said about a tenant's actors, by actor, then by day.
pub async fn all(target: impl Into<Target<'_>>, tenant: TenantId) -> Result<Vec<Told>> {
    let rows = sql(COLUMNS)
        .bind(tenant)
        .push(" ORDER BY actor_id, since")
        .fetch_all(target)
        .await?;
    rows.iter().map(read).collect()
}

/// What was said last about some actors; those about whom nothing was said are missing.
pub async fn of(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, Told>> {
    let rows = sql(COLUMNS)
        .bind(tenant)
        .push(" AND actor_id IN ")
        .push_list(actors.iter().copied())
        .push(" ORDER BY actor_id, since")
        .fetch_all(target)
        .await?;
    // A later row takes the place of an earlier one.
    let told = rows.iter().map(|row| read(row).map(|t| (t.actor, t)));
    told.collect()
}

/// What was said last about an actor.
pub async fn find(scope: &Scope, actor: ActorId) -> Result<Option<Told>> {
    let mut found = of(&scope.db, scope.tenant_id(), &[actor]).await?;
    Ok(found.remove(&actor))
}

/// The actors of which the last that was said puts them into a group of peers, and that have sent
/// events.
pub async fn group(scope: &Scope, name: &str) -> Result<Vec<ActorId>> {
    let rows = sql("SELECT f.actor_id FROM actor_facts f
         JOIN actors a ON a.tenant_id = f.tenant_id AND a.id = f.actor_id
         WHERE f.tenant_id = $1 AND f.peer_group = $2 AND f.since =
            (SELECT MAX(l.since) FROM actor_facts l
             WHERE l.tenant_id = f.tenant_id AND l.actor_id = f.actor_id)
         ORDER BY f.actor_id")
    .bind(scope.tenant_id())
    .bind(name)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| Ok(ActorId(row.get("actor_id")?)))
        .collect()
}

fn read(row: &Row) -> Result<Told> {
    let zone: Option<String> = row.get("zone")?;
    let kind: Option<String> = row.get("kind")?;
    Ok(Told {
        actor: ActorId(row.get("actor_id")?),
        since: Day(row.get::<i64>("since")? as i32),
        facts: ActorFacts {
            name: row.get("name")?,
            kind: kind.as_deref().and_then(ActorKind::from_word),
            zone: zone.and_then(|zone| Zone::named(&zone).ok()),
            peer_group: row.get("peer_group")?,
            attributes: row.json("attributes")?,
        },
    })
}
