//! The classic grading on whole actors: rule by rule, and the poisoned-baseline case.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking, and a table is one function"
)]

use std::collections::BTreeSet;

use domain::rule::{RuleKey, RuleSet, RuleSettings};
use domain::score::Points;
use domain::time::{MINUTE_US, Timestamp, Zone};
use scoring::observation::{Observation, ValueHash};
use scoring::profile::Profile;
use scoring::track::{Criteria, Scored, Tracker};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn seen(when: Timestamp) -> Observation {
    Observation::at(when)
}

/// Scores everything in order and returns every instant.
fn run(mut events: Vec<Observation>, rules: &RuleSet) -> Vec<Scored> {
    events.sort_by_key(|e| e.minute);
    let (zone, excluded) = (Zone::utc(), BTreeSet::new());
    let criteria = Criteria {
        rules,
        threshold: Points::whole(60),
        zone: &zone,
        excluded: &excluded,
    };
    let mut tracker = Tracker::new(Profile::default(), criteria);
    let mut out = Vec::new();
    tracker.follow(&events, |scored| out.push(scored));
    out
}

fn points_of(scored: &Scored, rule: RuleKey) -> Option<Points> {
    scored
        .assessment
        .signals
        .iter()
        .find(|s| s.rule == rule)
        .map(|s| s.points)
}

/// Thirteen ordinary office days: 9 to 16 o'clock, one address, five resources, 8 MB a day.
fn office_days(days: u32, salt: u64) -> Vec<Observation> {
    let mut events = Vec::new();
    for day in 0..days {
        for hour in 9..17_u32 {
            let when = at(&format!("2026-03-{:02}T{hour:02}:00:00Z", day + 1));
            events.push(Observation {
                bytes: 1_000_000,
                address: Some(ValueHash(salt)),
                resource: Some(ValueHash(u64::from(hour % 5) + salt)),
                ..seen(when.plus(MINUTE_US * i64::from((day + hour) % 40)))
            });
        }
    }
    events
}

/// At 02:30 forty downloads of 50 MB from 3 new addresses to 40 new resources, 8 failures.
fn theft(salt: u64) -> Vec<Observation> {
    (0..40)
        .map(|i| Observation {
            bytes: 50_000_000,
            failed: i % 5 == 0,
            address: Some(ValueHash(1_000_000 + salt + i % 3)),
            resource: Some(ValueHash(2_000_000 + salt + i)),
            ..seen(at("2026-03-14T02:30:00Z").plus(MINUTE_US / 4 * i as i64))
        })
        .collect()
}

#[test]
fn every_theft_alerts_and_no_late_reader_does() {
    let rules = RuleSet::default();
    for salt in 0..20 {
        let events = [office_days(13, salt * 100), theft(salt)].concat();
        let highest = run(events, &rules)
            .into_iter()
            .map(|s| s.assessment.score)
            .max();
        assert_eq!(highest, Some(Points::whole(88)), "thief {salt}");
    }
    for salt in 0..80 {
        let mut events = office_days(13, salt * 100);
        for minute in [0, 3, 7] {
            events.push(Observation {
                bytes: 200_000,
                address: Some(ValueHash(salt * 100)),
                resource: Some(ValueHash(salt * 100 + 1)),
                ..seen(at("2026-03-14T02:30:00Z").plus(MINUTE_US * minute))
            });
        }
        let highest = run(events, &rules)
            .into_iter()
            .map(|s| s.assessment.score)
            .max();
        assert!(
            highest < Some(Points::whole(60)),
            "reader {salt}: {highest:?}"
        );
    }
}

