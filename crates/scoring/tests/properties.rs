//! Order, splits and the future change nothing; contributions sum to the score.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking, and a table is one function"
)]

use std::collections::BTreeSet;

use domain::rule::RuleSet;
use domain::score::Points;
use domain::time::{Minute, Zone};
use proptest::prelude::*;
use scoring::observation::{Observation, ValueHash};
use scoring::profile::Profile;
use scoring::track::{Criteria, Scored, Tracker};

const START: i64 = 29_000_000;

fn event() -> impl Strategy<Value = Observation> {
    let minute = prop_oneof![
        0_i64..60 * 24 * 30,
        (0_i64..30).prop_map(|d| d * 1440 + 540)
    ];
    (
        minute,
        0_u64..80_000_000,
        any::<bool>(),
        0_u64..6,
        0_u64..400,
    )
        .prop_map(|(minute, bytes, failed, address, resource)| Observation {
            minute: Minute(START + minute),
            bytes,
            failed,
            address: (address > 0).then_some(ValueHash(address << 50)),
            resource: (resource > 0)
                .then_some(ValueHash(resource.wrapping_mul(0x9E37_79B9_7F4A_7C15))),
            agent: None,
            host: None,
        })
}

fn zone() -> Zone {
    Zone::named("Europe/Berlin").unwrap()
}

fn fold(events: &[Observation]) -> Profile {
    let (mut profile, zone) = (Profile::default(), zone());
    for event in events {
        profile.observe(event, &zone);
    }
    profile
}

/// Scores in order, handing the profile through its stored form between batches.
fn scores(events: &[Observation], batches: usize) -> Vec<Scored> {
    let mut sorted = events.to_vec();
    sorted.sort_by_key(|e| e.minute);
    let (rules, zone, excluded) = (RuleSet::default(), zone(), BTreeSet::new());
    let criteria = Criteria {
        rules: &rules,
        threshold: Points::whole(60),
        zone: &zone,
        excluded: &excluded,
    };
    let (mut profile, mut out) = (Profile::default(), Vec::<Scored>::new());
    for batch in sorted.chunks(sorted.len().div_ceil(batches).max(1)) {
        let stored = Profile::from_bytes(&profile.to_bytes()).unwrap();
        let mut tracker = Tracker::new(stored, criteria);
        tracker.follow(batch, |scored| {
            // A minute that was split over two batches is judged twice; the later one counts.
            out.retain(|s| s.assessment.minute != scored.assessment.minute);
            out.push(scored);
        });
        profile = tracker.into_profile();
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn order_does_not_change_the_profile(events in proptest::collection::vec(event(), 1..400), seed in any::<u64>()) {
        let mut shuffled = events.clone();
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        prop_assert_eq!(fold(&events), fold(&shuffled));
    }

    #[test]
    fn splits_do_not_change_the_scores(events in proptest::collection::vec(event(), 1..250), batches in 2_usize..9) {
        prop_assert_eq!(scores(&events, 1), scores(&events, batches));
    }

    #[test]
    fn contributions_sum_to_the_score(events in proptest::collection::vec(event(), 1..250)) {
        for scored in scores(&events, 1) {
            let a = &scored.assessment;
            let rows = scoring::explain::contributions(a, &zone());
            prop_assert_eq!(rows.iter().map(|r| r.points).sum::<Points>(), a.score);
            prop_assert!((Points::ZERO..=Points::MAX).contains(&a.score));
            prop_assert_eq!(a.score >= Points::whole(60), scored.causes.is_some());
        }
    }

    #[test]
    fn a_score_never_uses_a_later_event(events in proptest::collection::vec(event(), 2..250), cut in 0_i64..60 * 24 * 30) {
        let last = Minute(START + cut);
        let early: Vec<_> = events.iter().copied().filter(|e| e.minute <= last).collect();
        let full: Vec<_> = scores(&events, 1).into_iter().filter(|s| s.assessment.minute <= last).collect();
        prop_assert_eq!(scores(&early, 1), full);
    }

    #[test]
    fn more_of_the_same_never_lowers_a_day(events in proptest::collection::vec(event(), 1..120)) {
        let worst = |events: &[Observation]| scores(events, 1).into_iter().map(|s| s.assessment).max_by_key(|a| a.minute).map(|a| a.score);
        let last = events.iter().map(|e| e.minute).max().unwrap();
        let mut more = events.clone();
        more.extend(events.iter().copied().filter(|e| e.minute == last));
        prop_assert!(worst(&more) >= worst(&events));
    }
}

#[test]
fn a_busy_account_stays_small_and_exact_enough() {
    let (rules, zone, excluded) = (RuleSet::default(), zone(), BTreeSet::new());
    let criteria = Criteria {
        rules: &rules,
        threshold: Points::whole(60),
        zone: &zone,
        excluded: &excluded,
    };
    let mut tracker = Tracker::new(Profile::default(), criteria);
    let mut last = None;
    for minute in 0..3 * 1440 {
        let events: Vec<_> = (0..20_u64)
            .map(|i| Observation {
                minute: Minute(START + minute),
                bytes: 1000,
                failed: false,
                address: Some(ValueHash(i % 3)),
                resource: Some(ValueHash::text(&format!(
                    "object-{}",
                    (minute as u64 * 20 + i) % 9000
                ))),
                agent: None,
                host: None,
            })
            .collect();
        last = Some(tracker.step(Minute(START + minute), &events));
    }
    let bytes = tracker.profile().to_bytes().len();
    assert!(bytes < 150_000, "{bytes}");
    let last = last.unwrap().assessment;
    let all = last.signals.iter().chain(&last.normal);
    let scope = all
        .clone()
        .find(|s| s.rule == domain::rule::RuleKey::ScopeExpansion)
        .unwrap();
    assert!(
        (scope.observed - 9000.0).abs() < 700.0,
        "{}",
        scope.observed
    );
}
