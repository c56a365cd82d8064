//! One ordinary day of one person: arriving, signing in, working, leaving.

use domain::time::{Day, MINUTE_US, Timestamp};

use super::calendar::Calendar;
use super::draft::{Draft, Journal};
use super::people::{Block, Person};
use super::random::Random;
use super::source;
use super::things::Thing;
use super::work::{self, BROWSER, FILE_CLIENT, OFFICE};

/// Weekdays of [`super::people::Rhythm::evening`]; Monday is 0.
const EVENINGS: &[u8] = &[0, 2, 3];
const FRIDAY: u8 = 4;
const SUNDAY: u8 = 6;

/// Out of a thousand.
const ABSENT: u64 = 30;
const LARGE_TRANSFER: u64 = 20;
const MISTYPED: u64 = 80;
const REFUSED: u64 = 12;
const WEEKEND_MAIL: u64 = 450;

/// Everything a day depends on.
pub(super) struct Workday<'a> {
    calendar: &'a Calendar,
    person: &'a Person,
    /// The person's number in the list: gives the VPN address and the own things.
    number: u64,
    day: Day,
    random: Random,
    journal: Journal,
    /// Where the person is: the address seen by the outside.
    place: &'static str,
    /// The address work comes from.
    desk: String,
    /// Minutes by which today is later than the rhythm.
    late: u64,
}

/// All events of a person on a day.
///
/// `plain` days have no large transfer and no weekend mail: habits are judged by what came
/// before, and in the first days that would be the exception itself.
pub(super) fn events(
    calendar: &Calendar,
    (number, person): (u64, &Person),
    day: Day,
    plain: bool,
) -> Vec<Draft> {
    let mut today = Workday::new(calendar, number, person, day);
    let weekday = day.weekday();
    if person.weekdays.contains(&weekday) {
        let absent = today.random.chance(ABSENT) && !person.steady;
        if !absent {
            today.work(plain || person.steady);
        }
    } else if weekday == SUNDAY && person.weekends && !plain {
        today.weekend_mail();
    }
    today.journal.into_drafts()
}

impl<'a> Workday<'a> {
    fn new(calendar: &'a Calendar, number: u64, person: &'a Person, day: Day) -> Self {
        let number_of_day = i64::from(day.0);
        Self {
            calendar,
            person,
            number,
            day,
            random: Random::of(person.login, number_of_day),
            journal: Journal::of(person.login, number_of_day),
            place: OFFICE,
            desk: OFFICE.to_owned(),
            late: 0,
        }
    }

    fn work(&mut self, no_large_transfer: bool) {
        let large = self.random.chance(LARGE_TRANSFER) && !no_large_transfer;
        // Large transfers happen in the office, so that no new address comes on top.
        let remote = self.random.chance(self.person.remote) && !large;
        self.late = self.random.between(4, 18);
        if remote {
            self.place = self.person.home;
            self.desk = format!("10.20.30.{}", 10 + self.number);
        }
        self.arrive(remote);
        for _ in 0..self.amount() {
            self.act();
        }
        if large {
            self.move_something_large();
        }
        if remote {
            self.leave();
        }
    }

    /// How many events the day has.
    fn amount(&mut self) -> u64 {
        let amount = self.person.busy * self.random.between(88, 110) / 100;
        if self.day.weekday() == FRIDAY {
            amount * 9 / 10
        } else {
            amount
        }
    }

    fn blocks(&self) -> impl Iterator<Item = Block> + Clone + use<'a> {
        let evening = EVENINGS.contains(&self.day.weekday());
        let person: &'a Person = self.person;
        person.rhythm.blocks(evening)
    }

    /// An instant some minutes and a random part of a minute after midnight.
    fn at(&mut self, minute: u64) -> Timestamp {
        let micros = minute as i64 * MINUTE_US + self.random.below(MINUTE_US as u64) as i64;
        self.calendar.instant(self.day, micros)
    }

    /// A working moment, drawn as the rhythm has it.
    fn moment(&mut self) -> Timestamp {
        let mut blocks = self.blocks();
        let place = self.random.place(blocks.clone().map(|b| b.2));
        let Block(from, until, _) = blocks.nth(place).unwrap_or(Block(600, 660, 1));
        let minute = self.random.between(from, until - 1) + self.late;
        self.at(minute)
    }

    fn sign_in(&mut self, minute: u64, failed: bool) {
        let draft = Draft::new(source::IDP, self.at(minute), self.person.login, "login")
            .on("application", "Single sign-on")
            .from(self.place)
            .with(BROWSER)
            .host(self.laptop())
            .failed(failed)
            .and("department", self.person.group.name());
        self.journal.add(draft);
    }

    fn laptop(&self) -> String {
        format!("hf-lt-{:03}", 101 + self.number * 3)
    }

    fn arrive(&mut self, remote: bool) {
        let first = self.blocks().next().map_or(540, |b| b.0) + self.late;
        if self.random.chance(MISTYPED) {
            for _ in 0..self.random.between(1, 2) {
                self.sign_in(first - 4, true);
            }
        }
        self.sign_in(first - 3, false);
        if remote {
            self.vpn(first - 2, "vpn.connect");
        }
    }

    fn leave(&mut self) {
        let last = self.blocks().map(|b| b.1).max().unwrap_or(1020) + self.late;
        self.vpn(last, "vpn.disconnect");
    }

    fn vpn(&mut self, minute: u64, action: &'static str) {
        let draft = Draft::new(source::VPN, self.at(minute), self.person.login, action)
            .on("gateway", "vpn-hamburg")
            .from(self.place)
            .with("OpenVPN/2.6.12")
            .host(self.laptop())
            .and("assignedAddress", self.desk.clone());
        self.journal.add(draft);
    }

    fn act(&mut self) {
        let (person, number) = (self.person, self.number);
        let activity = work::draw(person.group, &mut self.random);
        let name = activity.thing.draw(person.group, number, &mut self.random);
        let at = self.moment();
        let draft = Draft::new(activity.source, at, person.login, activity.action)
            .from(self.desk.clone())
            .with(activity.agent)
            .failed(self.random.chance(REFUSED));
        let draft = match activity.thing {
            Thing::Mailbox => draft.on(activity.thing.kind(), person.login),
            thing => draft.on(thing.kind(), name),
        };
        let draft = match activity.bytes {
            Some((low, high)) => draft.bytes(self.random.mostly_small(low, high)),
            None => draft,
        };
        self.journal.add(draft);
    }

    /// A presentation with film, a database dump: rare, and alone no reason to alert.
    fn move_something_large(&mut self) {
        let at = self.moment();
        let bytes = self.random.between(70_000_000, 140_000_000);
        let folder = format!("{}/Transfer", self.person.group.name());
        let draft = Draft::new(source::FILES, at, self.person.login, "file.write")
            .on("folder", folder)
            .from(OFFICE)
            .with(FILE_CLIENT)
            .bytes(bytes);
        self.journal.add(draft);
    }

    fn weekend_mail(&mut self) {
        if !self.random.chance(WEEKEND_MAIL) {
            return;
        }
        let begin = self.random.between(10 * 60, 20 * 60);
        for step in 0..self.random.between(2, 4) {
            let at = self.at(begin + 3 * step);
            let draft = Draft::new(source::MAIL, at, self.person.login, "mail.read")
                .on("mailbox", self.person.login)
                .from(self.person.home)
                .with("Outlook-iOS/4.24")
                .bytes(self.random.mostly_small(4_000, 180_000));
            self.journal.add(draft);
        }
    }
}
