//! Suppressions: points that do not count for a while, and what they hid.

use std::collections::HashMap;

use domain::actor::ActorId;
use domain::alert::AlertCode;
use domain::id::{SourceId, TenantId};
use domain::rule::RuleName;
use domain::score::{Judgement, Points};
use domain::suppression::{Aim, Attribute, Suppression, SuppressionCode};
use domain::time::{Day, Minute, Timestamp};
use serde::Serialize;

use crate::audit::{self, Change, NOTHING};
use crate::db::{Row, Target, Tx, execute_rows, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

const COLUMNS: &str = "SELECT s.number, s.actor_id, s.rule, s.attribute, s.value, s.source_id,
    s.reason, s.owner, s.alert, s.created_at, s.expires_at, s.revoked_at, s.revoked_by
 FROM suppressions s
 WHERE s.tenant_id = $1";

/// A suppression about to be made.
#[derive(Debug, Clone)]
pub struct New {
    /// Which points.
    pub aim: Aim,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The alert it is made from.
    pub alert: Option<AlertCode>,
}

/// What the audit log keeps.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Audited {
    actor: Option<String>,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    reason: String,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

impl Audited {
    fn of(one: &Suppression) -> Self {
        let attribute = one.aim.attribute.as_ref();
        Self {
            actor: one.aim.actor.map(ActorId::code),
            rule: one.aim.rule.word().to_owned(),
            attribute: attribute.map(Attribute::word),
            value: attribute.map(Attribute::value),
            reason: one.reason.clone(),
            expires_at: one.expires_at,
            revoked_at: one.revoked_at,
        }
    }
}

/// Makes a suppression: from now on, never backwards.
pub async fn create(scope: &Scope, new: &New) -> Result<Suppression> {
    let mut tx = scope.db.begin().await?;
    // Also serialises the makers of numbers.
    judge_anew(&mut tx, scope.tenant_id()).await?;
    let number: i64 = sql("SELECT COALESCE(MAX(number), 0) + 1 AS n FROM suppressions
         WHERE tenant_id = $1")
    .bind(scope.tenant_id())
    .fetch_one(&mut tx)
    .await?
    .get("n")?;
    let attribute = new.aim.attribute.as_ref();
    let source = match attribute {
        Some(Attribute::Source { id, .. }) => Some(id.0),
        _ => None,
    };
    sql(
        "INSERT INTO suppressions (tenant_id, number, actor_id, rule, attribute, value, source_id,
            reason, owner, alert, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(scope.tenant_id())
    .bind(number)
    .bind(new.aim.actor.map(|actor| actor.0))
    .bind(new.aim.rule.word())
    .bind(attribute.map(Attribute::word))
    .bind(attribute.map(Attribute::value))
    .bind(source)
    .bind(new.reason.trim())
    .bind(scope.principal.name())
    .bind(new.alert.map(|code| code.0))
    .bind(scope.now)
    .bind(new.expires_at)
    .execute(&mut tx)
    .await?;
    let code = SuppressionCode(number);
    let made = find_in(&mut tx, scope, code).await?;
    let object = code.to_string();
    let change = changed("suppression.create", &object);
    audit::record(&mut tx, scope, change, NOTHING, Some(&Audited::of(&made))).await?;
    tx.commit().await?;
    Ok(made)
}

fn changed<'a>(action: &'static str, object: &'a str) -> Change<'a> {
    Change {
        action,
        kind: "suppression",
        object,
    }
}

/// Lets scores be judged with what is in force now.
async fn judge_anew(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    sql("UPDATE tenants SET criteria_version = criteria_version + 1 WHERE id = $1")
        .bind(tenant)
        .execute(tx)
        .await
        .map(drop)
}

/// Ends a suppression now. One that has ended stays as it is.
pub async fn revoke(scope: &Scope, code: SuppressionCode) -> Result<Suppression> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, code).await?;
    let ended = sql("UPDATE suppressions SET revoked_at = $3, revoked_by = $4
         WHERE tenant_id = $1 AND number = $2 AND revoked_at IS NULL AND expires_at > $3")
    .bind(scope.tenant_id())
    .bind(code.0)
    .bind(scope.now)
    .bind(scope.principal.name())
    .execute(&mut tx)
    .await?;
    if ended == 0 {
        return Ok(before);
    }
    judge_anew(&mut tx, scope.tenant_id()).await?;
    let after = find_in(&mut tx, scope, code).await?;
    let object = code.to_string();
    let change = changed("suppression.revoke", &object);
    let (from, to) = (Audited::of(&before), Audited::of(&after));
    audit::record(&mut tx, scope, change, Some(&from), Some(&to)).await?;
    tx.commit().await?;
    Ok(after)
}

/// One suppression.
pub async fn find(scope: &Scope, code: SuppressionCode) -> Result<Suppression> {
    find_in(&scope.db, scope, code).await
}

async fn find_in(
    target: impl Into<Target<'_>>,
    scope: &Scope,
    code: SuppressionCode,
) -> Result<Suppression> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND s.number = ")
        .push_bind(code.0)
        .fetch_one(target)
        .await?;
    read(&row)
}

/// Suppressions of any state, newest first, before a given one.
pub async fn list(
    scope: &Scope,
    before: Option<SuppressionCode>,
    limit: u32,
) -> Result<Vec<Suppression>> {
    let rows = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND s.number < ")
        .push_bind(before.map_or(i64::MAX, |code| code.0))
        .push(" ORDER BY s.number DESC LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// Those in force now, the soonest to end first.
pub async fn active(scope: &Scope) -> Result<Vec<Suppression>> {
    let rows = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND s.revoked_at IS NULL AND s.expires_at > ")
        .push_bind(scope.now)
        .push(" ORDER BY s.expires_at, s.number")
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// Every suppression of a tenant in the order of their making, ended ones too: minutes of the past
/// are judged with what was in force then.
pub async fn of_tenant(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
) -> Result<Vec<Suppression>> {
    let rows = sql(COLUMNS)
        .bind(tenant)
        .push(" ORDER BY s.number")
        .fetch_all(target)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Suppression> {
    let word: Option<String> = row.get("attribute")?;
    let value: Option<String> = row.get("value")?;
    let source: Option<i64> = row.get("source_id")?;
    let value = value.unwrap_or_default();
    let unreadable = || Error::Inconsistent("suppressions.attribute".to_owned());
    let attribute = match word.as_deref() {
        None => None,
        Some("address") => Some(Attribute::Address(value.parse().map_err(|_| unreadable())?)),
        Some("resource") => Some(Attribute::Resource(value)),
        Some("source") => Some(Attribute::Source {
            id: SourceId(source.ok_or_else(unreadable)?),
            slug: value,
        }),
        Some(_) => return Err(unreadable()),
    };
    let alert: Option<i64> = row.get("alert")?;
    Ok(Suppression {
        code: SuppressionCode(row.get("number")?),
        aim: Aim {
            actor: row.get::<Option<i64>>("actor_id")?.map(ActorId),
            rule: row.parse("rule", RuleName::parse)?,
            attribute,
        },
        reason: row.get("reason")?,
        owner: row.get("owner")?,
        alert: alert.map(AlertCode),
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        revoked_by: row.get("revoked_by")?,
    })
}

/// What a suppression hid of an actor on a UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Number of the suppression.
    pub number: i64,
    /// Whose points.
    pub actor: ActorId,
    /// The day.
    pub day: Day,
    /// The most points at once.
    pub points: Points,
    /// Whether the score would have reached the alert threshold with them and did not without.
    pub alert_hidden: bool,
}

/// Stores what was hidden; of a day that is known already, the most.
pub async fn save_hits(tx: &mut Tx, tenant: TenantId, hits: Vec<Hit>) -> Result<()> {
    let row = |hit: Hit| {
        vec![
            tenant.into(),
            hit.number.into(),
            hit.actor.into(),
            hit.day.into(),
            hit.points.into(),
            hit.alert_hidden.into(),
        ]
    };
    execute_rows(
        tx,
        "INSERT INTO suppression_hits (tenant_id, number, actor_id, day, points, alert_hidden)
         VALUES ",
        hits.into_iter().map(row).collect(),
        " ON CONFLICT (tenant_id, number, actor_id, day) DO UPDATE SET
            points = CASE WHEN excluded.points > suppression_hits.points THEN excluded.points
                ELSE suppression_hits.points END,
            alert_hidden = CASE WHEN suppression_hits.alert_hidden
                THEN suppression_hits.alert_hidden ELSE excluded.alert_hidden END",
    )
    .await
}

/// Forgets what was hidden of an actor on one day, because it is judged again.
pub async fn forget_hits(tx: &mut Tx, tenant: TenantId, actor: ActorId, day: Day) -> Result<()> {
    sql("DELETE FROM suppression_hits WHERE tenant_id = $1 AND actor_id = $2 AND day = $3")
        .bind(tenant)
        .bind(actor)
        .bind(day)
        .execute(tx)
        .await
        .map(drop)
}

/// What a suppression hid so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hidden {
    /// Days of actors on which points did not count.
    pub days: i64,
    /// Of these, days whose score would have reached the threshold.
    pub alerts: i64,
}

/// What every suppression hid so far; those that hid nothing are missing.
pub async fn hidden(scope: &Scope) -> Result<HashMap<SuppressionCode, Hidden>> {
    let rows = sql("SELECT number, COUNT(*) AS days,
            CAST(SUM(CASE WHEN alert_hidden THEN 1 ELSE 0 END) AS BIGINT) AS alerts
         FROM suppression_hits
         WHERE tenant_id = $1
         GROUP BY number")
    .bind(scope.tenant_id())
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            let hidden = Hidden {
                days: row.get("days")?,
                alerts: row.get("alerts")?,
            };
            Ok((SuppressionCode(row.get("number")?), hidden))
        })
        .collect()
}

/// What was hidden of an actor since a day, newest first.
pub async fn hits_of_actor(scope: &Scope, actor: ActorId, since: Day) -> Result<Vec<Hit>> {
    let rows = sql("SELECT number, actor_id, day, points, alert_hidden
         FROM suppression_hits
         WHERE tenant_id = $1 AND actor_id = $2 AND day >= $3
         ORDER BY day DESC, number
         LIMIT 100")
    .bind(scope.tenant_id())
    .bind(actor)
    .bind(since)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Hit {
                number: row.get("number")?,
                actor: ActorId(row.get("actor_id")?),
                day: Day(row.get::<i64>("day")? as i32),
                points: row.points("points")?,
                alert_hidden: row.get("alert_hidden")?,
            })
        })
        .collect()
}

/// One score of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Whose.
    pub actor: ActorId,
    /// The judgement with its rows.
    pub judgement: Judgement,
}

/// Scores of an actor, or of everybody, since a minute, newest first.
pub async fn scored_since(
    scope: &Scope,
    actor: Option<ActorId>,
    since: Minute,
    limit: u32,
) -> Result<Vec<Scored>> {
    let mut query =
        sql("SELECT actor_id, assessment FROM scores WHERE tenant_id = $1").bind(scope.tenant_id());
    if let Some(actor) = actor {
        query = query.push(" AND actor_id = ").push_bind(actor);
    }
    let rows = query
        .push(" AND minute >= ")
        .push_bind(since)
        .push(" AND score > 0 ORDER BY minute DESC, actor_id LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Scored {
                actor: ActorId(row.get("actor_id")?),
                judgement: row.json("assessment")?,
            })
        })
        .collect()
}
