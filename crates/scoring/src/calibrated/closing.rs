//! Closing a day: what it was becomes part of what is usual.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::Day;

use super::Judged;
use super::action::Action;
use super::calibration::SCORE_STEP;
use super::circle::Direction;
use super::context::Context;
use super::day::{ActorDay, Sort, Value, outbound};
use super::grade::{self, Grade};
use super::organisation::Organisation;
use super::rule::{PerRule, Rule};
use super::state::{ActorState, RECENT_DAYS, RecentDay};
use super::surprise::{self, Everyone};
use super::tables::{DayScores, THRESHOLD_DAYS, Tables, halving};
use super::threshold::{self, FIRST_DAYS};
use super::values;

/// Half-life of an actor's own past, in active days.
const OWN_HALVES: f64 = 30.0;
/// Half-life of the rates that tell what the work is, in active days.
const RATES_HALVE: f64 = 7.0;
/// Half-life of the share of new things that is compared, in active days.
const NEWNESS_HALVES: f64 = 5.0;
/// Half-life of the share that it is compared with, in active days.
const SLOW_NEWNESS_HALVES: f64 = 30.0;
/// A source counts as silent when this many actor-days were expected to use it and none did.
const SILENCE: f64 = 12.0;
/// Work has changed when the share of new things is lately higher by this.
const MOVED: f32 = 0.05;

/// One actor's day that is closed.
#[derive(Debug)]
pub struct Closing<'a> {
    /// The actor, by any stable number.
    pub actor: u64,
    /// Its past, brought up to date.
    pub state: &'a mut ActorState,
    /// Its day.
    pub day: &'a ActorDay,
    /// What [`super::judge`] said about the complete day.
    pub judged: &'a Judged,
}

/// Closes one UTC day: actors that were active, in any order. Days are closed in order, each
/// once; days nobody was active on may be left out.
pub fn close_day(organisation: &mut Organisation, day: Day, actors: Vec<Closing<'_>>) {
    close_day_without(organisation, day, actors, &BTreeSet::new());
}

/// The same, while the days of some actors teach nothing: an analyst left them out, or they belong
/// to a confirmed case. To leave out a day that is closed already, close again from the states of
/// the day before.
pub fn close_day_without(
    organisation: &mut Organisation,
    day: Day,
    mut actors: Vec<Closing<'_>>,
    excluded: &BTreeSet<u64>,
) {
    actors.retain(|closing| !excluded.contains(&closing.actor));
    // Sums of floating point numbers depend on their order: it is fixed here.
    actors.sort_by_key(|closing| closing.actor);
    let tables = organisation.tables_mut();
    let passed = tables
        .last
        .map_or(0, |last| (day.0 - last.0).clamp(0, 3650));
    tables.decay(passed);
    tables.first.get_or_insert(day);
    tables.last = Some(day);
    let silent = silent(tables, &actors);
    for closing in &actors {
        learn_scores(tables, closing, day);
        learn_values(tables, closing, &silent);
        learn_use(tables, closing, day);
    }
    learn_weekdays(tables, day, actors.len());
    remember_scores(tables, day, &actors);
    let everyone = PerRule::from_fn(|rule| tables.everyone(rule));
    let mut ages: Vec<i32> = Vec::with_capacity(actors.len());
    for closing in &mut actors {
        ages.push(closing.state.age(day));
        learn(closing, &everyone, &silent, tables, day);
    }
    ages.sort_unstable();
    tables.median_age = ages.get(ages.len() / 2).copied().map_or(0.0, f64::from);
    if !silent.is_empty() {
        tables.silent.insert(day, silent);
        while tables.silent.len() > THRESHOLD_DAYS {
            tables.silent.pop_first();
        }
    }
    tables.popularity.bound();
    tables.bound_readers();
    organisation.calibrate();
}

