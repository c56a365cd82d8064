//! The scorer's side: what one pass reads and writes, in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::actor::{ActorId, Partition};
use domain::alert::Status;
use domain::id::{AlertId, EventId, TenantId};
use domain::rule::{RuleName, RuleSet};
use domain::score::{Judgement, Points, Snapshot};
use domain::severity::Severity;
use domain::time::{Day, Minute, Timestamp};

use crate::alerts::{self, Evidence, HistoryEntry};
use crate::db::{Db, Target, Tx, execute_rows, sql};
use crate::error::{Error, Result};
use crate::events;

/// The rules in force of a tenant.
pub async fn rules(db: &Db, tenant: TenantId) -> Result<RuleSet> {
    crate::rules::of_tenant(db, tenant).await
}

/// A stored profile.
#[derive(Debug, Clone)]
pub struct StoredProfile {
    /// Whose.
    pub actor: ActorId,
    /// Share of the scoring work.
    pub part: Partition,
    /// The zone it was folded in.
    pub zone: String,
    /// The newest minute folded in.
    pub newest: Minute,
    /// The serialised profile.
    pub state: Vec<u8>,
    /// Points by rule of the newest minute.
    pub points: String,
    /// The next minute at which the score can fall.
    pub due: Option<Minute>,
}

const PROFILE: &str = "SELECT actor_id, part, zone, newest, state, points, due
 FROM profiles
 WHERE tenant_id = $1";

