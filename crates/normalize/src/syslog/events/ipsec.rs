//! IPsec: strongSwan's charon, and the sentences that Libreswan's pluto and racoon share with it.

use super::scan::{self, between, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "charon",
        "charon-systemd",
        "ipsec",
        "pluto",
        "racoon",
        "strongswan",
        "iked",
        "swanctl",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let (connection, text) = thread(report.message);
    let found = login(text)
        .or_else(|| security_association(text))
        .or_else(|| packet(text))?;
    Some(found.attr("connection", connection).service("ipsec"))
}

/// `06[IKE] <con1|62> MESSAGE`.
fn thread(text: &str) -> (&str, &str) {
    let (head, rest) = word(text);
    let threaded = head.ends_with(']') && head.starts_with(|c: char| c.is_ascii_digit());
    let text = if threaded { rest } else { text };
    match text.strip_prefix('<').and_then(|t| t.split_once("> ")) {
        Some((connection, rest)) if !connection.contains(' ') => (connection, rest),
        _ => ("", text),
    }
}

fn login(text: &str) -> Option<Finding> {
    let login = || Finding::of(action::LOGIN);
    if let Some((method, user)) = text.split_once(" username: '") {
        let found = Finding::of(action::LOGIN_ATTEMPT).attr("method", method);
        return Some(found.actor(user.trim_end_matches('\'')));
    }
    if let Some((method, _)) = text.split_once(" verification failed") {
        return Some(login().failed().attr("method", method));
    }
    if let Some(hosts) = text.strip_prefix("no EAP key found for hosts '") {
        let user = hosts.rsplit_once("' - '")?.1;
        return Some(
            login()
                .failed()
                .actor(user.trim_end_matches('\''))
                .attr("invalid_user", true),
        );
    }
    if text.contains("authentication of '") {
        let (who, rest) = scan::split_single(text, "authentication of '")?
            .1
            .split_once('\'')?;
        if rest.starts_with(" (myself)") {
            return None;
        }
        let method = between(rest, "with ", " ").unwrap_or_default();
        let success = rest.trim_end().ends_with("successful");
        return Some(
            login()
                .successful(success)
                .actor(who)
                .attr("method", method),
        );
    }
    if let Some(rest) = text.strip_prefix("received ")
        && rest.contains("AUTHENTICATION_FAILED")
    {
        return Some(login().failed().attr("reason", "AUTHENTICATION_FAILED"));
    }
    if let Some(rest) = text.strip_prefix("assigning virtual IP ") {
        let (ip, rest) = word(rest);
        let peer = rest
            .strip_prefix("to peer '")
            .map(|p| p.trim_end_matches('\''));
        let found = Finding::of("address_assigned").succeeded().actor(peer);
        return Some(found.attr("assigned_ip", ip));
    }
    None
}

fn security_association(text: &str) -> Option<Finding> {
    if let Some((ip, _)) = text.split_once(" is initiating a") {
        return Some(Finding::of(action::CONNECTION).origin(word(ip).0));
    }
    if let Some(rest) = text.strip_prefix("deleting half open IKE_SA with ") {
        let found = Finding::of(action::CONNECTION)
            .failed()
            .origin(word(rest).0);
        return Some(found.attr("reason", "time-out"));
    }
    // `IKE_SA con[1] established between LOCAL[id]...REMOTE[id]`
    let opened = text.contains("established between ");
    let closed = text.starts_with("deleting IKE_SA ");
    if !opened && !closed {
        return None;
    }
    let kind = if opened {
        action::SESSION_OPEN
    } else {
        action::SESSION_CLOSE
    };
    let remote = text.split_once("...")?.1;
    let (host, id) = remote.split_once('[')?;
    let peer = id.rsplit_once(']').map_or(id, |(id, _)| id);
    let found = Finding::of(kind).succeeded().origin(host);
    // An id that is an address says no more than the address.
    Some(if scan::address(peer).is_some() {
        found
    } else {
        found.actor(peer)
    })
}

fn packet(text: &str) -> Option<Finding> {
    let (verb, rest) = text.split_once(" packet: from ")?;
    let (from, rest) = word(rest);
    let (to, _) = word(rest.strip_prefix("to ")?);
    let remote = if verb == "received" { from } else { to };
    let bytes = between(text, "(", " bytes)").and_then(|b| b.parse().ok());
    Some(
        Finding::of("packet")
            .origin(remote)
            .bytes(bytes)
            .attr("direction", verb),
    )
}
