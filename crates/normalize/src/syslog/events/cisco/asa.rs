//! ASA, PIX and Firepower: messages by number.

use super::super::Finding;
use super::super::scan::{self, between, single_between, split_single, word};
use crate::action;

/// Message numbers are documented in Cisco's "ASA Series Syslog Messages".
pub(super) fn read(number: &str, text: &str) -> Option<Finding> {
    match number {
        "605004" | "605005" => asa_login(text, number == "605005"),
        "109005" | "109006" => quoted_login(text, number == "109005"),
        "611101" | "611102" => uname(
            Finding::of(action::LOGIN).successful(number == "611101"),
            text,
        ),
        "611103" => uname(Finding::of(action::LOGOUT).succeeded(), text),
        "113004" | "113005" | "113008" | "113012" | "113014" | "113015" | "113016" | "113017" => {
            aaa(text)
        }
        "113006" => {
            let user = text.strip_prefix("User ")?.split(" locked out").next();
            Some(Finding::of(action::ACCOUNT_LOCK).succeeded().object(user))
        }
        "113019" | "113039" | "716001" | "716002" | "722022" | "722023" | "722051" | "716039" => {
            Some(vpn(number, text))
        }
        "308001" => Some(
            Finding::of(action::PRIVILEGE_CHANGE)
                .failed()
                .origin(between(text, "(from ", ")")),
        ),
        "502101" | "502102" | "502103" => account(number, text),
        "111008" | "111009" | "111010" => executed(text),
        "111002" | "111004" | "111005" | "111007" => Some(config(text)),
        "304001" | "304002" => url(text),
        _ => flow(number, text),
    }
}

/// `Login denied from HOST/PORT to IFACE:HOST/SERVICE for user "NAME"`.
fn asa_login(text: &str, permitted: bool) -> Option<Finding> {
    let (_, rest) = text.split_once(" from ")?;
    let (host, rest) = word(rest);
    let user = rest
        .split_once(" for user \"")
        .map(|(_, user)| user.trim_end_matches('"'));
    let service = between(rest, "/", " ");
    let found = Finding::of(action::LOGIN)
        .successful(permitted)
        .origin(host)
        .actor(user);
    Some(found.attr("service", service))
}

/// `Authentication succeeded for user 'NAME' from HOST/PORT to …`: the origin comes last.
fn quoted_login(text: &str, success: bool) -> Option<Finding> {
    let (_, rest) = text.split_once("user '")?;
    let (user, origin) = rest.rsplit_once("' from ")?;
    Some(
        Finding::of(action::LOGIN)
            .successful(success)
            .actor(user)
            .origin(word(origin).0),
    )
}

/// `… Uname: NAME`.
fn uname(found: Finding, text: &str) -> Option<Finding> {
    let (head, user) = split_single(text, "Uname: ")?;
    let host = between(head, "IP address: ", ",");
    Some(found.actor(user.trim_end()).origin(host))
}

/// `AAA user authentication Rejected : reason = … : server = … : user = NAME : user IP = HOST`.
fn aaa(text: &str) -> Option<Finding> {
    let success = text.contains("Successful") || text.contains("status ACCEPT");
    let name = text
        .split_once("user = ")
        .or_else(|| text.split_once("User = "))?
        .1;
    let (name, host) = match split_single(name, " : user IP = ") {
        Some((name, host)) => (name, Some(host)),
        None if name.contains(" : user IP = ") => ("", None),
        None => (name, None),
    };
    let reason = between(text, "reason = ", " : ");
    let found = Finding::of(action::LOGIN)
        .successful(success)
        .actor(name.trim_matches(['*', ' ']));
    Some(found.origin(host).attr("reason", reason).attr(
        "server",
        between(text, "server = ", " ").map(|s| s.trim_matches([',', ':'])),
    ))
}

/// `Group <NAME> User <NAME> IP <HOST> …` and `Group = …, Username = …, IP = …, …`.
fn vpn(number: &str, text: &str) -> Finding {
    let user =
        single_between(text, "User <", ">").or_else(|| single_between(text, "Username = ", ","));
    let host = single_between(text, "IP <", ">").or_else(|| single_between(text, ", IP = ", ","));
    let found = match number {
        "113019" | "722023" | "716002" => Finding::of(action::SESSION_CLOSE).succeeded(),
        "716039" => Finding::of(action::LOGIN).failed(),
        "722051" => Finding::of("address_assigned").succeeded(),
        _ => Finding::of(action::SESSION_OPEN).succeeded(),
    };
    let group =
        single_between(text, "Group <", ">").or_else(|| single_between(text, "Group = ", ","));
    let received = between(text, "Bytes rcv: ", ",").and_then(|b| b.trim().parse().ok());
    found
        .actor(user)
        .origin(host)
        .attr("group", group)
        .bytes(received)
        .service("vpn")
}

