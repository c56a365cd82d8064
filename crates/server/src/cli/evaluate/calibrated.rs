//! History through the calibrated engine, one UTC day after another.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::ops::ControlFlow;

use domain::actor::ActorKey;
use domain::score::Points;
use domain::time::{Day, Zone};
use scoring::calibrated::{
    Activity, ActorDay, ActorState, Classifier, Closing, Family, Organisation, Parameters, Reader,
    Today, close_day, judge,
};
use scoring::observation::ValueHash;

use super::{Summary, THRESHOLD, Told as Said, each_event, sink};
use crate::failure::Outcome;

/// Active days before an actor's own habits count as known.
const OWN_DAYS: u32 = 5;

/// Scores the files into the CSV.
///
/// Time-ordered input streams: only the current day is held. When a line belongs to a day that
/// is already closed, everything is read again and sorted by day, at about 100 bytes an event.
/// Standard input cannot be read twice and is sorted from the start.
pub(super) fn run(
    files: &[String],
    out: &str,
    said: (&Said<'_>, &Classifier),
    summary: &mut Summary,
) -> Outcome {
    let sorted = !files.iter().any(|file| file == "-") && stream(files, out, said, summary)?;
    if !sorted {
        *summary = Summary::default();
        sort(files, out, said, summary)?;
    }
    Ok(())
}

/// False when a line came too late.
fn stream(
    files: &[String],
    out: &str,
    said: (&Said<'_>, &Classifier),
    summary: &mut Summary,
) -> Outcome<bool> {
    let mut evaluation = Evaluation::new(out, said)?;
    let finished = each_event(files, summary, |event| {
        let day = event.occurred_at.utc_day();
        if day < evaluation.day {
            return Ok(ControlFlow::Break(()));
        }
        evaluation.go_to(day)?;
        let activity = evaluation.reader.read(event);
        let actor = evaluation.actor(&event.actor);
        evaluation.observe(actor, activity);
        Ok(ControlFlow::Continue(()))
    })?;
    if finished {
        evaluation.finish(summary)?;
    }
    Ok(finished)
}

fn sort(
    files: &[String],
    out: &str,
    said: (&Said<'_>, &Classifier),
    summary: &mut Summary,
) -> Outcome {
    let mut evaluation = Evaluation::new(out, said)?;
    let mut days: BTreeMap<Day, Vec<(usize, Activity)>> = BTreeMap::new();
    each_event(files, summary, |event| {
        let activity = evaluation.reader.read(event);
        let actor = evaluation.actor(&event.actor);
        let day = event.occurred_at.utc_day();
        days.entry(day).or_default().push((actor, activity));
        Ok(ControlFlow::Continue(()))
    })?;
    while let Some((day, events)) = days.pop_first() {
        evaluation.go_to(day)?;
        for (actor, activity) in events {
            evaluation.observe(actor, activity);
        }
    }
    evaluation.finish(summary)
}

/// One actor with its past and, when active, its day.
struct Actor {
    key: ActorKey,
    zone: Zone,
    service: bool,
    name: String,
    state: ActorState,
    today: Option<ActorDay>,
}

struct Evaluation<'a> {
    said: &'a Said<'a>,
    sink: Box<dyn Write>,
    organisation: Organisation,
    reader: Reader,
    actors: Vec<Actor>,
    places: HashMap<ActorKey, usize>,
    spellings: HashMap<String, usize>,
    day: Day,
    told: Told,
}

/// What the summary of this engine tells.
#[derive(Default)]
struct Told {
    days: usize,
    actor_days: usize,
    alerted: usize,
    carried: BTreeMap<Family, usize>,
    young_organisation: usize,
    young_actor: usize,
}

impl<'a> Evaluation<'a> {
    fn new(out: &str, (said, words): (&'a Said<'a>, &Classifier)) -> Outcome<Self> {
        let mut sink = sink(out)?;
        sink.write_all(web::export::HEADER.as_bytes())?;
        Ok(Self {
            said,
            sink,
            organisation: Organisation::new(Parameters::default()),
            reader: Reader::new(words.clone()),
            actors: Vec::new(),
            places: HashMap::new(),
            spellings: HashMap::new(),
            day: Day(i32::MIN),
            told: Told::default(),
        })
    }

    /// The place of an actor by its name as sent.
    fn actor(&mut self, name: &str) -> usize {
        if let Some(place) = self.spellings.get(name) {
            return *place;
        }
        let key = ActorKey::fold(name);
        let place = if let Some(place) = self.places.get(&key) {
            *place
        } else {
            self.actors.push(Actor {
                zone: self.said.zone(&key).clone(),
                service: self.said.is_service(&key),
                key: key.clone(),
                name: name.to_owned(),
                state: ActorState::default(),
                today: None,
            });
            self.places.insert(key, self.actors.len() - 1);
            self.actors.len() - 1
        };
        self.spellings.insert(name.to_owned(), place);
        place
    }

    fn observe(&mut self, actor: usize, mut activity: Activity) {
        if let Some(actor) = self.actors.get_mut(actor) {
            activity.service |= actor.service;
            let today = actor.today.get_or_insert_with(|| ActorDay::new(self.day));
            today.observe(&activity, &actor.zone);
        }
    }

    /// Closes the current day when another one begins.
    fn go_to(&mut self, day: Day) -> Outcome {
        if day != self.day {
            self.close()?;
            self.day = day;
        }
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        let mut everyone = Today::default();
        let active = self.actors.iter().filter_map(|a| a.today.as_ref());
        active.for_each(|day| everyone.add(day));
        let organisation = &self.organisation;
        let mut judged: Vec<_> = self
            .actors
            .iter_mut()
            .filter_map(|actor| {
                let today = actor.today.take()?;
                let verdict = judge(&today, &actor.state, organisation, &everyone);
                Some((actor, today, verdict))
            })
            .collect();
        if judged.is_empty() {
            return Ok(());
        }
        judged.sort_by(|a, b| a.0.key.cmp(&b.0.key));
        self.told.days += 1;
        for (actor, today, verdict) in &judged {
            let score = Points::from_tenths(verdict.grade.tenths());
            let alerted = score >= THRESHOLD;
            let line = web::export::score_line(&actor.name, today.day(), score, alerted);
            self.sink.write_all(line.as_bytes())?;
            self.told.actor_days += 1;
            self.told.young_organisation += usize::from(organisation.is_young(today.day()));
            self.told.young_actor += usize::from(actor.state.active_days < OWN_DAYS);
            if alerted {
                self.told.alerted += 1;
                let carried = verdict.grade.families.iter();
                for (family, _) in carried.filter(|(_, f)| f.today + f.memory > 0.0) {
                    *self.told.carried.entry(family).or_default() += 1;
                }
            }
        }
        let closings = judged
            .iter_mut()
            .map(|(actor, today, verdict)| Closing {
                actor: ValueHash::text(actor.key.as_str()).0,
                state: &mut actor.state,
                day: today,
                judged: verdict,
            })
            .collect();
        close_day(&mut self.organisation, self.day, closings);
        Ok(())
    }

    fn finish(mut self, summary: &Summary) -> Outcome {
        self.close()?;
        self.sink.flush()?;
        self.report(summary);
        Ok(())
    }

    fn report(&self, summary: &Summary) {
        let told = &self.told;
        let actors = self.actors.len();
        super::report_reading(summary);
        eprintln!(
            "{} actor-days of {actors} actors on {} days, graded as calibrated",
            told.actor_days, told.days
        );
        let chances = (actors.max(1) * told.days.max(1)) as f64;
        eprintln!(
            "{} actor-days reach {THRESHOLD}: {:.1} alerts per 1,000 actors a day, {:.1} asked for",
            told.alerted,
            told.alerted as f64 / chances * 1000.0,
            self.organisation.parameters().rate
        );
        for (family, count) in &told.carried {
            eprintln!("  {} took part in {count}", family.word());
        }
        eprintln!(
            "{} actor-days judged without habits of their own (fewer than {OWN_DAYS} active days)",
            told.young_actor
        );
        eprintln!(
            "{} actor-days judged with the documented prior (organisation younger than {} days)",
            told.young_organisation,
            scoring::calibrated::organisation::YOUNG_DAYS
        );
        for (day, actions) in scoring::calibrated::closing::silent_days(&self.organisation) {
            let actions: Vec<_> = actions.iter().map(|a| a.word().to_owned()).collect();
            eprintln!(
                "{day}: nothing learnt about {}, the source was silent",
                scoring::words::list(&actions)
            );
        }
    }
}
