//! The actors that are no people: two service accounts and the router at the edge.

use domain::time::{Day, HOUR_US, MINUTE_US, Timestamp};

use super::calendar::Calendar;
use super::draft::{Draft, Journal};
use super::random::Random;
use super::source;

/// Writes backups of the European systems at night.
pub(super) const BACKUP: &str = "svc-backup-eu";
/// Renders reports three times a day.
pub(super) const REPORTS: &str = "svc-report-pdf";
/// The router in the Hamburg office.
pub(super) const ROUTER: &str = "rtr-hamburg-01";

/// How many volumes are backed up.
const VOLUMES: u64 = 36;
/// How many reports a run renders.
const REPORTS_PER_RUN: u64 = 24;
/// Minutes of the day at which reports are rendered: 06:05, 12:05 and 18:05.
const RUNS: &[u64] = &[365, 725, 1085];
/// Addresses of the documentation range that knock at the router now and then.
const KNOCKERS: u64 = 40;

/// All events of the machines on a day.
pub(super) fn events(calendar: &Calendar, day: Day) -> Vec<Draft> {
    let mut drafts = backup(calendar, day);
    drafts.extend(reports(calendar, day));
    drafts.extend(router(calendar, day));
    drafts
}

/// The machine's own day: its random numbers, its journal, its clock.
struct Shift<'a> {
    calendar: &'a Calendar,
    day: Day,
    random: Random,
    journal: Journal,
}

impl<'a> Shift<'a> {
    fn new(calendar: &'a Calendar, day: Day, name: &str) -> Self {
        let number = i64::from(day.0);
        Self {
            calendar,
            day,
            random: Random::of(name, number),
            journal: Journal::of(name, number),
        }
    }

    /// Within `spread` seconds after a fixed second of the day.
    fn at(&mut self, second: u64, spread: u64) -> Timestamp {
        let jitter = self.random.below(spread * 1_000_000);
        let micros = second * 1_000_000 + jitter;
        self.calendar.instant(self.day, micros as i64)
    }
}

fn backup(calendar: &Calendar, day: Day) -> Vec<Draft> {
    let mut shift = Shift::new(calendar, day, BACKUP);
    for volume in 0..VOLUMES {
        let start = 3600 + volume * 240;
        for (second, action) in [(start, "backup.start"), (start + 150, "backup.finish")] {
            let draft = Draft::new(source::CLOUD, shift.at(second, 40), BACKUP, action)
                .by("service")
                .on("volume", format!("eu-vol-{:02}", volume + 1))
                .from("10.20.0.11")
                .with("harbour-backup/4.2")
                .host("hh-backup-01");
            let bytes = shift.random.between(90_000_000, 120_000_000);
            let moved = action == "backup.finish";
            shift
                .journal
                .add(if moved { draft.bytes(bytes) } else { draft });
        }
    }
    shift.journal.into_drafts()
}

fn reports(calendar: &Calendar, day: Day) -> Vec<Draft> {
    let mut shift = Shift::new(calendar, day, REPORTS);
    let runs = RUNS
        .iter()
        .flat_map(|m| (0..REPORTS_PER_RUN).map(|r| (*m, r)));
    for (minute, report) in runs {
        let start = minute * 60 + report * 25;
        for (second, action) in [(start, "report.render"), (start + 14, "report.deliver")] {
            let draft = Draft::new(source::FILES, shift.at(second, 9), REPORTS, action)
                .by("service")
                .on("report", format!("daily-{:02}.pdf", report + 1))
                .from("10.20.0.17")
                .with("harbour-reports/1.9")
                .bytes(shift.random.mostly_small(40_000, 320_000));
            shift.journal.add(draft);
        }
    }
    shift.journal.into_drafts()
}

fn router(calendar: &Calendar, day: Day) -> Vec<Draft> {
    let mut shift = Shift::new(calendar, day, ROUTER);
    let fixed = [
        (3, "config.export", "configuration", "10.20.0.5"),
        (7, "login", "management", "10.20.0.5"),
        (7, "logout", "management", "10.20.0.5"),
    ];
    for (step, (hour, action, thing, ip)) in fixed.into_iter().enumerate() {
        let at = shift.at(hour * 3600 + step as u64 * 300, 120);
        shift
            .journal
            .add(device(at, action).on("router", thing).from(ip));
    }
    for _ in 0..shift.random.between(3, 6) {
        let hour = shift.random.below(24);
        let at = shift.at(hour * 3600, 3600);
        let knocker = shift.random.mostly_small(0, KNOCKERS);
        shift.journal.add(knock(at, 100 + knocker));
    }
    shift.journal.into_drafts()
}

fn device(at: Timestamp, action: &'static str) -> Draft {
    Draft::new(source::EDGE, at, ROUTER, action)
        .by("device")
        .host(ROUTER)
}

fn knock(at: Timestamp, knocker: u64) -> Draft {
    device(at, "firewall.drop")
        .on("chain", "input")
        .from(format!("192.0.2.{knocker}"))
        .failed(true)
        .and("protocol", "tcp")
        .and("interface", "ether1-wan")
}

/// What the router sends at `now` while its clock runs ahead.
pub(super) fn clock_ahead(now: Timestamp) -> Vec<Draft> {
    let mut journal = Journal::of("clock-ahead", now.micros());
    for (hours, minutes, knocker) in [(2, 7, 21), (3, 31, 22), (4, 48, 23)] {
        let at = now.plus(hours * HOUR_US + minutes * MINUTE_US);
        journal.add(knock(at, knocker));
    }
    journal.into_drafts()
}