/// The profiles of some actors; actors without one are missing.
pub async fn profiles(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, StoredProfile>> {
    let rows = sql(PROFILE)
        .bind(tenant)
        .push(" AND actor_id IN ")
        .push_list(actors.iter().copied())
        .fetch_all(target)
        .await?;
    let read = rows.iter().map(read_profile);
    read.map(|p| p.map(|p| (p.actor, p))).collect()
}

/// Profiles whose score can fall at or before a minute, oldest first.
pub async fn due(
    db: &Db,
    tenant: TenantId,
    until: Minute,
    limit: u32,
) -> Result<Vec<StoredProfile>> {
    let rows = sql(PROFILE)
        .bind(tenant)
        .push(" AND due <= ")
        .push_bind(until)
        .push(" ORDER BY due LIMIT ")
        .push_bind(limit)
        .fetch_all(db)
        .await?;
    rows.iter().map(read_profile).collect()
}

fn read_profile(row: &crate::db::Row) -> Result<StoredProfile> {
    Ok(StoredProfile {
        actor: ActorId(row.get("actor_id")?),
        part: Partition(row.get::<i64>("part")? as u8),
        zone: row.get("zone")?,
        newest: Minute(row.get("newest")?),
        state: row.get("state")?,
        points: row.get("points")?,
        due: row.get::<Option<i64>>("due")?.map(Minute),
    })
}

/// Makes every profile of the tenant that is younger than `since` due at once, so that the score
/// shown now follows changed rules.
pub async fn judge_again(tx: &mut Tx, tenant: TenantId, since: Minute) -> Result<u64> {
    sql("UPDATE profiles SET due = newest WHERE tenant_id = $1 AND newest >= $2")
        .bind(tenant)
        .bind(since)
        .execute(tx)
        .await
}

/// Days left out of the baselines of some actors.
pub async fn excluded_days(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, BTreeSet<Day>>> {
    let rows = sql("SELECT actor_id, day FROM excluded_days WHERE tenant_id = $1 AND actor_id IN ")
        .bind(tenant)
        .push_list(actors.iter().copied())
        .push(
            " UNION SELECT actor_id, day FROM actor_excluded_days
             WHERE tenant_id = $1 AND actor_id IN ",
        )
        .push_list(actors.iter().copied())
        .fetch_all(target)
        .await?;
    let mut days: HashMap<ActorId, BTreeSet<Day>> = HashMap::new();
    for row in rows {
        let actor = ActorId(row.get("actor_id")?);
        days.entry(actor)
            .or_default()
            .insert(Day(row.get::<i64>("day")? as i32));
    }
    Ok(days)
}

/// Names of some actors.
pub async fn names(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, String>> {
    let text = "SELECT id, name AS word FROM actors WHERE tenant_id = $1 AND id IN ";
    words(target, text, tenant, actors).await
}

/// The folded names of some actors: under these the engine numbers them.
pub async fn keys(
    target: impl Into<Target<'_>>,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, String>> {
    let text = "SELECT id, key AS word FROM actors WHERE tenant_id = $1 AND id IN ";
    words(target, text, tenant, actors).await
}

/// One word of each of some actors.
async fn words(
    target: impl Into<Target<'_>>,
    text: &'static str,
    tenant: TenantId,
    actors: &[ActorId],
) -> Result<HashMap<ActorId, String>> {
    let rows = sql(text)
        .bind(tenant)
        .push_list(actors.iter().copied())
        .fetch_all(target)
        .await?;
    rows.iter()
        .map(|row| Ok((ActorId(row.get("id")?), row.get("word")?)))
        .collect()
}

/// The profile of an actor after a pass.
#[derive(Debug)]
pub struct ProfileUpdate {
    /// Whose.
    pub actor: ActorId,
    /// Share of the scoring work.
    pub part: Partition,
    /// The zone it is folded in.
    pub zone: String,
    /// The newest minute.
    pub newest: Minute,
    /// The next minute at which the score can fall.
    pub due: Option<Minute>,
    /// The serialised profile.
    pub state: Vec<u8>,
    /// Points by rule of the newest minute.
    pub points: String,
}

/// Stores profiles.
pub async fn save_profiles(
    tx: &mut Tx,
    tenant: TenantId,
    profiles: Vec<ProfileUpdate>,
    now: Timestamp,
) -> Result<()> {
    let row = |p: ProfileUpdate| {
        vec![
            tenant.into(),
            p.actor.into(),
            p.part.into(),
            p.zone.into(),
            p.newest.into(),
            p.due.into(),
            p.state.into(),
            p.points.into(),
            now.into(),
            0_i64.into(),
        ]
    };
    execute_rows(
        tx,
        "INSERT INTO profiles (tenant_id, actor_id, part, zone, newest, due, state, points,
            updated_at, baseline_at)
         VALUES ",
        profiles.into_iter().map(row).collect(),
        " ON CONFLICT (tenant_id, actor_id) DO UPDATE SET zone = excluded.zone,
            newest = excluded.newest, due = excluded.due, state = excluded.state,
            points = excluded.points, updated_at = excluded.updated_at",
    )
    .await
}

/// Notes when a profile's score can fall next.
pub async fn save_due(
    tx: &mut Tx,
    tenant: TenantId,
    actor: ActorId,
    due: Option<Minute>,
) -> Result<()> {
    sql("UPDATE profiles SET due = $3 WHERE tenant_id = $1 AND actor_id = $2")
        .bind(tenant)
        .bind(actor)
        .bind(due)
        .execute(tx)
        .await
        .map(drop)
}

/// What an actor's row shows after a pass.
#[derive(Debug)]
pub struct ActorUpdate {
    /// Whose.
    pub actor: ActorId,
    /// Earliest event of the pass.
    pub first_seen_at: Timestamp,
    /// Latest event of the pass.
    pub last_seen_at: Timestamp,
    /// Latest receipt of the pass.
    pub last_received_at: Timestamp,
    /// Score now.
    pub score: Points,
    /// The instant it was judged at.
    pub score_at: Timestamp,
    /// Reasons as a JSON list.
    pub reasons: String,
}

/// Stores what the actors' rows show.
pub async fn save_actors(tx: &mut Tx, tenant: TenantId, updates: Vec<ActorUpdate>) -> Result<()> {
    let row = |u: ActorUpdate| {
        vec![
            tenant.into(),
            u.actor.into(),
            u.first_seen_at.into(),
            u.last_seen_at.into(),
            u.last_received_at.into(),
            u.score.into(),
            u.score_at.into(),
            u.reasons.into(),
        ]
    };
    execute_rows(
        tx,
        "UPDATE actors
         SET first_seen_at = CASE WHEN first_seen_at > v.column3 THEN v.column3
                ELSE first_seen_at END,
            last_seen_at = CASE WHEN last_seen_at < v.column4 THEN v.column4 ELSE last_seen_at END,
            last_received_at = CASE WHEN last_received_at < v.column5 THEN v.column5
                ELSE last_received_at END,
            score = v.column6, score_at = v.column7, reasons = v.column8
         FROM (VALUES ",
        updates.into_iter().map(row).collect(),
        ") AS v
         WHERE actors.tenant_id = v.column1 AND actors.id = v.column2",
    )
    .await
}

/// Stores only when the actors were seen.
pub async fn save_seen(tx: &mut Tx, tenant: TenantId, updates: Vec<ActorUpdate>) -> Result<()> {
    let row = |u: ActorUpdate| {
        vec![
            tenant.into(),
            u.actor.into(),
            u.first_seen_at.into(),
            u.last_seen_at.into(),
            u.last_received_at.into(),
        ]
    };
    execute_rows(
        tx,
        "UPDATE actors
         SET first_seen_at = CASE WHEN first_seen_at > v.column3 THEN v.column3
                ELSE first_seen_at END,
            last_seen_at = CASE WHEN last_seen_at < v.column4 THEN v.column4 ELSE last_seen_at END,
            last_received_at = CASE WHEN last_received_at < v.column5 THEN v.column5
                ELSE last_received_at END
         FROM (VALUES ",
        updates.into_iter().map(row).collect(),
        ") AS v
         WHERE actors.tenant_id = v.column1 AND actors.id = v.column2",
    )
    .await
}

/// Forgets the score path of everybody on one UTC day, because it is derived again.
pub async fn forget_day(tx: &mut Tx, tenant: TenantId, day: Day) -> Result<()> {
    let (from, until) = (day.utc_start().minute(), day.plus(1).utc_start().minute());
    sql("DELETE FROM scores WHERE tenant_id = $1 AND minute >= $2 AND minute < $3")
        .bind(tenant)
        .bind(from)
        .bind(until)
        .execute(&mut *tx)
        .await?;
    sql("DELETE FROM suppression_hits WHERE tenant_id = $1 AND day = $2")
        .bind(tenant)
        .bind(day)
        .execute(&mut *tx)
        .await?;
    sql("DELETE FROM score_days WHERE tenant_id = $1 AND day = $2")
        .bind(tenant)
        .bind(day)
        .execute(tx)
        .await
        .map(drop)
}

/// Stores only an actor's score now.
pub async fn save_score_now(
    tx: &mut Tx,
    tenant: TenantId,
    actor: ActorId,
    (score, at): (Points, Timestamp),
    reasons: &str,
) -> Result<()> {
    sql("UPDATE actors SET score = $3, score_at = $4, reasons = $5
         WHERE tenant_id = $1 AND id = $2")
    .bind(tenant)
    .bind(actor)
    .bind(score)
    .bind(at)
    .bind(reasons)
    .execute(tx)
    .await
    .map(drop)
}

/// Forgets the scores of an actor from a minute on (the first of a UTC day), because a late event
/// made them stale.
pub async fn forget_scores(
    tx: &mut Tx,
    tenant: TenantId,
    actor: ActorId,
    from: Minute,
) -> Result<()> {
    sql("DELETE FROM scores WHERE tenant_id = $1 AND actor_id = $2 AND minute >= $3")
        .bind(tenant)
        .bind(actor)
        .bind(from)
        .execute(&mut *tx)
        .await?;
    sql("DELETE FROM suppression_hits WHERE tenant_id = $1 AND actor_id = $2 AND day >= $3")
        .bind(tenant)
        .bind(actor)
        .bind(from.start().utc_day())
        .execute(&mut *tx)
        .await?;
    sql("DELETE FROM score_days WHERE tenant_id = $1 AND actor_id = $2 AND day >= $3")
        .bind(tenant)
        .bind(actor)
        .bind(from.start().utc_day())
        .execute(tx)
        .await
        .map(drop)
}

/// A scored minute at which the points changed.
#[derive(Debug)]
pub struct ScoreUpdate {
    /// Whose.
    pub actor: ActorId,
    /// Share of the scoring work.
    pub part: Partition,
    /// The judgement.
    pub judgement: Judgement,
    /// Why it was scored.
    pub cause: &'static str,
}

/// Stores scored minutes.
pub async fn save_scores(
    tx: &mut Tx,
    tenant: TenantId,
    updates: Vec<ScoreUpdate>,
    now: Timestamp,
) -> Result<()> {
    let row = |u: ScoreUpdate| {
        Ok(vec![
            tenant.into(),
            u.actor.into(),
            u.judgement.minute().into(),
            u.part.into(),
            u.judgement.score().into(),
            json(&u.judgement)?.into(),
            u.cause.into(),
            now.into(),
        ])
    };
    execute_rows(
        tx,
        "INSERT INTO scores (tenant_id, actor_id, minute, part, score, assessment, cause,
            scored_at)
         VALUES ",
        updates.into_iter().map(row).collect::<Result<_>>()?,
        " ON CONFLICT (tenant_id, actor_id, minute) DO UPDATE SET score = excluded.score,
            assessment = excluded.assessment, cause = excluded.cause,
            scored_at = excluded.scored_at",
    )
    .await
}

/// The highest score of an actor on one UTC day.
#[derive(Debug)]
pub struct DayUpdate {
    /// Whose.
    pub actor: ActorId,
    /// Share of the scoring work.
    pub part: Partition,
    /// When it was reached.
    pub minute: Minute,
    /// The score.
    pub score: Points,
    /// Whether it reaches the alert threshold.
    pub alerted: bool,
}

/// Raises the highest scores of days.
pub async fn save_days(
    tx: &mut Tx,
    tenant: TenantId,
    updates: Vec<DayUpdate>,
    now: Timestamp,
) -> Result<()> {
    let row = |u: DayUpdate| {
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
            minute = excluded.minute, alerted = excluded.alerted, scored_at = excluded.scored_at
         WHERE excluded.score > score_days.score
            OR (excluded.score = score_days.score AND excluded.alerted AND NOT score_days.alerted)",
    )
    .await
}

/// What one pass counted for one source and hour.
#[derive(Debug, Clone, Copy, Default)]
pub struct HourCount {
    /// Events.
    pub events: i64,
    /// Failed events.
    pub failures: i64,
    /// Bytes.
    pub bytes: i64,
    /// Latest event.
    pub last_occurred_at: i64,
    /// Latest receipt.
    pub last_received_at: i64,
}

/// Adds counts to the sources' hours. Exactly once, because it commits with the cursor.
pub async fn add_hours(
    tx: &mut Tx,
    tenant: TenantId,
    hours: &BTreeMap<(domain::id::SourceId, i64), HourCount>,
) -> Result<()> {
    let row = |((source, hour), count): (&(domain::id::SourceId, i64), &HourCount)| {
        vec![
            tenant.into(),
            (*hour).into(),
            (*source).into(),
            count.events.into(),
            count.failures.into(),
            count.bytes.into(),
            count.last_occurred_at.into(),
            count.last_received_at.into(),
        ]
    };
    execute_rows(
        tx,
        "INSERT INTO source_hours (tenant_id, hour, source_id, events, failures, bytes,
            last_occurred_at, last_received_at)
         VALUES ",
        hours.iter().map(row).collect(),
        " ON CONFLICT (tenant_id, hour, source_id) DO UPDATE SET
            events = source_hours.events + excluded.events,
            failures = source_hours.failures + excluded.failures,
            bytes = CASE WHEN source_hours.bytes > 9223372036854775807 - excluded.bytes
                THEN 9223372036854775807 ELSE source_hours.bytes + excluded.bytes END,
            last_occurred_at = CASE WHEN source_hours.last_occurred_at < excluded.last_occurred_at
                THEN excluded.last_occurred_at ELSE source_hours.last_occurred_at END,
            last_received_at = CASE WHEN source_hours.last_received_at < excluded.last_received_at
                THEN excluded.last_received_at ELSE source_hours.last_received_at END",
    )
    .await
}

/// What the scorer must know of an alert of an actor.
#[derive(Debug, Clone)]
pub struct LatestAlert {
    /// Row id.
    pub id: AlertId,
    /// The minute that opened it.
    pub opened: Minute,
    /// Its latest signal.
    pub last_signal: Minute,
    /// Its highest score.
    pub score: Points,
    /// Where it stands.
    pub status: Status,
    /// Rules that fired in it.
    pub rules: BTreeSet<RuleName>,
    /// The rule set that scored it. Alerts of one are never continued by another.
    pub ruleset: String,
}

/// The alerts of an actor whose episodes reach into a span of minutes, by opening minute.
pub async fn alerts_around(
    tx: &mut Tx,
    tenant: TenantId,
    actor: ActorId,
    (first, last): (Minute, Minute),
) -> Result<Vec<LatestAlert>> {
    let rows = sql(
        "SELECT id, opened_minute, last_signal_minute, score, status, rules, ruleset
         FROM alerts
         WHERE tenant_id = $1 AND actor_id = $2 AND opened_minute <= $3
           AND last_signal_minute >= $4
         ORDER BY opened_minute, id",
    )
    .bind(tenant)
    .bind(actor)
    .bind(last)
    .bind(first)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LatestAlert {
                id: AlertId(row.get("id")?),
                opened: Minute(row.get("opened_minute")?),
                last_signal: Minute(row.get("last_signal_minute")?),
                score: row.points("score")?,
                status: row.parse("status", Status::from_word)?,
                rules: row.json("rules")?,
                ruleset: row.get("ruleset")?,
            })
        })
        .collect()
}

