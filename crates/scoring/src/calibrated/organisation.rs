//! One organisation's memory: its tables and the curves derived from them.

use domain::time::Day;
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::parameters::Parameters;
use super::tables::{DayScores, Tables};
use super::threshold;

/// Days after which an organisation's own history stands alone.
pub const YOUNG_DAYS: i32 = 28;

/// The organisation's side of a judgement. Serialises as its tables; the curves are derived again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Tables", into = "Tables")]
pub struct Organisation {
    tables: Tables,
    calibration: Calibration,
}

impl Organisation {
    /// An organisation without history.
    pub fn new(parameters: Parameters) -> Self {
        Self::from(Tables {
            parameters,
            ..Tables::default()
        })
    }

    /// The settings in force.
    pub fn parameters(&self) -> &Parameters {
        &self.tables.parameters
    }

    /// Sets how many alerts are wanted for each 1,000 actors a day. The threshold follows at once.
    pub fn set_rate(&mut self, rate: f64) {
        if (self.tables.parameters.rate - rate).abs() > f64::EPSILON {
            self.tables.parameters.rate = rate;
            self.calibrate();
        }
    }

    /// The same organisation without the values its actors use: all that grading and explaining
    /// values needs, at a fraction of the size. What a receipt refers to.
    #[must_use]
    pub fn reference(&self) -> Self {
        let mut tables = self.tables.clone();
        tables.popularity = super::popularity::Popularity::default();
        tables.readers.clear();
        Self::from(tables)
    }

    /// Classes of action whose sources were silent on a closed day.
    pub fn silent(&self, day: Day) -> &[super::action::Action] {
        self.tables.silent.get(&day).map_or(&[], Vec::as_slice)
    }

    /// The raw score that alerts today.
    pub fn threshold(&self) -> f64 {
        self.calibration.threshold
    }

    /// True while the documented prior is pooled in.
    pub fn is_young(&self, day: Day) -> bool {
        self.tables.age(day) < YOUNG_DAYS
    }

    /// The last closed day.
    pub fn last(&self) -> Option<Day> {
        self.tables.last
    }

    /// Actors ever seen.
    pub fn actors(&self) -> u32 {
        self.tables.actors
    }

    /// Scores of the last closed days, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &DayScores> {
        self.tables.recent.iter()
    }

    /// Alerts for each 1,000 actors a day over the last closed days; `None` before the first.
    pub fn realised_rate(&self) -> Option<f64> {
        let alerted: u32 = self.recent().map(|d| d.alerted).sum();
        let actors: u32 = self.recent().map(|d| d.actors).sum();
        (actors > 0).then(|| f64::from(alerted) / f64::from(actors) * 1000.0)
    }

    /// How many actor-days of each of the last closed days would show at least `score` if the
    /// threshold were fitted to `rate`, as today's tables fit it. A what-if: what was learnt on
    /// those days, and the threshold of each of them, stay out of it.
    pub fn reaching(&self, rate: f64, score: domain::score::Points) -> Vec<Reaching> {
        let fitted = threshold::of(&self.tables, rate);
        let reaches = |raw: &&f32| {
            let shown = threshold::shown(f64::from(**raw), fitted);
            (shown * 10.0 + 1e-9).floor() as i32 >= score.tenths()
        };
        let of_day = |day: &DayScores| {
            let actor_days = day.top.iter().filter(reaches).count();
            Reaching {
                day: day.day,
                actor_days: actor_days as u32,
                at_least: actor_days == day.top.len() && (actor_days as u32) < day.judged,
            }
        };
        self.recent().map(of_day).collect()
    }

    pub(super) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(super) fn tables_mut(&mut self) -> &mut Tables {
        &mut self.tables
    }

    pub(super) fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    pub(super) fn calibrate(&mut self) {
        self.calibration = Calibration::of(&self.tables);
    }
}

/// Actor-days of one closed day that would reach a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaching {
    /// Which UTC day.
    pub day: Day,
    /// How many.
    pub actor_days: u32,
    /// True when only so many of the day's scores are kept: it may be more.
    pub at_least: bool,
}

impl From<Tables> for Organisation {
    fn from(tables: Tables) -> Self {
        let calibration = Calibration::of(&tables);
        Self {
            tables,
            calibration,
        }
    }
}

impl From<Organisation> for Tables {
    fn from(organisation: Organisation) -> Self {
        organisation.tables
    }
}
