//! What the rest of the organisation does today: a value that many take up on the same day, such
//! as a new version of a program, is a change of the organisation and not of one actor.

use std::collections::HashMap;

use super::day::{ActorDay, Value};

/// How many actors met each value on the day so far. Not stored: made of the actors' days.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Today {
    met: HashMap<Value, u32, xxhash_rust::xxh3::Xxh3DefaultBuilder>,
}

impl Today {
    /// Counts an actor's complete day so far. Each actor once.
    pub fn add(&mut self, day: &ActorDay) {
        for (value, _) in day.values() {
            *self.met.entry(value).or_default() += 1;
        }
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
