//! Plain sentences that applications write about logins, and other devices' most common ones.
//!
//! Last in the list, and careful: names are taken only where a sentence has one reading.

use super::scan::{self, split_single, word};
use super::{Finding, Report};
use crate::action;

/// Reads a sentence.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let found = logged(text).or_else(|| failed(text));
    found.or_else(|| {
        (report.program == "cmdlogger")
            .then(|| entry_code(text))
            .flatten()
    })
}

/// `user NAME logged in from HOST via SERVICE`, `user NAME logged out …`.
fn logged(text: &str) -> Option<Finding> {
    let rest = text
        .strip_prefix("user ")
        .or_else(|| text.strip_prefix("User "))?;
    let (found, user, tail) = if let Some((user, tail)) = split_single(rest, " logged in") {
        (Finding::of(action::LOGIN).succeeded(), user, tail)
    } else {
        let (user, tail) = split_single(rest, " logged out")?;
        (Finding::of(action::LOGOUT).succeeded(), user, tail)
    };
    Some(origin(found.actor(user.trim_matches(['\'', '"'])), tail))
}

/// `login failure for user NAME from HOST via SERVICE`, `login failed for NAME from HOST`.
fn failed(text: &str) -> Option<Finding> {
    let starts = [
        "login failure for user ",
        "login failed for user ",
        "login failed for ",
        "Login failed for user ",
        "Login failed for ",
        "authentication failed for user ",
        "Authentication failed for user ",
        "authentication failure for ",
        "failed login for user ",
        "failed login for ",
    ];
    let rest = starts.iter().find_map(|start| text.strip_prefix(start))?;
    let found = Finding::of(action::LOGIN).failed();
    // The address follows the name, so the last one is the device's.
    let Some((user, tail)) = rest.rsplit_once(" from ") else {
        let user = rest.split(" via ").next().filter(|u| !u.contains(' '));
        return Some(found.actor(user));
    };
    let (host, _) = word(tail);
    let sure = scan::endpoint(host).is_some();
    let found = origin(found, &format!(" from {tail}"));
    Some(if sure {
        found.actor(user.trim_matches(['\'', '"']))
    } else {
        found.attr("ambiguous", true)
    })
}

/// ` from HOST[ via SERVICE]` and nothing else.
fn origin(found: Finding, tail: &str) -> Finding {
    let Some(rest) = tail.strip_prefix(" from ") else {
        return found;
    };
    let (host, rest) = word(rest);
    let via = rest.strip_prefix("via ").filter(|via| !via.contains(' '));
    found
        .origin(host.trim_end_matches(['.', ',']))
        .attr("via", via)
}

/// `CLI:HOST:USER:User  logged in`, as some switches write it.
fn entry_code(text: &str) -> Option<Finding> {
    let (_, rest) = text.split_once("%% CLI:")?;
    let mut parts = rest.splitn(3, ':');
    let (host, user, message) = (parts.next()?, parts.next()?, parts.next()?);
    let found = if message.contains("logged in") {
        Finding::of(action::LOGIN).succeeded()
    } else if message.contains("logged out") {
        Finding::of(action::LOGOUT).succeeded()
    } else {
        Finding::of(action::COMMAND).attr("command", message)
    };
    Some(found.actor(user).origin(host).attr("via", "cli"))
}
