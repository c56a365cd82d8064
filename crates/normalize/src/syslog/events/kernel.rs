//! The Linux kernel: packet filter lines, WireGuard, AppArmor and audit messages.

use super::scan::{Pairs, between};
use super::{Finding, Reader, Report, audit, wireguard};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["kernel", "ulogd", "kern"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = without_uptime(report.message);
    if let Some(rest) = text.strip_prefix("wireguard: ") {
        return wireguard::read(rest);
    }
    if text.contains("apparmor=\"") {
        return apparmor(text);
    }
    if text.contains("audit(") {
        return audit::message(text);
    }
    netfilter(text)
}

/// `[82508.100168] `.
fn without_uptime(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .filter(|(uptime, _)| {
            uptime
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b' '))
        })
        .map_or(text, |(_, rest)| rest)
}

/// `PREFIX IN=eth0 OUT= MAC=… SRC=1.2.3.4 DST=… LEN=60 … PROTO=TCP SPT=1 DPT=22 …`.
fn netfilter(text: &str) -> Option<Finding> {
    let at = text.find("IN=")?;
    let pairs = Pairs::of(text.get(at..)?);
    let source = pairs.get("SRC")?;
    let prefix = text.get(..at)?.trim();
    let lower = prefix.to_ascii_lowercase();
    let denied = ["block", "drop", "deny", "denied", "reject"]
        .iter()
        .any(|w| lower.contains(w));
    let allowed = ["allow", "accept"].iter().any(|w| lower.contains(w));
    let mut found = Finding::of(action::FIREWALL_LOG).origin(source);
    if denied {
        found = found.outcome(Some("denied"));
    } else if allowed {
        found = found.outcome(Some("allowed"));
    }
    found = found.attr("prefix", prefix.trim_end_matches(':'));
    for (key, name) in [
        ("IN", "in"),
        ("OUT", "out"),
        ("MAC", "mac"),
        ("DST", "dst_ip"),
        ("PROTO", "proto"),
    ] {
        found = found.attr(name, pairs.get(key));
    }
    for (key, name) in [("LEN", "len"), ("SPT", "src_port"), ("DPT", "dst_port")] {
        // LEN comes twice for UDP: of the packet and of the datagram.
        if let Some(number) = pairs.iter().find(|(k, _)| *k == key) {
            found = found.number(name, number.1);
        }
    }
    Some(found)
}

fn apparmor(text: &str) -> Option<Finding> {
    let value = |key: &str| between(text, &format!("{key}=\""), "\"");
    let verdict = value("apparmor")?;
    let found = Finding::of(action::ACCESS_CONTROL)
        .outcome(Some(verdict))
        .resource("file")
        .object(value("name"))
        .attr("operation", value("operation"))
        .attr("profile", value("profile"))
        .attr("comm", value("comm"))
        .attr("denied_mask", value("denied_mask"));
    Some(found.attr("fsuid", Pairs::of(text).get("fsuid")))
}
