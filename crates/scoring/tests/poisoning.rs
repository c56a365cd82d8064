//! A baseline cannot be moved unseen: slow ramps are flagged, and a flood of one source stays that
//! source's.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod ordinary;

use std::collections::BTreeMap;

use domain::time::Day;
use ordinary::{Life, MONDAY, Random, activity, at, office};
use scoring::calibrated::*;

/// So many downloads of files of its own at an ordinary hour.
fn downloads(actor: u64, day: Day, count: u64) -> Vec<Activity> {
    let one = |i: u64| {
        let object = format!("file {actor} {}", i % 40);
        let mut event = activity(at(day, 10, i % 60), Action::Download, Place::File, &object);
        event.bytes = 100_000;
        event
    };
    (0..count).map(one).collect()
}

#[test]
fn a_ramp_of_eight_percent_a_day_is_flagged_and_a_level_life_is_not() {
    let mut random = Random::new(50);
    let mut life = Life::default();
    let mut flagged = None;
    for (number, day) in (0..44).map(|d| (d, MONDAY.plus(d))) {
        let events: BTreeMap<u64, Vec<Activity>> = (0..40)
            .map(|actor| {
                let mut events = office(actor, day, &mut random);
                let ramp = 20.0 * 1.08_f64.powi((number - 14).max(0));
                match actor {
                    7 => events.extend(downloads(7, day, ramp as u64)),
                    8 => events.extend(downloads(8, day, 18 + random.below(5))),
                    _ => {}
                }
                (actor, events)
            })
            .collect();
        life.live(day, &events);
        let rising = |actor: u64| {
            let found = drift(&life.states[&actor]);
            found.into_iter().find(|d| d.rule == Rule::Downloads)
        };
        if let Some(drift) = rising(7) {
            assert!(drift.lately > drift.before && !drift.sentence.is_empty());
            flagged.get_or_insert(number);
        }
        assert!(rising(8).is_none(), "day {number}: a level life is no ramp");
    }
    let day = flagged.expect("the ramp raises a drift signal");
    assert!((20..44).contains(&day), "flagged on day {day}");
}

/// Forty days, on the last of which one actor's source floods; then an ordinary day of everybody.
fn flooded(times: u64) -> (Life, BTreeMap<u64, Judged>) {
    let mut random = Random::new(51);
    let mut life = Life::default();
    life.ordinary(40, 35, &mut random);
    let mut judged = BTreeMap::new();
    for (number, day) in (35..40).map(|d| (d, MONDAY.plus(d))) {
        let mut events: BTreeMap<u64, Vec<Activity>> =
            (0..40).map(|a| (a, office(a, day, &mut random))).collect();
        if number < 39 {
            let own = events[&3].clone();
            let many = (0..times).flat_map(|_| own.iter().copied());
            events.insert(3, many.collect());
        }
        judged = life.live(day, &events);
    }
    (life, judged)
}

#[test]
fn a_source_that_floods_a_hundredfold_moves_no_others_baseline() {
    let ((calm, quiet), (flood, loud)) = (flooded(1), flooded(100));
    for (actor, state) in calm.states.iter().filter(|(actor, _)| **actor != 3) {
        let other = &flood.states[actor];
        assert_eq!(
            state.recent, other.recent,
            "{actor}: the usual that is shown"
        );
        let bits = |hours: &[f32; 24]| hours.map(f32::to_bits);
        assert_eq!(bits(&state.hours), bits(&other.hours), "{actor}");
        assert_eq!(state.rates, other.rates, "{actor}");
        let Some((before, after)) = quiet.get(actor).zip(loud.get(actor)) else {
            continue;
        };
        let (before, after) = (before.grade.tenths(), after.grade.tenths());
        assert!(
            (before - after).abs() <= 100,
            "{actor}: {before} and {after} tenths on the day after"
        );
    }
    let (own, flooded) = (&calm.states[&3], &flood.states[&3]);
    assert_ne!(own.recent, flooded.recent, "the flood is seen where it is");
}
