//! What is remembered of one actor between days.

use domain::time::Day;
use serde::{Deserialize, Serialize};

use super::action::PerAction;
use super::memory::Memory;
use super::rule::{PerFamily, PerRule};
use super::surprise::Moments;
use crate::observation::ValueHash;

/// Active days kept for what people are shown as usual.
pub const RECENT_DAYS: usize = 14;

/// One actor's past: numbers of bounded size, one value for each actor, rebuilt from events when
/// its layout changes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ActorState {
    /// First active day.
    pub first: Option<Day>,
    /// Last closed active day.
    pub last: Option<Day>,
    /// Active days, ever.
    pub active_days: u32,
    /// Each rule's past.
    pub moments: PerRule<Moments>,
    /// The last active days' values, newest last, for the usual that people are shown.
    pub recent: Vec<RecentDay>,
    /// Decayed number of active days.
    pub days: f32,
    /// Decayed number of active days that held an event in each hour of the actor's clock.
    pub hours: [f32; 24],
    /// Decayed number of active days on each weekday, Monday first.
    pub weekdays: [f32; 7],
    /// Decayed number of such weekdays since the first day, active or not.
    pub weekdays_passed: [f32; 7],
    /// Decayed number of active days with a new value of each sort.
    pub novelty: [f32; super::day::Sort::COUNT],
    /// Values it is known by.
    pub memory: Memory,
    /// The computer used on most days.
    pub main_host: Option<(ValueHash, u16)>,
    /// Things that left, ever.
    pub outbound: u32,
    /// Rates of each class of action: decayed mean of `ln(1 + events)` of an active day.
    pub rates: PerAction<f32>,
    /// What each family remembers of strange days.
    pub strangeness: PerFamily<f32>,
    /// Decayed sums of each family's strangeness of a day.
    pub usually_strange: PerFamily<f32>,
    /// Whether its sources said that it is a service account.
    pub declared_service: bool,
    /// Share of new among the values of a day, lately.
    pub newness: f32,
    /// The same over a longer time.
    pub slow_newness: f32,
    /// When the work last changed.
    pub moved: Option<Day>,
    /// Direction of the actor's circle: see [`super::circle`].
    pub circle: super::circle::Direction,
}

/// Logarithm of one plus the events of an active day, on average, from which an action is
/// regular work.
const REGULAR: f32 = 0.25;

/// One closed active day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecentDay {
    /// Which.
    pub day: Day,
    /// Its values, in the order of the rules.
    pub values: PerRule<f32>,
}

impl ActorState {
    /// The same past without the remembered values: all that grading and explaining values needs.
    #[must_use]
    pub fn numbers(&self) -> Self {
        Self {
            memory: Memory::default(),
            ..self.clone()
        }
    }

    /// True when an action is part of this actor's regular work: every third active day or more.
    pub fn does(&self, action: super::action::Action) -> bool {
        self.active_days >= 5 && self.rates[action] >= REGULAR
    }

    /// True for an account that its sources call a service, or that works as regularly as a program: most hours of the clock on most
    /// of its days, weekends too.
    pub fn is_service(&self) -> bool {
        if self.declared_service {
            return true;
        }
        let held = self.hours.iter().filter(|days| **days > 0.5 * self.days);
        self.active_days >= 5 && held.count() >= 18
    }

    /// Days since the first active day.
    pub fn age(&self, day: Day) -> i32 {
        self.first.map_or(0, |first| (day.0 - first.0).max(0))
    }
}
