//! Dropbear, the small SSH server of routers.

use super::scan::{self, split_single};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["dropbear"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    Some(message(inner(report.message))?.service("ssh"))
}

/// Some systems log `[825] Jul 10 23:53:52 ` once more inside the message.
fn inner(text: &str) -> &str {
    let stamped = text.strip_prefix('[').and_then(|t| t.split_once("] "));
    match stamped {
        Some((pid, rest)) if pid.bytes().all(|b| b.is_ascii_digit()) => {
            rest.get(16..).unwrap_or(rest)
        }
        _ => text,
    }
}

fn message(text: &str) -> Option<Finding> {
    let failed = || Finding::of(action::LOGIN).failed();
    let lower = text.get(..1)?.to_ascii_lowercase() + text.get(1..)?;
    if let Some(who) = lower.strip_prefix("bad password attempt for ") {
        return Some(quoted(failed().attr("method", "password"), who));
    }
    if let Some(who) = lower.strip_prefix("bad PAM password attempt for ") {
        return Some(quoted(failed().attr("method", "password"), who));
    }
    if let Some(origin) = lower.strip_prefix("login attempt for nonexistent user from ") {
        return Some(failed().attr("invalid_user", true).origin(origin));
    }
    if lower.starts_with("login attempt for nonexistent user '") {
        return Some(quoted(
            failed().attr("invalid_user", true),
            lower.get(35..)?,
        ));
    }
    for (start, method) in [
        ("password auth succeeded for ", "password"),
        ("PAM password auth succeeded for ", "password"),
        ("pubkey auth succeeded for ", "publickey"),
    ] {
        if let Some(who) = lower.strip_prefix(start) {
            let found = Finding::of(action::LOGIN)
                .succeeded()
                .attr("method", method);
            return Some(quoted(found, who));
        }
    }
    if let Some(rest) = text.strip_prefix("Exit before auth") {
        return Some(exit(rest));
    }
    if let Some(rest) = text.strip_prefix("Exit (") {
        let (user, rest) = split_single(rest, ")")?;
        let found = Finding::of(action::LOGOUT).succeeded().actor(user);
        return Some(found.origin(scan::between(rest, "from <", ">")));
    }
    let origin = text.strip_prefix("Child connection from ")?;
    Some(Finding::of(action::CONNECTION).origin(origin))
}

/// `'USER' [with key …] from HOST:PORT`, the origin being last.
fn quoted(found: Finding, text: &str) -> Finding {
    let Some((who, origin)) = text.rsplit_once(" from ") else {
        return found;
    };
    let name = who.strip_prefix('\'').and_then(|n| split_single(n, "'"));
    found.actor(name.map(|(name, _)| name)).origin(origin)
}

/// `[ from <HOST:PORT>]: [(user 'X', N fails): ]REASON[ - user 'X'[ from HOST:PORT]]`.
fn exit(text: &str) -> Finding {
    let found = Finding::of(action::DISCONNECT).failed();
    let user = text.split_once("(user '").and_then(|(_, rest)| {
        let (named, _) = split_single(rest, " fails): ")?;
        Some(named.rsplit_once("', ")?.0)
    });
    let origin = match text.strip_prefix(" from <") {
        Some(rest) => rest.split_once('>').map(|(origin, _)| origin),
        None => text.rsplit_once("' from ").map(|(_, origin)| origin),
    };
    found.actor(user).origin(origin)
}
