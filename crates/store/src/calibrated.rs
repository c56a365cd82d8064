//! What the calibrated grading remembers of an organisation and of its actors, and what its closed
//! days came to.

use std::collections::HashMap;

use domain::actor::{ActorId, Partition};
use domain::id::TenantId;
use domain::score::Points;
use domain::time::{Day, Timestamp};

use crate::db::{Db, Target, Tx, execute_rows, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// One organisation's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Counts up with every write.
    pub revision: i64,
    /// Last closed UTC day.
    pub closed: Option<Day>,
    /// After that day, as bytes.
    pub state: Vec<u8>,
    /// Before that day was closed.
    pub before: Option<Vec<u8>>,
    /// Set while events are derived again: alerts open from this day on.
    pub rebuilding_from: Option<Day>,
    /// Events that came after their day was closed for good and are not derived yet.
    pub late: i64,
    /// The earliest day of one of them.
    pub late_from: Option<Day>,
    /// Wall clock of the last derivation from events.
    pub rebuilt_at: Timestamp,
    /// Whether closed days were left out or taken back since, and when that is to be derived.
    pub changed: Option<Again>,
}

/// When everything is to be derived again because what people said about closed days changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// With the next late events, or after the same wait.
    Sometime = 1,
    /// With the next pass.
    Now = 2,
}

/// The memory of an organisation; `None` when nothing was derived yet.
pub async fn organisation(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
) -> Result<Option<Remembered>> {
    let row = sql(
        "SELECT revision, closed, state, before, rebuilding_from, late, late_from, rebuilt_at,
            changed
         FROM calibrated_organisations
         WHERE tenant_id = $1",
    )
    .bind(tenant)
    .fetch_optional(target)
    .await?;
    let day = |value: Option<i64>| value.map(|day| Day(day as i32));
    row.map(|row| {
        Ok(Remembered {
            revision: row.get("revision")?,
            closed: day(row.get("closed")?),
            state: row.get("state")?,
            before: row.get("before")?,
            rebuilding_from: day(row.get("rebuilding_from")?),
            late: row.get("late")?,
            late_from: day(row.get("late_from")?),
            rebuilt_at: row.time("rebuilt_at")?,
            changed: match row.get::<i64>("changed")? {
                0 => None,
                1 => Some(Again::Sometime),
                _ => Some(Again::Now),
            },
        })
    })
    .transpose()
}

/// The UTC day from which on something said now is in force: the one after the last closed day, or
/// the first of all when none is closed.
///
/// Whoever closes a day at the same time fails and begins anew: a day is read either before or
/// after a change, never both.
pub(crate) async fn next_day(tx: &mut Tx, tenant: TenantId) -> Result<Day> {
    let row = sql("UPDATE calibrated_organisations SET revision = revision + 1
         WHERE tenant_id = $1
         RETURNING closed")
    .bind(tenant)
    .fetch_optional(tx)
    .await?;
    let closed: Option<i64> = row.map(|row| row.get("closed")).transpose()?.flatten();
    Ok(closed.map_or(Day(0), |day| Day(day as i32).plus(1)))
}

/// Makes everything be derived again when a day from one on is closed already. False where nothing
/// is derived.
pub(crate) async fn derive_again(
    tx: &mut Tx,
    tenant: TenantId,
    from: Day,
    when: Again,
) -> Result<bool> {
    let changed = sql(
        "UPDATE calibrated_organisations SET revision = revision + 1,
            changed = CASE WHEN closed >= $2 AND changed < $3 THEN $3 ELSE changed END
         WHERE tenant_id = $1",
    )
    .bind(tenant)
    .bind(from)
    .bind(when as i64)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Makes the worker notice that what it judges by has changed.
pub(crate) async fn criteria_changed(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    sql("UPDATE tenants SET criteria_version = criteria_version + 1 WHERE id = $1")
        .bind(tenant)
        .execute(tx)
        .await
        .map(drop)
}

/// Stores the memory of an organisation over the revision it was read with; 0 when there was none.
///
/// Fails with [`Error::LeaseLost`] when somebody else has written since.
pub async fn save_organisation(
    tx: &mut Tx,
    tenant: TenantId,
    kept: &Remembered,
    now: Timestamp,
) -> Result<()> {
    let day = |day: Option<Day>| day.map(|day| i64::from(day.0));
    let changed = sql(
        "INSERT INTO calibrated_organisations (tenant_id, revision, closed, state, before,
            rebuilding_from, late, late_from, rebuilt_at, updated_at, changed)
         VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (tenant_id) DO UPDATE SET revision = excluded.revision,
            closed = excluded.closed, state = excluded.state, before = excluded.before,
            rebuilding_from = excluded.rebuilding_from, late = excluded.late,
            late_from = excluded.late_from, rebuilt_at = excluded.rebuilt_at,
            updated_at = excluded.updated_at, changed = excluded.changed
         WHERE calibrated_organisations.revision = $2",
    )
    .bind(tenant)
    .bind(kept.revision)
    .bind(day(kept.closed))
    .bind(kept.state.as_slice())
    .bind(crate::db::bytes(kept.before.clone()))
    .bind(day(kept.rebuilding_from))
    .bind(kept.late)
    .bind(day(kept.late_from))
    .bind(kept.rebuilt_at)
    .bind(now)
    .bind(kept.changed.map_or(0, |again| again as i64))
    .execute(tx)
    .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::LeaseLost)
    }
}

