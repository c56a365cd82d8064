//! Somebody in Finance empties the file share one night, from an address never seen before.

use domain::time::{Day, Timestamp};

use super::Scene;
use crate::demo::calendar::{Calendar, NIGHT_BEGINS};
use crate::demo::draft::Draft;
use crate::demo::people::LEAVER;
use crate::demo::source;
use crate::demo::work::BROWSER;

/// A home connection nobody has used before.
const ADDRESS: &str = "203.0.113.231";

/// Refused folders in each minute from the first on: thirteen within ten minutes.
const REFUSED: [u64; 8] = [2, 2, 2, 2, 2, 1, 1, 1];
/// Folders downloaded a minute, at first in haste, then what is left.
const HASTE: (u64, u64, u64) = (3, 11, 8);
const REST: (u64, u64, u64) = (11, 37, 1);

/// Minutes in which what was downloaded leaves.
const SENDING: (u64, u64) = (13, 37);

const OWNERS: [&str; 8] = [
    "Board",
    "Payroll",
    "Mergers",
    "Customers",
    "Legal",
    "Banking",
    "Insurance",
    "Bonuses",
];
const CONTENTS: [&str; 12] = [
    "Contracts",
    "Forecasts",
    "Minutes",
    "Statements",
    "Returns",
    "Valuations",
    "Letters",
    "Offers",
    "Scans",
    "Drafts",
    "Archive",
    "Exports",
];

pub(super) fn events(calendar: &Calendar, night: Day) -> Vec<Draft> {
    let mut scene = Scene::new(calendar, "exfiltration", night, NIGHT_BEGINS);
    sign_in(&mut scene);
    for (minute, count) in (1..).zip(REFUSED) {
        for _ in 0..count {
            refuse(&mut scene, minute);
        }
    }
    let mut folder = 0;
    for (from, until, a_minute) in [HASTE, REST] {
        for minute in (from..until).flat_map(|m| (0..a_minute).map(move |_| m)) {
            download(&mut scene, minute, folder);
            folder += 1;
        }
    }
    for minute in SENDING.0..SENDING.1 {
        send(&mut scene, minute);
    }
    scene.journal.into_drafts()
}

fn sign_in(scene: &mut Scene<'_>) {
    let draft = Draft::new(source::IDP, scene.at(0), LEAVER, "login")
        .on("application", "Single sign-on")
        .from(ADDRESS)
        .with(BROWSER)
        .host("hf-lt-101")
        .and("department", "Finance");
    scene.journal.add(draft);
}

fn refuse(scene: &mut Scene<'_>, minute: u64) {
    let number = scene.random.between(100, 999);
    let draft = access(scene.at(minute), "file.read")
        .on("folder", format!("Restricted/Case {number}"))
        .failed(true);
    scene.journal.add(draft);
}

fn download(scene: &mut Scene<'_>, minute: u64, folder: usize) {
    let owner = OWNERS.get(folder % OWNERS.len()).copied();
    let content = CONTENTS.get(folder / OWNERS.len()).copied();
    let name = format!(
        "{}/{}",
        owner.unwrap_or_default(),
        content.unwrap_or_default()
    );
    let bytes = scene.random.between(38_000_000, 52_000_000);
    let draft = access(scene.at(minute), "file.download")
        .on("folder", name)
        .bytes(bytes);
    scene.journal.add(draft);
}

/// To a place outside that nobody in the organisation has used before.
fn send(scene: &mut Scene<'_>, minute: u64) {
    let bytes = scene.random.between(60_000_000, 80_000_000);
    let draft = Draft::new(source::CLOUD, scene.at(minute), LEAVER, "upload")
        .on("web", "drop.filebox.example")
        .from(ADDRESS)
        .with(BROWSER)
        .host("hf-lt-101")
        .bytes(bytes);
    scene.journal.add(draft);
}

fn access(at: Timestamp, action: &'static str) -> Draft {
    Draft::new(source::FILES, at, LEAVER, action)
        .from(ADDRESS)
        .with(BROWSER)
        .host("hf-lt-101")
}
