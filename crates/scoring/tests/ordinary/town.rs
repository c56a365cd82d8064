//! A town of people: ordinary life of many sorts, and a few who harm.
//!
//! Made for measuring: sizes, first day, time zones, shares of every sort of people, loudness of
//! the stories are arguments; everything else comes from the seed.

#![allow(
    clippy::too_many_lines,
    clippy::range_plus_one,
    clippy::nonminimal_bool,
    clippy::if_not_else,
    reason = "a life is told in one piece"
)]

use domain::event::{Event, Outcome};
use domain::id::EventId;
use domain::time::{Day, Timestamp};

use super::Random;

/// Sorts of people; one may be of several.
pub const SORTS: [&str; 12] = [
    "office",
    "shift",
    "late",
    "weekend",
    "roaming",
    "traveller",
    "media",
    "oncall",
    "admin",
    "joiner",
    "mover",
    "service",
];

/// Stories of harm.
pub const STORIES: [&str; 9] = [
    "stick",
    "mail home",
    "cloud drip",
    "purge",
    "takeover",
    "own rights",
    "colleague's computer",
    "snooping",
    "robot",
];

/// What a town is like.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub actors: usize,
    pub days: i32,
    pub start: Day,
    /// Amounts of harm in percent.
    pub loudness: u64,
    /// Percent of people on shifts.
    pub shifts: u64,
    /// Percent of people that join later.
    pub joiners: u64,
    /// Percent of accounts that are programs.
    pub services: u64,
    /// One in so many people harms; 0 is nobody.
    pub harm: usize,
}

impl Plan {
    /// A town of a seed, with the rest drawn from it.
    pub fn of(seed: u64, actors: usize, days: i32) -> Self {
        let mut random = Random::new(seed ^ 0xBEEF);
        for _ in 0..8 {
            random.next();
        }
        Self {
            seed,
            actors,
            days,
            start: Day(20_400 + random.below(300) as i32),
            loudness: 60 + random.below(90),
            shifts: 4 + random.below(20),
            joiners: 3 + random.below(12),
            services: 2 + random.below(5),
            harm: 20,
        }
    }
}

/// One account.
pub struct Person {
    pub name: String,
    /// Department, as a directory would say.
    pub department: u64,
    /// Sorts, one bit each in the order of [`SORTS`].
    pub sorts: u16,
    /// Story and its first day after the start.
    pub harm: Option<(usize, i32)>,
    offset: i64,
    joined: i32,
    moves: i32,
    moved_to: u64,
    busy: u64,
    start_hour: u64,
}

impl Person {
    pub fn is(&self, sort: &str) -> bool {
        let at = SORTS.iter().position(|s| *s == sort).unwrap();
        self.sorts & (1 << at) != 0
    }

    fn team(&self, day: i32) -> u64 {
        if day >= self.moves {
            self.moved_to
        } else {
            self.department
        }
    }
}

/// What happened on one day.
pub struct Happened {
    /// Place of the actor, and the event.
    pub events: Vec<(usize, Event)>,
    /// Actors that harmed.
    pub harmed: Vec<usize>,
}

pub struct Town {
    pub plan: Plan,
    pub people: Vec<Person>,
    random: Random,
}

/// Whole hours east of UTC where people live.
const OFFSETS: [i64; 5] = [-8, -5, 0, 1, 9];

