//! The demo organisation under the calibrated grading: the stories alert, and no more ordinary
//! people reach the threshold than under classic.

use scoring::calibrated::{
    ActorDay, ActorState, Closing, Organisation, Parameters, Reader, Today, close_day, judge,
};
use scoring::observation::ValueHash;

use super::*;

/// The scores of every actor-day, by actor.
fn scores(sent: &[DemoEvent]) -> BTreeMap<String, Vec<(domain::time::Day, Points)>> {
    let zone = Zone::named(ZONE).unwrap();
    let mut days: BTreeMap<_, BTreeMap<String, ActorDay>> = BTreeMap::new();
    let mut reader = Reader::default();
    for event in sent.iter().map(stored) {
        let day = event.occurred_at.utc_day();
        let key = ActorKey::fold(&event.actor).as_str().to_owned();
        let own = days.entry(day).or_default().entry(key);
        own.or_insert_with(|| ActorDay::new(day))
            .observe(&reader.read(&event), &zone);
    }
    let mut organisation = Organisation::new(Parameters::default());
    let mut states: BTreeMap<String, ActorState> = BTreeMap::new();
    let mut scores: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (day, actors) in days {
        let mut today = Today::default();
        for own in actors.values() {
            today.add(own);
        }
        let mut all: Vec<_> = actors
            .iter()
            .map(|(name, own)| {
                let state = states.remove(name).unwrap_or_default();
                let judged = judge(own, &state, &organisation, &today);
                let score = Points::from_tenths(judged.grade.tenths());
                scores.entry(name.clone()).or_default().push((day, score));
                (name, own, state, judged)
            })
            .collect();
        let closings = all.iter_mut().map(|(name, own, state, judged)| Closing {
            actor: ValueHash::text(name).0,
            state,
            day: own,
            judged,
        });
        close_day(&mut organisation, day, closings.collect());
        states.extend(
            all.into_iter()
                .map(|(name, _, state, _)| (name.clone(), state)),
        );
    }
    scores
}

/// Actors besides those of the stories that reach the threshold, by either grading.
fn compare(anchor: Timestamp) -> (usize, usize) {
    let sent = everything(anchor);
    let stories = [people::LEAVER, people::VICTIM, FALSE_POSITIVE.0];
    let calibrated = scores(&sent);
    for story in stories {
        let highest = calibrated[story].iter().map(|(_, score)| *score).max();
        assert!(highest >= Some(THRESHOLD), "{anchor} {story}: {highest:?}");
    }
    let ordinary = |actor: &&String| !stories.contains(&actor.as_str());
    let reached: Vec<_> = calibrated
        .iter()
        .filter(|(actor, _)| ordinary(actor))
        .flat_map(|(actor, days)| days.iter().map(move |day| (actor, day)))
        .filter(|(_, (_, score))| *score >= THRESHOLD)
        .collect();
    println!("{anchor}: {reached:?}");
    let classic = outcomes(&sent);
    let classic = classic.iter().filter(|(actor, _)| ordinary(actor));
    let classic = classic.filter(|(_, outcome)| outcome.score() >= THRESHOLD);
    (reached.len(), classic.count())
}

#[test]
fn stories_alert_and_no_more_ordinary_people_than_under_classic() {
    let (mut calibrated, mut classic) = (0, 0);
    std::thread::scope(|scope| {
        let shares = ANCHORS.chunks(3).map(|share| {
            scope.spawn(move || share.iter().map(|a| compare(at(a))).collect::<Vec<_>>())
        });
        let shares: Vec<_> = shares.collect();
        for (of_calibrated, of_classic) in shares.into_iter().flat_map(|s| s.join().unwrap()) {
            calibrated += of_calibrated;
            classic += of_classic;
        }
    });
    println!("ordinary people at {THRESHOLD}: {calibrated} calibrated, {classic} classic");
    assert!(calibrated <= classic, "{calibrated} against {classic}");
}
