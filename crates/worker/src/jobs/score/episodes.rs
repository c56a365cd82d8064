//! From scores that reach the threshold to alerts: one per episode, with frozen evidence.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{AlertId, EventId};
use domain::rule::{RuleKey, RuleSet};
use domain::tenant::Tenant;
use domain::time::{Minute, Timestamp};
use scoring::episode::{self, EPISODE_MINUTES, Episode, Step};
use scoring::explain;
use scoring::explain::evidence::{Candidate, Causes, Found};
use scoring::track::Scored;
use store::db::Tx;
use store::log::{self, Position};
use store::scoring::{self as rows, LatestAlert, Reasons};

use super::follow::{Followed, observe};
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
        let mut chronicle = Chronicle {
            tenant,
            name: name(followed.actor),
            key: (followed.actor, followed.part),
            late: followed.replaced_from.is_some(),
            until,
            now,
            current: None,
            pending: None,
        };
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
    current: Option<LatestAlert>,
    /// Minutes in which the alert only went on, not yet written.
    pending: Option<Pending>,
}

/// What has gathered since the alert was last written.
#[derive(Default)]
struct Pending {
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
        self.look_up(tx, minute).await?;
        let episode = self.current.as_ref().map(as_episode);
        match episode::step(episode.as_ref(), minute, assessment.score, &fired) {
            Step::Open => {
                self.flush(tx).await?;
                self.open(tx, scored, causes).await?;
                return Ok(true);
            }
            Step::Raise => {
                self.flush(tx).await?;
                self.raise(tx, scored, causes).await?;
            }
            Step::Join => {
                self.go_on(scored, &fired);
                self.flush(tx).await?;
                if let Some(alert) = self.current.as_ref().map(|a| a.id) {
                    let found = self.find(tx, causes).await?;
                    self.freeze(tx, alert, &found).await?;
                }
            }
            Step::Continue => self.go_on(scored, &fired),
            Step::Swallow => {
                if let Some(alert) = self.current.as_ref().map(|a| a.id) {
                    let score = assessment.score;
                    rows::note_swallowed(tx, self.tenant.id, alert, score, self.now).await?;
                }
            }
        }
        Ok(false)
    }

    /// Loads the alert whose episode may cover a minute, unless it is at hand.
    async fn look_up(&mut self, tx: &mut Tx, minute: Minute) -> Result<()> {
        if self.current.as_ref().is_some_and(|a| minute >= a.opened) {
            return Ok(());
        }
        self.flush(tx).await?;
        let until = minute.plus(EPISODE_MINUTES);
        self.current = rows::latest_alert(tx, self.tenant.id, self.key.0, until).await?;
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
        let id = rows::open_alert(tx, self.tenant.id, self.key, &reasons, self.now).await?;
        self.freeze(tx, id, &found).await?;
        self.current = Some(LatestAlert {
            id,
            opened: scored.assessment.minute,
            last_signal: scored.assessment.minute,
            score: scored.assessment.score,
            status: domain::alert::Status::Open,
            rules: scored.assessment.fired().collect(),
        });
        Ok(())
    }

    async fn raise(&mut self, tx: &mut Tx, scored: &Scored, causes: &Causes) -> Result<()> {
        let found = self.find(tx, causes).await?;
        let (snapshot, sentence, short) = self.explain(scored, &found);
        let reasons = Reasons {
            snapshot: &snapshot,
            sentence: &sentence,
            short: &short,
        };
        let Some(mut alert) = self.current.take() else {
            return Ok(());
        };
        rows::raise_alert(tx, self.tenant.id, &alert, &reasons, self.now, self.late).await?;
        self.freeze(tx, alert.id, &found).await?;
        alert.score = scored.assessment.score;
        alert.last_signal = alert.last_signal.max(scored.assessment.minute);
        alert.rules.extend(scored.assessment.fired());
        self.current = Some(alert);
        Ok(())
    }

    fn go_on(&mut self, scored: &Scored, fired: &BTreeSet<RuleKey>) {
        let minute = scored.assessment.minute;
        let Some(alert) = &mut self.current else {
            return;
        };
        alert.last_signal = alert.last_signal.max(minute);
        let pending = self.pending.get_or_insert_default();
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
        let Some(mut alert) = self.current.take() else {
            return Ok(());
        };
        let (tenant, now) = (self.tenant.id, self.now);
        rows::continue_alert(tx, tenant, &alert, pending.last, &pending.rules, now).await?;
        alert.rules.extend(pending.rules);
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
        self.current = Some(alert);
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

fn as_episode(alert: &LatestAlert) -> Episode {
    Episode {
        opened: alert.opened,
        last_signal: alert.last_signal,
        peak: alert.score,
        rules: alert.rules.clone(),
        closed: alert.status.is_closed(),
    }
}