fn account(number: &str, text: &str) -> Option<Finding> {
    let (_, rest) = text.split_once("Uname: ")?;
    let word = match number {
        "502101" => action::ACCOUNT_CREATE,
        "502102" => action::ACCOUNT_DELETE,
        _ => {
            let (user, levels) = split_single(rest, " From: ")?;
            let found = Finding::of(action::PRIVILEGE_CHANGE)
                .succeeded()
                .actor(user);
            return Some(found.attr("levels", levels));
        }
    };
    let name = rest.split(" Priv: ").next();
    Some(
        Finding::of(word)
            .succeeded()
            .resource("account")
            .object(name),
    )
}

/// `User 'NAME' executed the 'COMMAND' command.`, `User 'NAME', running 'CLI' from IP HOST,
/// executed 'COMMAND'`, `User NAME executed cmd:COMMAND`.
fn executed(text: &str) -> Option<Finding> {
    let rest = text.strip_prefix("User ")?;
    let (who, command) = rest.split_once(" executed ")?;
    let (user, via) = who.split_once(", running ").unwrap_or((who, ""));
    let command = command
        .trim_start_matches("the ")
        .trim_start_matches("cmd:")
        .trim_end_matches('.');
    let command = command.trim_end_matches(" command").trim_matches('\'');
    let host = via
        .rsplit_once("from IP ")
        .map(|(_, host)| host.trim_end_matches(','));
    let found = Finding::of(action::COMMAND)
        .succeeded()
        .actor(user.trim_matches('\''))
        .origin(host);
    Some(
        found
            .resource("command")
            .object(command)
            .attr("command", command),
    )
}

fn config(text: &str) -> Finding {
    let host = text
        .split([' ', ':'])
        .find(|part| scan::address(part).is_some());
    let found = Finding::of(action::CONFIG_CHANGE)
        .origin(host)
        .attr("change", text);
    let verdict = text
        .rsplit(": ")
        .next()
        .filter(|v| matches!(*v, "OK" | "FAILED"));
    found.outcome(verdict)
}

/// `[NAME@]HOST Accessed URL HOST:URL`.
fn url(text: &str) -> Option<Finding> {
    let denied = text.contains(" Access denied ");
    let (who, _) = word(text);
    let (user, host) = who
        .rsplit_once('@')
        .map_or((None, who), |(user, host)| (Some(user), host));
    let (_, target) = text.split_once(" URL ")?;
    let url = target.split_once(':').map_or(target, |(_, url)| url);
    let found = Finding::of(action::HTTP_REQUEST).successful(!denied);
    Some(found.actor(user).origin(host).resource("url").object(url))
}

/// Connections built, torn down and refused.
fn flow(number: &str, text: &str) -> Option<Finding> {
    let (from, to) = ends(text)?;
    let opened = text.starts_with("Built ");
    let closed = text.starts_with("Teardown ");
    let lower = text.to_ascii_lowercase();
    let refused = [
        "deny", "denied", "drop", "discard", "exceeded", "invalid", "bad ",
    ];
    // An outbound connection is named by the outside first.
    let (from, to) = if text.contains(" outbound ") {
        (to, from)
    } else {
        (from, to)
    };
    let found = Finding::of(action::FIREWALL_LOG);
    let found = if opened || closed {
        found
            .outcome(Some("allowed"))
            .attr("verb", if opened { "built" } else { "teardown" })
    } else if number.starts_with("106") || refused.iter().any(|w| lower.contains(w)) {
        found.outcome(Some("denied"))
    } else {
        found
    };
    let bytes = between(&format!("{text} "), "bytes ", " ").and_then(|b| b.parse().ok());
    let proto = ["tcp", "udp", "icmp", "gre", "esp"]
        .iter()
        .find(|p| lower.split([' ', '/', '=', ',']).any(|w| w == **p));
    let found = found
        .origin(from)
        .bytes(bytes)
        .attr("proto", proto.map(|p| p.to_ascii_uppercase()));
    Some(match scan::endpoint(to) {
        Some((ip, port)) => found.attr("dst_ip", ip.to_string()).attr("dst_port", port),
        None => found,
    })
}

/// The two ends: `from A to B`, `src A dst B`, `for A (…) to B`, `src = A, dest = B`.
fn ends(text: &str) -> Option<(&str, &str)> {
    let markers = [
        (" from ", " to "),
        (" src ", " dst "),
        (" for ", " to "),
        (" src = ", " dest = "),
        (" list ", " -> "),
    ];
    markers.iter().find_map(|(first, second)| {
        let (_, rest) = text.split_once(first)?;
        let (before, after) = rest.split_once(second)?;
        let (from, to) = (before.split(' ').find(|w| !w.is_empty())?, word(after).0);
        let (from, to) = (without_interface(from), without_interface(to));
        scan::endpoint(from).map(|_| (from, to))
    })
}

/// `outside:1.2.3.4/80`.
fn without_interface(text: &str) -> &str {
    let text = text.trim_end_matches(',');
    match text.split_once(':') {
        Some((_, rest)) if scan::endpoint(text).is_none() && scan::endpoint(rest).is_some() => rest,
        _ => text,
    }
}
