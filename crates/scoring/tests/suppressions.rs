//! With suppressions too, the rows of a score sum to it exactly, and it is computed again from its
//! receipt.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod ordinary;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::actor::ActorId;
use domain::id::SourceId;
use domain::rule::{RuleKey, RuleName, RuleSet};
use domain::score::Points;
use domain::suppression::{Aim, Attribute, Marks, Suppression, SuppressionCode};
use domain::time::{Minute, Timestamp, Zone};
use ordinary::{Life, MONDAY, Random, activity, at, day_of, hash, office};
use proptest::prelude::*;
use scoring::calibrated::*;
use scoring::explain;
use scoring::observation::{Observation, ValueHash};
use scoring::profile::Profile;
use scoring::receipt::{Inputs, recompute, score_without};
use scoring::suppress::{Sighting, Sightings, Suppressions};
use scoring::track::{Criteria, Scored, Tracker};

const START: i64 = 29_000_000;
const WHO: ActorId = ActorId(7);
const LONG: (Minute, Minute) = (Minute(0), Minute(i64::MAX / 2));

fn suppression(
    number: i64,
    rule: &str,
    attribute: Option<Attribute>,
    (from, until): (i64, i64),
) -> Suppression {
    Suppression {
        code: SuppressionCode(number),
        aim: Aim {
            actor: Some(WHO),
            rule: RuleName::parse(rule).unwrap(),
            attribute,
        },
        reason: "known".to_owned(),
        owner: "Jane".to_owned(),
        alert: None,
        created_at: Minute(from).start(),
        expires_at: Minute(until).start(),
        revoked_at: None,
        revoked_by: None,
    }
}

fn follow(
    events: &[Observation],
    suppressions: &Suppressions,
    seen: Option<Sightings>,
) -> Vec<Scored> {
    let (rules, zone, excluded) = (RuleSet::default(), Zone::utc(), BTreeSet::new());
    let criteria = Criteria {
        rules: &rules,
        threshold: Points::whole(60),
        zone: &zone,
        excluded: &excluded,
    };
    let mut tracker = Tracker::new(Profile::default(), criteria).with_suppressions(suppressions);
    if let Some(seen) = seen {
        tracker = tracker.with_sightings(seen);
    }
    let mut out = Vec::new();
    tracker.follow(events, |scored| out.push(scored));
    out
}

