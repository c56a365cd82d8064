//! Linux-PAM modules, whatever program they speak through.

use super::scan::{self, split_single};
use super::{Finding, Report};
use crate::action;

/// Reads a message of a PAM module; found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let (service, text) = module(report)?;
    let found = message(text)?;
    Some(match service {
        Some(service) if !service.is_empty() => found.service(service),
        _ => found,
    })
}

/// The PAM service and the message: `pam_unix(sshd:auth): …`, `(pam_unix) …`, `pam_unix: …`, a
/// tag such as `su(pam_unix)`, or a message that only a PAM module writes.
fn module<'a>(report: &Report<'a>) -> Option<(Option<&'a str>, &'a str)> {
    let text = report.message;
    if let Some(rest) = text.strip_prefix("(pam_") {
        return Some((None, rest.split_once(") ")?.1));
    }
    if let Some(rest) = text.strip_prefix("pam_") {
        let (name, rest) = rest.split_once(':')?;
        // `pam_unix(sshd:auth): …`; some modules leave the service out.
        if let Some((_, service)) = name.split_once('(')
            && !service.ends_with(')')
        {
            let (kind, rest) = rest.split_once("): ")?;
            return (!kind.contains(' ')).then_some((Some(service), rest));
        }
        return Some((None, rest.trim_start()));
    }
    let tagged = report
        .header
        .appname
        .as_deref()
        .is_some_and(|a| a.contains("(pam_"));
    let own = text.contains("authentication failure; logname=")
        || text.contains("more authentication failure");
    if tagged || own {
        return Some((None, text.strip_prefix("PAM ").unwrap_or(text)));
    }
    None
}

fn message(text: &str) -> Option<Finding> {
    let failed = || Finding::of(action::LOGIN).failed();
    let counted = text.split_once(" more authentication failure");
    if let Some((count, rest)) = counted
        && count.bytes().all(|b| b.is_ascii_digit())
    {
        let rest = rest.split_once(';').map_or("", |(_, rest)| rest);
        return Some(values(failed().number("count", count), rest));
    }
    if let Some(rest) = text.strip_prefix("authentication failure;") {
        return Some(values(failed(), rest));
    }
    if let Some(rest) = text.strip_prefix("session opened for user ") {
        let (user, by) = rest.rsplit_once(" by ").unwrap_or((rest, ""));
        let found = Finding::of(action::SESSION_OPEN).succeeded();
        return Some(found.actor(without_id(user)).attr("by", without_id(by)));
    }
    if let Some(user) = text.strip_prefix("session closed for user ") {
        return Some(Finding::of(action::SESSION_CLOSE).succeeded().actor(user));
    }
    if text.starts_with("check pass; user unknown") {
        return Some(
            Finding::of(action::LOGIN_ATTEMPT)
                .failed()
                .attr("invalid_user", true),
        );
    }
    if let Some(user) = text.strip_prefix("password changed for ") {
        return Some(
            Finding::of(action::PASSWORD_CHANGE)
                .succeeded()
                .object(user),
        );
    }
    if text.starts_with("Failed to create session") {
        return Some(
            Finding::of(action::SESSION_OPEN)
                .failed()
                .attr("reason", text),
        );
    }
    if let Some(user) = text.strip_prefix("auth could not identify password for [") {
        return Some(failed().actor(user.trim_end_matches(']')));
    }
    locked(text).or_else(|| expired(text))
}

/// `pam_tally2`, `pam_faillock`.
fn locked(text: &str) -> Option<Finding> {
    if let Some(rest) = text.strip_prefix("user ") {
        let (user, rest) = split_single(rest, " (")?;
        let (_, tally) = rest.split_once(") tally ")?;
        let found = Finding::of(action::LOGIN).failed().actor(user);
        return Some(
            found
                .attr("reason", "too many attempts")
                .number("tally", tally.split(',').next()?),
        );
    }
    let rest = text.strip_prefix("Consecutive login failures for user ")?;
    let (user, _) = rest.rsplit_once(" account ")?;
    Some(Finding::of(action::ACCOUNT_LOCK).succeeded().object(user))
}

fn expired(text: &str) -> Option<Finding> {
    let rest = text.strip_prefix("account ")?;
    let (user, _) = split_single(rest, " has expired")?;
    let found = Finding::of(action::LOGIN).failed().actor(user);
    Some(found.attr("reason", "account expired"))
}

/// `root(uid=0)` and `(uid=0)`.
fn without_id(user: &str) -> &str {
    user.split_once("(uid=").map_or(user, |(user, _)| user)
}

/// `logname= uid=0 euid=0 tty=ssh ruser=NAME rhost=HOST  user=USER`. Names may hold spaces and look
/// like further values: the order is what counts, and an address that could be another one, or a
/// user that could be part of one, is not taken.
fn values(found: Finding, text: &str) -> Finding {
    let text = text.trim_end();
    let Some((before, after)) = split_single(text, " rhost=") else {
        return found.attr("ambiguous", text.contains(" rhost=").then_some(true));
    };
    let Some((head, remote)) = split_single(before, " ruser=") else {
        return found.attr("ambiguous", true);
    };
    let tty = head.split_once(" tty=").map(|(_, tty)| tty);
    let (host, rest) = after.split_once(' ').unwrap_or((after, ""));
    let user = match rest.trim_start().strip_prefix("user=") {
        // A user may be called "x [preauth]".
        Some(user) if user.contains(" user=") || user.ends_with(" [preauth]") => {
            return found.attr("ambiguous", true);
        }
        user => user,
    };
    let named = user.and_then(scan::somebody).or(scan::somebody(remote));
    found
        .attr("tty", tty)
        .attr("ruser", remote)
        .actor(named)
        .origin(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(text: &str) -> (Option<String>, Option<String>) {
        let record = values(Finding::of("x"), text).finish();
        (record.actor, record.ip.map(|ip| ip.to_string()))
    }

    #[test]
    fn injected_values_are_not_taken() {
        let table = [
            (
                " logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root",
                Some("root"),
                Some("192.0.2.1"),
            ),
            (
                " logname= uid=0 euid=0 tty=ftp ruser=bob rhost=192.0.2.1",
                Some("bob"),
                Some("192.0.2.1"),
            ),
            (
                " logname= uid=0 euid=0 tty=x ruser=t rhost=192.0.2.151 rhost=192.0.2.1",
                None,
                None,
            ),
            (
                " logname= uid=0 euid=0 tty=x ruser= rhost=192.0.2.2 user=t rhost=192.0.2.152",
                None,
                None,
            ),
            (
                " logname= uid=0 euid=0 tty=x ruser= rhost=192.0.2.2  user=t user=root",
                None,
                None,
            ),
            (
                " logname= uid=0 euid=0 tty=x ruser= rhost=h.example  user=a b",
                Some("a b"),
                None,
            ),
        ];
        for (text, actor, ip) in table {
            let (a, i) = who(text);
            assert_eq!((a.as_deref(), i.as_deref()), (actor, ip), "{text}");
        }
    }
}
