//! What the rest of the organisation does today: a value that many take up on the same day, such
//! as a new version of a program, is a change of the organisation and not of one actor.

use std::collections::HashMap;

use super::day::{ActorDay, Value};

/// How many actors met each value on the day so far. Not stored: made of the actors' days.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Today {
    met: HashMap<Value, u32, rustc_hash::FxBuildHasher>,
    actors: u32,
    hours: [u32; 24],
}

impl Today {
    /// Counts an actor's complete day so far. Each actor once.
    pub fn add(&mut self, day: &ActorDay) {
        self.actors += 1;
        for (actors, events) in self.hours.iter_mut().zip(&day.clock) {
            *actors += u32::from(*events > 0);
        }
        for (value, _) in day.values() {
            *self.met.entry(value).or_default() += 1;
        }
    }

    /// Share of the other actors counted by [`Self::add`] that are active in an hour of their
    /// clocks, for an actor that is; nothing while there are too few to tell.
    pub fn others_at(&self, hour: usize) -> f64 {
        let others = self.actors.saturating_sub(1);
        if others < 5 {
            return 0.0;
        }
        let active = self.hours.get(hour).copied().unwrap_or_default();
        f64::from(active.saturating_sub(1)) / f64::from(others)
    }

    /// Counts one actor that met a value for the first time today: the way to keep it up to date
    /// while events arrive.
    pub fn meet(&mut self, value: Value) {
        *self.met.entry(value).or_default() += 1;
    }

    /// Other actors that met a value today, for an actor that did.
    pub fn others(&self, value: Value) -> u32 {
        self.met
            .get(&value)
            .copied()
            .unwrap_or_default()
            .saturating_sub(1)
    }
}
