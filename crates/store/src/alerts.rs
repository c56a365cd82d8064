//! Alerts as analysts see and change them. The scorer's side is in [`crate::scoring`].

use std::collections::HashMap;

use domain::actor::ActorId;
use domain::alert::{AlertCode, Disposition, Move, Status};
use domain::event::Event;
use domain::id::AlertId;
use domain::rule::RuleName;
use domain::score::{Points, Snapshot};
use domain::severity::Severity;
use domain::time::{Minute, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Change};
use crate::calibrated::{self, Again};
use crate::db::{Row, Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// An alert as listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Row id.
    pub id: AlertId,
    /// The code people use.
    pub code: AlertCode,
    /// Who.
    pub actor: ActorId,
    /// Name as first sent.
    pub actor_name: String,
    /// Highest score of the episode.
    pub score: Points,
    /// Its band.
    pub severity: Severity,
    /// Where it stands.
    pub status: Status,
    /// Counts up with every change by people and by the scorer.
    pub version: i64,
    /// Event time at which the score first reached the threshold.
    pub opened_minute: Minute,
    /// Event time of the latest score that reached the threshold.
    pub last_signal_minute: Minute,
    /// Wall clock at which it was raised.
    pub detected_at: Timestamp,
    /// Wall clock of the latest change.
    pub updated_at: Timestamp,
    /// Wall clock of the first acknowledgement.
    pub acknowledged_at: Option<Timestamp>,
    /// Wall clock of closing.
    pub closed_at: Option<Timestamp>,
    /// What it turned out to be.
    pub disposition: Option<Disposition>,
    /// Why it was closed.
    pub reason: Option<String>,
    /// Who last decided.
    pub decided_by: Option<String>,
    /// Rules that fired in it.
    pub rules: Vec<RuleName>,
    /// The reason in one sentence.
    pub sentence: String,
    /// The reasons in a few words each.
    pub reasons: Vec<String>,
}

impl Alert {
    /// Event time of the crossing.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_minute.end()
    }

    /// Event time of the latest signal.
    pub fn last_signal_at(&self) -> Timestamp {
        self.last_signal_minute.end()
    }
}

/// Which alerts to list. Empty lists restrict nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these statuses.
    pub statuses: Vec<Status>,
    /// Only these severities.
    pub severities: Vec<Severity>,
    /// Only alerts in which this rule fired.
    pub rule: Option<RuleName>,
    /// Only of this actor.
    pub actor: Option<ActorId>,
    /// Only names or sentences that contain this text.
    pub text: Option<String>,
    /// Only opened at or after this instant of event time.
    pub from: Option<Timestamp>,
    /// Only opened before this instant of event time.
    pub until: Option<Timestamp>,
}

/// Order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Latest opening first.
    #[default]
    Newest,
    /// Worst severity, then highest score, then latest opening.
    Worst,
}

/// The place after which a page continues: the last row's position in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Severity rank.
    pub severity: i64,
    /// Score in tenths.
    pub score: i64,
    /// Opening minute.
    pub opened: i64,
    /// Row id.
    pub id: i64,
}

impl From<&Alert> for After {
    fn from(alert: &Alert) -> Self {
        Self {
            severity: alert.severity.rank(),
            score: i64::from(alert.score.tenths()),
            opened: alert.opened_minute.0,
            id: alert.id.0,
        }
    }
}

const COLUMNS: &str = "SELECT l.id, l.number, l.actor_id, l.score, l.severity, l.status,
    l.version, l.opened_minute, l.last_signal_minute, l.detected_at, l.updated_at,
    l.acknowledged_at, l.closed_at, l.disposition, l.reason, l.decided_by, l.rules, l.sentence,
    l.reasons, a.name AS actor_name
 FROM alerts l
 JOIN actors a ON a.tenant_id = l.tenant_id AND a.id = l.actor_id
 WHERE l.tenant_id = $1";

