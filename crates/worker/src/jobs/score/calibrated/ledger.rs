//! One organisation as the calibrated grading sees it between passes: its memory after the last
//! closed day, and the days that are open.
//!
//! Open days are not stored: they are the sum of the events of those days that were folded, and
//! are derived from the log when a process begins. What is kept can so never disagree with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::actor::{ActorId, Partition};
use domain::event::Event;
use domain::tenant::Tenant;
use domain::time::{Day, Timestamp, Zone};
use scoring::calibrated::{Action, Activity, ActorDay, Organisation, Parameters, Today, stored};
use store::calibrated::{self as rows, Remembered};
use store::log::{self, Position, Tailed};
use store::{Db, Error};

use super::briefing::{Briefing, Readers};
use crate::error::Result;

/// See the module.
pub(crate) struct Ledger {
    pub kept: Remembered,
    pub organisation: Arc<Organisation>,
    pub days: BTreeMap<Day, OpenDay>,
    /// Actors of the newest day whose score is not up to date.
    pub dirty: BTreeSet<ActorId>,
    /// Whether events came since everybody of the newest day was judged.
    pub moved: bool,
    pub briefing: Arc<Briefing>,
    readers: Readers,
}

/// A day that events may still be added to.
#[derive(Clone, Default)]
pub(crate) struct OpenDay {
    pub actors: BTreeMap<ActorId, (Partition, ActorDay)>,
}

impl OpenDay {
    /// Adds what an actor did.
    pub fn add(
        &mut self,
        day: Day,
        (actor, part): (ActorId, Partition),
        activity: &Activity,
        zone: &Zone,
    ) {
        let slot = self.actors.entry(actor);
        let (_, own) = slot.or_insert_with(|| (part, ActorDay::new(day)));
        own.observe(activity, zone);
    }

    /// What everybody met on the day so far.
    pub fn today(&self) -> Today {
        let mut today = Today::default();
        self.actors.values().for_each(|(_, day)| today.add(day));
        today
    }
}

impl Ledger {
    /// The stored memory and the days after it, from the events up to a position. `None` when
    /// nothing readable is stored.
    pub async fn load(db: &Db, tenant: &Tenant, until: Position) -> Result<Option<Self>> {
        let Some(mut kept) = rows::organisation(db, tenant.id).await? else {
            return Ok(None);
        };
        let Ok(organisation) = stored::from_bytes::<Organisation>(&kept.state) else {
            return Ok(None);
        };
        kept.state = Vec::new();
        let briefing = Briefing::load(db, tenant).await?;
        let mut ledger = Self::with(kept, organisation, briefing);
        ledger.fit(tenant);
        let mut after = ledger.organisation.last();
        while let Some(day) = log::next_day(db, tenant.id, after, until).await? {
            ledger.read_day(db, tenant, day, until).await?;
            after = Some(day);
        }
        ledger.judge_everybody();
        Ok(Some(ledger))
    }

    /// An organisation without any past.
    pub async fn empty(db: &Db, tenant: &Tenant, now: Timestamp) -> Result<Self> {
        let kept = Remembered {
            revision: 0,
            closed: None,
            state: Vec::new(),
            before: None,
            rebuilding_from: None,
            late: 0,
            late_from: None,
            rebuilt_at: now,
            changed: None,
        };
        let briefing = Briefing::load(db, tenant).await?;
        let organisation = Organisation::new(Parameters::default());
        let mut ledger = Self::with(kept, organisation, briefing);
        ledger.fit(tenant);
        Ok(ledger)
    }

    fn with(kept: Remembered, organisation: Organisation, briefing: Briefing) -> Self {
        Self {
            kept,
            organisation: Arc::new(organisation),
            days: BTreeMap::new(),
            dirty: BTreeSet::new(),
            moved: false,
            briefing: Arc::new(briefing),
            readers: Readers::default(),
        }
    }

    /// Follows the tenant's settings.
    pub fn fit(&mut self, tenant: &Tenant) {
        let rate = tenant.scoring.alert_rate;
        if (self.organisation.parameters().rate - rate).abs() > f64::EPSILON {
            Arc::make_mut(&mut self.organisation).set_rate(rate);
        }
    }

    /// Adds every stored event of a day.
    pub async fn read_day(
        &mut self,
        db: &Db,
        tenant: &Tenant,
        day: Day,
        until: Position,
    ) -> Result<()> {
        let each = |event: Tailed| {
            self.add(&event, tenant);
        };
        log::day(db, tenant.id, day, until, each).await?;
        Ok(())
    }

    /// Adds an event to its day and returns the class of its action.
    pub fn add(&mut self, event: &Tailed, tenant: &Tenant) -> Action {
        let day = event.occurred_at.utc_day();
        let activity = self.briefing.activity(&mut self.readers, event);
        let otherwise = &tenant.scoring.zone;
        let zone = self.briefing.zone(event.actor, day, otherwise);
        let open = self.days.entry(day).or_default();
        open.add(day, (event.actor, event.part), &activity, zone);
        activity.action
    }

    /// Makes everybody of the newest day be judged again.
    pub fn judge_everybody(&mut self) {
        if let Some((_, day)) = self.days.last_key_value() {
            self.dirty.extend(day.actors.keys().copied());
        }
        self.moved = false;
    }

    /// The memory as stored after a pass.
    pub fn remembered(&self, before: Option<&Organisation>) -> Remembered {
        Remembered {
            closed: self.organisation.last(),
            state: stored::to_bytes(self.organisation.as_ref()),
            before: before
                .map(stored::to_bytes)
                .or_else(|| self.kept.before.clone()),
            ..self.kept.clone()
        }
    }

    /// Goes back to before the last closed day, so that late events of it find it open. False
    /// when that is not stored.
    pub async fn reopen(&mut self, db: &Db, tenant: &Tenant, until: Position) -> Result<bool> {
        let Some(day) = self.organisation.last() else {
            return Ok(false);
        };
        let before = self.kept.before.take();
        let before = before.and_then(|bytes| stored::from_bytes::<Organisation>(&bytes).ok());
        let Some(before) = before else {
            return Ok(false);
        };
        self.organisation = Arc::new(before);
        self.fit(tenant);
        self.read_day(db, tenant, day, until).await?;
        Ok(true)
    }
}

/// The parts of an event that the grading reads.
pub(crate) fn read(event: &Tailed) -> Event {
    Event {
        id: event.id,
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        actor: String::new(),
        actor_kind: None,
        action: event.action.clone(),
        outcome: event.outcome,
        outcome_word: None,
        resource: event.resource.clone(),
        resource_id: event.resource_id.clone(),
        ip: event.ip,
        user_agent: event.user_agent.clone(),
        bytes: event.bytes,
        severity: event.severity,
        host: event.host.clone(),
        app: None,
        attributes: None,
    }
}

/// The past of an actor, read from what is stored.
pub(crate) fn unreadable(what: &str) -> crate::error::Error {
    Error::Inconsistent(format!(
        "{what} is kept in a layout this version does not read"
    ))
    .into()
}
