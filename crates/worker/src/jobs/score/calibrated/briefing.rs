//! What people have told the scorer, and from which UTC day on: zones, kinds and peer groups of
//! actors, words for actions, days that teach nothing.
//!
//! Everything is looked up for the day that is read. Reading a day again, whenever and for whatever
//! cause, therefore finds what was in force on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::actor::{ActorId, ActorKind};
use domain::actor_facts::ActorFacts;
use domain::tenant::Tenant;
use domain::time::{Day, Zone};
use scoring::calibrated::{Activity, Reader, Synonyms};
use store::log::Tailed;
use store::{Db, action_words, actor_facts, excluded_days};

use super::ledger::read;
use crate::error::Result;

/// Members of a group that an actor is compared with at most: those with the smallest ids.
const MEMBERS: usize = 500;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Briefing {
    /// By actor, oldest first.
    facts: HashMap<ActorId, Vec<(Day, ActorFacts)>>,
    /// By day since when. The built-in words alone before the first.
    words: BTreeMap<Day, Reader>,
    excluded: BTreeMap<Day, BTreeSet<ActorId>>,
}

impl Briefing {
    /// Everything a tenant has said.
    pub async fn load(db: &Db, tenant: &Tenant) -> Result<Self> {
        let mut briefing = Self {
            excluded: excluded_days::all(db, tenant.id).await?,
            ..Self::default()
        };
        for told in actor_facts::all(db, tenant.id).await? {
            let facts = briefing.facts.entry(told.actor).or_default();
            facts.push((told.since, told.facts));
        }
        for (since, words) in action_words::all(db, tenant.id).await? {
            // Checked before it was saved. A class that only another version knows counts as none.
            let synonyms = serde_json::from_value::<Synonyms>(words).ok();
            let classifier = synonyms.and_then(|s| s.classifier().ok());
            if let Some(classifier) = classifier {
                briefing.words.insert(since, Reader::new(classifier));
            } else {
                tracing::warn!(tenant = %tenant.slug, %since, "a table of words is unreadable");
            }
        }
        Ok(briefing)
    }

    fn facts(&self, actor: ActorId, day: Day) -> Option<&ActorFacts> {
        let told = self.facts.get(&actor)?;
        let in_force = told.iter().rev().find(|(since, _)| *since <= day);
        in_force.map(|(_, facts)| facts)
    }

    /// The zone by whose clock an actor's day is judged.
    pub fn zone<'a>(&'a self, actor: ActorId, day: Day, otherwise: &'a Zone) -> &'a Zone {
        let own = self.facts(actor, day).and_then(|facts| facts.zone.as_ref());
        own.unwrap_or(otherwise)
    }

    /// The zone that was said last, whatever the day: the classic grading judges by it.
    pub fn latest_zone<'a>(&'a self, actor: ActorId, otherwise: &'a Zone) -> &'a Zone {
        let told = self.facts.get(&actor).and_then(|told| told.last());
        let own = told.and_then(|(_, facts)| facts.zone.as_ref());
        own.unwrap_or(otherwise)
    }

    /// What the grading sees of an event.
    pub fn activity(&self, reader: &mut Readers, event: &Tailed) -> Activity {
        let day = event.occurred_at.utc_day();
        let reader = reader.of(&self.words, day);
        let mut activity = reader.read(&read(event));
        let kind = self.facts(event.actor, day).and_then(|facts| facts.kind);
        activity.service |= kind == Some(ActorKind::Service);
        activity
    }

    /// The group an actor is compared with on a day, and its other members.
    pub fn peers(&self, actor: ActorId, day: Day) -> Option<(&str, Vec<ActorId>)> {
        let group = self.facts(actor, day)?.peer_group.as_deref()?;
        let member = |id: &ActorId| {
            let facts = self.facts(*id, day).filter(|_| *id != actor);
            facts.is_some_and(|facts| facts.peer_group.as_deref() == Some(group))
        };
        let mut members: Vec<ActorId> = self.facts.keys().copied().filter(member).collect();
        members.sort_unstable();
        members.truncate(MEMBERS);
        Some((group, members))
    }

    /// Actors whose day teaches nothing.
    pub fn excluded(&self, day: Day) -> BTreeSet<ActorId> {
        self.excluded.get(&day).cloned().unwrap_or_default()
    }
}

/// Readers of events that remember what they have read, one for each table of words.
#[derive(Debug, Default)]
pub(crate) struct Readers(BTreeMap<Option<Day>, Reader>);

impl Readers {
    fn of(&mut self, words: &BTreeMap<Day, Reader>, day: Day) -> &mut Reader {
        let table = words.range(..=day).next_back();
        let own = self.0.entry(table.map(|(since, _)| *since));
        own.or_insert_with(|| table.map(|(_, reader)| reader.clone()).unwrap_or_default())
    }
}
