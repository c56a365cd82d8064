//! How well a town's harm is found: the measures of the documentation's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::time::Zone;
use scoring::calibrated::{
    ActorDay, ActorState, Closing, Organisation, Parameters, Reader, Today, close_day, judge,
};

use super::ordinary::town::{SORTS, STORIES, Town};

/// Days at the start that are not measured.
const WARM: i32 = 14;

/// Measures of one town.
#[derive(Debug, Clone, Default)]
pub struct Ranked {
    pub auc: f64,
    pub average_precision: f64,
    pub caught: [f64; 2],
    pub alerted: f64,
    pub rate: f64,
    pub precision: f64,
    pub false_alerts: usize,
    pub lifts: Vec<(String, f64, usize)>,
    pub missed: Vec<&'static str>,
}

impl Ranked {
    /// The worst lift of a sort of people.
    pub fn lift(&self) -> f64 {
        self.lifts.iter().map(|l| l.1).fold(0.0, f64::max)
    }
}

impl fmt::Display for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "AUC {:.3} AP {:.3} caught {:.2}/{:.2} alerted {:.2} rate {:.2} precision {:.2} FP {} lift {:.1}",
            self.auc,
            self.average_precision,
            self.caught[0],
            self.caught[1],
            self.alerted,
            self.rate,
            self.precision,
            self.false_alerts,
            self.lift()
        )?;
        for (sort, lift, n) in self.lifts.iter().take(6) {
            write!(f, " {sort}:{lift:.1}({n})")?;
        }
        write!(f, " missed {:?}", self.missed)
    }
}

/// Means of several towns; lifts over all their false alerts.
pub fn mean(all: &[Ranked]) -> Ranked {
    let n = all.len().max(1) as f64;
    let of = |get: fn(&Ranked) -> f64| all.iter().map(get).sum::<f64>() / n;
    let mut sorts: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for (sort, lift, alerts) in all.iter().flat_map(|r| r.lifts.clone()) {
        let slot = sorts.entry(sort).or_default();
        // Expected alerts, so that small towns weigh little.
        slot.0 += if lift > 0.0 {
            alerts as f64 / lift
        } else {
            0.0
        };
        slot.1 += alerts;
    }
    let mut lifts: Vec<_> = sorts
        .into_iter()
        .map(|(sort, (expected, n))| (sort, n as f64 / expected.max(1e-9), n))
        .filter(|l| l.2 > 0)
        .collect();
    lifts.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ranked {
        auc: of(|r| r.auc),
        average_precision: of(|r| r.average_precision),
        caught: [of(|r| r.caught[0]), of(|r| r.caught[1])],
        alerted: of(|r| r.alerted),
        rate: of(|r| r.rate),
        precision: of(|r| r.precision),
        false_alerts: all.iter().map(|r| r.false_alerts).sum(),
        lifts,
        missed: all.iter().flat_map(|r| r.missed.clone()).collect(),
    }
}

struct Row {
    actor: usize,
    day: i32,
    raw: f64,
    alerted: bool,
    bad: bool,
}

