//! systemd and its login manager.

use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["systemd-logind", "elogind", "systemd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end().trim_end_matches('.');
    if let Some(rest) = text.strip_prefix("New session ") {
        let (session, user) = rest.split_once(" of user ")?;
        let user = user.split(" with class ").next()?.trim_matches(['\'', '"']);
        let found = Finding::of(action::SESSION_OPEN).succeeded().actor(user);
        return Some(found.attr("session", session.trim_matches('\'')));
    }
    if let Some(session) = text.strip_prefix("Removed session ") {
        return Some(
            Finding::of(action::SESSION_CLOSE)
                .succeeded()
                .attr("session", session),
        );
    }
    let logged_out = text
        .strip_prefix("Session ")
        .and_then(|rest| rest.split_once(" logged out"));
    if let Some((session, _)) = logged_out {
        return Some(
            Finding::of(action::LOGOUT)
                .succeeded()
                .attr("session", session),
        );
    }
    if let Some(rest) = text.strip_prefix("Started Session ") {
        let (session, user) = rest.split_once(" of ")?;
        let user = user.trim_start_matches("user ").trim_start_matches("User ");
        let found = Finding::of(action::SESSION_OPEN).succeeded().actor(user);
        return Some(found.attr("session", session));
    }
    unit(text)
}

fn unit(text: &str) -> Option<Finding> {
    if let Some(unit) = text.strip_prefix("Started ") {
        return Some(
            Finding::of(action::SERVICE_START)
                .succeeded()
                .resource("unit")
                .object(unit),
        );
    }
    if let Some(unit) = text.strip_prefix("Stopped ") {
        return Some(
            Finding::of(action::SERVICE_STOP)
                .succeeded()
                .resource("unit")
                .object(unit),
        );
    }
    let unit = text.strip_prefix("Failed to start ")?;
    Some(
        Finding::of(action::SERVICE_START)
            .failed()
            .resource("unit")
            .object(unit),
    )
}
