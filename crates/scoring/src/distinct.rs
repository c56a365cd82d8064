//! Bounded sets of values: exact while small, an order-free sketch beyond.
//!
//! A set's state is a function of *which* values it was given, never of their order: the switch
//! from exact to sketch happens at a number of distinct values, and a sketch only ever takes
//! maxima and unions.

use serde::{Deserialize, Serialize};

use crate::observation::ValueHash;

/// Distinct values held exactly.
pub const EXACT_LIMIT: usize = 256;
/// Registers of the counting sketch: 2^10, a standard error of 1.04/√1024 = 3.3 %.
const REGISTERS: usize = 1024;
/// Words of the membership sketch: 32,768 bits, 2.4 % false positives at 4,096 values.
const BLOOM_WORDS: usize = 512;

/// HyperLogLog (Flajolet et al. 2007) with linear counting below 2.5 registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter(Vec<u8>);

impl Default for Counter {
    fn default() -> Self {
        Self(vec![0; REGISTERS])
    }
}

impl Counter {
    /// Takes a value in.
    pub fn insert(&mut self, value: ValueHash) {
        let register = (value.0 >> 54) as usize;
        let rank = ((value.0 << 10) | 512).leading_zeros() as u8 + 1;
        if let Some(slot) = self.0.get_mut(register) {
            *slot = (*slot).max(rank);
        }
    }

    /// Takes in everything another counter has seen.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// The estimated number of distinct values.
    pub fn estimate(&self) -> u64 {
        let registers = REGISTERS as f64;
        let alpha = 0.7213 / (1.0 + 1.079 / registers);
        let sum: f64 = self.0.iter().map(|&r| 0.5_f64.powi(i32::from(r))).sum();
        let raw = alpha * registers * registers / sum;
        let empty = self.0.iter().filter(|r| **r < 1).count();
        if raw <= 2.5 * registers && empty > 0 {
            return (registers * (registers / empty as f64).ln()).round() as u64;
        }
        raw.round() as u64
    }
}

/// A Bloom filter with four probes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Membership(Vec<u64>);

impl Membership {
    fn empty() -> Self {
        Self(vec![0; BLOOM_WORDS])
    }

    fn bits(value: ValueHash) -> impl Iterator<Item = (usize, u64)> {
        let (low, high) = (value.0, value.0.rotate_left(32) | 1);
        (0..4_u64).map(move |i| {
            let bit = low.wrapping_add(i.wrapping_mul(high)) % (BLOOM_WORDS as u64 * 64);
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, value: ValueHash) {
        for (word, mask) in Self::bits(value) {
            if let Some(slot) = self.0.get_mut(word) {
                *slot |= mask;
            }
        }
    }

    fn contains(&self, value: ValueHash) -> bool {
        Self::bits(value).all(|(word, mask)| self.0.get(word).is_some_and(|w| w & mask != 0))
    }
}

/// The distinct values of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DaySet {
    /// All values, sorted.
    Exact(Vec<ValueHash>),
    /// Too many to keep: how many, and a test for membership.
    Sketch(DaySketch),
}

/// What is left of a day with more than [`EXACT_LIMIT`] values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySketch {
    counter: Counter,
    membership: Membership,
}

impl Default for DaySet {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl DaySet {
    /// Takes a value in.
    pub fn insert(&mut self, value: ValueHash) {
        match self {
            Self::Exact(values) => {
                let Err(place) = values.binary_search(&value) else {
                    return;
                };
                if values.len() < EXACT_LIMIT {
                    values.insert(place, value);
                    return;
                }
                let mut sketch = DaySketch {
                    counter: Counter::default(),
                    membership: Membership::empty(),
                };
                for held in values.iter().chain([&value]) {
                    sketch.counter.insert(*held);
                    sketch.membership.insert(*held);
                }
                *self = Self::Sketch(sketch);
            }
            Self::Sketch(sketch) => {
                sketch.counter.insert(value);
                sketch.membership.insert(value);
            }
        }
    }

    /// Whether the value was seen. Beyond the bound a few unseen values answer yes.
    pub fn contains(&self, value: ValueHash) -> bool {
        match self {
            Self::Exact(values) => values.binary_search(&value).is_ok(),
            Self::Sketch(sketch) => sketch.membership.contains(value),
        }
    }

