//! The calibrated grading in the running service.
//!
//! A pass adds its events to the days they belong to. As soon as an event of a later UTC day has
//! been seen, a day is closed: everybody is judged once more over the complete day and the memory
//! takes it in. Event time alone decides; a history that is loaded goes the same way. What a day
//! came to therefore depends on its events only, never on how they were batched.
//!
//! Between passes the newest day is judged so far (`settle`): that is what opens alerts on the
//! same day. Such a score may still turn out lower, when others take up the same thing later; the
//! alert stays with the reasons it was raised for.
//!
//! Late events of the last closed day reopen it. Older ones are counted; when they are many, or
//! after a wait that grows with the organisation, everything is derived again from the stored
//! events (`derive`).

pub(crate) mod briefing;
pub(crate) mod closing;
pub(crate) mod crossing;
mod derive;
pub(crate) mod ledger;
mod suppressing;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::actor::ActorId;
use domain::score::{Judgement, Points};
use domain::tenant::Tenant;
use domain::time::{Day, Timestamp};
use scoring::calibrated::{Action, Organisation, explained};
use store::Db;
use store::action_words;
use store::calibrated::{self as rows, ClosedDay, ScoreNow};
use store::db::Tx;
use store::log::{Position, Tailed};
use store::scoring::{self as history, DayUpdate, ScoreUpdate};

use super::episodes;
use crate::error::Result;
pub(crate) use briefing::Briefing;
use closing::{JudgedDay, Pasts, Telling, Yardstick};
pub(crate) use derive::{derive, is_due};
pub(crate) use ledger::Ledger;

/// Why a score is in the history.
const IN_ORDER: &str = "in order";
const LATE: &str = "late event";

/// Different words without a class that one pass counts.
const UNCLASSIFIED: usize = 1_000;
/// Characters of such a word.
const UNCLASSIFIED_LENGTH: usize = 200;

/// One organisation's pass: what it computed and has yet to write.
pub(crate) struct Folded {
    tenant: Tenant,
    pub ledger: Ledger,
    pasts: Pasts,
    closed: Vec<(JudgedDay, ClosedDay)>,
    before: Option<Arc<Organisation>>,
    reopened: Option<Day>,
    late: BTreeMap<Day, i64>,
    /// Words of actions without a class.
    unclassified: BTreeMap<(Day, String), i64>,
    /// Alerts open from this day on.
    alerts_from: Day,
    /// Whether the score path of closed days is written anew.
    derived: bool,
}

impl Folded {
    fn new(tenant: Tenant, ledger: Ledger) -> Self {
        Self {
            tenant,
            ledger,
            pasts: Pasts::default(),
            closed: Vec::new(),
            before: None,
            reopened: None,
            late: BTreeMap::new(),
            unclassified: BTreeMap::new(),
            alerts_from: Day(i32::MIN),
            derived: false,
        }
    }
}

/// Adds a pass's events and closes every day that a later one has followed. `folded` is the
/// position before these events.
pub(crate) async fn fold(
    db: &Db,
    tenant: Tenant,
    mut ledger: Ledger,
    events: &[Tailed],
    folded: Position,
) -> Result<Folded> {
    ledger.fit(&tenant);
    let mut pass = Folded::new(tenant, ledger);
    let last = pass.ledger.organisation.last();
    let day_of = |event: &Tailed| event.occurred_at.utc_day();
    if events.iter().any(|event| Some(day_of(event)) == last) {
        let ledger = &mut pass.ledger;
        if ledger.reopen(db, &pass.tenant, folded).await? {
            pass.reopened = last;
        }
    }
    let last = pass.ledger.organisation.last();
    for event in events {
        let day = day_of(event);
        if last.is_some_and(|last| day <= last) {
            *pass.late.entry(day).or_default() += 1;
            continue;
        }
        if pass.ledger.add(event, &pass.tenant) == Action::Other {
            pass.count_unclassified(day, &event.action);
        }
        pass.ledger.dirty.insert(event.actor);
        pass.ledger.moved = true;
    }
    while pass.ledger.days.len() > 1 {
        pass.close_first(db).await?;
    }
    Ok(pass)
}

