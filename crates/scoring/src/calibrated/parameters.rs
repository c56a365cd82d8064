//! The numbers of the engine that can be set. Defaults are the product's; the ablation table of
//! the documentation sets one at a time to "off".

use serde::{Deserialize, Serialize};

/// Settings of one organisation's engine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Alerts wanted for each 1,000 actors a day.
    pub rate: f64,
    /// Share of the peer groups' tables in a rarity, 0..=1; the rest is the organisation's.
    pub peers: f64,
    /// Whether surprises are calibrated by what really happened (else: as the model says).
    pub calibrate: bool,
    /// Share of the second rule of a family.
    pub second: f64,
    /// Weight of what a family remembers.
    pub memory: f64,
    /// What strangeness keeps of itself each active day.
    pub memory_kept: f64,
    /// Exponent of the noise factor; 0 switches it off.
    pub noise: f64,
    /// Whether a short tenure lowers the score.
    pub tenure: bool,
    /// Rarity from which one family alone reaches the threshold: 4 is once in 10,000 actor-days.
    /// 0 switches it off.
    pub alone: f64,
    /// Whether own habits are used (else everyone's).
    pub own: bool,
    /// Rarity that a family must exceed before it counts.
    pub materiality: f64,
    /// What each further family counts, by rank, beyond the first.
    pub further: f64,
    /// Weight of what the whole score remembers.
    pub carry: f64,
    /// What it keeps of itself each active day.
    pub carry_kept: f64,
    /// First days of an organisation that do not count for its threshold.
    pub warm_up: f64,
    /// First active days of an actor that count less in everyone's tables.
    pub settle: f64,
    /// Share of a rarity below materiality that counts.
    pub soft: f64,
    /// What a family's day can count at most: it is approached ever more slowly.
    pub most: f64,
    /// The same of its memory.
    pub most_memory: f64,
    /// The threshold without history.
    pub prior: f64,
    /// Rules that are left out, as bits by number: for the ablation table.
    pub without: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            rate: 5.0,
            peers: 0.5,
            calibrate: true,
            second: 0.5,
            memory: 0.9,
            memory_kept: 0.92,
            noise: 1.1,
            tenure: false,
            alone: 0.0,
            own: true,
            materiality: 1.2,
            further: 1.0,
            carry: 0.0,
            carry_kept: 0.9,
            warm_up: 7.0,
            settle: 0.0,
            soft: 0.0,
            most: 1e9,
            most_memory: 1e9,
            prior: 4.0,
            without: 0,
        }
    }
}