fn event() -> impl Strategy<Value = Observation> {
    (
        0_i64..60 * 24 * 20,
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
            resource: (resource > 0).then_some(ValueHash(resource << 40)),
            agent: None,
            host: None,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn classic_rows_sum_with_suppressions(
        mut events in proptest::collection::vec(event(), 1..200),
        aims in proptest::collection::vec((0_usize..5, 0_i64..28_800, 1_i64..28_800), 0..5),
    ) {
        events.sort_by_key(|e| e.minute);
        let all: Vec<Suppression> = aims
            .iter()
            .enumerate()
            .map(|(n, (rule, from, long))| {
                let from = START + from;
                suppression(n as i64 + 1, RuleKey::ALL[*rule].word(), None, (from, from + long))
            })
            .collect();
        let own = Suppressions::of(&all, WHO, LONG);
        let plain = follow(&events, &Suppressions::default(), None);
        for (scored, whole) in follow(&events, &own, None).iter().zip(&plain) {
            let (a, zone) = (&scored.assessment, Zone::utc());
            let rows = explain::contributions(a, &zone);
            prop_assert_eq!(rows.iter().map(|r| r.points).sum::<Points>(), a.score);
            prop_assert!(a.score <= whole.assessment.score);
            let due: BTreeSet<RuleKey> = whole
                .assessment
                .fired()
                .filter(|rule| all.iter().any(|s| s.is_in_force(a.minute) && s.aim.rule == *rule))
                .collect();
            let gone: BTreeSet<RuleKey> = a.suppressed.iter().map(|s| s.signal.rule).collect();
            prop_assert_eq!(&due, &gone, "exactly what is in force in the minute");
            let snapshot = explain::snapshot(a, Points::whole(60), &zone, &[]);
            let inputs = Inputs::Classic { zone: zone.name().to_owned() };
            prop_assert_eq!(recompute(&snapshot, &inputs, None).unwrap(), snapshot);
        }
    }

    #[test]
    fn calibrated_rows_sum_with_suppressions(picks in proptest::collection::btree_set(0_usize..Rule::COUNT, 0..25)) {
        static NIGHT: LazyLock<(Life, ActorDay, Judged)> = LazyLock::new(|| theft_day(2));
        let (life, own, judged) = &*NIGHT;
        let state = life.states[&3].numbers();
        let silenced: Vec<Silenced> = picks
            .iter()
            .map(|at| Silenced {
                rule: Rule::ALL[*at].word().to_owned(),
                code: "SU-1".to_owned(),
                reason: "known".to_owned(),
            })
            .collect();
        let told = explain_silenced(judged, &silenced, own, &state, &life.organisation);
        let rows = told.rows.iter().map(|row| row.contribution.points);
        prop_assert_eq!(rows.sum::<Points>(), told.score);
        prop_assert!(told.score.tenths() <= judged.grade.tenths());
        for row in &told.rows {
            let suppressed = silenced.iter().any(|one| one.rule == row.contribution.rule);
            prop_assert!(!suppressed || row.contribution.suppressed.is_some());
            prop_assert_eq!(row.contribution.suppressed.is_some() && row.contribution.points != Points::ZERO, false);
        }
        let minute = Minute(1);
        let stored = snapshot(&told, minute, Points::whole(60));
        let inputs = Inputs::calibrated((minute, own.day()), judged.values, state, silenced);
        let bytes = stored::to_bytes(&inputs);
        let inputs: Inputs = stored::from_bytes(&bytes).unwrap();
        let reference = life.organisation.reference();
        prop_assert_eq!(recompute(&stored, &inputs, Some(&reference)).unwrap(), stored.clone());
        let none = score_without(&stored, &inputs, Some(&reference), |_, _| false);
        prop_assert_eq!(none, Some(told.score));
        let all = score_without(&stored, &inputs, Some(&reference), |_, _| true);
        prop_assert_eq!(all, Some(Points::ZERO));
    }
}

/// A night of large downloads by one of sixty.
fn theft_day(seed: u64) -> (Life, ActorDay, Judged) {
    let mut life = Life::default();
    let mut random = Random::new(seed);
    life.ordinary(60, 29, &mut random);
    let day = MONDAY.plus(29);
    let mut events = office(3, day, &mut random);
    for i in 0..30 {
        let mut event = activity(
            at(day, 2, i),
            Action::Download,
            Place::File,
            &format!("secret {i}"),
        );
        event.address = Some(hash(&format!("203.0.113.{}", i % 3)));
        event.bytes = 50_000_000;
        events.push(event);
    }
    let own = day_of(day, &events);
    let mut today = Today::default();
    today.add(&own);
    let judged = judge(&own, &life.states[&3], &life.organisation, &today);
    (life, own, judged)
}

#[test]
fn a_silenced_family_takes_a_theft_below() {
    let (life, own, judged) = theft_day(1);
    assert!(judged.grade.tenths() >= 600, "{}", judged.grade.tenths());
    let all: Vec<Silenced> = Rule::ALL
        .iter()
        .map(|rule| Silenced {
            rule: rule.word().to_owned(),
            code: "SU-1".to_owned(),
            reason: "drill".to_owned(),
        })
        .collect();
    let state = &life.states[&3];
    let told = explain_silenced(&judged, &all, &own, state, &life.organisation);
    assert_eq!(told.score, Points::ZERO);
    let row = &told.rows[0].contribution;
    let by = row.suppressed.as_ref().unwrap();
    assert!(by.points > Points::ZERO && by.code == "SU-1");
    assert!(
        row.sentence.starts_with("Suppressed by SU-1, would add "),
        "{}",
        row.sentence
    );
    assert_eq!(
        headline("jane", &told),
        "jane: earlier days were strange too."
    );
}

#[test]
fn an_attribute_holds_only_when_every_event_behind_has_it() {
    let at = |minute: i64, failed| Observation {
        minute: Minute(START + minute),
        bytes: 0,
        failed,
        address: None,
        resource: None,
        agent: None,
        host: None,
    };
    let events: Vec<Observation> = (0..12)
        .map(|m| at(m, true))
        .chain([at(12, false)])
        .collect();
    let seen = |odd: i64| {
        let sighting = |(n, seen): (usize, &Observation)| Sighting {
            seen: *seen,
            marks: Marks {
                address: None,
                resource: None,
                source: SourceId(if n as i64 == odd { 9 } else { 1 }),
            },
        };
        Sightings::of(events.iter().enumerate().map(sighting))
    };
    let source = Attribute::Source {
        id: SourceId(1),
        slug: "vpn".to_owned(),
    };
    let all = [suppression(
        1,
        "failure_burst",
        Some(source),
        (START - 10, START + 999),
    )];
    let own = Suppressions::of(&all, WHO, LONG);
    let last = |scored: Vec<Scored>| scored.last().unwrap().assessment.clone();
    let fired = |a: &domain::score::Assessment| a.fired().any(|r| r == RuleKey::FailureBurst);
    assert!(own.need_events());
    // The last event did not fail: who sent it does not matter.
    assert!(!fired(&last(follow(&events, &own, Some(seen(12))))));
    assert!(fired(&last(follow(&events, &own, Some(seen(8))))));
    // One outside the window does not matter.
    assert!(!fired(&last(follow(&events, &own, Some(seen(0))))));
    // Without the events it is not decided, and the points count.
    assert!(fired(&last(follow(&events, &own, None))));
    // Another actor, another time.
    let other = Suppressions::of(&all, ActorId(8), LONG);
    assert!(other.is_empty());
    let before = (Minute(0), Minute(START - 11));
    assert!(Suppressions::of(&all, WHO, before).is_empty());
}

#[test]
fn edges_are_first_minutes_of_another_rule() {
    let second = |s: i64| Timestamp::from_micros(s * 1_000_000);
    let mut one = suppression(1, "new_ip", None, (2, 9));
    one.created_at = second(150);
    let own = Suppressions::of(&[one.clone()], WHO, LONG);
    let edges = own.edges((Minute(0), Minute(20)));
    assert_eq!(edges, [Minute(3), Minute(9)]);
    for pair in [2, 8] {
        let before = own.on(Minute(pair), "new_ip", None).count();
        let after = own.on(Minute(pair + 1), "new_ip", None).count();
        assert_ne!(before, after, "minute {pair}");
    }
    assert!(own.edges((Minute(3), Minute(8))).is_empty());
}
