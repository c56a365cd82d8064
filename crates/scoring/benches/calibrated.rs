//! A live pass over ten thousand profiles, and the daily closing of as many.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench"
)]

#[path = "../tests/ordinary/mod.rs"]
mod ordinary;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use ordinary::{Life, MONDAY, Random, day_of, office};
use scoring::calibrated::{ActorDay, Closing, Judged, Today, close_day, judge};

const ACTORS: u64 = 10_000;

fn main() {
    divan::main();
}

struct Prepared {
    life: Life,
    days: BTreeMap<u64, ActorDay>,
    today: Today,
}

/// Twenty days of ten thousand actors, and one more day that is not closed.
static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
    let mut random = Random::new(3);
    let mut life = Life::default();
    life.ordinary(ACTORS, 19, &mut random);
    let day = MONDAY.plus(21);
    let days: BTreeMap<u64, ActorDay> = (0..ACTORS)
        .map(|a| (a, day_of(day, &office(a, day, &mut random))))
        .collect();
    let mut today = Today::default();
    for day in days.values() {
        today.add(day);
    }
    Prepared { life, days, today }
});

fn judged(p: &Prepared) -> BTreeMap<u64, Judged> {
    let judge = |(a, day): (&u64, &ActorDay)| {
        (
            *a,
            judge(day, &p.life.states[a], &p.life.organisation, &p.today),
        )
    };
    p.days.iter().map(judge).collect()
}

#[divan::bench(sample_count = 10)]
fn live_pass_of_ten_thousand(bencher: Bencher) {
    let prepared = &*PREPARED;
    bencher.bench_local(|| black_box(judged(prepared)));
}

#[divan::bench(sample_count = 5)]
fn daily_closing_of_ten_thousand(bencher: Bencher) {
    let prepared = &*PREPARED;
    let judged = judged(prepared);
    bencher
        .with_inputs(|| {
            (
                prepared.life.organisation.clone(),
                prepared.life.states.clone(),
            )
        })
        .bench_local_values(|(mut organisation, mut states)| {
            let closings = states
                .iter_mut()
                .map(|(actor, state)| Closing {
                    actor: *actor,
                    state,
                    day: &prepared.days[actor],
                    judged: &judged[actor],
                })
                .collect();
            close_day(&mut organisation, MONDAY.plus(21), closings);
            organisation
        });
}