impl Folded {
    fn count_unclassified(&mut self, day: Day, word: &str) {
        let word: String = word.chars().take(UNCLASSIFIED_LENGTH).collect();
        let key = (day, word.to_lowercase());
        if self.unclassified.len() < UNCLASSIFIED || self.unclassified.contains_key(&key) {
            *self.unclassified.entry(key).or_default() += 1;
        }
    }

    async fn close_first(&mut self, db: &Db) -> Result<()> {
        let Some((day, open)) = self.ledger.days.pop_first() else {
            return Ok(());
        };
        let actors: Vec<ActorId> = open.actors.keys().copied().collect();
        let tenant = self.tenant.id;
        let everybody = actors.iter().copied();
        self.pasts
            .read(db, tenant, everybody, self.reopened)
            .await?;
        let mut keys = std::collections::HashMap::new();
        for chunk in actors.chunks(500) {
            keys.extend(history::keys(db, tenant, chunk).await?);
        }
        self.ledger.dirty.retain(|actor| {
            let newest = self.ledger.days.last_key_value();
            newest.is_some_and(|(_, open)| open.actors.contains_key(actor))
        });
        let mut pasts = std::mem::take(&mut self.pasts);
        let before = Arc::clone(&self.ledger.organisation);
        let yardstick = yardstick(db, &self.tenant).await?;
        self.before = Some(Arc::clone(&before));
        let excluded = self.ledger.briefing.excluded(day);
        let closed = tokio::task::spawn_blocking(move || {
            let what = (day, open);
            let closed = closing::close(what, &excluded, &mut pasts, &keys, before, &yardstick);
            (closed, pasts)
        });
        let ((mut closed, after), pasts) = closed.await?;
        self.pasts = pasts;
        let (whose, briefing) = ((db, tenant), Arc::clone(&self.ledger.briefing));
        self.pasts
            .compare(whose, &briefing, &mut closed.0, self.reopened)
            .await?;
        self.ledger.organisation = Arc::new(after);
        self.closed.push(closed);
        Ok(())
    }