/// One page of alerts.
pub async fn list(
    scope: &Scope,
    filter: &Filter,
    order: Order,
    after: Option<After>,
    limit: u32,
) -> Result<Vec<Alert>> {
    let mut query = filtered(sql(COLUMNS).bind(scope.tenant_id()), filter);
    if let Some(after) = after {
        query = match order {
            Order::Newest => query
                .push(" AND (l.opened_minute, l.id) < (")
                .push_bind(after.opened),
            Order::Worst => query
                .push(" AND (l.severity, l.score, l.opened_minute, l.id) < (")
                .push_bind(after.severity)
                .push(", ")
                .push_bind(after.score)
                .push(", ")
                .push_bind(after.opened),
        }
        .push(", ")
        .push_bind(after.id)
        .push(")");
    }
    let query = query.push(match order {
        Order::Newest => " ORDER BY l.opened_minute DESC, l.id DESC LIMIT ",
        Order::Worst => {
            " ORDER BY l.severity DESC, l.score DESC, l.opened_minute DESC, l.id DESC LIMIT "
        }
    });
    let rows = query.push_bind(limit).fetch_all(&scope.db).await?;
    rows.iter().map(read).collect()
}

/// How many alerts match.
pub async fn count(scope: &Scope, filter: &Filter) -> Result<i64> {
    let start = sql("SELECT COUNT(*) AS n
         FROM alerts l
         JOIN actors a ON a.tenant_id = l.tenant_id AND a.id = l.actor_id
         WHERE l.tenant_id = $1")
    .bind(scope.tenant_id());
    filtered(start, filter).fetch_one(&scope.db).await?.get("n")
}

fn filtered(mut query: crate::db::Statement, filter: &Filter) -> crate::db::Statement {
    if !filter.statuses.is_empty() {
        let words = filter.statuses.iter().map(|s| s.word());
        query = query.push(" AND l.status IN ").push_list(words);
    }
    if !filter.severities.is_empty() {
        let ranks = filter.severities.iter().map(|s| s.rank());
        query = query.push(" AND l.severity IN ").push_list(ranks);
    }
    if let Some(rule) = &filter.rule {
        let pattern = crate::db::like(&format!("\"{}\"", rule.word()));
        query = query
            .push(" AND l.rules LIKE ")
            .push_bind(pattern)
            .push(" ESCAPE '!'");
    }
    if let Some(actor) = filter.actor {
        query = query.push(" AND l.actor_id = ").push_bind(actor);
    }
    if let Some(text) = filter.text.as_deref().filter(|t| !t.trim().is_empty()) {
        let pattern = crate::db::like(text);
        let number = AlertCode::parse(text.trim()).map_or(-1, |code| code.0);
        query = query
            .push(" AND (a.key LIKE ")
            .push_bind(&pattern)
            .push(" ESCAPE '!' OR LOWER(l.sentence) LIKE ")
            .push_bind(&pattern)
            .push(" ESCAPE '!' OR l.number = ")
            .push_bind(number)
            .push(")");
    }
    if let Some(from) = filter.from {
        query = query
            .push(" AND l.opened_minute >= ")
            .push_bind(from.minute());
    }
    if let Some(until) = filter.until {
        query = query
            .push(" AND l.opened_minute < ")
            .push_bind(until.minute());
    }
    query
}

/// One alert.
pub async fn find(scope: &Scope, code: AlertCode) -> Result<Alert> {
    find_in(&scope.db, scope, code).await
}

async fn find_in(target: impl Into<Target<'_>>, scope: &Scope, code: AlertCode) -> Result<Alert> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND l.number = ")
        .push_bind(code.0)
        .fetch_one(target)
        .await?;
    read(&row)
}

/// The frozen reasons of an alert.
pub async fn snapshot(scope: &Scope, id: AlertId) -> Result<Snapshot> {
    sql("SELECT snapshot FROM alerts WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(id)
        .fetch_one(&scope.db)
        .await?
        .json("snapshot")
}

/// The frozen reasons of several alerts, read at once.
pub async fn snapshots(scope: &Scope, ids: &[AlertId]) -> Result<HashMap<AlertId, Snapshot>> {
    let rows = sql("SELECT id, snapshot FROM alerts WHERE tenant_id = $1 AND id IN ")
        .bind(scope.tenant_id())
        .push_list(ids.iter().copied())
        .fetch_all(&scope.db)
        .await?;
    rows.iter()
        .map(|row| Ok((AlertId(row.get("id")?), row.json("snapshot")?)))
        .collect()
}

/// A frozen copy of an event behind an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The event as it was.
    pub event: Event,
    /// Slug of its source.
    pub source: String,
    /// Rules it is evidence for.
    pub rules: Vec<RuleName>,
}

/// The frozen events behind an alert, oldest first.
pub async fn evidence(scope: &Scope, id: AlertId, limit: u32) -> Result<Vec<Evidence>> {
    let rows = sql("SELECT event
         FROM alert_evidence
         WHERE tenant_id = $1 AND alert_id = $2
         ORDER BY occurred_at, event_id
         LIMIT $3")
    .bind(scope.tenant_id())
    .bind(id)
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter().map(|row| row.json("event")).collect()
}

/// One line of an alert's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// `opened`, `score`, `late`, `swallowed`, `status`, `note`.
    pub kind: String,
    /// Who.
    pub who: String,
    /// What, in words.
    pub text: String,
}

/// An alert's history, newest first.
pub async fn history(scope: &Scope, id: AlertId) -> Result<Vec<HistoryEntry>> {
    let rows = sql("SELECT at, kind, who, text
         FROM alert_history
         WHERE tenant_id = $1 AND alert_id = $2
         ORDER BY id DESC
         LIMIT 500")
    .bind(scope.tenant_id())
    .bind(id)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(HistoryEntry {
                at: row.time("at")?,
                kind: row.get("kind")?,
                who: row.get("who")?,
                text: row.get("text")?,
            })
        })
        .collect()
}

