//! A made-up organisation: departments, habits, weekends, a few insiders. Own random numbers, so
//! that a seed is a life.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod town;

use std::collections::BTreeMap;

use domain::time::{Day, Minute, Zone};
use scoring::calibrated::{
    Action, Activity, ActorDay, ActorState, Closing, Judged, Organisation, Parameters, Place,
    Today, close_day, judge,
};
use scoring::observation::ValueHash;

/// Monday 2026-03-02.
pub const MONDAY: Day = Day(20_514);

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An over-dispersed count around `mean`.
    pub fn count(&mut self, mean: u64) -> u64 {
        let scale = 50 + self.below(60) + self.below(60);
        (mean * scale / 100) + self.below(2)
    }
}

pub fn hash(text: &str) -> ValueHash {
    ValueHash::text(text)
}

pub fn activity(minute: Minute, action: Action, place: Place, object: &str) -> Activity {
    Activity {
        minute,
        action,
        place,
        kind: hash(&format!("{} {}", action.word(), place.word())),
        failed: false,
        bytes: 0,
        object: Some(hash(object)),
        service: false,
        address: Some(hash("10.0.0.1")),
        network: Some(hash("10.0")),
        severity: None,
        agent: Some(hash("browser")),
        host: None,
    }
}

pub fn at(day: Day, hour: u64, minute: u64) -> Minute {
    day.utc_start().minute().plus((hour * 60 + minute) as i64)
}

/// One ordinary office day of an actor; empty on most weekends.
#[allow(clippy::too_many_lines, reason = "a life is one function")]
pub fn office(actor: u64, day: Day, random: &mut Random) -> Vec<Activity> {
    if day.weekday() >= 5 && !random.chance(6) {
        return Vec::new();
    }
    let department = actor % 6;
    let mut events = Vec::new();
    let mut add = |random: &mut Random, action, place, object: String, bytes| {
        let (hour, minute) = (8 + actor % 3 + random.below(9), random.below(60));
        let mut event = activity(at(day, hour, minute), action, place, &object);
        event.address = Some(hash(&format!("10.0.{department}.{actor}")));
        event.network = Some(hash("10.0"));
        event.agent = Some(hash(&format!("browser {}", actor % 3)));
        event.bytes = bytes;
        events.push(event);
    };
    let computer = format!("pc {actor}");
    add(random, Action::SignIn, Place::Host, computer, 0);
    for _ in 0..random.count(6 + actor % 7) {
        let document = format!("doc {department} {}", random.below(60));
        let bytes = 20_000 + random.below(900_000);
        let action = if random.chance(20) {
            Action::Download
        } else {
            Action::Read
        };
        add(random, action, Place::File, document, bytes);
    }
    for _ in 0..random.count(4) {
        let known = random.chance(85);
        let to = if known {
            random.below(3)
        } else {
            100 + random.below(400)
        };
        let whose = if known { actor } else { 0 };
        add(
            random,
            Action::Mail,
            Place::Mailbox,
            format!("to {whose} {to}"),
            30_000,
        );
    }
    for _ in 0..random.count(5) {
        let site = if random.chance(80) {
            random.below(20)
        } else {
            random.below(3000)
        };
        add(
            random,
            Action::Visit,
            Place::Web,
            format!("site {site}"),
            60_000,
        );
    }
    if actor.is_multiple_of(9) {
        for _ in 0..random.count(4) {
            add(
                random,
                Action::Copy,
                Place::Media,
                format!("stick {actor}"),
                2_000_000,
            );
        }
    }
    if actor.is_multiple_of(17) {
        for _ in 0..random.count(5) {
            let user = random.below(90);
            add(
                random,
                Action::Change,
                Place::Identity,
                format!("user {user}"),
                0,
            );
        }
    }
    if random.chance(4) {
        for _ in 0..=random.below(30) {
            let document = format!("doc {department} {}", random.below(60));
            add(random, Action::Delete, Place::File, document, 0);
        }
    }
    if random.chance(3) {
        for e in &mut events {
            e.address = Some(hash(&format!("cafe {}", random.below(400))));
        }
    }
    for event in &mut events {
        event.host = Some(hash(&format!("pc {actor}")));
        event.failed = event.action == Action::SignIn && random.chance(8);
    }
    events
}

