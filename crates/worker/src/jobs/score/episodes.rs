//! From scores that reach the threshold to alerts: one per episode, with frozen evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::actor::{ActorId, Partition};
use domain::id::{AlertId, EventId};
use domain::rule::RuleName;
use domain::score::{Points, Snapshot};
use domain::tenant::Tenant;
use domain::time::{Minute, Timestamp, Zone};
use scoring::calibrated::stored;
use scoring::episode::{EPISODE_MINUTES, Step};
use scoring::explain;
use scoring::explain::evidence::{Candidate, Causes, Found};
use scoring::receipt::{Inputs, seal};
use scoring::track::Scored;
use store::db::Tx;
use store::log::{self, Position};
use store::scoring::{self as rows, LatestAlert, Reasons, Receipt};

use super::follow::observe;
use super::place::{free_minute, insert, place, raised, went_on};
use crate::error::Result;

/// One actor with the minutes of a pass whose score reached the threshold, in order of time.
pub(crate) struct Alerting {
    pub actor: ActorId,
    pub part: Partition,
    /// Whether late events are the cause.
    pub late: bool,
    pub moments: Vec<Moment>,
    /// In which hours were judged.
    pub zone: Zone,
}

/// A minute whose score reached the threshold.
#[derive(Clone)]
pub(crate) enum Moment {
    /// Explained when it is needed.
    Classic(Box<Scored>),
    /// Explained already, together with its evidence.
    Calibrated(Arc<Picture>),
}

/// Everything an alert says about one minute.
#[derive(Clone)]
pub(crate) struct Picture {
    pub snapshot: Snapshot,
    pub sentence: String,
    pub short: Vec<String>,
    pub evidence: BTreeMap<EventId, BTreeSet<RuleName>>,
    pub receipt: Option<Receipt>,
}

/// The receipt of a snapshot.
pub(crate) fn receipt(
    snapshot: &Snapshot,
    sentence: &str,
    inputs: &Inputs,
    reference: Option<(String, Arc<Vec<u8>>)>,
) -> Option<Receipt> {
    let inputs = stored::to_bytes(inputs);
    let hash = reference.as_ref().map(|(hash, _)| hash.as_str());
    let sha256 = seal(snapshot, sentence, &inputs, hash)?;
    Some(Receipt {
        inputs,
        reference,
        sha256,
    })
}

impl Picture {
    fn reasons(&self) -> Reasons<'_> {
        Reasons {
            snapshot: &self.snapshot,
            sentence: &self.sentence,
            short: &self.short,
            receipt: self.receipt.as_ref(),
        }
    }
}

impl Moment {
    /// Which minute.
    pub(crate) fn minute(&self) -> Minute {
        match self {
            Self::Classic(scored) => scored.assessment.minute,
            Self::Calibrated(picture) => picture.snapshot.minute(),
        }
    }

    /// Its score.
    pub(crate) fn score(&self) -> Points {
        match self {
            Self::Classic(scored) => scored.assessment.score,
            Self::Calibrated(picture) => picture.snapshot.score(),
        }
    }

    /// The rules that gave points.
    pub(crate) fn fired(&self) -> BTreeSet<RuleName> {
        match self {
            Self::Classic(scored) => scored.assessment.fired().map(RuleName::from).collect(),
            Self::Calibrated(picture) => picture.snapshot.fired(),
        }
    }

    /// The rule set that judged it.
    pub(crate) fn ruleset(&self) -> &str {
        match self {
            Self::Classic(_) => domain::tenant::RuleSetName::Classic.word(),
            Self::Calibrated(picture) => &picture.snapshot.ruleset,
        }
    }
}