impl Town {
    pub fn new(plan: Plan) -> Self {
        let mut random = Random::new(plan.seed);
        for _ in 0..8 {
            random.next();
        }
        let home = random.below(5) as usize;
        let departments = 3 + plan.actors as u64 / 25;
        let people = (0..plan.actors)
            .map(|i| {
                let mut sorts = 0_u16;
                let mut is = |random: &mut Random, percent: u64, sort: &str| {
                    let yes = random.chance(percent);
                    let at = SORTS.iter().position(|s| *s == sort).unwrap();
                    sorts |= u16::from(yes) << at;
                    yes
                };
                let service = is(&mut random, plan.services, "service");
                let mut joiner = false;
                let mut mover = false;
                if !service {
                    let shift = is(&mut random, plan.shifts, "shift");
                    is(&mut random, 12, "late");
                    is(&mut random, 6, "weekend");
                    let roams = is(&mut random, 20, "roaming");
                    is(&mut random, 7, "traveller");
                    is(&mut random, 12, "media");
                    is(&mut random, 7, "oncall");
                    is(&mut random, 5, "admin");
                    joiner = is(&mut random, plan.joiners, "joiner");
                    mover = !joiner && is(&mut random, 4, "mover");
                    if !shift && !roams {
                        is(&mut random, 100, "office");
                    }
                }
                let late = |random: &mut Random, from: i32| {
                    from + random.below((plan.days - from).max(1) as u64) as i32
                };
                let zone = if random.chance(60) {
                    home
                } else {
                    random.below(5) as usize
                };
                let department = random.below(departments);
                Person {
                    name: format!("{}{i}", if service { "robot-" } else { "person " }),
                    department,
                    sorts,
                    harm: None,
                    offset: OFFSETS[zone],
                    joined: if joiner { late(&mut random, 5) } else { 0 },
                    moves: if mover {
                        late(&mut random, 18)
                    } else {
                        i32::MAX
                    },
                    moved_to: (department + 1 + random.below(departments - 1)) % departments,
                    busy: 40 + random.below(160),
                    start_hour: 7 + random.below(4),
                }
            })
            .collect();
        let mut town = Self {
            plan,
            people,
            random,
        };
        town.choose();
        town
    }

    /// Who harms, and when.
    fn choose(&mut self) {
        if self.plan.harm == 0 {
            return;
        }
        let mut story = self.random.below(9) as usize;
        for _ in 0..(self.plan.actors / self.plan.harm).max(3) {
            let robot = STORIES[story] == "robot";
            for _ in 0..200 {
                let at = self.random.below(self.plan.actors as u64) as usize;
                let first = 16 + self.random.below((self.plan.days - 26).max(1) as u64) as i32;
                let admin = STORIES[story] != "own rights" || self.people[at].is("admin");
                let person = &mut self.people[at];
                if person.harm.is_none()
                    && person.is("service") == robot
                    && person.joined + 12 < first
                    && admin
                {
                    person.harm = Some((story, first));
                    break;
                }
            }
            story = (story + 1) % STORIES.len();
        }
    }

    /// Everything of the `n`th day, in order of time.
    pub fn day(&mut self, n: i32) -> Happened {
        let mut happened = Happened {
            events: Vec::new(),
            harmed: Vec::new(),
        };
        let day = self.plan.start.plus(n);
        for at in 0..self.people.len() {
            let mut random = Random::new(self.plan.seed ^ (n as u64) << 32 ^ (at as u64 * 0x9E37));
            for _ in 0..6 {
                random.next();
            }
            let person = &self.people[at];
            if n < person.joined {
                continue;
            }
            let mut life = Life {
                person,
                at,
                day,
                n,
                random,
                out: &mut happened.events,
            };
            if person.is("service") {
                life.service();
            } else {
                life.human();
            }
            if life.harm(self.plan.loudness) {
                happened.harmed.push(at);
            }
        }
        happened
            .events
            .sort_by_key(|(at, event)| (event.occurred_at, *at));
        happened
    }
}

struct Life<'a> {
    person: &'a Person,
    at: usize,
    day: Day,
    n: i32,
    random: Random,
    out: &'a mut Vec<(usize, Event)>,
}

/// Where and with what somebody works.
#[derive(Clone)]
struct Seat {
    ip: String,
    agent: String,
    host: String,
}

