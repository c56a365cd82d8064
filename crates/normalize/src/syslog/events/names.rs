//! Names and leases: BIND's named, ISC dhcpd, dnsmasq.

use super::scan::{between, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["named", "dhcpd", "dnsmasq", "dnsmasq-dhcp", "unbound"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    query(report.message).or_else(|| lease(report.message))
}

/// `[queries: info: ]client @0x… HOST#PORT (NAME): query: NAME IN A + (SERVER)`.
fn query(text: &str) -> Option<Finding> {
    if let Some(rest) = text.strip_prefix("query[") {
        let (kind, rest) = rest.split_once("] ")?;
        let (name, host) = rest.rsplit_once(" from ")?;
        let found = Finding::of(action::DNS_QUERY)
            .origin(host)
            .resource("name")
            .object(name);
        return Some(found.attr("type", kind));
    }
    let (_, rest) = text.split_once("client ")?;
    let rest = if rest.starts_with("@0x") {
        word(rest).1
    } else {
        rest
    };
    let (host, rest) = word(rest);
    let name = between(rest, "(", ")");
    let found = Finding::of(action::DNS_QUERY).origin(host.trim_end_matches(':'));
    let found = found.resource("name").object(name);
    if rest.contains("denied") || rest.contains("failed") {
        return Some(found.failed());
    }
    let kind = between(rest, " IN ", " ");
    rest.contains("query: ").then(|| found.attr("type", kind))
}

/// `DHCPACK on HOST to MAC (NAME) via IFACE`, `DHCPACK(eth0) HOST MAC NAME`.
fn lease(text: &str) -> Option<Finding> {
    let (verb, rest) = word(text);
    let kind = verb.split('(').next()?;
    if !kind.starts_with("DHCP") {
        return None;
    }
    let found = match kind {
        "DHCPACK" => Finding::of(action::DHCP_ASSIGNED).succeeded(),
        "DHCPNAK" | "DHCPDECLINE" => Finding::of(action::DHCP_ASSIGNED).failed(),
        _ => Finding::of("dhcp").attr("message", kind),
    };
    let rest = rest
        .strip_prefix("on ")
        .or_else(|| rest.strip_prefix("for "))
        .unwrap_or(rest);
    let (host, rest) = word(rest);
    let rest = rest
        .strip_prefix("to ")
        .or_else(|| rest.strip_prefix("from "))
        .unwrap_or(rest);
    let (mac, rest) = word(rest);
    let client = between(rest, "(", ")").unwrap_or_else(|| word(rest).0);
    Some(found.origin(host).attr("mac", mac).attr("client", client))
}
