//! The numbers of the engine that can be set. Defaults are the product's; the ablation table of
//! the documentation sets one at a time to "off".

use serde::{Deserialize, Serialize};

/// Settings of one organisation's engine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Alerts wanted for each 1,000 actors a day.
    pub rate: f64,
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
    /// What the weaker families of a theme count beside its strongest; 1 in full.
    pub same: f64,
    /// Rarity of today over which memory comes to count in full.
    pub wake: f64,
    /// How much of an actor's usual strangeness its memory leaves out.
    pub usual: f64,
    /// Whether own habits are used (else everyone's).
    pub own: bool,
    /// Rarity that a family must exceed before it counts.
    pub materiality: f64,
    /// What each further family counts, by rank, beyond the first.
    pub further: f64,
    /// Rules that are left out, as bits by number: for the ablation table.
    pub without: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            rate: 5.0,
            calibrate: true,
            second: 0.5,
            memory: 1.2,
            memory_kept: 0.92,
            noise: 1.1,
            same: 0.3,
            wake: 0.5,
            usual: 0.5,
            own: true,
            materiality: 1.0,
            further: 1.0,
            without: 0,
        }
    }
}