/// Forgets everything that was derived, because another grading is in force or because it is
/// derived anew. Scores and alerts stay.
pub async fn forget(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    for text in [
        "DELETE FROM calibrated_states WHERE tenant_id = $1",
        "DELETE FROM calibrated_days WHERE tenant_id = $1",
        "DELETE FROM calibrated_organisations WHERE tenant_id = $1",
    ] {
        sql(text).bind(tenant).execute(&mut *tx).await?;
    }
    Ok(())
}

/// One actor's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whose.
    pub actor: ActorId,
    /// Share of the scoring work.
    pub part: Partition,
    /// The last closed day on which it was active.
    pub day: Day,
    /// After that day, as bytes.
    pub state: Vec<u8>,
    /// Before that day; `None` when it was the first.
    pub before: Option<Vec<u8>>,
}

/// The pasts of some actors; those without one are missing.
pub async fn states(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, State>> {
    let rows = sql("SELECT actor_id, part, day, state, before
         FROM calibrated_states
         WHERE tenant_id = $1 AND actor_id IN ")
    .bind(tenant)
    .push_list(actors.iter().copied())
    .fetch_all(target)
    .await?;
    rows.iter()
        .map(|row| {
            let state = State {
                actor: ActorId(row.get("actor_id")?),
                part: Partition(row.get::<i64>("part")? as u8),
                day: Day(row.get::<i64>("day")? as i32),
                state: row.get("state")?,
                before: row.get("before")?,
            };
            Ok((state.actor, state))
        })
        .collect()
}

/// Stores pasts.
pub async fn save_states(tx: &mut Tx, tenant: TenantId, states: Vec<State>) -> Result<()> {
    let row = |s: State| {
        vec![
            tenant.into(),
            s.actor.into(),
            s.part.into(),
            s.day.into(),
            s.state.into(),
            crate::db::bytes(s.before),
        ]
    };
    execute_rows(
        tx,
        "INSERT INTO calibrated_states (tenant_id, actor_id, part, day, state, before)
         VALUES ",
        states.into_iter().map(row).collect(),
        " ON CONFLICT (tenant_id, actor_id) DO UPDATE SET day = excluded.day,
            state = excluded.state, before = excluded.before",
    )
    .await
}

/// What one closed day came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClosedDay {
    /// Which UTC day.
    pub day: Day,
    /// Actors known by then.
    pub actors: u32,
    /// Actor-days judged.
    pub judged: u32,
    /// Of these, at or above the alert threshold.
    pub alerted: u32,
    /// Of these, of actors with too few days of their own.
    pub without_habits: u32,
    /// Whether the organisation itself was too young.
    pub young: bool,
    /// Classes of action whose source was silent: nothing was learnt about them.
    pub silent: Vec<String>,
    /// Events that came after the day was closed for good.
    pub late: i64,
}

/// Stores what closed days came to. Late events stay counted.
pub async fn save_days(tx: &mut Tx, tenant: TenantId, days: Vec<ClosedDay>) -> Result<()> {
    let row = |d: ClosedDay| {
        let silent = serde_json::to_string(&d.silent).unwrap_or_else(|_| "[]".to_owned());
        vec![
            tenant.into(),
            d.day.into(),
            d.actors.into(),
            d.judged.into(),
            d.alerted.into(),
            d.without_habits.into(),
            i64::from(d.young).into(),
            silent.into(),
            d.late.into(),
        ]
    };
    execute_rows(
        tx,
        "INSERT INTO calibrated_days (tenant_id, day, actors, judged, alerted, without_habits,
            young, silent, late)
         VALUES ",
        days.into_iter().map(row).collect(),
        " ON CONFLICT (tenant_id, day) DO UPDATE SET actors = excluded.actors,
            judged = excluded.judged, alerted = excluded.alerted,
            without_habits = excluded.without_habits, young = excluded.young,
            silent = excluded.silent",
    )
    .await
}

