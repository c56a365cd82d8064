//! Curves and limits derived from the tables of an organisation, once after each closed day.

use domain::time::Day;

use super::action::PerAction;
use super::histogram::{Curve, Histogram};
use super::rule::{Family, PerFamily, PerRule, Rule};
use super::state::{ActorState, GROUPS, Membership};
use super::tables::{Grouped, Tables};
use super::threshold;

/// Weight of the organisation's shape in a peer group's table, in actor-days.
const GROUP_PRIOR: f64 = 300.0;
/// Width of a bin of scores.
pub(super) const SCORE_STEP: f64 = 0.1;
/// The noise of a context is the score that this share of its actor-days exceeds.
const NOISE_SHARE: f64 = 0.01;
/// Weight of the organisation's shape in a context's, in actor-days.
const CONTEXT_PRIOR: f64 = 80.0;
/// Days that a newcomer is one.
pub const NEWCOMER_DAYS: i32 = 45;
/// Days that a change of work is recent.
pub const MOVED_DAYS: i32 = 30;

/// Rarity curves of everyone and of each peer group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curves {
    everyone: Curve,
    groups: Vec<Curve>,
}

impl Curves {
    fn of(grouped: &Grouped) -> Self {
        let shape = Some((&grouped.everyone, GROUP_PRIOR));
        let groups = grouped.groups.iter().map(|own| Curve::of(own, shape));
        Self {
            everyone: Curve::of(&grouped.everyone, None),
            groups: groups.collect(),
        }
    }

    /// The rarity of a surprise for someone of such a membership.
    pub(super) fn rarity(&self, value: f64, membership: &Membership, peers: f64) -> f64 {
        if value <= 0.0 {
            return 0.0;
        }
        let everyone = self.everyone.rarity(value);
        let shares = membership.iter().zip(&self.groups);
        let shares = shares.filter(|(share, _)| **share > 0.0);
        let (mut sum, mut weight) = (0.0, 0.0);
        for (share, curve) in shares {
            sum += f64::from(*share) * curve.rarity(value);
            weight += f64::from(*share);
        }
        if weight < 0.5 {
            return everyone;
        }
        everyone * (1.0 - peers) + sum / weight * peers
    }
}

/// Everything that is derived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    pub(super) surprises: PerRule<Curves>,
    pub(super) families: PerFamily<Curves>,
    pub(super) strangeness: PerFamily<Curve>,
    pub(super) carried: Curve,
    pub(super) threshold: f64,
    noise: Noise,
}

impl Calibration {
    pub(super) fn of(tables: &Tables) -> Self {
        Self {
            surprises: PerRule::from_fn(|rule: Rule| Curves::of(&tables.surprises[rule])),
            families: PerFamily::from_fn(|family: Family| Curves::of(&tables.families[family])),
            strangeness: PerFamily::from_fn(|family: Family| {
                Curve::of(&tables.strangeness[family], None)
            }),
            carried: Curve::of(&tables.carried, None),
            threshold: threshold::of(tables),
            noise: Noise::of(tables),
        }
    }

    /// What an actor's contexts leave of a score, 0..=1.
    pub(super) fn noise(&self, state: &ActorState, day: Day, tables: &Tables) -> f64 {
        if tables.parameters.noise <= 0.0 {
            return 1.0;
        }
        let everyone = self.noise.everyone.max(0.1);
        let mut worst = everyone;
        let shares = state.membership.iter().zip(&self.noise.groups);
        let group: f64 = shares.map(|(s, q)| f64::from(*s) * q).sum();
        if std::env::var("GRP").is_ok() { worst = worst.max(group); }
        for (action, noise) in self.noise.work.iter() {
            if state.does(action) && (action == super::action::Action::Change || std::env::var("ALLW").is_ok()) {
                worst = worst.max(*noise);
            }
        }
        if state.age(day) < NEWCOMER_DAYS {
            worst = worst.max(self.noise.newcomers);
        }
        if state
            .moved
            .is_some_and(|moved| day.0 - moved.0 < MOVED_DAYS)
        {
            worst = worst.max(self.noise.moved);
        }
        (everyone / worst).powf(tables.parameters.noise)
    }
}

/// The score that one actor-day in a hundred exceeds, by context.
#[derive(Debug, Clone, PartialEq)]
struct Noise {
    everyone: f64,
    groups: [f64; GROUPS],
    work: PerAction<f64>,
    newcomers: f64,
    moved: f64,
}

impl Noise {
    fn of(tables: &Tables) -> Self {
        let scores = &tables.scores;
        let of = |own: &Histogram, prior| {
            own.exceeded_by(NOISE_SHARE, SCORE_STEP, &scores.everyone, prior)
        };
        Self {
            everyone: of(&scores.everyone, 0.0),
            groups: std::array::from_fn(|at| {
                scores.groups.get(at).map_or(0.0, |g| of(g, CONTEXT_PRIOR))
            }),
            work: PerAction::from_fn(|action| of(&scores.work[action], CONTEXT_PRIOR)),
            newcomers: of(&scores.newcomers, CONTEXT_PRIOR),
            moved: of(&scores.moved, CONTEXT_PRIOR),
        }
    }
}
