//! How many people share a value, and on how many days: the organisation's side of novelty.

use std::collections::HashMap;

use domain::time::Day;
use serde::{Deserialize, Serialize};

use super::day::Value;

/// Most values counted for one organisation.
pub const COUNTED: usize = 131_072;

/// How widely one value is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Actors that ever used it, counted at their first use.
    pub actors: u32,
    /// Actor-days on which it was used.
    pub actor_days: u32,
    /// Last day, as days since 1970.
    last: u16,
}

/// Usage of every value that was met, bounded: what fewest use and was seen longest ago goes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Value, Usage)>", into = "Vec<(Value, Usage)>")]
pub struct Popularity {
    usage: HashMap<Value, Usage, rustc_hash::FxBuildHasher>,
}

impl Popularity {
    /// Usage of a value; nothing for one that was never met.
    pub fn of(&self, value: Value) -> Usage {
        self.usage.get(&value).copied().unwrap_or_default()
    }

    /// Counts one actor's day with a value.
    pub fn count(&mut self, value: Value, first_use: bool, day: Day) {
        let usage = self.usage.entry(value).or_default();
        usage.actors = usage.actors.saturating_add(u32::from(first_use));
        usage.actor_days = usage.actor_days.saturating_add(1);
        usage.last = day.0.clamp(0, i32::from(u16::MAX)) as u16;
    }

    /// Keeps the table inside its bound.
    pub fn bound(&mut self) {
        if self.usage.len() <= COUNTED {
            return;
        }
        let rank = |value: &Value, usage: &Usage| {
            let worth = u32::from(usage.last) + 14 * usage.actors.min(20);
            (worth, *value)
        };
        let mut ranks: Vec<_> = self.usage.iter().map(|(v, u)| rank(v, u)).collect();
        ranks.sort_unstable();
        // A tenth more than needed, so that this is not done every day.
        let over = ranks.len() - COUNTED + COUNTED / 10;
        if let Some(limit) = ranks.get(over).copied() {
            self.usage
                .retain(|value, usage| rank(value, usage) >= limit);
        }
    }

    /// How many values are counted.
    pub fn len(&self) -> usize {
        self.usage.len()
    }

    /// True before the first day was closed.
    pub fn is_empty(&self) -> bool {
        self.usage.is_empty()
    }
}

impl From<Vec<(Value, Usage)>> for Popularity {
    fn from(rows: Vec<(Value, Usage)>) -> Self {
        Self {
            usage: rows.into_iter().collect(),
        }
    }
}

/// Sorted, so that the same table always has the same bytes.
impl From<Popularity> for Vec<(Value, Usage)> {
    fn from(popularity: Popularity) -> Self {
        let mut rows: Vec<_> = popularity.usage.into_iter().collect();
        rows.sort_unstable_by_key(|(value, _)| *value);
        rows
    }
}
