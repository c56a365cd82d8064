//! Nanoseconds per event: folding into a profile, and folding and judging.
//!
//! `reference_hash_map` does the least any scorer must do, a hash-map insertion per event, and is
//! the yardstick for the other two.

use std::collections::{BTreeSet, HashMap};

use divan::{Bencher, counter::ItemsCount};
use domain::rule::RuleSet;
use domain::score::Points;
use domain::time::{Minute, Zone};
use scoring::observation::{Observation, ValueHash};
use scoring::profile::Profile;
use scoring::track::{Criteria, Tracker};

const EVENTS: usize = 20_000;

fn main() {
    divan::main();
}

/// Twenty days of an office worker: bursts of events, few addresses, many documents.
fn office() -> Vec<Observation> {
    (0..EVENTS as i64)
        .map(|i| Observation {
            minute: Minute(29_000_000 + (i / 1000) * 1440 + 540 + (i % 1000) / 2),
            bytes: (i as u64 * 7919) % 2_000_000,
            failed: i % 50 == 0,
            address: Some(ValueHash::text(&format!("10.0.0.{}", i % 3))),
            resource: Some(ValueHash::text(&format!("doc-{}", i % 90))),
            agent: Some(ValueHash(7)),
            host: None,
        })
        .collect()
}

#[divan::bench]
fn reference_hash_map(bencher: Bencher) {
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(office)
        .bench_values(|events| {
            let mut counts: HashMap<ValueHash, u64> = HashMap::new();
            for event in &events {
                *counts
                    .entry(event.resource.unwrap_or(ValueHash(0)))
                    .or_default() += event.bytes;
            }
            counts
        });
}

#[divan::bench]
fn fold(bencher: Bencher) {
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(office)
        .bench_values(|events| {
            let (mut profile, zone) = (Profile::default(), Zone::utc());
            for event in &events {
                profile.observe(event, &zone);
            }
            profile
        });
}

#[divan::bench]
fn fold_and_score(bencher: Bencher) {
    let (rules, zone, excluded) = (RuleSet::default(), Zone::utc(), BTreeSet::new());
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(office)
        .bench_values(|events| {
            let criteria = Criteria {
                rules: &rules,
                threshold: Points::whole(60),
                zone: &zone,
                excluded: &excluded,
            };
            let mut tracker = Tracker::new(Profile::default(), criteria);
            let mut highest = Points::ZERO;
            tracker.follow(&events, |s| highest = highest.max(s.assessment.score));
            highest
        });
}
