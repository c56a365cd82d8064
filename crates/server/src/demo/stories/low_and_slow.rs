//! Somebody in Sales copies a little more every working day to the same cloud drive, never
//! enough to be loud.

use domain::time::Day;

use super::Scene;
use crate::demo::calendar::Calendar;
use crate::demo::draft::Draft;
use crate::demo::people::COLLECTOR;
use crate::demo::source;
use crate::demo::work::{BROWSER, OFFICE};

/// For how many days.
const DAYS: i32 = 21;
/// 15:10.
const BEGINS: i64 = 15 * 60 + 10;
/// Bytes of the first day.
const FIRST: u64 = 3_000_000;
/// Every day so many per cent of the day before.
const GROWTH: u64 = 112;

pub(super) fn events(calendar: &Calendar, last: Day) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut amount = FIRST;
    for day in (0..DAYS).map(|back| last.plus(1 - DAYS + back)) {
        if day.weekday() < 5 {
            drafts.extend(copy(calendar, day, amount));
        }
        amount = amount * GROWTH / 100;
    }
    drafts
}

fn copy(calendar: &Calendar, day: Day, amount: u64) -> Vec<Draft> {
    let mut scene = Scene::new(calendar, "low-and-slow", day, BEGINS);
    let files = scene.random.between(3, 6);
    for file in 0..files {
        let minute = file * 4 + scene.random.below(4);
        let bytes = amount / files * scene.random.between(92, 108) / 100;
        let draft = Draft::new(source::CLOUD, scene.at(minute), COLLECTOR, "drive.upload")
            .on("cloud-drive", "drive-7c41 (private)")
            .from(OFFICE)
            .with(BROWSER)
            .host("hf-lt-134")
            .bytes(bytes)
            .and(
                "file",
                format!("accounts-{}.csv", scene.random.between(10, 99)),
            );
        scene.journal.add(draft);
    }
    scene.journal.into_drafts()
}