    /// How many distinct values; exact up to [`EXACT_LIMIT`].
    pub fn count(&self) -> u64 {
        match self {
            Self::Exact(values) => values.len() as u64,
            Self::Sketch(sketch) => sketch.counter.estimate(),
        }
    }

    /// Takes all values into a counter.
    pub fn count_into(&self, counter: &mut Counter) {
        match self {
            Self::Exact(values) => values.iter().for_each(|v| counter.insert(*v)),
            Self::Sketch(sketch) => counter.merge(&sketch.counter),
        }
    }

    /// The values while they are held exactly.
    pub fn exact(&self) -> Option<&[ValueHash]> {
        match self {
            Self::Exact(values) => Some(values),
            Self::Sketch(_) => None,
        }
    }
}

/// The distinct values of one clock hour, each with the last minute it was seen in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HourSet {
    /// Value and last minute 0..=59, sorted by value.
    Exact(Vec<(ValueHash, u8)>),
    /// Too many to keep: only how many in the whole hour.
    Sketch(Counter),
}

impl Default for HourSet {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl HourSet {
    /// Takes a value in, seen in the given minute of the hour.
    pub fn insert(&mut self, value: ValueHash, minute: u8) {
        match self {
            Self::Exact(values) => match values.binary_search_by_key(&value, |v| v.0) {
                Ok(place) => {
                    if let Some(held) = values.get_mut(place) {
                        held.1 = held.1.max(minute);
                    }
                }
                Err(place) if values.len() < EXACT_LIMIT => values.insert(place, (value, minute)),
                Err(_) => {
                    let mut counter = Counter::default();
                    for (held, _) in values.iter() {
                        counter.insert(*held);
                    }
                    counter.insert(value);
                    *self = Self::Sketch(counter);
                }
            },
            Self::Sketch(counter) => counter.insert(value),
        }
    }

    /// The values with the last minute of each, while they are held exactly.
    pub fn exact(&self) -> Option<&[(ValueHash, u8)]> {
        match self {
            Self::Exact(values) => Some(values),
            Self::Sketch(_) => None,
        }
    }

    /// Takes the values seen from minute `from` of the hour on into a counter. A sketched hour
    /// knows no minutes and is taken whole.
    pub fn count_into(&self, counter: &mut Counter, from: u8) {
        match self {
            Self::Exact(values) => values
                .iter()
                .filter(|(_, minute)| *minute >= from)
                .for_each(|(value, _)| counter.insert(*value)),
            Self::Sketch(sketch) => counter.merge(sketch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(count: u64) -> Vec<ValueHash> {
        (0..count)
            .map(|i| ValueHash::text(&format!("value-{i}")))
            .collect()
    }

    #[test]
    fn counts_are_exact_then_close() {
        for (count, slack) in [
            (0, 0),
            (1, 0),
            (256, 0),
            (257, 20),
            (5_000, 350),
            (200_000, 14_000),
        ] {
            let mut set = DaySet::default();
            for value in values(count) {
                set.insert(value);
            }
            assert!(
                set.count().abs_diff(count) <= slack,
                "{count}: {}",
                set.count()
            );
            assert!(values(count).into_iter().all(|v| set.contains(v)));
        }
    }

    #[test]
    fn few_unseen_values_look_seen() {
        let mut set = DaySet::default();
        for value in values(4096) {
            set.insert(value);
        }
        let wrong = (0..10_000)
            .filter(|i| set.contains(ValueHash::text(&format!("other-{i}"))))
            .count();
        assert!(wrong < 500, "{wrong}");
    }

    proptest! {
        #[test]
        fn order_does_not_matter(mut seeds in proptest::collection::vec((0_u64..600, 0_u8..60), 0..900)) {
            let fold = |seeds: &[(u64, u8)]| {
                let (mut day, mut hour) = (DaySet::default(), HourSet::default());
                for (seed, minute) in seeds {
                    let value = ValueHash::text(&seed.to_string());
                    day.insert(value);
                    hour.insert(value, *minute);
                }
                (day, hour)
            };
            let forward = fold(&seeds);
            seeds.reverse();
            prop_assert_eq!(&forward, &fold(&seeds));
            seeds.sort_unstable();
            prop_assert_eq!(&forward, &fold(&seeds));
        }
    }
}
