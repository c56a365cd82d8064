//! The demo organisation "Harbour & Finch": five weeks of invented security telemetry with four
//! stories in it, for people who want to look around before they connect anything.
//!
//! Pure: no I/O, no clock, no shared state. Every day of ordinary life is drawn from
//! (seed, actor, day number), so it comes out the same over whichever range it is asked for.
//! Addresses are taken from the ranges reserved for documentation, names from nobody.

mod calendar;
mod draft;
mod machines;
mod organisation;
mod people;
mod random;
mod stories;
mod things;
mod work;
mod workday;

#[cfg(test)]
mod tests;

use domain::time::{DAY_US, Timestamp};

use calendar::Calendar;
use draft::Draft;

/// The zone people live in.
pub const ZONE: &str = "Europe/Berlin";

/// The sources of the demo organisation: slug and name.
pub const SOURCES: &[(&str, &str)] = &[
    (source::VPN, "VPN gateway"),
    (source::IDP, "Identity provider sign-ins"),
    (source::FILES, "File share audit"),
    (source::MAIL, "Mail gateway"),
    (source::GIT, "Git hosting"),
    (source::EDGE, "MikroTik edge router"),
    (source::CLOUD, "Cloud audit"),
];

/// Actor (as sent) of the false positive story, and the note it is closed with.
pub const FALSE_POSITIVE: (&str, &str) = (
    people::RELEASE_MANAGER,
    "Planned weekend deployment, change CHG-2231, confirmed by the release manager",
);

/// How much history there is before the anchor.
const HISTORY_DAYS: i64 = 35;

/// Slugs of the sources.
mod source {
    pub(super) const VPN: &str = "vpn-gateway";
    pub(super) const IDP: &str = "idp-signins";
    pub(super) const FILES: &str = "fileshare-audit";
    pub(super) const MAIL: &str = "mail-gateway";
    pub(super) const GIT: &str = "git-hosting";
    pub(super) const EDGE: &str = "mikrotik-edge";
    pub(super) const CLOUD: &str = "cloud-audit";
}

/// One event as a source would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoEvent {
    /// Slug of the source that sends it.
    pub source: &'static str,
    /// When it happened: the timestamp inside the object.
    pub at: Timestamp,
    /// The ingest object.
    pub json: String,
}

/// When the whole history begins: 35 days before the anchor.
///
/// The first events follow with the next midnight in [`ZONE`]: a day that was cut off would
/// teach the baselines an amount that is nobody's habit.
pub fn begin(anchor: Timestamp) -> Timestamp {
    anchor.plus(-HISTORY_DAYS * DAY_US)
}

/// All events of the organisation with `from <= at < until`, ordered by time.
///
/// `anchor` is the instant of the first load; stories are placed relative to it and end before
/// it, ordinary life goes on for ever.
pub fn events(anchor: Timestamp, from: Timestamp, until: Timestamp) -> Vec<DemoEvent> {
    if until <= from {
        return Vec::new();
    }
    let calendar = Calendar::new();
    let mut drafts = organisation::life(&calendar, calendar.first_day(begin(anchor)), from, until);
    if from < anchor {
        let told = stories::all(&calendar, anchor);
        drafts.extend(told.into_iter().filter(|d| d.at < anchor));
    }
    drafts.retain(|draft| (from..until).contains(&draft.at));
    finished(drafts)
}

/// Three events of a router whose clock runs 2 to 5 hours ahead, sent at `now`.
pub fn clock_ahead(now: Timestamp) -> Vec<DemoEvent> {
    finished(machines::clock_ahead(now))
}

/// Orders events by time and writes them as JSON. The id decides between equal times, so that
/// the order never depends on the range that was asked for.
fn finished(mut drafts: Vec<Draft>) -> Vec<DemoEvent> {
    drafts.sort_unstable_by_key(|draft| (draft.at, draft.id));
    let written = drafts.iter().filter_map(|draft| {
        Some(DemoEvent {
            source: draft.source,
            at: draft.at,
            json: serde_json::to_string(draft).ok()?,
        })
    });
    written.collect()
}