/// Classes of action that many should have used and nobody did: a silent source, not a quiet day.
fn silent(tables: &Tables, actors: &[Closing<'_>]) -> Vec<Action> {
    let used = |action| actors.iter().any(|c| c.day.count(action) > 0);
    Action::ALL
        .into_iter()
        .filter(|action| {
            let Some(rule) = measured(*action) else {
                return false;
            };
            let sums = tables.sums[rule];
            let usual = sums.some / sums.n.max(1.0) * actors.len() as f64;
            usual >= SILENCE && !used(*action)
        })
        .collect()
}

/// The rule that counts a class of action.
fn measured(action: Action) -> Option<Rule> {
    Some(match action {
        Action::SignIn => Rule::SignIns,
        Action::Read => Rule::Reads,
        Action::Download => Rule::Downloads,
        Action::Upload => Rule::Uploads,
        Action::Send => Rule::Sends,
        Action::Copy => Rule::Copies,
        Action::Mail => Rule::Mails,
        Action::Delete => Rule::Deletes,
        Action::Change => Rule::Changes,
        Action::Connect
        | Action::Visit
        | Action::Share
        | Action::Write
        | Action::Execute
        | Action::Detection
        | Action::Other => return None,
    })
}

/// True when a rule counts what a silent source would have said.
fn depends(rule: Rule, silent: &[Action]) -> bool {
    silent.iter().any(|action| {
        let rules: &[Rule] = match action {
            Action::SignIn => &[
                Rule::SignIns,
                Rule::SignInFailures,
                Rule::SignInFailureBurst,
                Rule::Hosts,
                Rule::OtherHosts,
            ],
            Action::Read => &[
                Rule::Reads,
                Rule::DownloadedBytes,
                Rule::AccessBurst,
                Rule::Objects,
                Rule::NewObjects,
                Rule::ForeignObjects,
            ],
            Action::Download => &[
                Rule::Downloads,
                Rule::DownloadedBytes,
                Rule::AccessBurst,
                Rule::Objects,
                Rule::NewObjects,
                Rule::ForeignObjects,
                Rule::DownloadAndUpload,
            ],
            Action::Upload => &[Rule::Uploads, Rule::DownloadAndUpload],
            Action::Send => &[
                Rule::Sends,
                Rule::SentBytes,
                Rule::OutboundBytes,
                Rule::OutboundBurst,
            ],
            Action::Copy => &[
                Rule::Copies,
                Rule::CopiedBytes,
                Rule::CopyBurst,
                Rule::OutboundBytes,
                Rule::OutboundBurst,
            ],
            Action::Mail => &[
                Rule::Mails,
                Rule::MailBytes,
                Rule::LargestMail,
                Rule::OutboundBytes,
                Rule::OutboundBurst,
            ],
            Action::Delete => &[Rule::Deletes, Rule::DeleteBurst],
            Action::Change => &[Rule::Changes, Rule::ChangeBurst, Rule::ChangeAndRead],
            _ => &[],
        };
        rules.contains(&rule)
    })
}

fn learn_scores(tables: &mut Tables, closing: &Closing<'_>, day: Day) {
    let (grade, state) = (&closing.judged.grade, &closing.state);
    for (rule, surprise) in grade.surprises.iter() {
        tables.surprises[rule].add(*surprise, 1.0);
    }
    for (family, part) in grade.families.iter() {
        tables.families[family].add(part.combined, 1.0);
        tables.strangeness[family].add(part.strangeness, 1.0);
    }
    if tables.age(day) < FIRST_DAYS {
        return;
    }
    let sum = grade.sum;
    let contexts: Vec<Context> = Context::of(state, day, tables).collect();
    let scores = &mut tables.scores;
    scores.everyone.add_scaled(sum, SCORE_STEP, 1.0);
    for context in contexts {
        scores.contexts[context].add_scaled(sum, SCORE_STEP, 1.0);
    }
}

fn learn_values(tables: &mut Tables, closing: &Closing<'_>, silent: &[Action]) {
    for (rule, value) in closing.judged.values.iter() {
        if depends(rule, silent) {
            continue;
        }
        let own = &closing.state.moments[rule];
        let x = tamed(rule, *value, own, tables.everyone(rule));
        let sums = &mut tables.sums[rule];
        sums.n += 1.0;
        sums.sx += x;
        sums.sxx += x * x;
        sums.some += f64::from(*value > 0.0);
    }
}

/// What goes into a baseline: one burst does not become normal at once.
fn tamed(rule: Rule, value: f64, own: &surprise::Moments, everyone: Everyone) -> f64 {
    use super::rule::Measure;
    let expected = surprise::expected(rule.measure(), own, everyone);
    let x = surprise::scaled(rule.measure(), value);
    match rule.measure() {
        Measure::Count => x.min(4.0 * expected.mean + 6.0),
        Measure::Bytes => x.min(expected.mean + 3.0 * expected.variance.max(1.0).sqrt()),
        Measure::Rarity => x,
    }
}

fn learn_use(tables: &mut Tables, closing: &Closing<'_>, day: Day) {
    tables.actor_days += 1;
    tables.days += 1.0;
    if closing.state.first.is_none() {
        tables.actors += 1;
    }
    for (slot, events) in tables.hours.iter_mut().zip(&closing.day.clock) {
        *slot += f64::from(u8::from(*events > 0));
    }
    let mut new = [false; Sort::COUNT];
    let direction = circle(closing.state, closing.actor);
    for (value, _) in closing.day.values() {
        let first_use = closing.state.memory.get(value).is_none();
        tables.popularity.count(value, first_use, day);
        if first_use {
            if let Some(flag) = new.get_mut(value.sort as usize) {
                *flag = true;
            }
            if value.sort == Sort::Object {
                let readers = tables.readers.entry(value.hash).or_default();
                readers.direction.add(&direction, 1.0);
                readers.count = readers.count.saturating_add(1);
                readers.last = day.0.clamp(0, i32::from(u16::MAX)) as u16;
            }
        }
    }
    for (slot, new) in tables.novelty.iter_mut().zip(new) {
        *slot += f64::from(u8::from(new));
    }
}

/// The direction an actor lends to what it reads.
fn circle(state: &ActorState, actor: u64) -> Direction {
    let mut direction = Direction::of_actor(actor).unit();
    direction.add(&state.circle.unit(), 1.0);
    direction.unit()
}

fn learn_weekdays(tables: &mut Tables, day: Day, active: usize) {
    let actors = f64::from(tables.actors);
    if let Some((known, seen)) = tables.weekdays.get_mut(usize::from(day.weekday())) {
        *known += actors;
        *seen += active as f64;
    }
}

fn remember_scores(tables: &mut Tables, day: Day, actors: &[Closing<'_>]) {
    let mut top: Vec<f32> = actors.iter().map(|c| c.judged.grade.raw as f32).collect();
    top.sort_unstable_by(|a, b| b.total_cmp(a));
    top.truncate(threshold::kept(tables.parameters.rate, tables.actors));
    let alerted = |grade: &Grade| grade.raw >= grade.threshold;
    tables.recent.push_back(DayScores {
        day,
        actors: tables.actors,
        judged: actors.len() as u32,
        alerted: actors.iter().filter(|c| alerted(&c.judged.grade)).count() as u32,
        top,
    });
    while tables
        .recent
        .front()
        .is_some_and(|d| day.0 - d.day.0 >= THRESHOLD_DAYS as i32)
    {
        tables.recent.pop_front();
    }
}

fn learn(
    closing: &mut Closing<'_>,
    everyone: &PerRule<Everyone>,
    silent: &[Action],
    tables: &Tables,
    day: Day,
) {
    let (state, today, judged) = (&mut *closing.state, closing.day, closing.judged);
    let decay = halving(OWN_HALVES);
    for (rule, value) in judged.values.iter() {
        if !depends(rule, silent) {
            let own = state.moments[rule];
            state.moments[rule].learn(tamed(rule, *value, &own, everyone[rule]), decay);
        }
    }
    for (family, part) in judged.grade.families.iter() {
        state.strangeness[family] = part.strangeness as f32;
        let usual = &mut state.usually_strange[family];
        *usual = *usual * decay as f32 + grade::strangeness(part.rarity) as f32;
    }
    state.declared_service |= today.service;
    learn_habits(state, today, day, decay as f32);
    learn_rates(state, today);
    learn_newness(state, today, day);
    learn_circle(state, today, tables);
    let fresh = |value: Value| state.memory.get(value).is_none();
    let mut new = [false; Sort::COUNT];
    for (value, _) in today.values().filter(|(v, _)| fresh(*v)) {
        if let Some(flag) = new.get_mut(value.sort as usize) {
            *flag = true;
        }
    }
    for (slot, new) in state.novelty.iter_mut().zip(new) {
        *slot = *slot * decay as f32 + f32::from(u8::from(new));
    }
    let met = today
        .values()
        .map(|(value, met)| (value, values::uses(met)));
    state.memory.learn(day, met);
    state.main_host = main_host(state);
    let sent: u64 = Action::ALL
        .into_iter()
        .filter(|a| outbound(*a))
        .map(|a| today.count(a))
        .sum();
    state.outbound = state
        .outbound
        .saturating_add(sent.min(u64::from(u32::MAX)) as u32);
    state.recent.push(RecentDay {
        day,
        values: PerRule::from_fn(|rule| judged.values[rule] as f32),
    });
    if state.recent.len() > RECENT_DAYS {
        state.recent.remove(0);
    }
    state.first.get_or_insert(day);
    state.last = Some(day);
    state.active_days = state.active_days.saturating_add(1);
}

fn learn_habits(state: &mut ActorState, today: &ActorDay, day: Day, decay: f32) {
    state.days = state.days * decay + 1.0;
    for (slot, events) in state.hours.iter_mut().zip(&today.clock) {
        *slot = *slot * decay + f32::from(u8::from(*events > 0));
    }
    let from = state.last.map_or(day.0, |last| last.0 + 1).max(day.0 - 365);
    let weeks = halving(8.0) as f32;
    for passed in from..=day.0 {
        let at = usize::from(Day(passed).weekday());
        let active = f32::from(u8::from(passed == day.0));
        if let Some(slot) = state.weekdays.get_mut(at) {
            *slot = *slot * weeks + active;
        }
        if let Some(slot) = state.weekdays_passed.get_mut(at) {
            *slot = *slot * weeks + 1.0;
        }
    }
}

fn learn_rates(state: &mut ActorState, today: &ActorDay) {
    let keep = kept(state, RATES_HALVE);
    for (action, rate) in state.rates.iter_mut() {
        let count = (today.count(action) as f32).ln_1p();
        *rate = *rate * keep + count * (1.0 - keep);
    }
}

/// What a mean keeps of itself: a plain mean while there are few days, then with a half-life.
fn kept(state: &ActorState, halves: f64) -> f32 {
    halving(halves).min(1.0 - 1.0 / f64::from(state.active_days + 1)) as f32
}

/// Whoever takes up other work meets new things day after day for a while.
fn learn_newness(state: &mut ActorState, today: &ActorDay, day: Day) {
    let (mut all, mut new) = (0.0_f32, 0.0_f32);
    for (value, _) in today.values() {
        if matches!(value.sort, Sort::Object | Sort::Host | Sort::Address) {
            all += 1.0;
            new += f32::from(u8::from(state.memory.get(value).is_none()));
        }
    }
    if all <= 0.0 {
        return;
    }
    let lately = kept(state, NEWNESS_HALVES);
    let slowly = kept(state, SLOW_NEWNESS_HALVES);
    let share = new / all;
    state.newness = state.newness * lately + share * (1.0 - lately);
    state.slow_newness = state.slow_newness * slowly + share * (1.0 - slowly);
    if state.active_days >= 14 && state.newness > state.slow_newness + MOVED {
        state.moved = Some(day);
    }
}

fn learn_circle(state: &mut ActorState, today: &ActorDay, tables: &Tables) {
    let mut sum = Direction::default();
    for (value, _) in today.values().filter(|(v, _)| v.sort == Sort::Object) {
        if let Some(readers) = tables.readers.get(&value.hash) {
            let common = f32::from(readers.count) / tables.actors.max(1) as f32;
            sum.add(&readers.direction.unit(), (1.0 - 2.0 * common).max(0.0));
        }
    }
    state.circle.scale(0.9);
    state.circle.add(&sum.unit(), 1.0);
}

fn main_host(state: &ActorState) -> Option<(crate::observation::ValueHash, u16)> {
    let hosts = state.memory.of(Sort::Host).map(|(hash, r)| (r.days, hash));
    hosts.max().map(|(days, hash)| (hash, days))
}

/// Which classes of action were silent on recent days, for the summary.
pub fn silent_days(organisation: &Organisation) -> &BTreeMap<Day, Vec<Action>> {
    &organisation.tables().silent
}
