//! The 14-day view people see as "usual".

use serde::{Deserialize, Serialize};

use crate::time::{Day, Timestamp};

/// Length of the baseline in days.
pub const BASELINE_DAYS: i32 = 14;
/// Below this many events in the baseline, documented defaults stand in for the actor's own past.
pub const MIN_BASELINE_EVENTS: u64 = 5;

/// Why a day counts or does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DayState {
    /// The actor did something.
    Active,
    /// Sources delivered, the actor did nothing.
    Quiet,
    /// No source delivered anything: no data, which is not zero.
    Silent,
    /// Left out: a confirmed incident, or excluded by an analyst.
    Excluded,
}

/// One day of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineDay {
    /// Date in the actor's zone.
    pub day: Day,
    /// Whether it counts.
    pub state: DayState,
    /// Events.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
    /// Failures.
    pub failures: u64,
    /// Distinct resources.
    pub resources: u64,
    /// Distinct addresses.
    pub addresses: u64,
}

/// Median, 95th percentile and maximum of one daily amount over the active days.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Usual {
    /// Half the days are at or below.
    pub median: f64,
    /// 95 of 100 days are at or below (nearest rank).
    pub p95: f64,
    /// The highest day.
    pub max: f64,
}

/// The stored 14-day view of one actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BaselineView {
    /// When it was computed.
    pub computed_at: Timestamp,
    /// The 14 complete days before the day of computation, oldest first.
    pub days: Vec<BaselineDay>,
    /// Events in active days.
    pub events: u64,
    /// Usual events a day.
    pub daily_events: Usual,
    /// Usual bytes a day.
    pub daily_bytes: Usual,
    /// Usual distinct resources a day.
    pub daily_resources: Usual,
    /// Usual distinct addresses a day.
    pub daily_addresses: Usual,
    /// Usual failures a day.
    pub daily_failures: Usual,
    /// Hours of the day that hold at least a tenth of the events.
    pub typical_hours: Vec<u8>,
    /// Events per hour of the day over the active days.
    pub hours: [u64; 24],
    /// True while documented defaults stand in.
    pub young: bool,
}

impl BaselineView {
    /// Days with events of the actor.
    pub fn active_days(&self) -> u32 {
        self.days
            .iter()
            .filter(|d| d.state == DayState::Active)
            .count() as u32
    }
}