#[test]
fn the_theft_explains_itself() {
    let rules = RuleSet::default();
    let scored = run([office_days(13, 0), theft(0)].concat(), &rules);
    let worst = scored.iter().max_by_key(|s| s.assessment.score).unwrap();
    let points: Vec<_> = worst
        .assessment
        .signals
        .iter()
        .map(|s| (s.rule, s.points))
        .collect();
    assert_eq!(
        points,
        [
            (RuleKey::VolumeSpike, Points::whole(25)),
            (RuleKey::ScopeExpansion, Points::whole(20)),
            (RuleKey::OffHours, Points::whole(15)),
            (RuleKey::NewIp, Points::whole(15)),
            (RuleKey::FailureBurst, Points::whole(13)),
        ]
    );
    assert_eq!(
        worst.assessment.days_used.len(),
        12,
        "the day before the window still runs"
    );
    let headline = scoring::explain::headline("jane", &worst.assessment, &Zone::utc());
    assert_eq!(
        headline,
        "jane moved 1.9 GiB between 02:30 and 02:38 (251× a usual day), touched 45 resources \
         (9.0× a usual day), was active outside the usual hours (40 events), came from 3 new \
         addresses and failed 8 times in 10 minutes."
    );
}

/// Each rule alone at, below and above its threshold.
#[test]
fn thresholds() {
    let office = office_days(13, 0);
    let base = at("2026-03-14T10:05:00Z");
    let night = at("2026-03-14T02:05:00Z");
    let known = Observation {
        address: Some(ValueHash(0)),
        resource: Some(ValueHash(0)),
        ..seen(base)
    };
    let many = |count: usize, make: &dyn Fn(usize) -> Observation| {
        (0..count).map(make).collect::<Vec<_>>()
    };
    let cases: Vec<(RuleKey, Vec<Observation>, i32)> = vec![
        (RuleKey::OffHours, many(1, &|_| seen(night)), 0),
        (RuleKey::OffHours, many(2, &|_| seen(night)), 8),
        (RuleKey::OffHours, many(4, &|_| seen(night)), 15),
        (RuleKey::NewIp, many(1, &|_| known), 0),
        (
            RuleKey::NewIp,
            many(1, &|_| Observation {
                address: Some(ValueHash(9)),
                ..known
            }),
            5,
        ),
        (
            RuleKey::NewIp,
            many(3, &|i| Observation {
                address: Some(ValueHash(9 + i as u64)),
                ..known
            }),
            15,
        ),
        // Eight office events of 1 MB a day are usual.
        (
            RuleKey::VolumeSpike,
            many(1, &|_| Observation {
                bytes: 24_000_000,
                ..known
            }),
            0,
        ),
        (
            RuleKey::VolumeSpike,
            many(1, &|_| Observation {
                bytes: 24_000_001,
                ..known
            }),
            17,
        ),
        (
            RuleKey::VolumeSpike,
            many(1, &|_| Observation {
                bytes: 40_000_000,
                ..known
            }),
            25,
        ),
        (
            RuleKey::ScopeExpansion,
            many(10, &|i| Observation {
                resource: Some(ValueHash(50 + i as u64)),
                ..known
            }),
            0,
        ),
        (
            RuleKey::ScopeExpansion,
            many(11, &|i| Observation {
                resource: Some(ValueHash(50 + i as u64)),
                ..known
            }),
            16,
        ),
        (
            RuleKey::ScopeExpansion,
            many(15, &|i| Observation {
                resource: Some(ValueHash(50 + i as u64)),
                ..known
            }),
            20,
        ),
        (
            RuleKey::FailureBurst,
            many(4, &|_| Observation {
                failed: true,
                ..known
            }),
            0,
        ),
        (
            RuleKey::FailureBurst,
            many(5, &|_| Observation {
                failed: true,
                ..known
            }),
            8,
        ),
        (
            RuleKey::FailureBurst,
            many(15, &|_| Observation {
                failed: true,
                ..known
            }),
            25,
        ),
    ];
    for (rule, mut today, points) in cases {
        // The window of a day must hold nothing else: drop the last office day.
        let mut events: Vec<_> = office
            .iter()
            .copied()
            .filter(|e| e.minute < at("2026-03-13T00:00:00Z").minute())
            .collect();
        events.append(&mut today);
        let last = run(events, &RuleSet::default()).pop().unwrap();
        let expected = (points > 0).then_some(Points::whole(points));
        assert_eq!(points_of(&last, rule), expected, "{rule} {points}");
    }
}

