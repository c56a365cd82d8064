//! Home Assistant's ban component.

use super::scan::between;
use super::{Finding, Report};
use crate::action;

/// `Login attempt or request with invalid authentication from NAME (HOST). …(AGENT)`; found by its
/// look. The agent is as sent; name and address come before it.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let start = "[homeassistant.components.http.ban] Login attempt or request with invalid authentication from ";
    let at = report.message.find(start).filter(|at| *at < 40)?;
    let rest = report.message.get(at + start.len()..)?;
    let host = between(rest, "(", ")")?;
    let rest = rest.split_once(')')?.1;
    let agent = rest
        .split_once('(')
        .map(|(_, agent)| agent.trim_end().trim_end_matches(')'));
    let found = Finding::of(action::LOGIN)
        .failed()
        .origin(host)
        .agent(agent);
    let url = between(rest, "Requested URL: '", "'");
    Some(
        found
            .resource(url.map(|_| "url"))
            .object(url)
            .service("home-assistant")
            .app("home-assistant"),
    )
}
