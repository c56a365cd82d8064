//! From values to a score: surprise, rarity, family, memory, sum.

use domain::time::Day;

use super::context::Context;
use super::detection;
use super::organisation::Organisation;
use super::rule::{Family, PerFamily, PerRule, Rule};
use super::state::ActorState;
use super::surprise;
use super::threshold;

/// What families count by rank: the strongest in full.
const RANKS: [f64; 7] = [1.0, 0.75, 0.55, 0.4, 0.28, 0.2, 0.1];
/// Rarity that strangeness ignores.
const ORDINARY: f64 = 0.7;
/// The most strangeness of one day.
const STRANGEST: f64 = 3.0;
/// Days without strangeness that everyone is taken to have had.
const STRANGE_PRIOR: f64 = 10.0;
/// Memory counts only while today is a little strange itself.
const WAKES: f64 = 0.3;

/// One family's part of a grade.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FamilyGrade {
    /// Strongest rule and half of the next.
    pub combined: f64,
    /// Rarity of that among actor-days.
    pub rarity: f64,
    /// Strangeness including today.
    pub strangeness: f64,
    /// What today counts.
    pub today: f64,
    /// What the memory counts.
    pub memory: f64,
    /// By how much the family's rank multiplies it.
    pub rank: f64,
}

/// The complete arithmetic of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// `−log10` of each value's chance.
    pub surprises: PerRule<f64>,
    /// Rarity of each surprise.
    pub rarities: PerRule<f64>,
    /// The families.
    pub families: PerFamily<FamilyGrade>,
    /// Sum of the families before the factors.
    pub sum: f64,
    /// What the contexts leave of it, 0..=1.
    pub noise: f64,
    /// The context that decided it.
    pub context: Option<Context>,
    /// The raw score.
    pub raw: f64,
    /// The raw score that alerts.
    pub threshold: f64,
}

impl Grade {
    /// The shown score in tenths of a point, 0..=1000.
    pub fn tenths(&self) -> i32 {
        // Rounded down, so that 60 is shown exactly when the threshold is reached.
        (threshold::shown(self.raw, self.threshold) * 10.0 + 1e-9).floor() as i32
    }
}

/// Grades the values of a day.
pub(super) fn of(
    values: &PerRule<f64>,
    day: Day,
    state: &ActorState,
    organisation: &Organisation,
) -> Grade {
    let (tables, calibration) = (organisation.tables(), organisation.calibration());
    let parameters = &tables.parameters;
    let surprises = PerRule::from_fn(|rule: Rule| {
        if parameters.without & (1 << rule as u64) != 0 {
            return 0.0;
        }
        let everyone = tables.everyone(rule);
        let stranger = surprise::Moments::default();
        let own = if parameters.own {
            &state.moments[rule]
        } else {
            &stranger
        };
        surprise::of(rule.measure(), values[rule], own, everyone)
    });
    let rarities = PerRule::from_fn(|rule: Rule| {
        if parameters.calibrate {
            let curves = &calibration.surprises[rule];
            curves.rarity(surprises[rule])
        } else {
            surprises[rule]
        }
    });
    let mut families =
        PerFamily::from_fn(|family| family_grade(family, &rarities, state, organisation));
    let sum = rank(&mut families, parameters.further, parameters.same);
    let (noise, context) = calibration.noise(state, day, tables);
    let lift = detection::lift(values[Rule::Detections], calibration.heard);
    let raw = (sum * noise).max(lift * calibration.threshold);
    Grade {
        surprises,
        rarities,
        families,
        sum,
        noise,
        context,
        raw,
        threshold: calibration.threshold,
    }
}

/// Today and memory of one family, without its rank.
fn family_grade(
    family: Family,
    rarities: &PerRule<f64>,
    state: &ActorState,
    organisation: &Organisation,
) -> FamilyGrade {
    let parameters = &organisation.tables().parameters;
    let calibration = organisation.calibration();
    let mut grade = FamilyGrade {
        combined: combined(rarities, family, parameters.second),
        ..FamilyGrade::default()
    };
    grade.rarity = if parameters.calibrate {
        calibration.families[family].rarity(grade.combined)
    } else {
        grade.combined
    };
    let before = f64::from(state.strangeness[family]) * parameters.memory_kept;
    let usual = parameters.usual * usually_strange(state, family);
    grade.strangeness = before + (strangeness(grade.rarity) - usual).max(0.0);
    let weight = family.weight();
    grade.today = (weight * grade.rarity - parameters.materiality).max(0.0);
    if grade.rarity > WAKES {
        let rarity = calibration.strangeness[family].rarity(before);
        let lasting = (weight * rarity - parameters.materiality).max(0.0);
        let awake = ((grade.rarity - WAKES) / parameters.wake).min(1.0);
        grade.memory = parameters.memory * lasting * awake;
    }
    grade
}

/// How strange a day of such rarity is.
pub(super) fn strangeness(rarity: f64) -> f64 {
    (rarity - ORDINARY).clamp(0.0, STRANGEST)
}

/// How strange a family is on an ordinary day of this actor: own mean, towards nothing while
/// there are few days.
fn usually_strange(state: &ActorState, family: Family) -> f64 {
    f64::from(state.usually_strange[family]) / (f64::from(state.days) + STRANGE_PRIOR)
}

/// The strongest rule and a share of the next.
fn combined(rarities: &PerRule<f64>, family: Family, second: f64) -> f64 {
    let (mut first, mut next) = (0.0_f64, 0.0_f64);
    for (rule, rarity) in rarities.iter() {
        if rule.family() == family {
            if *rarity > first {
                next = first;
                first = *rarity;
            } else {
                next = next.max(*rarity);
            }
        }
    }
    first + second * next
}

/// Gives each family its rank and sums them up. Families that see the same events share a rank:
/// beside the strongest of them the others count `same`. Never falls when a family grows.
fn rank(families: &mut PerFamily<FamilyGrade>, further: f64, same: f64) -> f64 {
    let mut order: Vec<(Family, f64)> = families
        .iter()
        .map(|(family, grade)| (family, grade.today + grade.memory))
        .filter(|(_, points)| *points > 0.0)
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut groups: Vec<Group> = Vec::new();
    for (family, points) in order {
        let shared = groups
            .iter_mut()
            .find(|group| group.leaves && family.leaves());
        match shared {
            Some(group) => {
                group.points += same * points;
                group.members.push((family, same));
            }
            None => groups.push(Group {
                points,
                leaves: family.leaves(),
                members: vec![(family, 1.0)],
            }),
        }
    }
    groups.sort_by(|a, b| b.points.total_cmp(&a.points));
    let last = RANKS.last().copied().unwrap_or(0.1);
    let mut sum = 0.0;
    for (place, group) in groups.into_iter().enumerate() {
        let rank = RANKS.get(place).copied().unwrap_or(last);
        let rank = if place == 0 { rank } else { rank * further };
        for (family, share) in group.members {
            families[family].rank = rank * share;
        }
        sum += rank * group.points;
    }
    sum
}

/// Families that share a rank.
struct Group {
    points: f64,
    leaves: bool,
    members: Vec<(Family, f64)>,
}
