//! What is remembered of a whole organisation between days.

use std::collections::{BTreeMap, HashMap, VecDeque};

use domain::time::Day;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::circle::{Object, Readers};
use super::context::PerContext;
use super::day::Sort;
use super::histogram::Histogram;
use super::parameters::Parameters;
use super::popularity::Popularity;
use super::rule::{Measure, PerFamily, PerRule, Rule};
use super::surprise::Everyone;

/// Half-life of the histograms of surprises, in days.
const SURPRISES_HALVE: f64 = 28.0;
/// Half-life of the histograms of scores, in days.
const SCORES_HALVE: f64 = 60.0;
/// Days over which the threshold looks back.
pub const THRESHOLD_DAYS: usize = 28;
/// Most objects whose readers are remembered.
const OBJECTS: usize = 32_768;

/// Decay that halves after so many days.
pub fn halving(days: f64) -> f64 {
    0.5_f64.powf(1.0 / days)
}

/// Histograms of scores by context.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScoreShapes {
    /// Everyone.
    pub everyone: Histogram,
    /// By context.
    pub contexts: PerContext<Histogram>,
}

/// The highest scores of one closed day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayScores {
    /// Which day.
    pub day: Day,
    /// Actors known that day, active or not.
    pub actors: u32,
    /// Actor-days judged.
    pub judged: u32,
    /// At or above the threshold of that day.
    pub alerted: u32,
    /// The highest raw scores, highest first.
    pub top: Vec<f32>,
}

/// Decayed sums over actor-days.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Actor-days.
    pub n: f64,
    /// Values.
    pub sx: f64,
    /// Squares.
    pub sxx: f64,
    /// Actor-days with more than nothing.
    pub some: f64,
}

/// Everything about an organisation that outlives a day. Bounded: see the constants.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tables {
    /// The settings.
    pub parameters: Parameters,
    /// First closed day.
    pub first: Option<Day>,
    /// Last closed day.
    pub last: Option<Day>,
    /// Actors ever seen.
    pub actors: u32,
    /// Actor-days closed, ever.
    pub actor_days: u64,
    /// Sums of each rule's values.
    pub sums: PerRule<Sums>,
    /// Surprises of each rule.
    pub surprises: PerRule<Histogram>,
    /// Combined rarities of each family.
    pub families: PerFamily<Histogram>,
    /// Remembered strangeness of each family.
    pub strangeness: PerFamily<Histogram>,
    /// Scores.
    pub scores: ScoreShapes,
    /// Usage of values.
    pub popularity: Popularity,
    /// Readers of objects.
    #[serde(with = "sorted")]
    pub readers: HashMap<Object, Readers, rustc_hash::FxBuildHasher>,
    /// Decayed actor-days, and of these those with an event in each hour.
    pub days: f64,
    /// See `days`.
    pub hours: [f64; 24],
    /// See `days`: those with a new value of each sort.
    pub novelty: [f64; Sort::COUNT],
    /// Decayed numbers of known and of active actors on each weekday.
    pub weekdays: [(f64, f64); 7],
    /// Median age of active actors in days.
    pub median_age: f64,
    /// The last days' scores.
    pub recent: VecDeque<DayScores>,
    /// Classes of action whose sources were silent on the last days.
    pub silent: BTreeMap<Day, Vec<Action>>,
}

/// Documented habits of everyone while an organisation has none: mean and second moment on the
/// scale of the measure, weighing so many actor-days.
const PRIOR_DAYS: f64 = 20.0;

fn prior(measure: Measure) -> Everyone {
    match measure {
        // A handful now and then, over-dispersed.
        Measure::Count => Everyone {
            mean: 1.0,
            square: 8.0,
        },
        // A megabyte or nothing.
        Measure::Bytes => Everyone {
            mean: 6.0,
            square: 80.0,
        },
        Measure::Rarity => Everyone::default(),
    }
}

impl Tables {
    /// Everyone's mean and second moment of a rule.
    pub fn everyone(&self, rule: Rule) -> Everyone {
        let (sums, prior) = (self.sums[rule], prior(rule.measure()));
        let n = sums.n + PRIOR_DAYS;
        Everyone {
            mean: (sums.sx + PRIOR_DAYS * prior.mean) / n,
            square: (sums.sxx + PRIOR_DAYS * prior.square) / n,
        }
    }

    /// Days since the first closed day.
    pub fn age(&self, day: Day) -> i32 {
        self.first.map_or(0, |first| (day.0 - first.0).max(0))
    }

    /// Lets `days` days pass: everything decays.
    pub(super) fn decay(&mut self, days: i32) {
        let slow = halving(SCORES_HALVE).powi(days);
        let fast = halving(SURPRISES_HALVE).powi(days);
        for (_, sums) in self.sums.iter_mut() {
            sums.n *= slow;
            sums.sx *= slow;
            sums.sxx *= slow;
            sums.some *= slow;
        }
        for (_, histogram) in self.surprises.iter_mut() {
            histogram.decay(fast);
        }
        for (_, histogram) in self.families.iter_mut() {
            histogram.decay(fast);
        }
        for (_, histogram) in self.strangeness.iter_mut() {
            histogram.decay(fast);
        }
        self.scores.everyone.decay(slow);
        for (_, shape) in self.scores.contexts.iter_mut() {
            shape.decay(slow);
        }
        self.days *= slow;
        let sums = self.hours.iter_mut().chain(&mut self.novelty);
        sums.for_each(|sum| *sum *= slow);
        for (known, active) in &mut self.weekdays {
            *known *= slow;
            *active *= slow;
        }
    }

    /// Keeps the table of readers inside its bound: what was used longest ago goes.
    pub(super) fn bound_readers(&mut self) {
        if self.readers.len() <= OBJECTS {
            return;
        }
        let rank = |object: &Object, readers: &Readers| {
            (readers.last.saturating_add(readers.count.min(30)), *object)
        };
        let mut ranks: Vec<_> = self.readers.iter().map(|(o, r)| rank(o, r)).collect();
        ranks.sort_unstable();
        let over = ranks.len() - OBJECTS + OBJECTS / 10;
        if let Some(limit) = ranks.get(over).copied() {
            self.readers.retain(|o, r| rank(o, r) >= limit);
        }
    }
}

/// Maps as sorted pairs, so that the same table always has the same bytes.
mod sorted {
    use std::collections::{BTreeMap, HashMap};
    use std::hash::{BuildHasher, Hash};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K, V, H, S>(
        map: &HashMap<K, V, H>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        map.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, K, V, H, D>(
        deserializer: D,
    ) -> Result<HashMap<K, V, H>, D::Error>
    where
        K: Deserialize<'de> + Ord + Hash,
        V: Deserialize<'de>,
        H: BuildHasher + Default,
        D: Deserializer<'de>,
    {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}