/// Lives a town through the engine.
pub fn rank(mut town: Town, parameters: Parameters) -> Ranked {
    let mut organisation = Organisation::new(parameters);
    let mut states: BTreeMap<usize, ActorState> = BTreeMap::new();
    let mut reader = Reader::default();
    let zone = Zone::utc();
    let mut rows: Vec<Row> = Vec::new();
    for n in 0..town.plan.days {
        let day = town.plan.start.plus(n);
        let happened = town.day(n);
        let mut days: BTreeMap<usize, ActorDay> = BTreeMap::new();
        for (actor, event) in &happened.events {
            let today = days.entry(*actor).or_insert_with(|| ActorDay::new(day));
            today.observe(&reader.read(event), &zone);
        }
        let mut today = Today::default();
        days.values().for_each(|day| today.add(day));
        for actor in days.keys() {
            states.entry(*actor).or_default();
        }
        let judged: BTreeMap<usize, _> = days
            .iter()
            .map(|(a, day)| (*a, judge(day, &states[a], &organisation, &today)))
            .collect();
        for (actor, judged) in judged.iter().filter(|_| n >= WARM) {
            rows.push(Row {
                actor: *actor,
                day: n,
                raw: judged.grade.raw / judged.grade.threshold,
                alerted: judged.grade.tenths() >= 600,
                bad: happened.harmed.contains(actor),
            });
        }
        let closings = states.iter_mut().filter_map(|(actor, state)| {
            Some(Closing {
                actor: *actor as u64,
                state,
                day: days.get(actor)?,
                judged: judged.get(actor)?,
            })
        });
        close_day(&mut organisation, day, closings.collect());
    }
    measure(&town, &rows)
}

fn measure(town: &Town, rows: &[Row]) -> Ranked {
    let mut order: Vec<&Row> = rows.iter().collect();
    order.sort_by(|a, b| b.raw.total_cmp(&a.raw).then(a.actor.cmp(&b.actor)));
    let (mut bad, mut wins, mut precision) = (0.0, 0.0, 0.0);
    for (place, row) in order.iter().enumerate() {
        if row.bad {
            bad += 1.0;
            precision += bad / (place + 1) as f64;
        } else {
            wins += bad;
        }
    }
    let insiders: BTreeSet<usize> = rows.iter().filter(|r| r.bad).map(|r| r.actor).collect();
    let near: BTreeSet<(usize, i32)> = rows
        .iter()
        .filter(|r| r.bad)
        .flat_map(|r| [(r.actor, r.day), (r.actor, r.day + 1)])
        .collect();
    let caught = |k: usize| {
        let mut found = BTreeSet::new();
        for n in WARM..town.plan.days {
            let top = order.iter().filter(|r| r.day == n).take(k);
            found.extend(
                top.filter(|r| near.contains(&(r.actor, r.day)))
                    .map(|r| r.actor),
            );
        }
        found.len() as f64 / insiders.len().max(1) as f64
    };
    let alerts: Vec<&Row> = rows.iter().filter(|r| r.alerted).collect();
    let found: BTreeSet<usize> = alerts
        .iter()
        .filter(|r| near.contains(&(r.actor, r.day)))
        .map(|r| r.actor)
        .collect();
    let innocent: Vec<&Row> = rows
        .iter()
        .filter(|r| !insiders.contains(&r.actor))
        .collect();
    let wrong = innocent.iter().filter(|r| r.alerted).count();
    let all = wrong as f64 / innocent.len().max(1) as f64;
    let mut lifts: Vec<(String, f64, usize)> = SORTS
        .iter()
        .map(|sort| {
            let own: Vec<_> = innocent
                .iter()
                .filter(|r| town.people[r.actor].is(sort))
                .collect();
            let n = own.iter().filter(|r| r.alerted).count();
            let share = n as f64 / own.len().max(1) as f64;
            ((*sort).to_owned(), share / all.max(1e-12), n)
        })
        .collect();
    lifts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let good = rows.len() as f64 - bad;
    Ranked {
        auc: wins / f64::max(bad * good, 1.0),
        average_precision: precision / f64::max(bad, 1.0),
        caught: [caught(5), caught(10)],
        alerted: found.len() as f64 / insiders.len().max(1) as f64,
        rate: alerts.len() as f64 / (town.people.len() as f64 * f64::from(town.plan.days - WARM))
            * 1000.0,
        precision: alerts.iter().filter(|r| r.bad).count() as f64 / alerts.len().max(1) as f64,
        false_alerts: wrong,
        lifts,
        missed: insiders
            .iter()
            .filter(|a| !found.contains(a))
            .filter_map(|a| town.people[*a].harm.map(|h| STORIES[h.0]))
            .collect(),
    }
}
