//! Peer groups learnt from behaviour: eight soft groups of actors with alike rates.
//!
//! k-means (Lloyd 1982) on `ln(1 + rate)`, started from the points farthest apart and afterwards
//! from the centres of the week before, so that groups keep their meaning. No random number.

use super::action::{Action, PerAction};
use super::state::{ActorState, GROUPS, Membership};

/// Days between two groupings.
pub const REGROUP_DAYS: i32 = 7;
/// Fewest actors for which groups are made.
const FEWEST: usize = 5 * GROUPS;
/// Rounds of k-means.
const ROUNDS: usize = 12;

/// One point: an actor's rates on a logarithmic scale, in units of their spread.
pub type Rates = PerAction<f32>;

/// The points of actors, and the spread of each rate that was their unit.
pub fn points<'a>(states: impl Iterator<Item = &'a ActorState>) -> Vec<Rates> {
    let logarithms: Vec<Rates> = states
        .map(|state| Rates::from_fn(|action: Action| state.rates[action].max(0.0).ln_1p()))
        .collect();
    let n = logarithms.len().max(1) as f32;
    let unit = Rates::from_fn(|action| {
        let mean = logarithms.iter().map(|p| p[action]).sum::<f32>() / n;
        let square = logarithms.iter().map(|p| (p[action] - mean).powi(2));
        (square.sum::<f32>() / n).sqrt().max(0.1)
    });
    let scaled = |p: Rates| Rates::from_fn(|action| p[action] / unit[action]);
    logarithms.into_iter().map(scaled).collect()
}

/// Squared distance.
fn distance(a: &Rates, b: &Rates) -> f32 {
    let pairs = a.cells().iter().zip(b.cells());
    pairs.map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Moves the centres to where the points are. Points come in the order of their actors.
///
/// The spread of each rate is its own unit: what few people do at all tells groups apart best.
pub fn regroup(centres: &mut Vec<Rates>, points: &[Rates]) {
    if points.len() < FEWEST {
        return;
    }
    if centres.len() != GROUPS {
        *centres = far_apart(points);
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![(0_u32, Rates::default()); centres.len()];
        for point in points {
            let Some((n, sum)) = nearest(centres, point).and_then(|at| sums.get_mut(at)) else {
                continue;
            };
            *n += 1;
            for (action, cell) in sum.iter_mut() {
                *cell += point[action];
            }
        }
        for (centre, (n, sum)) in centres.iter_mut().zip(sums) {
            if n > 0 {
                *centre = Rates::from_fn(|action| sum[action] / n as f32);
            }
        }
    }
}

/// The point nearest to the mean, then each time the point farthest from those taken.
fn far_apart(points: &[Rates]) -> Vec<Rates> {
    let mean = Rates::from_fn(|action| {
        points.iter().map(|p| p[action]).sum::<f32>() / points.len().max(1) as f32
    });
    let near = points
        .iter()
        .min_by(|a, b| distance(a, &mean).total_cmp(&distance(b, &mean)));
    let mut centres: Vec<Rates> = near.copied().into_iter().collect();
    while centres.len() < GROUPS {
        let gap = |point: &Rates| {
            let gaps = centres.iter().map(|c| distance(c, point));
            gaps.fold(f32::INFINITY, f32::min)
        };
        let Some(far) = points.iter().max_by(|a, b| gap(a).total_cmp(&gap(b))) else {
            break;
        };
        centres.push(*far);
    }
    centres
}

fn nearest(centres: &[Rates], point: &Rates) -> Option<usize> {
    let gaps = centres.iter().map(|c| distance(c, point)).enumerate();
    gaps.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

/// How much a point belongs to each group: less by half for every step as far again as the
/// nearest centre; shares below a twentieth are dropped.
pub fn membership(centres: &[Rates], point: &Rates) -> Membership {
    let mut shares = [0.0_f32; GROUPS];
    if centres.len() != GROUPS {
        return shares;
    }
    let mut gaps = [0.0_f32; GROUPS];
    for (gap, centre) in gaps.iter_mut().zip(centres) {
        *gap = distance(centre, point).sqrt();
    }
    let closest = gaps.iter().copied().fold(f32::INFINITY, f32::min).max(0.25);
    for (share, gap) in shares.iter_mut().zip(gaps) {
        *share = (-2.0 * (gap - closest).max(0.0) / closest).exp2();
        if *share < 0.05 {
            *share = 0.0;
        }
    }
    let sum: f32 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

/// The group an actor belongs to most.
pub fn main_group(membership: &Membership) -> Option<usize> {
    let shares = membership.iter().enumerate().filter(|(_, s)| **s > 0.0);
    shares.max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at)
}

/// Half of what two memberships have not in common, 0..=1.
pub fn difference(a: &Membership, b: &Membership) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / 2.0
}
