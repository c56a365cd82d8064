//! Vaultwarden: `[TIME][vaultwarden::api::identity][ERROR] … IP: HOST. Username: NAME.`

use domain::time::Timestamp;

use super::scan::between;
use super::{Finding, Report};
use crate::action;
use crate::record::Context;
use crate::syslog::time;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let (stamp, rest) = text.strip_prefix('[')?.split_once("][vaultwarden::")?;
    let message = rest.split_once("] ")?.1;
    let failed =
        message.contains("incorrect") || message.contains("Invalid") || message.contains("invalid");
    if !failed {
        return None;
    }
    // The address comes before the name, which is as it was typed.
    let host =
        between(&format!("{message} "), "IP: ", " ").map(|h| h.trim_end_matches('.').to_owned());
    let name = message
        .split_once(". Username: ")
        .map(|(_, name)| name.trim_end_matches('.'));
    let reason = message.split([':', '.', '!']).next();
    let found = Finding::of(action::LOGIN)
        .failed()
        .origin(host.as_deref())
        .actor(name);
    let found = found
        .attr("reason", reason)
        .service("vaultwarden")
        .app("vaultwarden");
    Some(found.at(at(stamp, report.context)))
}

fn at(stamp: &str, context: &Context<'_>) -> Option<Timestamp> {
    time::iso(stamp, context)?.at
}