/// Counts events that came after their day was closed for good.
pub async fn count_late(tx: &mut Tx, tenant: TenantId, late: &[(Day, i64)]) -> Result<()> {
    for (day, events) in late {
        sql("UPDATE calibrated_days SET late = late + $3 WHERE tenant_id = $1 AND day = $2")
            .bind(tenant)
            .bind(*day)
            .bind(*events)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// What the closed days from one on came to, newest first.
pub async fn days(scope: &Scope, since: Day) -> Result<Vec<ClosedDay>> {
    let rows = sql(
        "SELECT day, actors, judged, alerted, without_habits, young, silent, late
         FROM calibrated_days
         WHERE tenant_id = $1 AND day >= $2
         ORDER BY day DESC",
    )
    .bind(scope.tenant_id())
    .bind(since)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ClosedDay {
                day: Day(row.get::<i64>("day")? as i32),
                actors: row.get::<i64>("actors")? as u32,
                judged: row.get::<i64>("judged")? as u32,
                alerted: row.get::<i64>("alerted")? as u32,
                without_habits: row.get::<i64>("without_habits")? as u32,
                young: row.get::<i64>("young")? != 0,
                silent: row.json("silent")?,
                late: row.get("late")?,
            })
        })
        .collect()
}

/// The score now of some actors: that of their newest day so far.
#[derive(Debug)]
pub struct ScoreNow {
    /// Whose.
    pub actor: ActorId,
    /// The score.
    pub score: Points,
    /// The instant it was judged at.
    pub at: Timestamp,
    /// Reasons as a JSON list.
    pub reasons: String,
}

/// Stores scores now.
pub async fn save_scores_now(tx: &mut Tx, tenant: TenantId, rows: Vec<ScoreNow>) -> Result<()> {
    let row = |s: ScoreNow| {
        vec![
            tenant.into(),
            s.actor.into(),
            s.score.into(),
            s.at.into(),
            s.reasons.into(),
        ]
    };
    execute_rows(
        tx,
        "UPDATE actors SET score = v.column3, score_at = v.column4, reasons = v.column5
         FROM (VALUES ",
        rows.into_iter().map(row).collect(),
        ") AS v
         WHERE actors.tenant_id = v.column1 AND actors.id = v.column2",
    )
    .await
}

/// Lets the scores of everybody fall who was not active since a day.
pub async fn let_fall(tx: &mut Tx, tenant: TenantId, since: Day) -> Result<()> {
    sql("UPDATE actors SET score = 0, score_at = $2, reasons = '[]'
         WHERE tenant_id = $1 AND score > 0 AND last_seen_at < $2")
    .bind(tenant)
    .bind(since.utc_start())
    .execute(tx)
    .await
    .map(drop)
}

/// Stores the scores of days, whatever they were before: the day so far may turn out lower when
/// others do the same, and a closed day is what it came to.
pub async fn replace_score_days(
    tx: &mut Tx,
    tenant: TenantId,
    updates: Vec<crate::scoring::DayUpdate>,
    now: Timestamp,
) -> Result<()> {
    let row = |u: crate::scoring::DayUpdate| {
        vec![
            tenant.into(),
            u.minute.start().utc_day().into(),
            u.actor.into(),
            u.part.into(),
            u.score.into(),
            u.minute.into(),
            u.alerted.into(),
            now.into(),
        ]
    };
    execute_rows(
        tx,
        "INSERT INTO score_days (tenant_id, day, actor_id, part, score, minute, alerted,
            scored_at)
         VALUES ",
        updates.into_iter().map(row).collect(),
        " ON CONFLICT (tenant_id, day, actor_id) DO UPDATE SET score = excluded.score,
            minute = excluded.minute, alerted = excluded.alerted, scored_at = excluded.scored_at",
    )
    .await
}

/// Which organisations have something derived.
pub async fn derived(db: &Db) -> Result<Vec<TenantId>> {
    let rows = sql("SELECT tenant_id FROM calibrated_organisations")
        .fetch_all(db)
        .await?;
    rows.iter()
        .map(|row| Ok(TenantId(row.get("tenant_id")?)))
        .collect()
}
