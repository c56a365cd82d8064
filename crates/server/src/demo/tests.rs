//! The whole organisation through the real intake and the real scorer.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::actor::{ActorKey, ActorKind};
use domain::event::Event;
use domain::id::{SourceId, TenantKey};
use domain::redaction::Redaction;
use domain::rule::{RuleKey, RuleSet};
use domain::score::{Assessment, Points};
use domain::time::{DAY_US, HOUR_US, Minute, Timestamp, Zone};
use normalize::{Copies, Intake, Verdict, accept};
use scoring::observation::Observation;
use scoring::profile::Profile;
use scoring::track::{Criteria, Tracker};

mod calibrated;

use super::*;

const THRESHOLD: Points = Points::whole(60);

/// Days of ordinary life after the anchor.
const AFTER: i64 = 10;

/// Weekdays and times of day of all sorts; the changes of the clocks on 29 March and 25 October
/// 2026 lie in the first baseline, before, in and after the night of the exfiltration.
const ANCHORS: [&str; 9] = [
    "2026-02-03T04:20:00Z",
    "2026-06-10T10:00:00Z",
    "2026-09-17T21:47:13.5Z",
    "2026-08-15T13:00:00Z",
    "2026-03-29T01:30:00Z",
    "2026-03-29T09:00:00Z",
    "2026-04-20T06:30:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T12:00:00Z",
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn everything(anchor: Timestamp) -> Vec<DemoEvent> {
    events(anchor, begin(anchor), anchor.plus(AFTER * DAY_US))
}

/// Receives an event at the instant it happens.
fn receive(sent: &DemoEvent, now: Timestamp) -> Verdict {
    let redaction = Redaction::default();
    let tenant = TenantKey(uuid::Uuid::from_u128(7));
    let number = SOURCES.iter().position(|s| s.0 == sent.source).unwrap();
    let source = SourceId(number as i64 + 1);
    let intake = Intake::new(tenant, source, &redaction, None, now).unwrap();
    accept(&sent.json, &intake, &mut Copies::default())
}

fn stored(sent: &DemoEvent) -> Event {
    match receive(sent, sent.at) {
        Verdict::Accepted(event, notes) => {
            assert!(notes.is_empty(), "{notes:?}: {}", sent.json);
            assert_eq!(event.occurred_at, sent.at);
            event
        }
        other => panic!("{other:?}: {}", sent.json),
    }
}

/// What an actor's scores were like.
#[derive(Debug, Default)]
struct Outcome {
    highest: Option<Assessment>,
    /// First and last minute at or above the threshold.
    alerting: Option<(Minute, Minute)>,
    fired: BTreeSet<RuleKey>,
}

impl Outcome {
    fn take(&mut self, assessment: Assessment) {
        if assessment.score >= THRESHOLD {
            let first = self.alerting.map_or(assessment.minute, |a| a.0);
            self.alerting = Some((first, assessment.minute));
            self.fired.extend(assessment.fired());
        }
        if self.score() < assessment.score {
            self.highest = Some(assessment);
        }
    }

    fn score(&self) -> Points {
        self.highest.as_ref().map_or(Points::ZERO, |h| h.score)
    }
}

/// Judges every minute that holds an event, and every minute at which something leaves a window.
fn judge(observations: &[Observation]) -> Outcome {
    let (zone, rules, excluded) = (
        Zone::named(ZONE).unwrap(),
        RuleSet::default(),
        BTreeSet::new(),
    );
    let criteria = Criteria {
        rules: &rules,
        threshold: THRESHOLD,
        zone: &zone,
        excluded: &excluded,
    };
    let mut tracker = Tracker::new(Profile::default(), criteria);
    let mut outcome = Outcome::default();
    let mut falls_at = None;
    for minute in observations.chunk_by(|a, b| a.minute == b.minute) {
        while let Some(falls) = falls_at.filter(|falls| *falls < minute[0].minute) {
            let assessment = tracker.judge_at(falls).assessment;
            falls_at = assessment.falls_at;
            outcome.take(assessment);
        }
        let assessment = tracker.step(minute[0].minute, minute).assessment;
        falls_at = assessment.falls_at;
        outcome.take(assessment);
    }
    outcome
}

fn outcomes(sent: &[DemoEvent]) -> BTreeMap<String, Outcome> {
    let mut actors: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
    for event in sent.iter().map(stored) {
        let key = ActorKey::fold(&event.actor).as_str().to_owned();
        actors
            .entry(key)
            .or_default()
            .push(Observation::from(&event));
    }
    actors
        .into_iter()
        .map(|(actor, seen)| (actor, judge(&seen)))
        .collect()
}

/// An alerting stretch lies between so many hours before the anchor.
fn assert_between(outcome: &Outcome, anchor: Timestamp, earliest: i64, latest: i64) {
    let (first, last) = outcome.alerting.unwrap();
    let before = |hours: i64| anchor.plus(-hours * HOUR_US).minute();
    assert!(
        before(earliest) <= first && first <= before(latest),
        "{anchor}: {first:?}"
    );
    assert!(
        last.0 - first.0 < 24 * 60,
        "{anchor}: one episode, {first:?} to {last:?}"
    );
}

/// Everything from the first load to some days after it, scored.
fn assert_told(anchor: Timestamp) {
    let sent = everything(anchor);
    let loaded = sent.iter().filter(|e| e.at < anchor).count();
    assert!((45_000..=90_000).contains(&loaded), "{anchor}: {loaded}");
    let mut outcomes = outcomes(&sent);
    assert_eq!(outcomes.len(), 24);
    let mut take = |actor: &str| outcomes.remove(actor).unwrap();

    let exfiltration = take(people::LEAVER);
    assert_eq!(exfiltration.score(), Points::whole(87), "{anchor}");
    assert_eq!(exfiltration.fired, BTreeSet::from(RuleKey::ALL), "{anchor}");
    assert_between(&exfiltration, anchor, 28, 3);

    let takeover = take(people::VICTIM);
    assert_eq!(takeover.score(), Points::whole(73), "{anchor}");
    assert_between(&takeover, anchor, 60, 24);

    let deployment = take(FALSE_POSITIVE.0);
    assert_eq!(deployment.score(), Points::whole(75), "{anchor}");
    assert_between(&deployment, anchor, 13 * 24, 5 * 24);

    for (actor, outcome) in outcomes {
        assert!(
            outcome.score() < THRESHOLD,
            "{anchor} {actor}: {:?}",
            outcome.highest
        );
    }
}

#[test]
fn stories_alert_and_ordinary_life_does_not() {
    // Some seconds of scoring: shared out among threads.
    std::thread::scope(|scope| {
        for share in ANCHORS.chunks(3) {
            scope.spawn(move || share.iter().for_each(|anchor| assert_told(at(anchor))));
        }
    });
}

#[test]
fn times_ids_and_sources() {
    let anchor = at(ANCHORS[2]);
    let sent = events(anchor, begin(anchor), anchor);
    assert!(sent.iter().all(|e| begin(anchor) <= e.at && e.at < anchor));
    assert!(sent.is_sorted_by_key(|e| e.at));
    let ids: HashSet<&str> = sent.iter().map(|e| &e.json[7..23]).collect();
    assert_eq!(ids.len(), sent.len(), "ids are unique");
    let sources: HashSet<&str> = sent.iter().map(|e| e.source).collect();
    assert_eq!(sources, SOURCES.iter().map(|s| s.0).collect());
}

#[test]
fn people_and_machines_are_told_apart() {
    let anchor = at(ANCHORS[1]);
    let sent = events(anchor, anchor.plus(-3 * DAY_US), anchor);
    let mut kinds: BTreeMap<String, ActorKind> = BTreeMap::new();
    for event in sent.iter().map(stored) {
        kinds.insert(event.actor, event.actor_kind.unwrap_or_default());
    }
    let count = |kind| kinds.values().filter(|k| **k == kind).count();
    assert_eq!(count(ActorKind::Person), people::PEOPLE.len());
    assert_eq!(
        (count(ActorKind::Service), count(ActorKind::Device)),
        (2, 1)
    );
}

/// Live continuation asks for small pieces of what the first load asked for as a whole.
#[test]
fn pieces_make_the_whole() {
    for anchor in [ANCHORS[2], ANCHORS[4], ANCHORS[7]].map(at) {
        let (from, until) = (anchor.plus(-3 * DAY_US), anchor.plus(2 * DAY_US));
        let whole = events(anchor, from, until);
        assert_eq!(whole, events(anchor, from, until));
        let step = 7 * HOUR_US + 1_234_567;
        let cuts = (0..)
            .map(|n| from.plus(n * step))
            .take_while(|cut| *cut < until);
        let pieces: Vec<_> = cuts
            .flat_map(|cut| events(anchor, cut, cut.plus(step).min(until)))
            .collect();
        assert!(whole == pieces, "{anchor}");
        let all = events(anchor, begin(anchor).plus(-5 * DAY_US), until);
        assert!(all.ends_with(&whole), "{anchor}");
        assert_eq!(events(anchor, until, from), []);
    }
}

#[test]
fn a_clock_ahead_is_quarantined() {
    let now = at("2026-06-10T10:00:00.25Z");
    let sent = clock_ahead(now);
    assert_eq!(sent, clock_ahead(now));
    assert_eq!(sent.len(), 3);
    for event in &sent {
        let ahead = event.at.micros() - now.micros();
        assert!((2 * HOUR_US..=5 * HOUR_US).contains(&ahead));
        assert_eq!(event.source, "mikrotik-edge");
        assert!(matches!(receive(event, now), Verdict::Quarantined(..)));
    }
}
