//! Dell iDRAC: `Severity: …, Category: …, MessageID: USR0030, Message: …`.

use super::scan::{between, split_single};
use super::{Finding, Report};
use crate::action;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let begins = report.program == "severity" || report.message.starts_with("Severity: ");
    let id = between(report.message, "MessageID: ", ",").filter(|_| begins)?;
    let (_, message) = report.message.split_once("Message: ")?;
    let found = login(message).unwrap_or_else(|| Finding::of(action::LOG_MESSAGE));
    Some(found.attr("message_id", id).service("idrac"))
}

fn login(text: &str) -> Option<Finding> {
    if let Some(rest) = text.strip_prefix("Successfully logged in using ") {
        let (user, rest) = split_single(rest, ", from ")?;
        let (host, via) = rest.split_once(" and ")?;
        let found = Finding::of(action::LOGIN)
            .succeeded()
            .actor(user)
            .origin(host);
        return Some(found.attr("via", via.trim_end_matches('.')));
    }
    if let Some(rest) = text.strip_prefix("The session for ") {
        let (user, rest) = split_single(rest, " from ")?;
        let (host, _) = rest.split_once(' ')?;
        let found = Finding::of(action::LOGOUT)
            .succeeded()
            .actor(user)
            .origin(host);
        return Some(found.attr("via", between(rest, "using ", " is logged")));
    }
    if text.starts_with("Unable to log in for ") {
        let (user, rest) = split_single(text, " from ")?;
        let user = user.trim_start_matches("Unable to log in for ");
        let host = rest.split(' ').next();
        return Some(Finding::of(action::LOGIN).failed().actor(user).origin(host));
    }
    None
}
