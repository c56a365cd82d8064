//! The minutes of a day at which a score reached the threshold and its height, and what an alert
//! says about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::id::EventId;
use domain::rule::RuleName;
use domain::score::{Contribution, Points};
use domain::suppression::Marks;
use domain::tenant::Tenant;
use domain::time::{Day, Minute, Zone};
use scoring::calibrated::{
    Activity, ActorDay, ActorState, Explanation, Judged, Organisation, Peers, Row, Silenced, Today,
    causes, explain_silenced, headline, judge, silence, snapshot,
};
use scoring::explain::evidence::SAMPLE;
use scoring::receipt::Inputs;
use scoring::suppress::Suppressions;
use store::db::Target;
use store::log::{self, Position, Tailed};

use super::super::episodes::{Alerting, Moment, Picture, receipt};
use super::super::follow::marks;
use super::briefing::{Briefing, Readers};
use super::closing::{JudgedDay, Verdict};
use crate::error::Result;

/// An actor's events of a day, in order of time, and what they are judged against.
pub(super) struct Course {
    zone: Zone,
    threshold: Points,
    day: Day,
    organisation: Arc<Organisation>,
    today: Arc<Today>,
    state: ActorState,
    peers: Option<Peers>,
    suppressions: Suppressions,
    events: Vec<(EventId, Activity, Marks)>,
    /// Minutes that hold an event, ascending.
    minutes: Vec<Minute>,
}

/// The day up to a minute as judged, and the rules that do not count then.
pub(super) struct Instant {
    day: ActorDay,
    judged: Judged,
    silenced: Vec<Silenced>,
    /// The score with every rule.
    pub whole: Points,
    /// The score.
    pub score: Points,
}

/// The alerting minutes of one actor-day: where the threshold was reached, and where the height.
pub(crate) async fn alerting(
    target: impl Into<Target<'_>>,
    (tenant, briefing): (&Tenant, &Briefing),
    (judged, verdict): (&JudgedDay, &Verdict),
    (reference, name): (&(String, Arc<Vec<u8>>), &str),
    until: Position,
    late: bool,
) -> Result<Option<Alerting>> {
    let Some(state) = verdict.alerting.as_deref() else {
        return Ok(None);
    };
    let none = Suppressions::default();
    let suppressions = verdict.suppressible.as_ref().map_or(&none, |s| &s.1);
    let (whose, past) = ((tenant, briefing), (state, suppressions));
    let course = Course::read(target, whose, (judged, verdict), past, until).await?;
    let (zone, highest) = (course.zone.clone(), verdict.highest.1);
    let (reference, name) = (reference.clone(), name.to_owned());
    // A busy day is judged many times over: not on the threads that serve requests.
    let found = move || course.moments(highest, &reference, &name);
    let moments = tokio::task::spawn_blocking(found).await?;
    Ok(Some(Alerting {
        actor: verdict.actor,
        part: verdict.part,
        late,
        moments,
        zone,
    }))
}

impl Course {
    /// Reads the events of the day.
    pub(super) async fn read(
        target: impl Into<Target<'_>>,
        (tenant, briefing): (&Tenant, &Briefing),
        (judged, verdict): (&JudgedDay, &Verdict),
        (state, suppressions): (&ActorState, &Suppressions),
        until: Position,
    ) -> Result<Self> {
        let range = (judged.day.utc_start(), judged.day.plus(1).utc_start());
        let mut readers = Readers::default();
        let mut events = Vec::new();
        let who = (tenant.id, verdict.actor);
        log::history(target, who, range, until, |event: Tailed| {
            let activity = briefing.activity(&mut readers, &event);
            events.push((event.id, activity, marks(&event)));
        })
        .await?;
        let mut minutes: Vec<Minute> = events.iter().map(|(_, a, _)| a.minute).collect();
        minutes.dedup();
        let zone = briefing.zone(verdict.actor, judged.day, &tenant.scoring.zone);
        Ok(Self {
            zone: zone.clone(),
            threshold: tenant.scoring.alert_threshold,
            day: judged.day,
            organisation: Arc::clone(&judged.organisation),
            today: Arc::clone(&judged.today),
            state: state.clone(),
            peers: verdict.peers.clone(),
            suppressions: suppressions.clone(),
            events,
            minutes,
        })
    }

