//! Which points do not count: one actor's suppressions, asked minute by minute.
//!
//! An attribute holds when *every* event behind the points has it: one event from elsewhere, and
//! they count. Suppressions change what is shown and what alerts, never what is learnt.

use std::collections::VecDeque;

use domain::actor::ActorId;
use domain::suppression::{Marks, Suppression};
use domain::time::Minute;

use crate::observation::Observation;

/// An event of the actor with what attributes are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// What the scorer saw.
    pub seen: Observation,
    /// What attributes are compared with.
    pub marks: Marks,
}

/// The suppressions that can touch one actor, in the order of their making.
#[derive(Debug, Clone, Default)]
pub struct Suppressions(Vec<Suppression>);

impl Suppressions {
    /// Those of a tenant that can touch an actor between two minutes.
    pub fn of(all: &[Suppression], actor: ActorId, (first, last): (Minute, Minute)) -> Self {
        let touching = all.iter().filter(|one| {
            let own = one.aim.actor.is_none_or(|own| own == actor);
            own && one.reaches(first, last)
        });
        Self(touching.cloned().collect())
    }

    /// True when nothing can be suppressed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when events must be looked at one by one to decide.
    pub fn need_events(&self) -> bool {
        self.0.iter().any(|one| one.aim.attribute.is_some())
    }

    /// Those in force in a minute that mean a rule or its family.
    pub fn on<'a>(
        &'a self,
        minute: Minute,
        rule: &'a str,
        family: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Suppression> {
        let word = move |one: &Suppression| {
            let aim = one.aim.rule.word();
            aim == rule || Some(aim) == family
        };
        self.0
            .iter()
            .filter(move |one| one.is_in_force(minute) && word(one))
    }

    /// The instants between two minutes at which one begins or ends, as the first minute after.
    pub fn edges(&self, (first, last): (Minute, Minute)) -> Vec<Minute> {
        let starts = |one: &Suppression| {
            // The first minute that begins at or after the instant.
            let ceiling = |at: domain::time::Timestamp| at.plus(-1).minute().plus(1);
            [ceiling(one.created_at), ceiling(one.ends_at())]
        };
        let mut edges: Vec<Minute> = self.0.iter().flat_map(starts).collect();
        edges.retain(|edge| *edge > first && *edge <= last);
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

/// The sightings of one actor's last day, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Sightings(VecDeque<Sighting>);

impl Sightings {
    /// Sightings in order of time.
    pub fn of(sorted: impl IntoIterator<Item = Sighting>) -> Self {
        Self(sorted.into_iter().collect())
    }

    /// Those between two minutes, both included.
    pub fn between(&self, first: Minute, last: Minute) -> impl Iterator<Item = &Sighting> {
        let start = self.0.partition_point(|s| s.seen.minute < first);
        self.0
            .range(start..)
            .take_while(move |s| s.seen.minute <= last)
    }
}
