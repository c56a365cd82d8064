//! pfSense and OPNsense: the packet filter's log and the web interface.

use super::scan::{single_between, split_single};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["filterlog"],
    read: filter,
};

/// The web interface.
pub(super) const GUI: Reader = Reader {
    programs: &["php-fpm", "php", "configd.py"],
    read: gui,
};

/// Comma-separated: rule, sub-rule, anchor, tracker, interface, reason, action, direction,
/// IP version, then by version (pfSense "Raw Filter Log Format").
fn filter(report: &Report<'_>) -> Option<Finding> {
    let fields: Vec<&str> = report.message.split(',').collect();
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let (proto, at) = match field(8) {
        "4" => (field(16), 17),
        "6" => (field(12), 14),
        _ => return None,
    };
    let word = if field(6) == "pass" {
        "allowed"
    } else {
        "denied"
    };
    let number = |text: &str| text.parse::<i64>().ok();
    let mut found = Finding::of(action::FIREWALL_LOG)
        .outcome(Some(word))
        .origin(field(at + 1))
        .attr("dst_ip", field(at + 2))
        .attr("proto", proto.to_ascii_uppercase())
        .attr("in", Some(field(4)).filter(|_| field(7) == "in"))
        .attr("out", Some(field(4)).filter(|_| field(7) == "out"))
        .attr("direction", field(7))
        .attr("rule", field(3))
        .attr("len", number(field(at)));
    if matches!(proto.to_ascii_lowercase().as_str(), "tcp" | "udp") {
        found = found
            .attr("src_port", number(field(at + 3)))
            .attr("dst_port", number(field(at + 4)));
    }
    Some(found)
}

fn gui(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    if text.contains("webConfigurator authentication error for ") {
        let found = Finding::of(action::LOGIN)
            .failed()
            .service("webConfigurator");
        let (_, who) = text.split_once("error for ")?;
        let (user, host) = who
            .rsplit_once(" from: ")
            .or_else(|| who.rsplit_once(" from "))?;
        let user = user
            .strip_prefix("user ")
            .unwrap_or(user)
            .trim_matches('\'');
        return Some(found.actor(user).origin(host));
    }
    if let Some((_, who)) = text.split_once("Successful login for user '") {
        let (user, host) = who.rsplit_once("' from: ")?;
        let host = host.split(' ').next();
        return Some(
            Finding::of(action::LOGIN)
                .succeeded()
                .actor(user)
                .origin(host)
                .service("webConfigurator"),
        );
    }
    if let Some((_, who)) = text.split_once("User logged out for user '") {
        let (user, host) = split_single(who, "' from: ")?;
        return Some(
            Finding::of(action::LOGOUT)
                .succeeded()
                .actor(user)
                .origin(host.split(' ').next()),
        );
    }
    let (_, change) = text.split_once("Configuration Change: ")?;
    let who = change.split(':').next()?;
    let (user, host) = who.rsplit_once('@')?;
    let found = Finding::of(action::CONFIG_CHANGE).succeeded().actor(user);
    Some(
        found
            .origin(host.split(' ').next())
            .attr("via", single_between(who, "(", ")"))
            .attr("change", change),
    )
}
