//! F5 BIG-IP: audit lines of `tmsh`, `mcpd` and `httpd`.

use super::scan::{Pairs, between, split_single};
use super::{Finding, Report};
use crate::action;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let (code, rest) = text.split_once(": ")?;
    let numbered = code.len() >= 10
        && code.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        && code.contains(':');
    if !numbered {
        return None;
    }
    let found = audit(rest).or_else(|| handshake(rest))?;
    Some(found.attr("code", code))
}

fn audit(text: &str) -> Option<Finding> {
    let rest = text.strip_prefix("AUDIT - ")?;
    if rest.starts_with("pid=") {
        let (values, command) = rest.split_once(" cmd_data=")?;
        let pairs = Pairs::of(values);
        let status = between(values, "status=[", "]");
        let found = Finding::of(action::COMMAND)
            .outcome(status)
            .actor(pairs.get("user"));
        return Some(
            found
                .resource("command")
                .object(command)
                .attr("command", command),
        );
    }
    if rest.starts_with("user ") || rest.starts_with("client ") {
        let user = between(rest, "user ", " - ");
        let change = rest.rsplit_once(" - ").map(|(_, change)| change);
        return Some(
            Finding::of(action::CONFIG_CHANGE)
                .actor(user)
                .attr("change", change),
        );
    }
    None
}

fn handshake(text: &str) -> Option<Finding> {
    let rest = text.strip_prefix("SSL Handshake failed for TCP ")?;
    let (from, to) = split_single(rest, " -> ")?;
    Some(
        Finding::of(action::CONNECTION)
            .failed()
            .origin(from)
            .attr("dst", to),
    )
}
