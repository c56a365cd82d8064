//! Asterisk's security log: `SecurityEvent="…",AccountID="…",RemoteAddress="IPV4/UDP/HOST/PORT"`.

use std::net::IpAddr;

use super::scan::{Pairs, address, between, split_single};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["asterisk"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let Some(at) = text.find("SecurityEvent=") else {
        return registration(text);
    };
    let pairs = Pairs::of(text.get(at..)?);
    let event = pairs.get("SecurityEvent")?;
    let found = match event {
        "SuccessfulAuth" => Finding::of(action::LOGIN).succeeded(),
        "InvalidAccountID"
        | "InvalidPassword"
        | "ChallengeResponseFailed"
        | "FailedACL"
        | "AuthMethodNotAllowed"
        | "InvalidTransport" => Finding::of(action::LOGIN).failed(),
        "ChallengeSent" => Finding::of(action::LOGIN_ATTEMPT),
        _ => Finding::of(action::DETECTION),
    };
    let plain = text
        .get(at..)?
        .trim_end()
        .trim_end_matches('"')
        .split("\",")
        .all(is_pair);
    if !pairs.sound() || !plain {
        return Some(found.attr("reason", event).attr("ambiguous", true));
    }
    let (ip, port) = remote(pairs.get("RemoteAddress"));
    let found = found
        .actor(pairs.get("AccountID"))
        .ip(ip)
        .attr("src_port", port);
    Some(
        found
            .attr("reason", event)
            .service(pairs.get("Service").unwrap_or("sip")),
    )
}

/// `Key="value` without another quote.
fn is_pair(text: &str) -> bool {
    let value = text.split_once("=\"");
    value.is_some_and(|(key, value)| {
        key.bytes().all(|b| b.is_ascii_alphanumeric()) && !value.contains('"')
    })
}

/// `IPV4/TCP/192.168.100.12/33021`.
fn remote(text: Option<&str>) -> (Option<IpAddr>, Option<u16>) {
    let mut parts = text.unwrap_or_default().split('/').skip(2);
    (
        parts.next().and_then(address),
        parts.next().and_then(|p| p.parse().ok()),
    )
}

/// `NOTICE[…] chan_sip.c: Registration from '"USER" <…>' failed for 'HOST:PORT' - Wrong password`.
/// The sender's name comes first and the address last.
fn registration(text: &str) -> Option<Finding> {
    let (from, rest) = split_single(text, "' failed for '")?;
    let (host, reason) = rest.split_once('\'')?;
    let user = between(from, "sip:", "@");
    let found = Finding::of(action::LOGIN).failed().origin(host).actor(user);
    Some(
        found
            .attr("reason", reason.trim_start_matches([' ', '-']))
            .service("sip"),
    )
}
