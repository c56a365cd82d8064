//! The minutes of a day at which a score reached the threshold and its height, and what an alert
//! says about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::id::EventId;
use domain::rule::RuleName;
use domain::score::{Contribution, Points};
use domain::tenant::Tenant;
use domain::time::{Minute, Zone};
use scoring::calibrated::{
    Activity, ActorDay, ActorState, Judged, Peers, Row, explain, headline, judge, snapshot,
};
use scoring::explain::evidence::SAMPLE;
use scoring::receipt::Inputs;
use store::db::Tx;
use store::log::{self, Position, Tailed};

use super::super::episodes::{Alerting, Moment, Picture, receipt};
use super::briefing::{Briefing, Readers};
use super::closing::{JudgedDay, Verdict};
use crate::error::Result;

/// An actor's events of a day, in order of time.
struct Course<'a> {
    tenant: &'a Tenant,
    zone: &'a Zone,
    judged: &'a JudgedDay,
    peers: Option<&'a Peers>,
    reference: &'a (String, Arc<Vec<u8>>),
    state: &'a ActorState,
    events: Vec<(EventId, Activity)>,
    /// Minutes that hold an event, ascending.
    minutes: Vec<Minute>,
}

/// The alerting minutes of one actor-day: where the threshold was reached, and where the height.
pub(crate) async fn alerting(
    tx: &mut Tx,
    (tenant, briefing): (&Tenant, &Briefing),
    (judged, verdict): (&JudgedDay, &Verdict),
    reference: &(String, Arc<Vec<u8>>),
    name: &str,
    until: Position,
    late: bool,
) -> Result<Option<Alerting>> {
    let Some(state) = verdict.alerting.as_deref() else {
        return Ok(None);
    };
    let range = (judged.day.utc_start(), judged.day.plus(1).utc_start());
    let mut readers = Readers::default();
    let mut events = Vec::new();
    let who = (tenant.id, verdict.actor);
    log::history(tx, who, range, until, |event: Tailed| {
        events.push((event.id, briefing.activity(&mut readers, &event)));
    })
    .await?;
    let mut minutes: Vec<Minute> = events.iter().map(|(_, a)| a.minute).collect();
    minutes.dedup();
    let course = Course {
        tenant,
        zone: briefing.zone(verdict.actor, judged.day, &tenant.scoring.zone),
        judged,
        peers: verdict.peers.as_ref(),
        reference,
        state,
        events,
        minutes,
    };
    let threshold = tenant.scoring.alert_threshold;
    let crossing = course.first_reaching(threshold);
    let height = course.first_reaching(verdict.score);
    let mut places: Vec<Minute> = [crossing, height].into_iter().flatten().collect();
    places.dedup();
    let moments = places
        .into_iter()
        .map(|minute| Moment::Calibrated(Arc::new(course.picture(minute, name))))
        .collect();
    Ok(Some(Alerting {
        actor: verdict.actor,
        part: verdict.part,
        late,
        moments,
        zone: tenant.scoring.zone.clone(),
    }))
}

impl Course<'_> {
    /// The day up to and including a minute.
    fn until(&self, minute: Minute) -> ActorDay {
        let mut day = ActorDay::new(self.judged.day);
        for (_, activity) in self.events.iter().filter(|(_, a)| a.minute <= minute) {
            day.observe(activity, self.zone);
        }
        day
    }

    fn judge(&self, day: &ActorDay) -> Judged {
        judge(
            day,
            self.state,
            &self.judged.organisation,
            &self.judged.today,
        )
    }

    /// The first minute at whose end the score is at least this: by bisection, because with
    /// everybody else's day held fast a score never falls while a day goes on.
    fn first_reaching(&self, score: Points) -> Option<Minute> {
        let reached = |minute: &Minute| {
            let judged = self.judge(&self.until(*minute));
            Points::from_tenths(judged.grade.tenths()) >= score
        };
        let at = self.minutes.partition_point(|minute| !reached(minute));
        self.minutes.get(at).or(self.minutes.last()).copied()
    }

    fn picture(&self, minute: Minute, name: &str) -> Picture {
        let day = self.until(minute);
        let judged = self.judge(&day);
        let explanation = explain(&judged, &day, self.state, &self.judged.organisation);
        let threshold = self.tenant.scoring.alert_threshold;
        let mut snapshot = snapshot(&explanation, minute, threshold);
        let mut evidence: BTreeMap<EventId, BTreeSet<RuleName>> = BTreeMap::new();
        for (told, row) in snapshot.contributions.iter_mut().zip(&explanation.rows) {
            self.find(told, row, minute, &mut evidence);
            if let Some(peers) = self.peers {
                peers.compare(told);
            }
        }
        let short = explanation.rows.iter().map(|row| &row.contribution);
        let short = short.filter(|row| row.points > Points::ZERO);
        let sentence = headline(name, &explanation);
        let inputs = Inputs::Calibrated {
            minute,
            day: self.judged.day,
            values: Box::new(judged.values),
            state: Box::new(self.state.numbers()),
        };
        let reference = Some(self.reference.clone());
        Picture {
            receipt: receipt(&snapshot, &sentence, &inputs, reference),
            sentence,
            short: short.map(|row| row.short.clone()).collect(),
            snapshot,
            evidence,
        }
    }

    /// The events that caused a row.
    fn find(
        &self,
        told: &mut Contribution,
        row: &Row,
        until: Minute,
        evidence: &mut BTreeMap<EventId, BTreeSet<RuleName>>,
    ) {
        if told.kind != domain::score::ContributionKind::Rule {
            return;
        }
        let matching = self
            .events
            .iter()
            .filter(|(_, a)| a.minute <= until && row.cause.matches(a, self.zone));
        for (id, _) in matching {
            told.evidence_count += 1;
            if told.evidence.len() < SAMPLE {
                told.evidence.push(*id);
                if let Some(rule) = RuleName::parse(&told.rule) {
                    evidence.entry(*id).or_default().insert(rule);
                }
            }
        }
    }
}
