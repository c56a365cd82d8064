//! The scorer: tails the log from its cursor, folds events into profiles, judges the touched
//! minutes, and writes profiles, scores, rollups, alerts and cursor in one transaction under its
//! leases. A crash anywhere repeats the pass; nothing is counted twice.

pub(crate) mod calibrated;
pub(crate) mod episodes;
pub(crate) mod follow;
pub(crate) mod place;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::actor::ActorId;
use domain::id::TenantId;
use domain::tenant::{RuleSetName, Tenant};
use domain::time::{Clock, Day, MINUTE_US, Timestamp};
use store::log::{Position, Tailed};
use store::partitions::{self, Held};
use store::{Db, log, scoring as rows, tenants};

use crate::error::Result;
use crate::runner::Stop;
use calibrated::Ledger;
use follow::Followed;

/// Events of one pass.
const BATCH: u32 = 10_000;
/// Actors whose score may have fallen, looked at in one pass.
const DUE_BATCH: u32 = 500;
/// Minutes for which changed rules are applied to scores that are already there.
const JUDGE_AGAIN_MINUTES: i64 = 1440;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Events folded.
    pub events: usize,
    /// Actors touched.
    pub actors: usize,
    /// Alerts opened.
    pub opened: usize,
    /// Whether another worker holds the work.
    pub standby: bool,
}

impl Pass {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.actors += other.actors;
        self.opened += other.opened;
        self.standby = other.standby;
    }
}

/// One worker's scorer.
pub struct Scorer {
    owner: String,
    criteria: HashMap<TenantId, i64>,
    renewed_at: Timestamp,
    held: Vec<Held>,
    stop: Stop,
    /// Organisations of the calibrated grading as the last pass left them. Derived again whenever
    /// a pass failed or leases changed hands.
    ledgers: HashMap<TenantId, Ledger>,
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer")
            .field("owner", &self.owner)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// Leases are renewed when this much of them has passed: a quarter.
const RENEW_US: i64 = partitions::LEASE_US / 4;

impl Scorer {
    /// A scorer that holds leases under the given name.
    pub fn new(owner: String) -> Self {
        Self {
            owner,
            criteria: HashMap::new(),
            renewed_at: Timestamp::default(),
            held: Vec::new(),
            stop: Stop::new(),
            ledgers: HashMap::new(),
        }
    }

    /// The same scorer, which ends catching up after the pass under way once `stop` is cancelled.
    #[must_use]
    pub fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Passes until nothing is left, then lets scores fall, and says what was done.
    pub async fn catch_up(&mut self, db: &Db, clock: &Arc<dyn Clock>) -> Result<String> {
        let mut done = self.catch_up_quietly(db, clock).await?;
        if !done.standby {
            done.opened += self.settle(db, clock.now(), true).await?;
        }
        Ok(if done.standby {
            "standing by: another worker scores".to_owned()
        } else {
            format!(
                "{} events of {} actors, {} alerts opened",
                done.events, done.actors, done.opened
            )
        })
    }

    /// Passes until nothing is left, then lets scores fall.
    pub async fn catch_up_quietly(&mut self, db: &Db, clock: &Arc<dyn Clock>) -> Result<Pass> {
        let mut done = self.follow(db, clock).await?;
        if !done.standby {
            done.opened += self.settle(db, clock.now(), false).await?;
            self.let_scores_fall(db, clock.now()).await?;
        }
        Ok(done)
    }

    /// Passes until nothing is left, and leaves what is judged between passes for later: the day so
    /// far, scores that fall.
    pub async fn follow(&mut self, db: &Db, clock: &Arc<dyn Clock>) -> Result<Pass> {
        let result = self.pass_all(db, clock).await;
        if result.is_err() {
            self.ledgers.clear();
        }
        result
    }

    async fn pass_all(&mut self, db: &Db, clock: &Arc<dyn Clock>) -> Result<Pass> {
        let mut done = Pass::default();
        self.renew(db, clock.now()).await?;
        self.prepare_ledgers(db, clock.now()).await?;
        loop {
            let pass = self.pass(db, clock.now()).await?;
            let finished = pass.events < BATCH as usize;
            done.add(pass);
            if finished || self.stop.is_cancelled() {
                break;
            }
        }
        Ok(done)
    }