/// Adds a line to an alert's history.
pub(crate) async fn note(
    tx: &mut Tx,
    (tenant, alert): (domain::id::TenantId, AlertId),
    entry: &HistoryEntry,
) -> Result<()> {
    sql(
        "INSERT INTO alert_history (tenant_id, alert_id, at, kind, who, text)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant)
    .bind(alert)
    .bind(entry.at)
    .bind(&entry.kind)
    .bind(&entry.who)
    .bind(&entry.text)
    .execute(tx)
    .await
    .map(drop)
}

/// Adds an analyst's note.
pub async fn add_note(scope: &Scope, code: AlertCode, text: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let alert = find_in(&mut tx, scope, code).await?;
    let entry = HistoryEntry {
        at: scope.now,
        kind: "note".to_owned(),
        who: scope.principal.name(),
        text: text.to_owned(),
    };
    note(&mut tx, (scope.tenant_id(), alert.id), &entry).await?;
    let object = code.to_string();
    let change = Change {
        action: "alert.note",
        kind: "alert",
        object: &object,
    };
    audit::record(&mut tx, scope, change, audit::NOTHING, Some(&text)).await?;
    tx.commit().await
}

/// What the audit log keeps of a change of status.
#[derive(Debug, Serialize)]
struct Standing {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<Disposition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Moves an alert to another status. `version` guards against deciding on what was not seen.
pub async fn change_status(
    scope: &Scope,
    code: AlertCode,
    version: Option<i64>,
    wanted: &Move,
) -> Result<Alert> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, code).await?;
    if version.is_some_and(|v| v != before.version) {
        return Err(Error::Stale);
    }
    let disposition = wanted.check(before.status)?;
    let reason = wanted
        .reason
        .as_deref()
        .map(str::trim)
        .filter(|r| !r.is_empty());
    let closed_at = wanted.to.is_closed().then_some(scope.now);
    let changed = sql("UPDATE alerts
         SET status = $4, disposition = $5, reason = $6, decided_by = $7, closed_at = $8,
            acknowledged_at = COALESCE(acknowledged_at, $9), updated_at = $9,
            version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3")
    .bind(scope.tenant_id())
    .bind(before.id)
    .bind(before.version)
    .bind(wanted.to.word())
    .bind(disposition.map(Disposition::word))
    .bind(if wanted.to.is_closed() { reason } else { None })
    .bind(scope.principal.name())
    .bind(closed_at)
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    if changed != 1 {
        return Err(Error::Stale);
    }
    keep_out_of_baseline(&mut tx, scope, &before, disposition).await?;
    let entry = HistoryEntry {
        at: scope.now,
        kind: "status".to_owned(),
        who: scope.principal.name(),
        text: history_text(before.status, wanted.to, disposition, reason),
    };
    note(&mut tx, (scope.tenant_id(), before.id), &entry).await?;
    let after = find_in(&mut tx, scope, code).await?;
    let object = code.to_string();
    let change = Change {
        action: "alert.status",
        kind: "alert",
        object: &object,
    };
    let (from, to) = (Standing::of(&before), Standing::of(&after));
    audit::record(&mut tx, scope, change, Some(&from), Some(&to)).await?;
    tx.commit().await?;
    Ok(after)
}

impl Standing {
    fn of(alert: &Alert) -> Self {
        Self {
            status: alert.status,
            disposition: alert.disposition,
            reason: alert.reason.clone(),
        }
    }
}

fn history_text(
    from: Status,
    to: Status,
    disposition: Option<Disposition>,
    reason: Option<&str>,
) -> String {
    let mut text = match (from.is_closed(), to) {
        (true, Status::Open) => "Reopened".to_owned(),
        (_, to) => to.title().to_owned(),
    };
    if let Some(disposition) = disposition.filter(|d| *d != Disposition::FalsePositive) {
        text.push_str(" as ");
        text.push_str(&disposition.title().to_lowercase());
    }
    if let Some(reason) = reason {
        text.push_str(": ");
        text.push_str(reason);
    }
    text
}

/// The days of a confirmed incident must not become "usual"; reopening brings them back.
async fn keep_out_of_baseline(
    tx: &mut Tx,
    scope: &Scope,
    alert: &Alert,
    disposition: Option<Disposition>,
) -> Result<()> {
    let zone = &scope.tenant.scoring.zone;
    let mut day = zone.local(alert.opened_minute.start()).day;
    let taken_back = sql("DELETE FROM excluded_days WHERE tenant_id = $1 AND alert_id = $2")
        .bind(scope.tenant_id())
        .bind(alert.id)
        .execute(&mut *tx)
        .await?;
    let confirmed = disposition.is_some_and(Disposition::confirms_incident);
    if confirmed || taken_back > 0 {
        let tenant = scope.tenant_id();
        if calibrated::derive_again(&mut *tx, tenant, day, Again::Sometime).await? {
            calibrated::criteria_changed(&mut *tx, tenant).await?;
        }
    }
    if !confirmed {
        return Ok(());
    }
    let last = zone.local(alert.last_signal_minute.start()).day;
    while day <= last {
        sql(
            "INSERT INTO excluded_days (tenant_id, actor_id, day, alert_id)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(scope.tenant_id())
        .bind(alert.actor)
        .bind(day)
        .bind(alert.id)
        .execute(&mut *tx)
        .await?;
        day = day.plus(1);
    }
    Ok(())
}

/// The same move for several alerts; each succeeds or fails for itself. Where a version is given
/// and the alert has another one meanwhile, it stays as it is; without one it is moved whatever
/// happened to it.
pub async fn change_many(
    scope: &Scope,
    seen: &[(AlertCode, Option<i64>)],
    wanted: &Move,
) -> Vec<(AlertCode, Result<Alert>)> {
    let mut results = Vec::with_capacity(seen.len());
    for (code, version) in seen {
        let moved = change_status(scope, *code, *version, wanted).await;
        results.push((*code, moved));
    }
    results
}

pub(crate) fn read(row: &Row) -> Result<Alert> {
    let rank: i64 = row.get("severity")?;
    let disposition: Option<String> = row.get("disposition")?;
    Ok(Alert {
        id: AlertId(row.get("id")?),
        code: AlertCode(row.get("number")?),
        actor: ActorId(row.get("actor_id")?),
        actor_name: row.get("actor_name")?,
        score: row.points("score")?,
        severity: Severity::WORST_FIRST
            .into_iter()
            .find(|s| s.rank() == rank)
            .ok_or_else(|| Error::Inconsistent(format!("alerts.severity holds {rank}")))?,
        status: row.parse("status", Status::from_word)?,
        version: row.get("version")?,
        opened_minute: Minute(row.get("opened_minute")?),
        last_signal_minute: Minute(row.get("last_signal_minute")?),
        detected_at: row.time("detected_at")?,
        updated_at: row.time("updated_at")?,
        acknowledged_at: row.time_opt("acknowledged_at")?,
        closed_at: row.time_opt("closed_at")?,
        disposition: disposition.as_deref().and_then(Disposition::from_word),
        reason: row.get("reason")?,
        decided_by: row.get("decided_by")?,
        rules: row.json("rules")?,
        sentence: row.get("sentence")?,
        reasons: row.json("reasons")?,
    })
}