    /// Where the threshold was reached, and where the day's highest score.
    fn moments(
        &self,
        highest: Points,
        reference: &(String, Arc<Vec<u8>>),
        name: &str,
    ) -> Vec<Moment> {
        let crossing = self.first_reaching(self.threshold);
        let height = self.first_reaching(highest);
        let mut places: Vec<Minute> = [crossing, height].into_iter().flatten().collect();
        places.dedup();
        let picture = |minute| self.picture(minute, name, reference);
        let moments = places.into_iter().map(picture);
        moments
            .map(|picture| Moment::Calibrated(Arc::new(picture)))
            .collect()
    }

    /// The day at the end of a minute.
    pub(super) fn at(&self, minute: Minute) -> Instant {
        let organisation = &self.organisation;
        let so_far = self
            .events
            .iter()
            .take_while(|(_, a, _)| a.minute <= minute);
        let mut day = ActorDay::new(self.day);
        for (_, activity, _) in so_far.clone() {
            day.observe(activity, &self.zone);
        }
        let judged = judge(&day, &self.state, organisation, &self.today);
        let mut silenced = Vec::new();
        if !self.suppressions.is_empty() {
            let causes = causes(&judged, &day, &self.state, organisation);
            let events = so_far.map(|(_, activity, marks)| (activity, marks));
            let zone = &self.zone;
            silenced =
                scoring::calibrated::silenced(&self.suppressions, minute, &causes, &events, zone);
        }
        let whole = judged.grade.tenths();
        let left = if silenced.is_empty() {
            whole
        } else {
            let left = silence(&judged, &silenced, self.day, &self.state, organisation);
            left.grade.tenths()
        };
        Instant {
            day,
            judged,
            silenced,
            whole: Points::from_tenths(whole),
            score: Points::from_tenths(left),
        }
    }

    /// The explanation of an instant.
    pub(super) fn explain(&self, instant: &Instant) -> Explanation {
        explain_silenced(
            &instant.judged,
            &instant.silenced,
            &instant.day,
            &self.state,
            &self.organisation,
        )
    }

    /// The minutes between which no suppression begins or ends, in order.
    pub(super) fn stretches(&self) -> Vec<&[Minute]> {
        let span = self
            .minutes
            .first()
            .copied()
            .zip(self.minutes.last().copied());
        let mut rest = self.minutes.as_slice();
        let mut stretches = Vec::new();
        for edge in self.suppressions.edges(span.unwrap_or_default()) {
            let (before, after) = rest.split_at(rest.partition_point(|m| *m < edge));
            stretches.push(before);
            rest = after;
        }
        stretches.push(rest);
        stretches.retain(|minutes| !minutes.is_empty());
        stretches
    }

    /// The first minute at whose end the score is at least this. Within a stretch by bisection,
    /// because with everybody else's day held fast a score never falls while a day goes on.
    fn first_reaching(&self, score: Points) -> Option<Minute> {
        let reached = |minute: &Minute| self.at(*minute).score >= score;
        let stretches = self.stretches();
        let stretch = match stretches.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|s| s.last().is_some_and(reached)),
        };
        let minutes = stretch.copied()?;
        let at = minutes.partition_point(|minute| !reached(minute));
        minutes.get(at).or(minutes.last()).copied()
    }

    fn picture(&self, minute: Minute, name: &str, reference: &(String, Arc<Vec<u8>>)) -> Picture {
        let instant = self.at(minute);
        let explanation = self.explain(&instant);
        let mut snapshot = snapshot(&explanation, minute, self.threshold);
        let mut evidence: BTreeMap<EventId, BTreeSet<RuleName>> = BTreeMap::new();
        for (told, row) in snapshot.contributions.iter_mut().zip(&explanation.rows) {
            self.find(told, row, minute, &mut evidence);
            if let Some(peers) = &self.peers {
                peers.compare(told);
            }
        }
        let short = explanation.rows.iter().map(|row| &row.contribution);
        let short = short.filter(|row| row.points > Points::ZERO);
        let sentence = headline(name, &explanation);
        let inputs = Inputs::calibrated(
            (minute, self.day),
            instant.judged.values,
            self.state.numbers(),
            instant.silenced,
        );
        Picture {
            receipt: receipt(&snapshot, &sentence, &inputs, Some(reference.clone())),
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
        let zone = &self.zone;
        let matching = self
            .events
            .iter()
            .filter(|(_, a, _)| a.minute <= until && row.cause.matches(a, zone));
        for (id, _, _) in matching {
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