    /// One pass over at most [`BATCH`] events.
    pub async fn pass(&mut self, db: &Db, now: Timestamp) -> Result<Pass> {
        self.renew(db, now).await?;
        let Some(slowest) = self.held.iter().map(|h| h.position).min() else {
            return Ok(Pass {
                standby: true,
                ..Pass::default()
            });
        };
        let batch = log::tail(db, slowest, BATCH).await?;
        let Some(last) = batch.last().map(|e| e.position) else {
            return Ok(Pass::default());
        };
        let mut pass = Pass {
            events: batch.len(),
            ..Pass::default()
        };
        let batch = self.mine(batch);
        let (mut prepared, mut graded) = (Vec::new(), Vec::new());
        for (tenant, events) in by_tenant(batch) {
            let tenant = tenants::find(db, tenant).await?;
            if tenant.scoring.ruleset == RuleSetName::Calibrated {
                let ledger = self.ledger(db, &tenant, slowest, now).await?;
                let folded = calibrated::fold(db, tenant.clone(), ledger, &events, slowest);
                graded.push((tenant.id, folded.await?));
            }
            prepared.push(follow::prepare(db, tenant, events, now).await?);
        }
        let mut tx = db.begin().await?;
        for tenant in prepared {
            let followed = follow::replay_late(&mut tx, tenant, last, now).await?;
            pass.actors += followed.actors.len();
            pass.opened += write::save(&mut tx, followed, last, now).await?;
        }
        let mut ledgers = Vec::new();
        for (tenant, folded) in graded {
            let (opened, ledger) = folded.save(&mut tx, last, now).await?;
            pass.opened += opened;
            ledgers.push((tenant, ledger));
        }
        partitions::advance(&mut tx, &self.owner, &self.held, last).await?;
        tx.commit().await?;
        for held in &mut self.held {
            held.position = held.position.max(last);
        }
        self.ledgers.extend(ledgers);
        metrics::counter!("irm_events_scored_total").increment(pass.events as u64);
        metrics::counter!("irm_alerts_opened_total").increment(pass.opened as u64);
        Ok(pass)
    }

    /// Events of partitions this worker holds and has not folded yet.
    fn mine(&self, batch: Vec<Tailed>) -> Vec<Tailed> {
        let positions: HashMap<u8, Position> =
            self.held.iter().map(|h| (h.part.0, h.position)).collect();
        let mut batch = batch;
        batch.retain(|e| positions.get(&e.part.0).is_some_and(|p| *p < e.position));
        batch
    }

    async fn renew(&mut self, db: &Db, now: Timestamp) -> Result<()> {
        let fresh = (0..RENEW_US).contains(&(now.micros() - self.renewed_at.micros()));
        if fresh && !self.held.is_empty() {
            return Ok(());
        }
        let held = partitions::acquire(db, &self.owner, now).await?;
        let same = |a: &Held, b: &Held| a.part == b.part && a.fence == b.fence;
        if held.len() != self.held.len() || !held.iter().zip(&self.held).all(|(a, b)| same(a, b)) {
            self.ledgers.clear();
        }
        self.held = held;
        self.renewed_at = now;
        Ok(())
    }

    /// Everything up to here is folded.
    fn folded(&self) -> Option<Position> {
        self.held.iter().map(|h| h.position).min()
    }

    /// The organisation as the last pass left it, else as it is stored, else derived from events.
    async fn ledger(
        &mut self,
        db: &Db,
        tenant: &Tenant,
        folded: Position,
        now: Timestamp,
    ) -> Result<Ledger> {
        if let Some(ledger) = self.ledgers.remove(&tenant.id) {
            return Ok(ledger);
        }
        match Ledger::load(db, tenant, folded).await? {
            Some(ledger) if ledger.kept.rebuilding_from.is_none() => Ok(ledger),
            _ => self.derive(db, tenant, None, folded, now).await,
        }
    }

    async fn derive(
        &self,
        db: &Db,
        tenant: &Tenant,
        alerts_from: Option<Day>,
        folded: Position,
        now: Timestamp,
    ) -> Result<Ledger> {
        let lease = (self.owner.as_str(), self.held.as_slice());
        tracing::info!(tenant = %tenant.slug, "deriving the calibrated grading from stored events");
        calibrated::derive(db, tenant, alerts_from, folded, lease, now).await
    }

    /// Makes every organisation of the calibrated grading ready before events are read: none may
    /// be derived while its position moves.
    async fn prepare_ledgers(&mut self, db: &Db, now: Timestamp) -> Result<()> {
        let Some(folded) = self.folded() else {
            return Ok(());
        };
        for tenant in tenants::list(db).await? {
            if tenant.scoring.ruleset != RuleSetName::Calibrated {
                continue;
            }
            let version = tenants::criteria_version(db, tenant.id).await?;
            if self
                .criteria
                .get(&tenant.id)
                .is_some_and(|seen| *seen != version)
            {
                // What people said may be about the open day: it is read again.
                self.ledgers.remove(&tenant.id);
            }
            let mut ledger = self.ledger(db, &tenant, folded, now).await?;
            if calibrated::is_due(&ledger, now) {
                let from = ledger.kept.late_from;
                ledger = self.derive(db, &tenant, from, folded, now).await?;
            }
            self.ledgers.insert(tenant.id, ledger);
        }
        Ok(())
    }