/// Applies every alerting minute of every actor and returns how many alerts opened.
pub(crate) async fn raise(
    tx: &mut Tx,
    tenant: &Tenant,
    mut actors: Vec<Alerting>,
    until: Position,
    now: Timestamp,
) -> Result<usize> {
    let ids: Vec<_> = actors.iter().map(|a| a.actor).collect();
    let names = rows::names(&mut *tx, tenant.id, &ids).await?;
    let name = |actor| names.get(&actor).cloned().unwrap_or_default();
    // Numbers are given in the order of the first crossing.
    actors.sort_by_key(|a| (a.moments.first().map(Moment::minute), name(a.actor)));
    let mut opened = 0;
    for alerting in actors {
        let minutes = alerting.moments.iter().map(Moment::minute);
        let span = minutes.clone().min().zip(minutes.max()).unwrap_or_default();
        let mut chronicle = Chronicle {
            tenant,
            zone: &alerting.zone,
            name: name(alerting.actor),
            key: (alerting.actor, alerting.part),
            late: alerting.late,
            until,
            now,
            span,
            alerts: Vec::new(),
            pending: None,
        };
        chronicle.load(tx).await?;
        for moment in &alerting.moments {
            opened += usize::from(chronicle.apply(tx, moment).await?);
        }
        chronicle.flush(tx).await?;
    }
    Ok(opened)
}

/// One actor's alerts, as the pass goes through its alerting minutes.
struct Chronicle<'a> {
    tenant: &'a Tenant,
    zone: &'a Zone,
    name: String,
    key: (ActorId, Partition),
    late: bool,
    until: Position,
    now: Timestamp,
    /// First and last minute of the pass.
    span: (Minute, Minute),
    /// Every alert whose episode can cover one of them, by opening minute.
    alerts: Vec<LatestAlert>,
    /// Minutes in which one alert only went on, not yet written.
    pending: Option<Pending>,
}

/// What has gathered since the alert was last written.
struct Pending {
    /// Place of the alert in the list.
    index: usize,
    first: Minute,
    last: Minute,
    rules: BTreeSet<RuleName>,
    /// The latest minute that reached the peak again: its reasons are the fuller picture.
    again: Option<Moment>,
}