/// The words and numbers of an alert at its highest score.
#[derive(Debug)]
pub struct Reasons<'a> {
    /// The frozen reasons.
    pub snapshot: &'a Snapshot,
    /// The one sentence.
    pub sentence: &'a str,
    /// A few words per reason.
    pub short: &'a [String],
    /// What it was computed from.
    pub receipt: Option<&'a Receipt>,
}

/// What an alert's score was computed from, and the hash of its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The inputs, as bytes.
    pub inputs: Vec<u8>,
    /// The organisation's numbers of the day, by the hash of their bytes.
    pub reference: Option<(String, std::sync::Arc<Vec<u8>>)>,
    /// SHA-256 of the canonical form.
    pub sha256: String,
}

/// What a history entry adds when the score is not of the last events but of late ones.
const LATE: &str = ", because of a late event";

fn why(late: bool) -> &'static str {
    if late { LATE } else { "" }
}

/// Opens an alert under a minute and returns its row id. `late` when a late event was the cause.
pub async fn open_alert(
    tx: &mut Tx,
    tenant: TenantId,
    (actor, part): (ActorId, Partition),
    reasons: &Reasons<'_>,
    (opened, now, late): (Minute, Timestamp, bool),
) -> Result<AlertId> {
    let snapshot = reasons.snapshot;
    let score = snapshot.score();
    let number: i64 = sql(
        "UPDATE tenants SET next_alert = next_alert + 1 WHERE id = $1
         RETURNING next_alert",
    )
    .bind(tenant)
    .fetch_one(&mut *tx)
    .await?
    .get("next_alert")?;
    let rules = snapshot.fired();
    let row = sql(
        "INSERT INTO alerts (tenant_id, number, part, actor_id, opened_minute,
            last_signal_minute, detected_at, updated_at, score, severity, status, version, rules,
            sentence, reasons, snapshot, ruleset)
         VALUES ($1, $2, $3, $4, $5, $5, $6, $6, $7, $8, 'open', 1, $9, $10, $11, $12, $13)
         RETURNING id",
    )
    .bind(tenant)
    .bind(number)
    .bind(part)
    .bind(actor)
    .bind(opened)
    .bind(now)
    .bind(score)
    .bind(Severity::of_score(score).rank())
    .bind(json(&rules)?)
    .bind(reasons.sentence)
    .bind(json(&reasons.short)?)
    .bind(json(reasons.snapshot)?)
    .bind(&snapshot.ruleset)
    .fetch_one(&mut *tx)
    .await?;
    let id = AlertId(row.get("id")?);
    save_receipt(tx, (tenant, id), reasons.receipt).await?;
    let text = format!("Opened with score {}{}", score, why(late));
    note(tx, (tenant, id), "opened", text, now).await?;
    Ok(id)
}

