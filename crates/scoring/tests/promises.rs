//! What the calibrated engine promises whatever comes: bounds, storage, silence, exclusion, zones,
//! service accounts, and that thieves are found in organisations of any seed and age.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod ordinary;

use std::collections::{BTreeMap, BTreeSet};

use domain::time::{Day, Zone};
use ordinary::{Life, MONDAY, Random, activity, at, day_of, hash, office};
use proptest::prelude::*;
use scoring::calibrated::*;

const ACTORS: u64 = 100;

/// A hundred actors after so many days: twenty take fifty-megabyte files at night from addresses
/// of their own after failed sign-ins, eighty read three documents late.
fn thieves(seed: u64, days: i32) -> (Vec<i32>, Vec<i32>) {
    let mut random = Random::new(seed);
    let mut life = Life::default();
    life.ordinary(ACTORS, days, &mut random);
    let mut day = MONDAY.plus(days);
    while day.weekday() >= 5 {
        day = day.plus(1);
    }
    let mut today = Today::default();
    let judged: Vec<ActorDay> = (0..ACTORS)
        .map(|actor| {
            let mut events = office(actor, day, &mut random);
            events.retain(|e| e.action != Action::Delete);
            for event in &mut events {
                event.address = Some(hash(&format!("10.0.{}.{actor}", actor % 6)));
            }
            events.extend(if actor < 20 {
                theft(actor, day)
            } else {
                late(actor, day)
            });
            day_of(day, &events)
        })
        .collect();
    for day in &judged {
        today.add(day);
    }
    let score = |(actor, day): (usize, &ActorDay)| {
        let state = &life.states[&(actor as u64)];
        judge(day, state, &life.organisation, &today).grade.tenths()
    };
    let scores: Vec<i32> = judged.iter().enumerate().map(score).collect();
    (scores[..20].to_vec(), scores[20..].to_vec())
}

fn theft(actor: u64, day: Day) -> Vec<Activity> {
    let event = |i: u64| {
        let failed = i % 6 == 5;
        let (action, place) = if failed {
            (Action::SignIn, Place::Identity)
        } else {
            (Action::Download, Place::File)
        };
        let object = format!("loot {actor} {i}");
        let mut event = activity(at(day, 2, 30 + i / 5), action, place, &object);
        event.failed = failed;
        event.bytes = if failed { 0 } else { 50_000_000 };
        event.address = Some(hash(&format!("away {actor} {}", i % 3)));
        event.network = Some(hash(&format!("away net {actor} {}", i % 3)));
        event
    };
    (0..48).map(event).collect()
}

fn late(actor: u64, day: Day) -> Vec<Activity> {
    let event = |i: u64| {
        let document = format!("doc {} {i}", actor % 6);
        let mut late = activity(at(day, 21, i * 7), Action::Read, Place::File, &document);
        late.agent = Some(hash(&format!("browser {}", actor % 3)));
        late.address = Some(hash(&format!("10.0.{}.{actor}", actor % 6)));
        late.host = Some(hash(&format!("pc {actor}")));
        late
    };
    (0..3).map(event).collect()
}

#[test]
fn thieves_alert_and_late_readers_do_not_whatever_the_seed_and_age() {
    let mut wrong = Vec::new();
    for (seed, days) in [
        (11, 13),
        (21, 14),
        (22, 14),
        (23, 20),
        (24, 27),
        (25, 35),
        (26, 60),
        (27, 10),
    ] {
        let (bad, good) = thieves(seed, days);
        let missed = bad.iter().filter(|s| **s < 600).count();
        let alarmed = good.iter().filter(|s| **s >= 600).count();
        println!(
            "seed {seed}, {days} days: lowest thief {:?}, highest reader {:?}",
            bad.iter().min(),
            good.iter().max()
        );
        // A grown organisation without any insider alerts at its rate on what is left.
        let ordinary = if days > 35 { 2 } else { 0 };
        if missed > 0 || alarmed > ordinary {
            wrong.push((seed, days, missed, alarmed));
        }
    }
    assert!(wrong.is_empty(), "seed, days, missed, alarmed: {wrong:?}");
}

#[test]
fn a_silence_of_every_source_teaches_nothing() {
    let mut random = Random::new(6);
    let mut life = Life::default();
    let end = life.ordinary(60, 28, &mut random);
    let before = life.states.clone();
    // Three weeks in which nothing arrives: days without a close, and days closed without actors.
    for day in (0..21).map(|d| end.plus(d)) {
        if day.0 % 2 == 0 {
            close_day(&mut life.organisation, day, Vec::new());
        }
    }
    assert_eq!(before, life.states);
    let day = end.plus(21);
    let events: BTreeMap<u64, _> = (0..60).map(|a| (a, office(a, day, &mut random))).collect();
    let judged = life.live(day, &events);
    let volume = |j: &Judged| j.grade.families[Family::Access].today;
    assert!(
        judged
            .values()
            .all(|j| volume(j) < 2.5 && j.grade.tenths() < 600)
    );
}