impl Chronicle<'_> {
    /// Applies one minute; true when it opened an alert.
    async fn apply(&mut self, tx: &mut Tx, moment: &Moment) -> Result<bool> {
        let (minute, score, fired) = (moment.minute(), moment.score(), moment.fired());
        loop {
            let (index, step) = place(&self.alerts, moment.ruleset(), minute, score, &fired);
            if self
                .pending
                .as_ref()
                .is_some_and(|p| Some(p.index) != index)
            {
                self.flush(tx).await?;
            }
            let Some(index) = index else {
                self.open(tx, moment).await?;
                return Ok(true);
            };
            match step {
                Step::Open => {}
                Step::Raise => {
                    self.flush(tx).await?;
                    if !self.raise(tx, index, moment).await? {
                        // Somebody has closed it meanwhile: that changes what is to be done.
                        self.load(tx).await?;
                        continue;
                    }
                }
                Step::Join => {
                    self.go_on(index, moment, &fired);
                    self.flush(tx).await?;
                    if let Some(alert) = self.alerts.get(index).map(|a| a.id) {
                        let picture = self.picture(tx, moment).await?;
                        self.freeze(tx, alert, &picture).await?;
                    }
                }
                Step::Continue => self.go_on(index, moment, &fired),
                Step::Swallow => {
                    if let Some(alert) = self.alerts.get(index).map(|a| a.id) {
                        rows::note_swallowed(tx, self.tenant.id, alert, score, self.now).await?;
                    }
                }
            }
            return Ok(false);
        }
    }

    /// Loads the alerts whose episodes can cover a minute of this pass.
    async fn load(&mut self, tx: &mut Tx) -> Result<()> {
        let (first, last) = self.span;
        let span = (first.plus(-EPISODE_MINUTES), last.plus(EPISODE_MINUTES));
        self.alerts = rows::alerts_around(tx, self.tenant.id, self.key.0, span).await?;
        Ok(())
    }

    async fn open(&mut self, tx: &mut Tx, moment: &Moment) -> Result<()> {
        let picture = self.picture(tx, moment).await?;
        let opened = free_minute(&self.alerts, moment.minute());
        let at = (opened, self.now, self.late);
        let id = rows::open_alert(tx, self.tenant.id, self.key, &picture.reasons(), at).await?;
        self.freeze(tx, id, &picture).await?;
        let alert = LatestAlert {
            id,
            opened,
            last_signal: opened,
            score: moment.score(),
            status: domain::alert::Status::Open,
            rules: moment.fired(),
            ruleset: moment.ruleset().to_owned(),
        };
        insert(&mut self.alerts, alert);
        Ok(())
    }

    /// False when the alert has been closed since it was read.
    async fn raise(&mut self, tx: &mut Tx, index: usize, moment: &Moment) -> Result<bool> {
        let picture = self.picture(tx, moment).await?;
        let Some(alert) = self.alerts.get(index) else {
            return Ok(false);
        };
        let at = (self.now, self.late);
        if !rows::raise_alert(tx, self.tenant.id, alert, &picture.reasons(), at).await? {
            return Ok(false);
        }
        self.freeze(tx, alert.id, &picture).await?;
        if let Some(alert) = self.alerts.get_mut(index) {
            raised(alert, moment.minute(), moment.score(), moment.fired());
        }
        Ok(true)
    }

    fn go_on(&mut self, index: usize, moment: &Moment, fired: &BTreeSet<RuleName>) {
        let minute = moment.minute();
        let Some(alert) = self.alerts.get_mut(index) else {
            return;
        };
        went_on(alert, minute);
        let pending = self.pending.get_or_insert_with(|| Pending {
            index,
            first: minute,
            last: minute,
            rules: BTreeSet::new(),
            again: None,
        });
        pending.first = pending.first.min(minute);
        pending.last = pending.last.max(minute);
        pending.rules.extend(fired.iter().cloned());
        if moment.score() == alert.score {
            pending.again = Some(moment.clone());
        }
    }

    /// Writes what has gathered: the latest signal, joined rules, and the fuller picture of a
    /// peak that was reached again.
    async fn flush(&mut self, tx: &mut Tx) -> Result<()> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        let Some(alert) = self.alerts.get(pending.index).cloned() else {
            return Ok(());
        };
        let (tenant, now) = (self.tenant.id, self.now);
        let minutes = (pending.first, pending.last);
        let moment = (now, self.late);
        rows::continue_alert(tx, tenant, &alert, minutes, &pending.rules, moment).await?;
        if let Some(again) = &pending.again {
            let picture = self.picture(tx, again).await?;
            rows::refresh_reasons(tx, tenant, alert.id, &picture.reasons()).await?;
            self.freeze(tx, alert.id, &picture).await?;
        }
        if let Some(alert) = self.alerts.get_mut(pending.index) {
            alert.rules.extend(pending.rules);
        }
        Ok(())
    }

    async fn picture(&self, tx: &mut Tx, moment: &Moment) -> Result<Arc<Picture>> {
        let scored = match moment {
            Moment::Calibrated(picture) => return Ok(Arc::clone(picture)),
            Moment::Classic(scored) => scored,
        };
        let found = match &scored.causes {
            Some(causes) => self.find(tx, causes).await?,
            None => Vec::new(),
        };
        let settings = &self.tenant.scoring;
        let assessment = &scored.assessment;
        let threshold = settings.alert_threshold;
        let mut evidence: BTreeMap<EventId, BTreeSet<RuleName>> = BTreeMap::new();
        for signal in &found {
            for id in &signal.sample {
                evidence.entry(*id).or_default().insert(signal.rule.into());
            }
        }
        let snapshot = explain::snapshot(assessment, threshold, self.zone, &found);
        let sentence = explain::headline(&self.name, assessment, self.zone);
        let zone = self.zone.name().to_owned();
        Ok(Arc::new(Picture {
            receipt: receipt(&snapshot, &sentence, &Inputs::Classic { zone }, None),
            snapshot,
            sentence,
            short: assessment.signals.iter().map(explain::short).collect(),
            evidence,
        }))
    }

    /// Reads the actor's events of the windows and sorts them to the signals they caused.
    async fn find(&self, tx: &mut Tx, causes: &Causes) -> Result<Vec<Found>> {
        let (first, last) = causes.minutes();
        let range = (first.start(), last.end());
        let mut collector = causes.collector(self.zone);
        let who = (self.tenant.id, self.key.0);
        log::history(tx, who, range, self.until, |event| {
            collector.take(Candidate {
                id: event.id,
                at: event.occurred_at,
                seen: observe(&event),
            });
        })
        .await?;
        Ok(collector.finish())
    }

    async fn freeze(&self, tx: &mut Tx, alert: AlertId, picture: &Picture) -> Result<()> {
        Ok(rows::freeze_evidence(tx, self.tenant.id, alert, &picture.evidence).await?)
    }
}