/// Raises an alert to a new highest score with new reasons. False, and nothing is changed, when
/// somebody has closed it since it was read.
pub async fn raise_alert(
    tx: &mut Tx,
    tenant: TenantId,
    alert: &LatestAlert,
    reasons: &Reasons<'_>,
    (now, late): (Timestamp, bool),
) -> Result<bool> {
    let snapshot = reasons.snapshot;
    let score = snapshot.score();
    let rules: BTreeSet<RuleName> = alert
        .rules
        .iter()
        .cloned()
        .chain(snapshot.fired())
        .collect();
    let raised = sql("UPDATE alerts
         SET score = $3, severity = $4, rules = $5, sentence = $6, reasons = $7, snapshot = $8,
            last_signal_minute = $9, updated_at = $10, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND closed_at IS NULL")
    .bind(tenant)
    .bind(alert.id)
    .bind(score)
    .bind(Severity::of_score(score).rank())
    .bind(json(&rules)?)
    .bind(reasons.sentence)
    .bind(json(&reasons.short)?)
    .bind(json(reasons.snapshot)?)
    .bind(alert.last_signal.max(snapshot.minute()))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if raised == 0 {
        return Ok(false);
    }
    save_receipt(tx, (tenant, alert.id), reasons.receipt).await?;
    let text = format!("Score {} → {}{}", alert.score, score, why(late));
    let kind = if late { "late" } else { "score" };
    note(tx, (tenant, alert.id), kind, text, now).await?;
    Ok(true)
}

/// Replaces the reasons of an alert whose highest score was reached again with more behind it.
pub async fn refresh_reasons(
    tx: &mut Tx,
    tenant: TenantId,
    alert: AlertId,
    reasons: &Reasons<'_>,
) -> Result<()> {
    let changed = sql(
        "UPDATE alerts SET sentence = $3, reasons = $4, snapshot = $5
         WHERE tenant_id = $1 AND id = $2 AND closed_at IS NULL",
    )
    .bind(tenant)
    .bind(alert)
    .bind(reasons.sentence)
    .bind(json(&reasons.short)?)
    .bind(json(reasons.snapshot)?)
    .execute(&mut *tx)
    .await?;
    if changed == 1 {
        save_receipt(tx, (tenant, alert), reasons.receipt).await?;
    }
    Ok(())
}

async fn save_receipt(
    tx: &mut Tx,
    (tenant, alert): (TenantId, AlertId),
    receipt: Option<&Receipt>,
) -> Result<()> {
    let Some(receipt) = receipt else {
        return Ok(());
    };
    if let Some((hash, body)) = &receipt.reference {
        sql("INSERT INTO calibrated_references (tenant_id, hash, body)
             VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id, hash) DO NOTHING")
        .bind(tenant)
        .bind(hash)
        .bind(body.as_slice())
        .execute(&mut *tx)
        .await?;
    }
    sql(
        "INSERT INTO alert_receipts (tenant_id, alert_id, inputs, reference, sha256)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, alert_id) DO UPDATE SET inputs = excluded.inputs,
            reference = excluded.reference, sha256 = excluded.sha256",
    )
    .bind(tenant)
    .bind(alert)
    .bind(receipt.inputs.as_slice())
    .bind(receipt.reference.as_ref().map(|(hash, _)| hash.as_str()))
    .bind(&receipt.sha256)
    .execute(tx)
    .await
    .map(drop)
}

/// Notes that an alert goes on over a span of minutes, which rules have joined, and that late
/// events show the threshold reached before it opened. Leaves an alert alone that somebody has
/// closed since it was read.
pub async fn continue_alert(
    tx: &mut Tx,
    tenant: TenantId,
    alert: &LatestAlert,
    (first, last): (Minute, Minute),
    rules: &BTreeSet<RuleName>,
    (now, late): (Timestamp, bool),
) -> Result<()> {
    let all: BTreeSet<RuleName> = alert.rules.union(rules).cloned().collect();
    let changed = sql(
        "UPDATE alerts SET last_signal_minute = $3, rules = $4, updated_at = $5
         WHERE tenant_id = $1 AND id = $2 AND closed_at IS NULL",
    )
    .bind(tenant)
    .bind(alert.id)
    .bind(alert.last_signal.max(last))
    .bind(json(&all)?)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if changed == 0 {
        return Ok(());
    }
    if first < alert.opened {
        let text = format!(
            "Late events show the threshold reached before, at {}",
            first.start()
        );
        note_once(tx, (tenant, alert.id), "late", text, now).await?;
    }
    let joined: Vec<_> = rules
        .difference(&alert.rules)
        .map(RuleName::title)
        .collect();
    if joined.is_empty() {
        return Ok(());
    }
    let joined = joined.join(", ").to_lowercase();
    let text = format!("Joined by {joined}{}", why(late));
    let kind = if late { "late" } else { "score" };
    note(tx, (tenant, alert.id), kind, text, now).await
}

/// Notes, once, that signals went on after an alert was closed without opening a new one.
pub async fn note_swallowed(
    tx: &mut Tx,
    tenant: TenantId,
    alert: AlertId,
    score: Points,
    now: Timestamp,
) -> Result<()> {
    let known = sql("SELECT id FROM alert_history
         WHERE tenant_id = $1 AND alert_id = $2 AND kind = 'swallowed'
         LIMIT 1")
    .bind(tenant)
    .bind(alert)
    .fetch_optional(&mut *tx)
    .await?;
    if known.is_some() {
        return Ok(());
    }
    let text =
        format!("Scored {score} again within a day of closing; no rule joined, no new alert");
    note(tx, (tenant, alert), "swallowed", text, now).await
}

/// Writes an entry unless the alert has the same one already.
async fn note_once(
    tx: &mut Tx,
    (tenant, alert): (TenantId, AlertId),
    kind: &str,
    text: String,
    now: Timestamp,
) -> Result<()> {
    let known = sql("SELECT id FROM alert_history
         WHERE tenant_id = $1 AND alert_id = $2 AND kind = $3 AND text = $4
         LIMIT 1")
    .bind(tenant)
    .bind(alert)
    .bind(kind)
    .bind(text.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    if known.is_some() {
        return Ok(());
    }
    note(tx, (tenant, alert), kind, text, now).await
}

async fn note(
    tx: &mut Tx,
    key: (TenantId, AlertId),
    kind: &str,
    text: String,
    now: Timestamp,
) -> Result<()> {
    let entry = HistoryEntry {
        at: now,
        kind: kind.to_owned(),
        who: "scorer".to_owned(),
        text,
    };
    alerts::note(tx, key, &entry).await
}

/// Freezes copies of the events behind an alert. What is frozen stays.
pub async fn freeze_evidence(
    tx: &mut Tx,
    tenant: TenantId,
    alert: AlertId,
    wanted: &BTreeMap<EventId, BTreeSet<RuleName>>,
) -> Result<()> {
    let ids: Vec<EventId> = wanted.keys().copied().collect();
    for listed in events::find_many(&mut *tx, tenant, &ids).await? {
        let rules = wanted.get(&listed.event.id).cloned().unwrap_or_default();
        let frozen = Evidence {
            source: listed.source,
            rules: rules.iter().cloned().collect(),
            event: listed.event,
        };
        sql(
            "INSERT INTO alert_evidence (tenant_id, alert_id, event_id, occurred_at, rules, event)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant_id, alert_id, event_id) DO UPDATE SET rules = excluded.rules,
                event = excluded.event",
        )
        .bind(tenant)
        .bind(alert)
        .bind(frozen.event.id)
        .bind(frozen.event.occurred_at)
        .bind(json(&rules)?)
        .bind(json(&frozen)?)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// A profile whose stored 14-day view is out of date.
#[derive(Debug)]
pub struct OutdatedView {
    /// The profile.
    pub profile: StoredProfile,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Profiles that changed, or whose view was computed before `day_start`, with a higher actor id
/// than `after`.
pub async fn outdated_views(
    db: &Db,
    tenant: TenantId,
    day_start: Timestamp,
    after: ActorId,
    limit: u32,
) -> Result<Vec<OutdatedView>> {
    let rows = sql(
        "SELECT actor_id, part, zone, newest, state, points, due, updated_at
         FROM profiles
         WHERE tenant_id = $1 AND actor_id > $2 AND (baseline_at <= updated_at OR baseline_at < $3)
         ORDER BY actor_id
         LIMIT $4",
    )
    .bind(tenant)
    .bind(after)
    .bind(day_start)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OutdatedView {
                profile: read_profile(row)?,
                updated_at: row.time("updated_at")?,
            })
        })
        .collect()
}

/// Stores a 14-day view.
pub async fn save_view(
    tx: &mut Tx,
    tenant: TenantId,
    actor: ActorId,
    view: &domain::baseline::BaselineView,
) -> Result<()> {
    sql("UPDATE actors SET baseline = $3, baseline_days = $4 WHERE tenant_id = $1 AND id = $2")
        .bind(tenant)
        .bind(actor)
        .bind(json(view)?)
        .bind(view.active_days())
        .execute(&mut *tx)
        .await?;
    sql("UPDATE profiles SET baseline_at = $3 WHERE tenant_id = $1 AND actor_id = $2")
        .bind(tenant)
        .bind(actor)
        .bind(view.computed_at)
        .execute(tx)
        .await
        .map(drop)
}

/// UTC hours between two hours in which at least one source delivered an event.
pub async fn hours_with_events(
    db: &Db,
    tenant: TenantId,
    (from, until): (i64, i64),
) -> Result<BTreeSet<i64>> {
    let rows = sql("SELECT DISTINCT hour FROM source_hours
         WHERE tenant_id = $1 AND hour >= $2 AND hour < $3")
    .bind(tenant)
    .bind(from)
    .bind(until)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| row.get("hour")).collect()
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Inconsistent(format!("to JSON: {e}")))
}