    /// Writes the pass and returns how many alerts opened, and the ledger for the next one.
    pub async fn save(
        mut self,
        tx: &mut Tx,
        until: Position,
        now: Timestamp,
    ) -> Result<(usize, Ledger)> {
        let tenant = self.tenant.id;
        let closed = std::mem::take(&mut self.closed);
        let late = std::mem::take(&mut self.late);
        let kept = &mut self.ledger.kept;
        kept.late += late.values().sum::<i64>();
        let earliest = late.keys().next().copied();
        kept.late_from = match (kept.late_from, earliest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if kept.revision == 0 || !closed.is_empty() || !late.is_empty() {
            let mut remembered = self.ledger.remembered(self.before.as_deref());
            rows::save_organisation(tx, tenant, &remembered, now).await?;
            remembered.revision += 1;
            remembered.state = Vec::new();
            self.ledger.kept = remembered;
        }
        rows::save_states(tx, tenant, self.pasts.changed()).await?;
        let unclassified = std::mem::take(&mut self.unclassified);
        action_words::count(tx, tenant, unclassified).await?;
        let late: Vec<(Day, i64)> = late.into_iter().collect();
        rows::count_late(tx, tenant, &late).await?;
        let mut opened = 0;
        for (judged, mut told) in closed {
            let day = judged.day;
            if self.derived {
                history::forget_day(tx, tenant, day).await?;
            }
            let is_late = self.reopened == Some(day);
            let alerts = day >= self.alerts_from;
            let whose = (&self.tenant, self.ledger.briefing.as_ref());
            let at = (until, now);
            let written = write(tx, whose, judged, at, (is_late, alerts)).await?;
            opened += written.opened;
            told.alerted = written.alerted;
            rows::save_days(tx, tenant, vec![told]).await?;
            rows::let_fall(tx, tenant, day).await?;
        }
        Ok((opened, self.ledger))
    }
}

/// What the scores of a tenant are held against.
async fn yardstick(db: &Db, tenant: &Tenant) -> Result<Yardstick> {
    let suppressions = store::suppressions::of_tenant(db, tenant.id).await?;
    Ok(Yardstick {
        threshold: tenant.scoring.alert_threshold,
        suppressions: Arc::new(suppressions),
        telling: Telling::Whole,
    })
}

/// Judges the newest day so far where its actors' scores are not up to date.
pub(crate) async fn settle(
    db: &Db,
    tenant: &Tenant,
    ledger: &mut Ledger,
) -> Result<Option<JudgedDay>> {
    let dirty: Vec<ActorId> = std::mem::take(&mut ledger.dirty).into_iter().collect();
    if dirty.is_empty() {
        return Ok(None);
    }
    let Some((day, open)) = ledger.days.pop_last() else {
        return Ok(None);
    };
    let mut pasts = Pasts::default();
    pasts
        .read(db, tenant.id, dirty.iter().copied(), None)
        .await?;
    let organisation = Arc::clone(&ledger.organisation);
    let yardstick = yardstick(db, tenant).await?;
    let judged = tokio::task::spawn_blocking(move || {
        let judged = closing::judge_some(day, &open, &dirty, &pasts, organisation, &yardstick);
        (judged, open, pasts)
    });
    let (mut judged, open, mut pasts) = judged.await?;
    let whose = (db, tenant.id);
    pasts
        .compare(whose, &ledger.briefing, &mut judged, None)
        .await?;
    ledger.days.insert(day, open);
    Ok(Some(judged))
}

/// What was written of one day.
pub(crate) struct Written {
    /// Alerts opened.
    pub opened: usize,
    /// Actors whose score reached the threshold.
    pub alerted: u32,
}

/// Writes the verdicts on one day: scores, history, alerts.
pub(crate) async fn write(
    tx: &mut Tx,
    (tenant, briefing): (&Tenant, &Briefing),
    mut judged: JudgedDay,
    (until, now): (Position, Timestamp),
    (late, alerts): (bool, bool),
) -> Result<Written> {
    suppressing::apply(tx, (tenant, briefing), &mut judged, until).await?;
    let judged = &judged;
    let cause = if late { LATE } else { IN_ORDER };
    let (mut days, mut shown, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for verdict in &judged.verdicts {
        let (actor, part, minute) = (verdict.actor, verdict.part, verdict.minute);
        days.push(DayUpdate {
            actor,
            part,
            minute: verdict.highest.0,
            score: verdict.highest.1,
            alerted: verdict.highest.1 >= tenant.scoring.alert_threshold,
        });
        shown.push(ScoreNow {
            actor,
            score: verdict.score,
            at: minute.end(),
            reasons: serde_json::to_string(&verdict.short).unwrap_or_else(|_| "[]".to_owned()),
        });
        if let Some(explanation) = &verdict.explanation {
            told.push(ScoreUpdate {
                actor,
                part,
                judgement: Judgement::Calibrated(explained(explanation, minute)),
                cause,
            });
        }
    }
    rows::replace_score_days(tx, tenant.id, days, now).await?;
    rows::save_scores_now(tx, tenant.id, shown).await?;
    history::save_scores(tx, tenant.id, told, now).await?;
    let alerted = judged.verdicts.iter().filter(|v| v.alerting.is_some());
    let alerted = alerted.count() as u32;
    let opened = if alerts {
        raise(tx, (tenant, briefing), judged, (until, now), late).await?
    } else {
        0
    };
    Ok(Written { opened, alerted })
}

/// Opens or raises the alerts of a day, and returns how many opened.
async fn raise(
    tx: &mut Tx,
    (tenant, briefing): (&Tenant, &Briefing),
    judged: &JudgedDay,
    (until, now): (Position, Timestamp),
    late: bool,
) -> Result<usize> {
    let reached = |v: &&closing::Verdict| v.highest.1 > Points::ZERO && v.alerting.is_some();
    let reached: Vec<_> = judged.verdicts.iter().filter(reached).collect();
    let ids: Vec<ActorId> = reached.iter().map(|v| v.actor).collect();
    let names = history::names(&mut *tx, tenant.id, &ids).await?;
    if reached.is_empty() {
        return Ok(0);
    }
    let reference = judged.reference();
    let mut alerting = Vec::new();
    for verdict in reached {
        let name = names.get(&verdict.actor).map_or("", String::as_str);
        let what = (judged, verdict);
        let one = crossing::alerting(
            &mut *tx,
            (tenant, briefing),
            what,
            (&reference, name),
            until,
            late,
        );
        alerting.extend(one.await?);
    }
    episodes::raise(tx, tenant, alerting, until, now).await
}