    /// Judges the newest day so far where scores are not up to date: actors with new events, or
    /// everybody, because what one does today may be what others did in the meantime.
    async fn settle(&mut self, db: &Db, now: Timestamp, everybody: bool) -> Result<usize> {
        let Some(folded) = self.folded() else {
            return Ok(0);
        };
        let mut opened = 0;
        for tenant in tenants::list(db).await? {
            let Some(mut ledger) = self.ledgers.remove(&tenant.id) else {
                continue;
            };
            if everybody && ledger.moved {
                ledger.judge_everybody();
            }
            if let Some(judged) = calibrated::settle(db, &tenant, &mut ledger).await? {
                let mut tx = db.begin().await?;
                let at = (folded, now);
                let whose = (&tenant, ledger.briefing.as_ref());
                let written = calibrated::write(&mut tx, whose, judged, at, (false, true)).await?;
                opened += written.opened;
                self.guard(&mut tx).await?;
                tx.commit().await?;
            }
            self.ledgers.insert(tenant.id, ledger);
        }
        Ok(opened)
    }

    /// Judges actors again whose windows have emptied, or whose rules have changed.
    async fn let_scores_fall(&mut self, db: &Db, now: Timestamp) -> Result<()> {
        let folded = self.folded().unwrap_or(Position::START);
        for tenant in tenants::list(db).await? {
            self.notice_changed_criteria(db, &tenant, now).await?;
            while !self.stop.is_cancelled() {
                let due = rows::due(db, tenant.id, now.minute().plus(-1), DUE_BATCH).await?;
                if due.is_empty() {
                    break;
                }
                let actors: Vec<ActorId> = due.iter().map(|p| p.actor).collect();
                let rules = rows::rules(db, tenant.id).await?;
                let excluded = rows::excluded_days(db, tenant.id, &actors).await?;
                let suppressions = store::suppressions::of_tenant(db, tenant.id).await?;
                let mut tx = db.begin().await?;
                for profile in &due {
                    if tenant.scoring.ruleset == RuleSetName::Calibrated {
                        rows::save_due(&mut tx, tenant.id, profile.actor, None).await?;
                        continue;
                    }
                    let criteria = (&tenant, &rules, suppressions.as_slice());
                    let at = (folded, now);
                    write::judge_now(&mut tx, criteria, profile, &excluded, at).await?;
                }
                self.guard(&mut tx).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    async fn notice_changed_criteria(
        &mut self,
        db: &Db,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<()> {
        let version = tenants::criteria_version(db, tenant.id).await?;
        if self.criteria.get(&tenant.id) == Some(&version) {
            return Ok(());
        }
        let since = now.minute().plus(-JUDGE_AGAIN_MINUTES);
        let mut tx = db.begin().await?;
        match tenant.scoring.ruleset {
            RuleSetName::Classic => {
                // Were it chosen again, its memory would have missed the days between.
                self.ledgers.remove(&tenant.id);
                store::calibrated::forget(&mut tx, tenant.id).await?;
                rows::judge_again(&mut tx, tenant.id, since).await?;
            }
            RuleSetName::Calibrated => {
                if let Some(ledger) = self.ledgers.get_mut(&tenant.id) {
                    ledger.fit(tenant);
                    ledger.judge_everybody();
                }
            }
        }
        self.guard(&mut tx).await?;
        tx.commit().await?;
        // Only now: had the commit failed, the next pass must do it.
        self.criteria.insert(tenant.id, version);
        Ok(())
    }

    /// Makes a write that moves no cursor depend on the leases all the same.
    async fn guard(&self, tx: &mut store::db::Tx) -> Result<()> {
        Ok(partitions::hold(tx, &self.owner, &self.held).await?)
    }

    /// Gives the leases back.
    pub async fn release(&mut self, db: &Db) -> Result<()> {
        self.held.clear();
        Ok(partitions::release(db, &self.owner).await?)
    }
}

fn by_tenant(batch: Vec<Tailed>) -> BTreeMap<TenantId, Vec<Tailed>> {
    let mut tenants: BTreeMap<TenantId, Vec<Tailed>> = BTreeMap::new();
    for event in batch {
        tenants.entry(event.tenant).or_default().push(event);
    }
    tenants
}

/// The minute at which a score "now" is judged: the last complete one.
pub(crate) fn current_minute(now: Timestamp) -> domain::time::Minute {
    now.plus(-MINUTE_US).minute()
}

/// Everything followed of one tenant in one pass.
pub(crate) struct TenantPass {
    tenant: Tenant,
    actors: Vec<Followed>,
    hours: BTreeMap<(domain::id::SourceId, i64), rows::HourCount>,
}