#[test]
fn settings_are_really_used() {
    let events = [office_days(13, 0), theft(0)].concat();
    let highest = |settings: RuleSettings| {
        let rules = RuleSet::with([settings]);
        run(events.clone(), &rules)
            .into_iter()
            .map(|s| s.assessment.score)
            .max()
            .unwrap()
    };
    let failures = RuleSettings::default_for(RuleKey::FailureBurst);
    assert_eq!(highest(failures), Points::whole(88));
    assert_eq!(
        highest(RuleSettings {
            weight: Points::whole(50),
            ..failures
        }),
        Points::whole(100)
    );
    assert_eq!(
        highest(RuleSettings {
            threshold: 9.0,
            ..failures
        }),
        Points::whole(75)
    );
    assert_eq!(
        highest(RuleSettings {
            window_minutes: 1,
            ..failures
        }),
        Points::whole(75)
    );
    assert_eq!(
        highest(RuleSettings {
            enabled: false,
            ..failures
        }),
        Points::whole(75)
    );
}

#[test]
fn a_young_actor_is_compared_with_defaults() {
    let now = at("2026-03-14T10:05:00Z");
    let one = |bytes| Observation { bytes, ..seen(now) };
    let score = |bytes| run(vec![one(bytes)], &RuleSet::default()).pop().unwrap();
    assert_eq!(points_of(&score(30_000_000), RuleKey::VolumeSpike), None);
    let fired = score(30_000_001);
    assert_eq!(
        points_of(&fired, RuleKey::VolumeSpike),
        Some(Points::whole(17))
    );
    let row = &scoring::explain::contributions(&fired.assessment, &Zone::utc())[0];
    assert_eq!(row.rarity, "baseline too young: compared with defaults");
}

#[test]
fn an_actor_who_moves_nothing_is_compared_with_a_default_that_says_so() {
    let mut events = office_days(13, 0);
    for event in &mut events {
        event.bytes = 0;
    }
    let now = at("2026-03-16T10:05:00Z");
    let bytes = 40_000_000;
    events.push(Observation { bytes, ..seen(now) });
    let last = run(events, &RuleSet::default()).pop().unwrap();
    let rows = scoring::explain::contributions(&last.assessment, &Zone::utc());
    let row = rows.iter().find(|r| r.rule == "volume_spike").unwrap();
    assert_eq!(row.reference, domain::score::Reference::Default);
    assert_eq!(
        row.sentence,
        "38 MiB moved within 24 hours, mostly at 10:05; usually none on 13 active days, \
         default 9.5 MiB a day"
    );
    assert_eq!(row.rarity, "not once on 13 active days");
}

#[test]
fn scores_fall_after_the_behaviour_stops() {
    let rules = RuleSet::default();
    let (zone, excluded) = (Zone::utc(), BTreeSet::new());
    let criteria = Criteria {
        rules: &rules,
        threshold: Points::whole(60),
        zone: &zone,
        excluded: &excluded,
    };
    let mut events = [office_days(13, 0), theft(0)].concat();
    events.sort_by_key(|e| e.minute);
    let mut tracker = Tracker::new(Profile::default(), criteria);
    tracker.follow(&events, |_| {});
    let newest = tracker.profile().newest().unwrap();
    let mut minute = newest;
    let mut path = Vec::new();
    loop {
        let scored = tracker.judge_at(minute);
        if path.last() != Some(&scored.assessment.score) {
            path.push(scored.assessment.score);
        }
        match scored.assessment.falls_at {
            Some(next) => minute = next,
            None => break,
        }
    }
    assert_eq!(path.first(), Some(&Points::whole(88)));
    assert_eq!(path.last(), Some(&Points::ZERO));
    assert!(path.windows(2).all(|w| w[1] < w[0]), "{path:?}");
}
