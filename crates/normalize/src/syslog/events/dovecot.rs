//! Dovecot: the login processes and the authentication workers.

use super::scan::{self, between};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "dovecot",
        "imap-login",
        "pop3-login",
        "managesieve-login",
        "submission-login",
        "lmtp-login",
        "auth",
        "auth-worker",
        "dovecot-auth",
        "imap",
        "pop3",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let found = client(text).or_else(|| backend(text))?;
    let service = text.split(':').next().filter(|s| s.ends_with("-login"));
    Some(found.service(service.unwrap_or(&report.program)))
}

/// Lines of its own file: `auth(USER,HOST,…)<…>: Info: sql: Password mismatch`.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let rest = text.strip_prefix("auth(")?;
    let (who, rest) = rest.split_once(')')?;
    let failed = failure(rest)?;
    Some(named(
        Finding::of(action::LOGIN).failed().attr("reason", failed),
        who,
    ))
}

/// `…: Login: user=<USER>, method=PLAIN, rip=HOST, lip=…`; the user stands in brackets which a
/// name can hold, so the markers must each occur once.
fn client(text: &str) -> Option<Finding> {
    let host = scan::single_between(text, " rip=", ",")
        .or_else(|| Some(scan::split_single(text, " rip=")?.1));
    let user = scan::split_single(text, "user=<").and_then(|(_, rest)| {
        let ends = [">, method=", ">, rip="];
        ends.iter()
            .find_map(|end| scan::split_single(rest, end))
            .map(|(user, _)| user)
    });
    let user = user.filter(|_| host.is_some());
    if host.is_none() && user.is_none() {
        return None;
    }
    let method = scan::single_between(text, " method=", ",");
    let head = text.split(" user=<").next().unwrap_or(text);
    let found = if head.contains("Login:") {
        Finding::of(action::LOGIN).succeeded()
    } else if head.contains("auth failed") || head.contains("disallowed plaintext") {
        Finding::of(action::LOGIN)
            .failed()
            .attr("reason", between(head, "(", ")"))
    } else if head.contains("isconnected") || head.contains("aborted") || head.contains("Aborted") {
        Finding::of(action::DISCONNECT).attr("reason", between(head, "(", ")"))
    } else {
        return None;
    };
    Some(found.actor(user).origin(host).attr("method", method))
}

/// `auth-worker(1): … sql(USER,HOST,<SESSION>): unknown user`.
fn backend(text: &str) -> Option<Finding> {
    let drivers = [
        "pam(",
        "sql(",
        "ldap(",
        "passwd-file(",
        "passwd(",
        "static(",
        "policy(",
    ];
    let (at, start) = drivers
        .iter()
        .filter_map(|d| Some((text.find(d)?, d.len())))
        .min()?;
    let rest = text.get(at + start..)?;
    let found = |reason: &str| Finding::of(action::LOGIN).failed().attr("reason", reason);
    match scan::split_single(rest, "): ") {
        Some((who, message)) => Some(named(found(failure(message)?), who)),
        None => Some(found(failure(rest.rsplit_once("): ")?.1)?).attr("ambiguous", true)),
    }
}

/// `USER,HOST[,<SESSION>]`: a name may hold commas, so the address is looked for from the end.
fn named(found: Finding, who: &str) -> Finding {
    let (head, last) = who.rsplit_once(',').unwrap_or(("", who));
    let session = last.is_empty()
        || last.starts_with("sasl:")
        || (last.starts_with('<') && last.ends_with('>'));
    match (if session { head } else { who }).rsplit_once(',') {
        Some((user, host)) => found.actor(user).origin(host),
        None => found.attr("ambiguous", true),
    }
}

fn failure(text: &str) -> Option<&str> {
    let words = [
        "unknown user",
        "assword mismatch",
        "failed",
        "nvalid credentials",
        "uthentication failure",
    ];
    words.iter().any(|w| text.contains(w)).then(|| {
        // What was given as password is nobody's business.
        let end = text
            .find("(given password")
            .or_else(|| text.find("(SHA1 of"))
            .unwrap_or(text.len());
        text.get(..end)
            .unwrap_or_default()
            .trim_start_matches([':', ' '])
            .trim_end()
    })
}
