//! Curves and limits derived from the tables of an organisation, once after each closed day.

use domain::time::Day;

use super::context::{Context, PerContext};
use super::detection;
use super::histogram::{Curve, Histogram};
use super::rule::{Family, PerFamily, PerRule, Rule};
use super::state::ActorState;
use super::tables::Tables;
use super::threshold;

/// Width of a bin of scores.
pub(super) const SCORE_STEP: f64 = 0.1;
/// The noise of a context is the score that this share of its actor-days exceeds.
const NOISE_SHARE: f64 = 0.01;
/// Weight of everyone's shape in a context's, in actor-days.
const CONTEXT_PRIOR: f64 = 80.0;

/// Everything that is derived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    pub(super) surprises: PerRule<Curve>,
    pub(super) families: PerFamily<Curve>,
    pub(super) strangeness: PerFamily<Curve>,
    pub(super) threshold: f64,
    /// Whether detectors are heard alone.
    pub(super) heard: bool,
    noise: Noise,
}

impl Calibration {
    pub(super) fn of(tables: &Tables) -> Self {
        Self {
            surprises: PerRule::from_fn(|rule: Rule| Curve::of(&tables.surprises[rule])),
            families: PerFamily::from_fn(|family: Family| Curve::of(&tables.families[family])),
            strangeness: PerFamily::from_fn(|family: Family| {
                Curve::of(&tables.strangeness[family])
            }),
            threshold: threshold::of(tables, tables.parameters.rate),
            heard: detection::is_heard(tables),
            noise: Noise::of(tables),
        }
    }

    /// What an actor's contexts leave of a score, 0..=1, and the context that decided.
    pub(super) fn noise(
        &self,
        state: &ActorState,
        day: Day,
        tables: &Tables,
    ) -> (f64, Option<Context>) {
        let parameters = &tables.parameters;
        if parameters.noise <= 0.0 {
            return (1.0, None);
        }
        let everyone = self.noise.everyone.max(0.1);
        let (mut worst, mut decided) = (everyone, None);
        for context in Context::of(state, day, tables) {
            if self.noise.contexts[context] > worst {
                worst = self.noise.contexts[context];
                decided = Some(context);
            }
        }
        ((everyone / worst).powf(parameters.noise), decided)
    }
}

/// The score that one actor-day in a hundred exceeds, by context.
#[derive(Debug, Clone, PartialEq)]
struct Noise {
    everyone: f64,
    contexts: PerContext<f64>,
}

impl Noise {
    fn of(tables: &Tables) -> Self {
        let scores = &tables.scores;
        let of = |own: &Histogram, prior| {
            own.exceeded_by(NOISE_SHARE, SCORE_STEP, &scores.everyone, prior)
        };
        Self {
            everyone: of(&scores.everyone, 0.0),
            contexts: PerContext::from_fn(|context: Context| {
                of(&scores.contexts[context], CONTEXT_PRIOR)
            }),
        }
    }
}
