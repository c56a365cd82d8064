//! From scores that reach the threshold to alerts: one per episode, with frozen evidence.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{AlertId, EventId};
use domain::rule::{RuleKey, RuleSet};
use domain::tenant::Tenant;
use domain::time::{Minute, Timestamp};
use scoring::episode::{EPISODE_MINUTES, Step};
use scoring::explain;
use scoring::explain::evidence::{Candidate, Causes, Found};
use scoring::track::Scored;
use store::db::Tx;
use store::log::{self, Position};
use store::scoring::{self as rows, LatestAlert, Reasons};

use super::follow::{Followed, observe};
use super::place::{free_minute, place};
use crate::error::Result;

/// Applies every alerting minute of every actor and returns how many alerts opened.
pub(crate) async fn raise(
    tx: &mut Tx,
    (tenant, _rules): (&Tenant, &RuleSet),
    mut actors: Vec<Followed>,
    until: Position,
    now: Timestamp,
) -> Result<usize> {
    let ids: Vec<_> = actors.iter().map(|a| a.actor).collect();
    let names = rows::names(&mut *tx, tenant.id, &ids).await?;
    let name = |actor| names.get(&actor).cloned().unwrap_or_default();
    // Numbers are given in the order of the first crossing.
    actors.sort_by_key(|a| {
        let first = a.alerting.first().map(|s| s.assessment.minute);
        (first, name(a.actor))
    });
    let mut opened = 0;
    for followed in actors {
        let minutes = followed.alerting.iter().map(|s| s.assessment.minute);
        let span = minutes.clone().min().zip(minutes.max()).unwrap_or_default();
        let mut chronicle = Chronicle {
            tenant,
            name: name(followed.actor),
            key: (followed.actor, followed.part),
            late: followed.replaced_from.is_some(),
            until,
            now,
            span,
            alerts: Vec::new(),
            pending: None,
        };
        chronicle.load(tx).await?;
        for scored in &followed.alerting {
            opened += usize::from(chronicle.apply(tx, scored).await?);
        }
        chronicle.flush(tx).await?;
    }
    Ok(opened)
}

/// One actor's alerts, as the pass goes through its alerting minutes.
struct Chronicle<'a> {
    tenant: &'a Tenant,
    name: String,
    key: (domain::actor::ActorId, domain::actor::Partition),
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
    rules: BTreeSet<RuleKey>,
    /// The latest minute that reached the peak again: its reasons are the fuller picture.
    again: Option<Scored>,
}

