//! The raw score from which a day alerts, fitted to a rate; and how raw scores are shown.

use super::histogram;
use super::tables::{THRESHOLD_DAYS, Tables};

/// The documented threshold of an organisation without history: what the wanted default rate
/// came to on organisations of people, services and administrators.
const PRIOR: f64 = 4.5;
/// Actor-days of 28 days from which on the documented threshold holds in full: 70 people.
const PRIOR_SEEN: f64 = 1000.0;
/// By how much more the first day asks for than the 28th.
const CAREFUL: f64 = 0.25;
/// Alerts that the documented threshold weighs.
const PRIOR_ALERTS: f64 = 8.0;
/// In an organisation's first days everything is new: their scores count neither for the
/// threshold nor for the noise of a context.
pub(super) const FIRST_DAYS: i32 = 7;
/// The shown score at the threshold.
pub const SHOWN: f64 = 60.0;
/// The highest shown score.
const TOP: f64 = 100.0;
/// The lowest threshold: an organisation where nothing ever happens still needs evidence.
const LOWEST: f64 = 1.0;

/// The raw score that `rate` actor-days for each 1,000 actors a day reach, over the last 28 days,
/// pooled with the documented prior while there are few.
pub(super) fn of(tables: &Tables, rate: f64) -> f64 {
    let warm = tables.first.map_or(0, |first| first.0) + FIRST_DAYS;
    let counted = || tables.recent.iter().filter(|d| d.day.0 >= warm);
    let actors: f64 = counted().map(|d| f64::from(d.actors)).sum();
    let wanted = rate / 1000.0 * actors;
    let mut scores: Vec<f32> = counted().flat_map(|d| &d.top).copied().collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let at = wanted.floor() as usize;
    let score = |at: usize| scores.get(at).copied().map_or(0.0, f64::from);
    let own = score(at) + (score(at.saturating_sub(1)) - score(at)) * (1.0 - wanted.fract());
    let weight = wanted / (wanted + PRIOR_ALERTS);
    let young = counted().count() as f64 / THRESHOLD_DAYS as f64;
    let weight = weight * young.min(1.0).sqrt();
    // A young organisation's tables are thin: it asks for more evidence.
    // In its very first days everything is new to it, and hardly anything is evidence.
    let first = 1.0 - tables.recent.len() as f64 / f64::from(FIRST_DAYS);
    let careful = 1.0 + CAREFUL * (1.0 - young.min(1.0)) + first.max(0.0);
    let prior = PRIOR * attainable(tables);
    ((weight * own + (1.0 - weight) * prior) * careful).max(LOWEST)
}

/// What a family can come to in an organisation of this size, as a share of what it can in those
/// that the documented threshold comes from: a handful of people never see as rare a day as
/// hundreds do, and the threshold must stay within their reach. At most 1.
fn attainable(tables: &Tables) -> f64 {
    let seen = f64::from(tables.actors) * THRESHOLD_DAYS as f64;
    let most = |days: f64| histogram::rarest(days) - tables.parameters.materiality;
    (most(seen) / most(PRIOR_SEEN)).min(1.0)
}

/// How many of a day's highest scores are kept: eight times the wanted rate.
pub(super) fn kept(rate: f64, actors: u32) -> usize {
    (8.0 * rate / 1000.0 * f64::from(actors)).ceil() as usize + 16
}

/// The shown score: in proportion up to 60 at the threshold, then ever more slowly towards 100,
/// so that no two different scores look alike at the top.
pub fn shown(raw: f64, threshold: f64) -> f64 {
    let ratio = raw / threshold;
    if ratio <= 1.0 {
        return SHOWN * ratio.max(0.0);
    }
    let room = TOP - SHOWN;
    TOP - room * (-(ratio - 1.0) * SHOWN / room).exp()
}