/// An insider's extra events on a day of the story.
pub fn story(kind: u64, actor: u64, day: Day, random: &mut Random) -> Vec<Activity> {
    let n = 12 + random.below(14);
    let hour = 10 + random.below(9);
    (0..n)
        .map(|i| {
            let when = at(day, hour, i * 2);
            let other = (actor + 1 + random.below(4)) % 6;
            let foreign = format!("doc {other} {}", random.below(60));
            let mut event = match kind % 5 {
                0 => {
                    let mut e = activity(when, Action::Copy, Place::Media, "stick new");
                    e.bytes = 8_000_000;
                    e
                }
                1 if i % 3 == 0 => {
                    let mut e =
                        activity(when, Action::Mail, Place::Mailbox, &format!("home {actor}"));
                    e.bytes = 6_000_000;
                    e
                }
                1 | 2 => activity(when, Action::Read, Place::File, &foreign),
                3 => activity(when, Action::Delete, Place::File, &foreign),
                _ => {
                    let mut e = activity(when, Action::Download, Place::File, &foreign);
                    e.agent = Some(hash("strange browser"));
                    e.address = Some(hash(&format!("far {actor}")));
                    e.network = Some(hash(&format!("far net {actor}")));
                    e
                }
            };
            if kind % 5 == 2 {
                event.host = Some(hash(&format!("pc {}", (actor + 1) % 90)));
            } else if kind % 5 != 4 {
                event.host = Some(hash(&format!("pc {actor}")));
            }
            if kind % 5 != 4 {
                event.agent = Some(hash(&format!("browser {}", actor % 3)));
                event.address = Some(hash(&format!("10.0.{}.{actor}", actor % 6)));
            }
            event
        })
        .collect()
}

/// An organisation that lives day after day.
pub struct Life {
    pub organisation: Organisation,
    pub states: BTreeMap<u64, ActorState>,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            organisation: Organisation::new(Parameters::default()),
            states: BTreeMap::new(),
        }
    }
}

pub fn day_of(day: Day, events: &[Activity]) -> ActorDay {
    let mut today = ActorDay::new(day);
    let zone = Zone::utc();
    for event in events {
        today.observe(event, &zone);
    }
    today
}

impl Life {
    /// Judges everyone's day, closes it, and gives the judgements.
    pub fn live(
        &mut self,
        day: Day,
        events: &BTreeMap<u64, Vec<Activity>>,
    ) -> BTreeMap<u64, Judged> {
        let days: BTreeMap<u64, ActorDay> = events
            .iter()
            .filter(|(_, events)| !events.is_empty())
            .map(|(actor, events)| (*actor, day_of(day, events)))
            .collect();
        let mut today = Today::default();
        for day in days.values() {
            today.add(day);
        }
        for actor in days.keys() {
            self.states.entry(*actor).or_default();
        }
        let judged: BTreeMap<u64, Judged> = days
            .iter()
            .map(|(a, day)| (*a, judge(day, &self.states[a], &self.organisation, &today)))
            .collect();
        let closings = self
            .states
            .iter_mut()
            .filter_map(|(actor, state)| {
                Some(Closing {
                    actor: *actor,
                    state,
                    day: days.get(actor)?,
                    judged: judged.get(actor)?,
                })
            })
            .collect();
        close_day(&mut self.organisation, day, closings);
        judged
    }

    /// Ordinary office days of so many actors.
    pub fn ordinary(&mut self, actors: u64, days: i32, random: &mut Random) -> Day {
        for day in (0..days).map(|d| MONDAY.plus(d)) {
            let events = (0..actors).map(|a| (a, office(a, day, random))).collect();
            self.live(day, &events);
        }
        MONDAY.plus(days)
    }
}