impl Chronicle<'_> {
    /// Applies one minute; true when it opened an alert.
    async fn apply(&mut self, tx: &mut Tx, scored: &Scored) -> Result<bool> {
        let Some(causes) = &scored.causes else {
            return Ok(false);
        };
        let assessment = &scored.assessment;
        let minute = assessment.minute;
        let fired: BTreeSet<RuleKey> = assessment.fired().collect();
        loop {
            let (index, step) = place(&self.alerts, minute, assessment.score, &fired);
            if self
                .pending
                .as_ref()
                .is_some_and(|p| Some(p.index) != index)
            {
                self.flush(tx).await?;
            }
            let Some(index) = index else {
                self.open(tx, scored, causes).await?;
                return Ok(true);
            };
            match step {
                Step::Open => {}
                Step::Raise => {
                    self.flush(tx).await?;
                    if !self.raise(tx, index, scored, causes).await? {
                        // Somebody has closed it meanwhile: that changes what is to be done.
                        self.load(tx).await?;
                        continue;
                    }
                }
                Step::Join => {
                    self.go_on(index, scored, &fired);
                    self.flush(tx).await?;
                    if let Some(alert) = self.alerts.get(index).map(|a| a.id) {
                        let found = self.find(tx, causes).await?;
                        self.freeze(tx, alert, &found).await?;
                    }
                }
                Step::Continue => self.go_on(index, scored, &fired),
                Step::Swallow => {
                    if let Some(alert) = self.alerts.get(index).map(|a| a.id) {
                        let score = assessment.score;
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

    async fn open(&mut self, tx: &mut Tx, scored: &Scored, causes: &Causes) -> Result<()> {
        let found = self.find(tx, causes).await?;
        let (snapshot, sentence, short) = self.explain(scored, &found);
        let reasons = Reasons {
            snapshot: &snapshot,
            sentence: &sentence,
            short: &short,
        };
        let opened = free_minute(&self.alerts, scored.assessment.minute);
        let moment = (opened, self.now, self.late);
        let id = rows::open_alert(tx, self.tenant.id, self.key, &reasons, moment).await?;
        self.freeze(tx, id, &found).await?;
        let alert = LatestAlert {
            id,
            opened,
            last_signal: opened,
            score: scored.assessment.score,
            status: domain::alert::Status::Open,
            rules: scored.assessment.fired().collect(),
        };
        let index = self.alerts.partition_point(|a| a.opened < opened);
        self.alerts.insert(index, alert);
        Ok(())
    }

    /// False when the alert has been closed since it was read.
    async fn raise(
        &mut self,
        tx: &mut Tx,
        index: usize,
        scored: &Scored,
        causes: &Causes,
    ) -> Result<bool> {
        let found = self.find(tx, causes).await?;
        let (snapshot, sentence, short) = self.explain(scored, &found);
        let reasons = Reasons {
            snapshot: &snapshot,
            sentence: &sentence,
            short: &short,
        };
        let Some(alert) = self.alerts.get(index) else {
            return Ok(false);
        };
        let moment = (self.now, self.late);
        if !rows::raise_alert(tx, self.tenant.id, alert, &reasons, moment).await? {
            return Ok(false);
        }
        self.freeze(tx, alert.id, &found).await?;
        if let Some(alert) = self.alerts.get_mut(index) {
            alert.score = scored.assessment.score;
            alert.last_signal = alert.last_signal.max(scored.assessment.minute);
            alert.rules.extend(scored.assessment.fired());
        }
        Ok(true)
    }

    fn go_on(&mut self, index: usize, scored: &Scored, fired: &BTreeSet<RuleKey>) {
        let minute = scored.assessment.minute;
        let Some(alert) = self.alerts.get_mut(index) else {
            return;
        };
        alert.last_signal = alert.last_signal.max(minute);
        let pending = self.pending.get_or_insert_with(|| Pending {
            index,
            first: minute,
            last: minute,
            rules: BTreeSet::new(),
            again: None,
        });
        pending.first = pending.first.min(minute);
        pending.last = pending.last.max(minute);
        pending.rules.extend(fired.iter().copied());
        if scored.assessment.score == alert.score {
            pending.again = Some(scored.clone());
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
        if let Some((scored, causes)) = pending
            .again
            .as_ref()
            .and_then(|s| Some((s, s.causes.as_ref()?)))
        {
            let found = self.find(tx, causes).await?;
            let (snapshot, sentence, short) = self.explain(scored, &found);
            let reasons = Reasons {
                snapshot: &snapshot,
                sentence: &sentence,
                short: &short,
            };
            rows::refresh_reasons(tx, tenant, alert.id, &reasons).await?;
            self.freeze(tx, alert.id, &found).await?;
        }
        if let Some(alert) = self.alerts.get_mut(pending.index) {
            alert.rules.extend(pending.rules);
        }
        Ok(())
    }

    /// Reads the actor's events of the windows and sorts them to the signals they caused.
    async fn find(&self, tx: &mut Tx, causes: &Causes) -> Result<Vec<Found>> {
        let (first, last) = causes.minutes();
        let range = (first.start(), last.end());
        let mut collector = causes.collector(&self.tenant.scoring.zone);
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

    async fn freeze(&self, tx: &mut Tx, alert: AlertId, found: &[Found]) -> Result<()> {
        let mut wanted: BTreeMap<EventId, BTreeSet<RuleKey>> = BTreeMap::new();
        for signal in found {
            for id in &signal.sample {
                wanted.entry(*id).or_default().insert(signal.rule);
            }
        }
        Ok(rows::freeze_evidence(tx, self.tenant.id, alert, &wanted).await?)
    }

    fn explain(
        &self,
        scored: &Scored,
        found: &[Found],
    ) -> (domain::score::Snapshot, String, Vec<String>) {
        let settings = &self.tenant.scoring;
        let assessment = &scored.assessment;
        let snapshot =
            explain::snapshot(assessment, settings.alert_threshold, &settings.zone, found);
        let sentence = explain::headline(&self.name, assessment, &settings.zone);
        let short = assessment.signals.iter().map(explain::short).collect();
        (snapshot, sentence, short)
    }
}
