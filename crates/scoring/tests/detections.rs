//! What detectors report counts by its severity: alone when it is news, never when it is noise.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests fail by panicking"
)]

mod ordinary;

use std::collections::BTreeMap;

use domain::severity::Severity;
use domain::time::Day;
use ordinary::{Life, MONDAY, activity, at, day_of, hash};
use scoring::calibrated::*;

fn report(day: Day, kind: &str, severity: Severity) -> Activity {
    let mut report = activity(at(day, 10, 0), Action::Detection, Place::Identity, "key");
    report.kind = hash(kind);
    report.severity = Some(severity);
    report
}

fn judged(life: &Life, day: Day, actor: u64, events: &[Activity]) -> (Judged, Explanation) {
    let own = day_of(day, events);
    let mut today = Today::default();
    today.add(&own);
    let state = life.states.get(&actor).cloned().unwrap_or_default();
    let judged = judge(&own, &state, &life.organisation, &today);
    let told = explain(&judged, &own, &state, &life.organisation);
    let sum: i32 = told
        .rows
        .iter()
        .map(|r| r.contribution.points.tenths())
        .sum();
    assert_eq!(sum, judged.grade.tenths(), "rows sum exactly");
    (judged, told)
}

#[test]
fn severe_news_alert_alone_from_the_first_day() {
    let life = Life::default();
    for (severity, from, to) in [
        (Severity::Critical, 700, 800),
        (Severity::High, 600, 700),
        (Severity::Medium, 0, 600),
        (Severity::Low, 0, 300),
    ] {
        let (judged, told) = judged(&life, MONDAY, 1, &[report(MONDAY, "a", severity)]);
        let score = judged.grade.tenths();
        assert!((from..to).contains(&score), "{severity:?} {score}");
        if score >= 600 {
            assert!(
                told.counterfactual
                    .contains("without the detector's report"),
                "{}",
                told.counterfactual
            );
            let rows = told.rows.iter().map(|r| r.contribution.rule.as_str());
            assert!(rows.clone().any(|rule| rule == "verdict"));
            assert!(rows.clone().any(|rule| rule == "detections"));
        }
    }
}

#[test]
fn a_repeated_report_is_no_news() {
    let mut life = Life::default();
    let same = |day| BTreeMap::from([(1, vec![report(day, "a", Severity::High)])]);
    let scores: Vec<i32> = [0, 1, 29, 59]
        .map(|d| {
            let day = MONDAY.plus(d);
            life.live(day, &same(day))[&1].grade.tenths()
        })
        .into();
    assert!(scores[0] >= 600 && scores[3] >= 600, "{scores:?}");
    assert!(scores[1] < 600 && scores[2] < 600, "{scores:?}");
}

#[test]
fn a_detector_that_cries_every_day_is_not_heard_alone() {
    let mut life = Life::default();
    let mut loud = Vec::new();
    for n in 0..60 {
        let day = MONDAY.plus(n);
        let events: BTreeMap<u64, Vec<Activity>> = (0..200)
            .map(|actor| {
                let mut events = ordinary::office(actor, day, &mut ordinary::Random::new(actor));
                // Ten people a day, each time with another report.
                if (actor + n as u64).is_multiple_of(20) {
                    events.push(report(day, &format!("report {n}"), Severity::High));
                }
                (actor, events)
            })
            .collect();
        let judged = life.live(day, &events);
        loud.push(judged.values().filter(|j| j.grade.tenths() >= 600).count());
    }
    assert_eq!(loud[0], 10, "nobody knows yet");
    let last: usize = loud[20..].iter().sum();
    assert!(
        last <= 100,
        "a quarter of its 400 reports at most: {loud:?}"
    );
}
