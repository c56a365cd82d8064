//! Webmin: syslog sentences and its own action log.

use super::scan::{address, between, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["webmin", "usermin", "miniserv.pl"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let login = || Finding::of(action::LOGIN).service("webmin");
    let starts = [
        ("Invalid login as ", false),
        ("Non-existent login as ", false),
        ("Successful login as ", true),
        ("Security alert: Host ", false),
    ];
    for (start, success) in starts {
        if let Some(rest) = text.strip_prefix(start) {
            let (user, host) = rest.rsplit_once(" from ")?;
            return Some(login().successful(success).actor(user).origin(host));
        }
    }
    let user = text.strip_prefix("Logout by ")?;
    let (user, host) = user.rsplit_once(" from ").unwrap_or((user, ""));
    Some(
        Finding::of(action::LOGOUT)
            .succeeded()
            .actor(user)
            .origin(host)
            .service("webmin"),
    )
}

/// `1690466818.2161960.0 [27/Jul/2023 16:06:58] admin - 192.168.0.100 global miniserv.pl "failed"
/// "-" "wrongpass"`.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let (id, rest) = text.split_once(" [")?;
    let (_, rest) = rest.split_once("] ")?;
    let (user, rest) = word(rest);
    let (_session, rest) = word(rest);
    let (host, rest) = word(rest);
    if !id.bytes().all(|b| b.is_ascii_digit() || b == b'.') || address(host).is_none() {
        return None;
    }
    let (module, _) = word(rest);
    let verb = between(rest, "\"", "\"")?;
    let found = match verb {
        "failed" => Finding::of(action::LOGIN).failed(),
        "login" => Finding::of(action::LOGIN).succeeded(),
        "logout" => Finding::of(action::LOGOUT).succeeded(),
        other => Finding::of(action::CONFIG_CHANGE).attr("verb", other),
    };
    let reason = rest.rsplit('"').nth(1).filter(|_| verb == "failed");
    let seconds: Option<i64> = id.split('.').next().and_then(|s| s.parse().ok());
    let at = seconds
        .and_then(|s| s.checked_mul(1_000_000))
        .filter(|m| (0..253_402_300_800_000_000).contains(m));
    let found = found.at(at.map(domain::time::Timestamp::from_micros));
    Some(
        found
            .actor(user)
            .origin(host)
            .attr("module", module)
            .attr("reason", reason)
            .service("webmin"),
    )
}