#[test]
fn an_excluded_day_teaches_nothing() {
    let mut random = Random::new(7);
    let mut life = Life::default();
    let day = life.ordinary(30, 15, &mut random);
    let loud = day_of(day, &theft(3, day));
    let close = |excluded: &BTreeSet<u64>| {
        let (mut organisation, mut state) = (life.organisation.clone(), life.states[&3].clone());
        let judged = judge(&loud, &state, &organisation, &Today::default());
        let closing = Closing {
            actor: 3,
            state: &mut state,
            day: &loud,
            judged: &judged,
        };
        close_day_without(&mut organisation, day, vec![closing], excluded);
        (organisation, state)
    };
    let (taught, changed) = close(&BTreeSet::new());
    let (spared, same) = close(&BTreeSet::from([3]));
    assert_eq!(same, life.states[&3]);
    assert_ne!(changed, same);
    assert!(taught != spared);
    // The effect that an analyst sees: the next such day surprises as much as the first.
    let next = day_of(day.plus(1), &theft(3, day.plus(1)));
    let surprise = |organisation: &Organisation, state: &ActorState| {
        judge(&next, state, organisation, &Today::default())
            .grade
            .surprises[Rule::Downloads]
    };
    assert!(surprise(&spared, &same) > surprise(&taught, &changed));
}

#[test]
fn a_change_of_the_clock_moves_nobodys_hours() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    let mut organisation = Organisation::new(Parameters::default());
    let mut state = ActorState::default();
    // From Monday 2026-03-02; clocks change on Sunday 2026-03-29. Always 9 to 17 local time.
    for n in 0..40 {
        let day = MONDAY.plus(n);
        if day.weekday() >= 5 {
            continue;
        }
        let mut today = ActorDay::new(day);
        for hour in 9..17 {
            let utc = if n < 27 { hour - 1 } else { hour - 2 };
            let event = activity(at(day, utc, 15), Action::Read, Place::File, "plan");
            assert_eq!(u64::from(berlin.local(event.minute.start()).hour), hour);
            today.observe(&event, &berlin);
        }
        let judged = judge(&today, &state, &organisation, &Today::default());
        if n > 20 {
            assert!(judged.values[Rule::OddHours] < 0.01, "day {n}");
            assert!(judged.values[Rule::OddHoursActivity] < 0.5, "day {n}");
        }
        let closing = Closing {
            actor: 1,
            state: &mut state,
            day: &today,
            judged: &judged,
        };
        close_day(&mut organisation, day, vec![closing]);
    }
}

#[test]
fn service_accounts_are_known_by_regularity_or_by_word() {
    let mut life = Life::default();
    let mut random = Random::new(8);
    for day in (0..10).map(|d| MONDAY.plus(d)) {
        let mut events: BTreeMap<u64, Vec<Activity>> =
            (0..20).map(|a| (a, office(a, day, &mut random))).collect();
        let hourly = |hour| {
            activity(
                at(day, hour, 5),
                Action::Download,
                Place::Dataset,
                "nightly",
            )
        };
        events.insert(100, (0..24).map(hourly).collect());
        let mut told = office(101, day, &mut random);
        for event in &mut told {
            event.service = true;
        }
        events.insert(101, told);
        life.live(day, &events);
    }
    assert!(life.states[&100].is_service(), "by regularity");
    assert!(life.states[&101].is_service(), "by the word of its source");
    assert!(
        (0..20).all(|a| !life.states[&a].is_service()),
        "people are not"
    );
}

