//! The values an actor is known by: objects, computers, addresses, destinations.

use domain::time::Day;
use serde::{Deserialize, Serialize};

use super::day::{Sort, Value};
use crate::observation::ValueHash;

/// Most values remembered for one actor; those used longest ago are forgotten first.
pub const REMEMBERED: usize = 2048;

/// One remembered value. 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    value: Value,
    /// First day, as days since 1970.
    first: u16,
    /// Last day.
    last: u16,
    /// Days on which it was used.
    pub days: u16,
    /// Times it was used, saturating.
    pub uses: u16,
}

impl Remembered {
    /// First day of use.
    pub fn first(&self) -> Day {
        Day(i32::from(self.first))
    }

    /// Last day of use.
    pub fn last(&self) -> Day {
        Day(i32::from(self.last))
    }
}

/// The part of a memory that ascending look-ups have not passed yet. A memory is seldom in a
/// processor's cache: going through it once costs a fraction of a search for each value.
pub(super) struct Walk<'a> {
    rest: &'a [Remembered],
}

impl<'a> Walk<'a> {
    /// What is known of a value that is above every value asked for before.
    pub(super) fn get(&mut self, value: Value) -> Option<&'a Remembered> {
        let below = |r: &Remembered| r.value < value;
        let mut reach = 1;
        while self.rest.get(reach - 1).is_some_and(below) {
            reach *= 2;
        }
        let near = self.rest.get(..reach.min(self.rest.len()))?;
        let at = near.partition_point(below);
        self.rest = self.rest.get(at..)?;
        self.rest.first().filter(|r| r.value == value)
    }
}

/// A bounded set of remembered values, sorted for lookup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    values: Vec<Remembered>,
}

impl Memory {
    /// What is known of a value.
    pub fn get(&self, value: Value) -> Option<&Remembered> {
        let at = self.values.binary_search_by_key(&value, |r| r.value).ok()?;
        self.values.get(at)
    }

    /// For looking up many values in ascending order.
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { rest: &self.values }
    }

    /// Every remembered value of a sort.
    pub fn of(&self, sort: Sort) -> impl Iterator<Item = (ValueHash, &Remembered)> {
        let from = self.values.partition_point(|r| r.value.sort < sort);
        let values = self.values.get(from..).unwrap_or_default().iter();
        let values = values.take_while(move |r| r.value.sort == sort);
        values.map(|r| (r.value.hash, r))
    }

    /// How many values are remembered.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True when nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes in a day's values, which come sorted, each with the times it was used.
    pub fn learn(&mut self, day: Day, met: impl Iterator<Item = (Value, u32)>) {
        let today = day.0.clamp(0, i32::from(u16::MAX)) as u16;
        let mut fresh = Vec::new();
        for (value, uses) in met {
            let uses = uses.min(u32::from(u16::MAX)) as u16;
            match self.values.binary_search_by_key(&value, |r| r.value) {
                Ok(at) => {
                    if let Some(known) = self.values.get_mut(at) {
                        known.last = today;
                        known.days = known.days.saturating_add(1);
                        known.uses = known.uses.saturating_add(uses);
                    }
                }
                Err(_) => fresh.push(Remembered {
                    value,
                    first: today,
                    last: today,
                    days: 1,
                    uses,
                }),
            }
        }
        self.values.extend(fresh);
        self.values.sort_unstable_by_key(|r| r.value);
        self.forget();
    }

    fn forget(&mut self) {
        let over = self.values.len().saturating_sub(REMEMBERED);
        if over == 0 {
            return;
        }
        // What was used once and long ago goes first; a habit outlives a single visit.
        let mut ages: Vec<_> = self
            .values
            .iter()
            .map(|r| (u32::from(r.last) + 2 * u32::from(r.days).min(30), r.value))
            .collect();
        ages.sort_unstable();
        let Some(limit) = ages.get(over).copied() else {
            return;
        };
        self.values
            .retain(|r| (u32::from(r.last) + 2 * u32::from(r.days).min(30), r.value) >= limit);
    }
}