impl Life<'_> {
    /// Adds an event at an hour of the person's clock; kept inside the UTC day.
    fn add(
        &mut self,
        hour: u64,
        action: &str,
        resource: &str,
        id: String,
        bytes: u64,
        seat: &Seat,
    ) {
        let minutes =
            (hour as i64 - self.person.offset).rem_euclid(24) * 60 + self.random.below(60) as i64;
        let micros = self.day.utc_start().micros()
            + minutes * 60_000_000
            + self.random.below(59_000_000) as i64;
        let at = Timestamp::from_micros(micros);
        let failed = self.random.chance(if action == "login" { 5 } else { 1 });
        self.out.push((
            self.at,
            Event {
                id: EventId::from_bytes([0; 16]),
                occurred_at: at,
                received_at: at,
                actor: self.person.name.clone(),
                actor_kind: None,
                action: action.to_owned(),
                outcome: if failed {
                    Outcome::Failure
                } else {
                    Outcome::Success
                },
                outcome_word: None,
                resource: Some(resource.to_owned()),
                resource_id: Some(id),
                ip: seat.ip.parse().ok(),
                user_agent: Some(seat.agent.clone()),
                bytes: (bytes > 0).then_some(bytes as i64),
                severity: None,
                host: (!seat.host.is_empty()).then(|| seat.host.clone()),
                app: None,
                attributes: None,
            },
        ));
    }

    fn seat(&mut self) -> Seat {
        let p = self.person;
        let site = p.department % 3;
        let mut ip = format!("10.{site}.{}.{}", self.at / 200, self.at % 200 + 1);
        if p.is("roaming") && self.random.chance(60) {
            ip = format!("100.{}.{}.9", 64 + self.at % 60, self.random.below(4));
        }
        // Away for a week in seven.
        if p.is("traveller") && (self.n + self.at as i32 * 5) % 49 < 6 {
            let trip = (self.n + self.at as i32 * 5) / 49;
            ip = format!(
                "{}.{}.{}.7",
                150 + (trip * 7 + self.at as i32) % 40,
                self.at % 200,
                self.random.below(3)
            );
        }
        // A new browser every few weeks, for everybody in the same week.
        let agent = format!(
            "browser-{} {}",
            self.at % 4,
            (self.n + self.at as i32 % 5) / 24
        );
        Seat {
            ip,
            agent,
            host: format!("pc-{}", self.at),
        }
    }

    fn hour(&mut self) -> u64 {
        let p = self.person;
        if p.is("shift") {
            // Weeks of early, late and night shifts.
            let turn = (self.n / 7 + self.at as i32) % 3;
            return [6, 14, 22][turn as usize] + self.random.below(8);
        }
        let late = p.is("late") && self.random.chance(25);
        if late {
            18 + self.random.below(5)
        } else {
            p.start_hour + self.random.below(9)
        }
    }

    fn human(&mut self) {
        let p = self.person;
        let weekend = self.day.weekday() >= 5;
        let off = if p.is("shift") {
            (self.n + self.at as i32) % 7 >= 5
        } else {
            weekend
        };
        let works = if !off {
            self.random.chance(94)
        } else {
            self.random.chance(if p.is("weekend") { 35 } else { 2 })
        };
        let oncall = p.is("oncall") && (self.n / 7 + self.at as i32) % 4 == 0;
        if !works && !(oncall && self.random.chance(40)) {
            return;
        }
        let seat = self.seat();
        let scale = if works { p.busy } else { p.busy / 4 };
        self.office(&seat, scale, works);
        if oncall && self.random.chance(45) {
            for _ in 0..2 + self.random.below(6) {
                let hour = 24 + self.random.below(6);
                let id = format!("server {}", self.random.below(30));
                self.add(hour, "config_change", "server", id, 0, &seat);
            }
        }
    }

    fn many(&mut self, mean: u64, scale: u64) -> u64 {
        let n = self.random.count(mean * scale);
        n / 100 + u64::from(self.random.below(100) < n % 100)
    }

    fn office(&mut self, seat: &Seat, scale: u64, works: bool) {
        let (p, team) = (self.person, self.person.team(self.n));
        for _ in 0..=u64::from(works) {
            let hour = self.hour();
            self.add(hour, "login", "host", seat.host.clone(), 0, seat);
        }
        for _ in 0..self.many(7, scale) {
            let hour = self.hour();
            let id = if self.random.chance(93) {
                format!("doc {team} {}", self.random.below(90))
            } else {
                format!("doc {} {}", self.random.below(8), self.random.below(90))
            };
            let bytes = 10_000 + self.random.below(1_500_000);
            let action = if self.random.chance(20) {
                "download"
            } else {
                "read"
            };
            self.add(hour, action, "document", id, bytes, seat);
        }
        if team % 3 == 1 {
            for _ in 0..self.many(9, scale) {
                let hour = self.hour();
                let id = format!(
                    "customer {}",
                    self.at as u64 * 7 % 900 + self.random.below(60)
                );
                self.add(hour, "view", "customer", id, 3_000, seat);
            }
        }
        for _ in 0..self.many(4, scale) {
            let hour = self.hour();
            let id = if self.random.chance(85) {
                format!("m{}@town", (self.at as u64 + self.random.below(8)) % 400)
            } else {
                format!("x{}@out", self.random.below(3000))
            };
            let bytes = 8_000
                + if self.random.chance(12) {
                    self.random.below(4_000_000)
                } else {
                    0
                };
            self.add(hour, "email_send", "mailbox", id, bytes, seat);
        }
        for _ in 0..self.many(6, scale) {
            let hour = self.hour();
            let id = if self.random.chance(80) {
                format!("site {}", self.random.below(30))
            } else {
                format!("site {}", self.random.below(4000))
            };
            self.add(hour, "web_visit", "web", id, 50_000, seat);
        }
        if self.random.chance(10) {
            for _ in 0..1 + self.random.below(5) {
                let hour = self.hour();
                let id = format!("drive {}", self.random.below(6));
                let bytes = self.random.below(3_000_000);
                self.add(hour, "upload", "web", id, bytes, seat);
            }
        }
        if p.is("media") && self.random.chance(55) {
            for _ in 0..1 + self.many(4, scale) {
                let hour = self.hour();
                let id = format!("stick {} {}", self.at, self.random.below(2));
                let bytes = 100_000 + self.random.below(9_000_000);
                self.add(hour, "file_copy", "removable", id, bytes, seat);
            }
        }
        if p.is("admin") {
            for _ in 0..self.many(5, scale) {
                let hour = self.hour();
                let id = format!("account {}", self.random.below(self.at as u64 + 90));
                self.add(hour, "grant", "iam", id, 0, seat);
            }
        }
        // Now and then somebody tidies up, or takes a project over.
        if self.random.chance(4) {
            for _ in 0..1 + self.random.below(25) {
                let hour = self.hour();
                let id = format!("doc {team} {}", self.random.below(90));
                self.add(hour, "delete", "document", id, 0, seat);
            }
        }
        if self.random.below(1000) < 12 {
            let other = self.random.below(9);
            for i in 0..6 + self.random.below(20) {
                let hour = self.hour();
                self.add(
                    hour,
                    "download",
                    "document",
                    format!("doc {other} {i}"),
                    800_000,
                    seat,
                );
            }
        }
    }

    fn service(&mut self) {
        let seat = Seat {
            ip: format!("10.200.0.{}", self.at % 250),
            agent: "robot/1.2".to_owned(),
            host: String::new(),
        };
        let each = 1 + self.person.busy / 20;
        for hour in 0..24 {
            for i in 0..each {
                let id = format!("set {} {}", self.at, (hour + i) % 12);
                let action = if self.at.is_multiple_of(2) {
                    "upload"
                } else {
                    "read"
                };
                let bytes = 400_000 + self.random.below(90_000);
                self.add(hour, action, "dataset", id, bytes, &seat);
            }
        }
    }

    /// What a story adds on this day; false on other days.
    fn harm(&mut self, loudness: u64) -> bool {
        let Some((story, first)) = self.person.harm else {
            return false;
        };
        let since = self.n - first;
        let lasts = [5, 6, 14, 1, 1, 3, 4, 8, 2][story];
        if !(0..lasts).contains(&since) || (lasts > 3 && self.random.chance(25)) {
            return false;
        }
        let seat = self.seat();
        let n = |random: &mut Random, mean: u64| ((random.count(mean) * loudness) / 100).max(2);
        let team = self.person.team(self.n);
        let foreign = |random: &mut Random| {
            format!(
                "doc {} {}",
                (team + 1 + random.below(5)) % 9,
                random.below(90)
            )
        };
        let hour = self.hour();
        let late = 19 + self.random.below(4);
        match STORIES[story] {
            "stick" => {
                for _ in 0..n(&mut self.random, 18) {
                    self.add(
                        late,
                        "file_copy",
                        "removable",
                        format!("own stick {}", self.at),
                        6_000_000,
                        &seat,
                    );
                }
            }
            "mail home" => {
                for _ in 0..n(&mut self.random, 7) {
                    self.add(
                        hour,
                        "email_send",
                        "mailbox",
                        format!("home{}@private", self.at),
                        7_000_000,
                        &seat,
                    );
                    let id = foreign(&mut self.random);
                    self.add(hour, "download", "document", id, 900_000, &seat);
                }
            }
            "cloud drip" => {
                for _ in 0..n(&mut self.random, 4) {
                    self.add(
                        hour,
                        "upload",
                        "web",
                        format!("private drive {}", self.at),
                        5_000_000,
                        &seat,
                    );
                }
            }
            "purge" => {
                for i in 0..n(&mut self.random, 70) {
                    self.add(
                        hour,
                        "delete",
                        "document",
                        format!("doc {team} {i}"),
                        0,
                        &seat,
                    );
                }
            }
            "takeover" => {
                let away = Seat {
                    ip: format!("203.{}.1.9", self.at % 250),
                    agent: "curl/8".to_owned(),
                    host: String::new(),
                };
                for _ in 0..n(&mut self.random, 6) {
                    self.add(3, "login", "sso", "portal".to_owned(), 0, &away);
                }
                for _ in 0..n(&mut self.random, 25) {
                    let id = foreign(&mut self.random);
                    self.add(4, "download", "document", id, 1_000_000, &away);
                }
            }
            "own rights" => {
                for _ in 0..n(&mut self.random, 10) {
                    self.add(late, "grant", "iam", self.person.name.clone(), 0, &seat);
                    let id = foreign(&mut self.random);
                    self.add(late, "read", "document", id, 300_000, &seat);
                }
            }
            "colleague's computer" => {
                let host = format!("pc-{}", (self.at + 3) % 25);
                let other = Seat {
                    host: host.clone(),
                    ..seat
                };
                self.add(late, "login", "host", host, 0, &other);
                for _ in 0..n(&mut self.random, 14) {
                    let id = foreign(&mut self.random);
                    self.add(late, "read", "document", id, 600_000, &other);
                }
            }
            "snooping" => {
                for _ in 0..n(&mut self.random, 30) {
                    let id = format!("customer {}", self.random.below(900));
                    self.add(hour, "view", "customer", id, 3_000, &seat);
                }
            }
            _ => {
                let desk = Seat {
                    ip: "10.1.0.77".to_owned(),
                    agent: "browser-1".to_owned(),
                    host: "pc-9".to_owned(),
                };
                self.add(late, "login", "sso", "portal".to_owned(), 0, &desk);
                for _ in 0..n(&mut self.random, 16) {
                    let id = foreign(&mut self.random);
                    self.add(late, "download", "document", id, 2_000_000, &desk);
                }
            }
        }
        true
    }
}