#[test]
fn small_groups_are_neither_used_nor_shown() {
    let mut life = Life::default();
    let day = life.ordinary(12, 15, &mut Random::new(9));
    let members = |n: u64| {
        life.states
            .iter()
            .filter(move |(a, _)| **a != 3 && **a <= n)
            .map(|s| s.1)
    };
    assert!(Peers::of("Finance", members(4)).is_none());
    let peers = Peers::of("Finance", members(7)).unwrap();
    assert_eq!(peers.size(), 7);
    let loud = day_of(day, &theft(3, day));
    let judged = judge(
        &loud,
        &life.states[&3],
        &life.organisation,
        &Today::default(),
    );
    let told = explain(&judged, &loud, &life.states[&3], &life.organisation);
    let mut rows: Vec<_> = told.rows.iter().map(Row::contribution).collect();
    for row in &mut rows {
        peers.compare(row);
    }
    let access = rows.iter().find(|r| r.family.as_deref() == Some("access"));
    let comparison = access.unwrap().peers.clone().unwrap();
    assert_eq!(comparison.as_much, 0);
    assert!(
        comparison
            .sentence
            .starts_with("nobody of the 7 others in Finance")
    );
    assert_eq!(peers.as_much(Rule::Downloads, 0.0), 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn states_stay_bounded_under_hostile_input(seed in 1_u64..1000, fresh in 1_u64..4) {
        let mut random = Random::new(seed);
        let mut organisation = Organisation::new(Parameters::default());
        let mut state = ActorState::default();
        for n in 0..4 {
            let day = MONDAY.plus(n);
            let mut today = ActorDay::new(day);
            for i in 0..6_000_u64 {
                let action = Action::ALL[random.below(Action::COUNT as u64) as usize];
                let object = format!("{n} {} {i}", random.below(u64::MAX) % fresh);
                let mut event = activity(at(day, i % 24, i % 60), action, Place::File, &object);
                event.bytes = u64::MAX;
                event.host = Some(hash(&format!("host {n} {i}")));
                event.address = Some(hash(&format!("address {n} {i}")));
                event.agent = Some(hash(&format!("agent {n} {i}")));
                event.kind = hash(&format!("kind {n} {i}"));
                today.observe(&event, &Zone::utc());
            }
            prop_assert!(today.values().count() <= 8 * day::VALUES_A_DAY);
            let judged = judge(&today, &state, &organisation, &Today::default());
            prop_assert!(judged.grade.raw.is_finite());
            prop_assert!((0..=1000).contains(&judged.grade.tenths()));
            let told = explain(&judged, &today, &state, &organisation);
            let sum: i32 = told.rows.iter().map(|r| r.contribution.points.tenths()).sum();
            prop_assert_eq!(sum, told.score.tenths());
            let closing = Closing { actor: 1, state: &mut state, day: &today, judged: &judged };
            close_day(&mut organisation, day, vec![closing]);
            prop_assert!(state.memory.len() <= memory::REMEMBERED);
            prop_assert!(postcard::to_stdvec(&state).unwrap().len() < 64_000);
        }
    }

    #[test]
    fn storage_and_batches_change_nothing(seed in 1_u64..1000, actors in 8_u64..20, cut in 1_usize..40) {
        let mut random = Random::new(seed);
        let mut life = Life::default();
        let day = life.ordinary(actors, 9, &mut random);
        let (mut organisation, mut states) = (Organisation::new(Parameters::default()), BTreeMap::new());
        // The same life, stored and read again after each day, events reversed and in batches.
        let mut again = Random::new(seed);
        for day in (0..9).map(|d| MONDAY.plus(d)) {
            let mut other = Life { organisation, states };
            let events = (0..actors)
                .map(|a| {
                    let events = office(a, day, &mut again);
                    let batches = events.chunks(cut).rev();
                    (a, batches.flat_map(|batch| batch.iter().rev().copied()).collect())
                })
                .collect();
            other.live(day, &events);
            let bytes = postcard::to_stdvec(&(other.organisation, other.states)).unwrap();
            (organisation, states) = postcard::from_bytes(&bytes).unwrap();
        }
        prop_assert!(organisation == life.organisation);
        prop_assert_eq!(&states, &life.states);
        let today = day_of(day, &theft(1, day));
        let one = judge(&today, &states[&1], &organisation, &Today::default());
        let two = judge(&today, &life.states[&1], &life.organisation, &Today::default());
        prop_assert_eq!(one, two);
        let stored = postcard::to_stdvec(&today).unwrap();
        prop_assert_eq!(postcard::from_bytes::<ActorDay>(&stored).unwrap(), today);
    }

    #[test]
    fn more_of_the_same_never_lowers_the_score(seed in 1_u64..1000, strange in prop::collection::vec(0_u64..3, 6)) {
        // An actor with a strange past, so that every family remembers something.
        let mut random = Random::new(seed);
        let mut life = Life::default();
        let mut day = life.ordinary(20, 12, &mut random);
        for more in strange {
            let mut events: BTreeMap<u64, Vec<Activity>> =
                (0..20).map(|a| (a, office(a, day, &mut random))).collect();
            for _ in 0..more {
                let kind = random.below(5);
                events.get_mut(&1).unwrap().extend(ordinary::story(kind, 1, day, &mut random));
            }
            life.live(day, &events);
            day = day.plus(1);
        }
        let mut all = Vec::new();
        for kind in 0..5 {
            all.extend(ordinary::story(kind, 1, day, &mut random));
        }
        let turn = random.below(all.len() as u64) as usize;
        all.rotate_left(turn);
        let mut before = 0;
        for end in 1..=all.len() {
            let today = day_of(day, &all[..end]);
            let state = &life.states[&1];
            let score = judge(&today, state, &life.organisation, &Today::default()).grade.tenths();
            prop_assert!(score >= before, "{} after {} at {}", score, before, end);
            before = score;
        }
    }
}
