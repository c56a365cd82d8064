//! OpenSSH's server, also as `sshd-session` (since 9.8), and on macOS and Solaris.

use super::scan::{self, word};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["sshd", "sshd-session", "sshd-auth", "ssh", "in.sshd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let (text, before_login) = match text.strip_suffix("[preauth]") {
        Some(text) => (text.trim_end(), true),
        None => (text, false),
    };
    let text = without_level(text);
    let found = login(text)
        .or_else(|| refusal(text))
        .or_else(|| ending(text, before_login))
        .or_else(|| connection(text))
        .or_else(|| session(text))?;
    Some(found.service("ssh"))
}

fn without_level(text: &str) -> &str {
    ["error: ", "fatal: ", "debug1: ", "debug2: ", "debug3: "]
        .iter()
        .find_map(|level| text.strip_prefix(level))
        .unwrap_or(text)
}

/// User and origin of `USER from HOST[ port N][ ssh2[: KEY]][ via ADDRESS]`.
struct Who<'a> {
    user: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    key: &'a str,
}

/// The one reading of the text; `None` when it has none or several. A user may be called
/// `root from 1.2.3.4 port 22 ssh2`: then only the last ` from ` is followed by what sshd writes.
/// `keyed` says whether this message can tell of a key, which ends the line with free text.
fn who(text: &str, keyed: bool) -> Option<Who<'_>> {
    let mut readings = text.match_indices(" from ").filter_map(|(at, marker)| {
        let (host, tail) = word(text.get(at + marker.len()..)?);
        let mut who = Who {
            user: text.get(..at)?,
            host,
            port: None,
            key: "",
        };
        origin_tail(tail, keyed, &mut who)?;
        Some(who)
    });
    let first = readings.next()?;
    readings.next().is_none().then_some(first)
}

fn origin_tail<'a>(tail: &'a str, keyed: bool, who: &mut Who<'a>) -> Option<()> {
    if tail.is_empty() || (tail.starts_with("via ") && scan::address(tail.get(4..)?).is_some()) {
        return scan::address(who.host).map(|_| ());
    }
    let (port, rest) = word(tail.strip_prefix("port ")?);
    port.parse::<u16>().ok()?;
    who.port = Some(port);
    let (version, key) = rest.split_once(": ").unwrap_or((rest, ""));
    who.key = key;
    let known = matches!(version, "" | "ssh1" | "ssh2");
    // Only version 1 told more than a key here: the remote user's name.
    let told = key.is_empty() || keyed || version == "ssh1";
    (known && told).then_some(())
}

fn login(text: &str) -> Option<Finding> {
    let (accepted, rest) = if let Some(rest) = text.strip_prefix("Accepted ") {
        (true, rest)
    } else if let Some(rest) = text.strip_prefix("Failed ") {
        (false, rest)
    } else if let Some(rest) = text.strip_prefix("Postponed ") {
        let (method, rest) = rest.split_once(" for ")?;
        let found = Finding::of(action::LOGIN_ATTEMPT).attr("method", method);
        return Some(found_user(found, rest, true));
    } else {
        return None;
    };
    let (method, rest) = rest.split_once(" for ")?;
    if method.contains(' ') {
        return None;
    }
    let found = Finding::of(action::LOGIN)
        .successful(accepted)
        .attr("method", method);
    let keyed = matches!(method, "publickey" | "hostbased" | "rsa" | "dsa");
    Some(found_user(found, rest, keyed))
}

/// Adds user and origin where the text has one reading, and nobody where it has several.
fn found_user(found: Finding, text: &str, keyed: bool) -> Finding {
    let (text, invalid) = match text
        .strip_prefix("invalid user ")
        .or_else(|| text.strip_prefix("illegal user "))
    {
        Some(rest) => (rest, true),
        None => (text, text.starts_with("<invalid username>")),
    };
    let found = if invalid {
        found.attr("invalid_user", true)
    } else {
        found
    };
    match who(text, keyed) {
        None => found.attr("ambiguous", true),
        Some(who) => {
            let found = found.actor(who.user).origin(who.host);
            let found = found.attr("key", who.key);
            match who.port {
                Some(port) => found.number("src_port", port),
                None => found,
            }
        }
    }
}

fn refusal(text: &str) -> Option<Finding> {
    let failed = || Finding::of(action::LOGIN).failed();
    for start in ["Invalid user ", "Illegal user "] {
        if let Some(rest) = text.strip_prefix(start) {
            return Some(found_user(failed().attr("invalid_user", true), rest, false));
        }
    }
    if let Some(rest) = text.strip_prefix("maximum authentication attempts exceeded for ") {
        return Some(found_user(
            failed().attr("reason", "too many attempts"),
            rest,
            false,
        ));
    }
    if let Some(rest) = text.strip_prefix("PAM: ") {
        let (reason, who) = rest.split_once(" for ")?;
        return Some(found_user(failed().attr("reason", reason), who, false));
    }
    if let Some(rest) = text.strip_prefix("ROOT LOGIN REFUSED FROM ") {
        let (host, tail) = word(rest);
        let found = failed().actor("root").origin(host);
        return Some(with_port(found, tail));
    }
    if let Some(rest) = text.strip_prefix("User ") {
        return not_allowed(rest);
    }
    if let Some(rest) = text.strip_prefix("Access denied for user ") {
        let (user, reason) = rest.rsplit_once(" by ")?;
        return Some(failed().actor(user).attr("reason", reason));
    }
    if let Some(rest) = text.strip_prefix("input_userauth_request: invalid user ") {
        let found = Finding::of(action::LOGIN_ATTEMPT).failed();
        return Some(found.actor(rest).attr("invalid_user", true));
    }
    None
}

/// `USER from HOST not allowed because REASON`: the reason is sshd's own, so the last one counts.
fn not_allowed(text: &str) -> Option<Finding> {
    let (who, reason) = text.rsplit_once(" not allowed because ")?;
    let found = Finding::of(action::LOGIN).failed().attr("reason", reason);
    let (user, host) = who.rsplit_once(" from ")?;
    Some(found.actor(user).origin(host))
}

fn with_port(found: Finding, tail: &str) -> Finding {
    match tail.strip_prefix("port ") {
        Some(port) => found.number("src_port", word(port).0),
        None => found,
    }
}

/// `Connection closed by …`, `Disconnected from …`: `[KIND user ]USER HOST port N` at the end.
fn ending(text: &str, before_login: bool) -> Option<Finding> {
    let rest = [
        "Connection closed by ",
        "Connection reset by ",
        "Disconnected from ",
        "Disconnecting ",
    ]
    .iter()
    .find_map(|start| text.strip_prefix(start));
    let Some(rest) = rest else {
        let rest = text.strip_prefix("Received disconnect from ")?;
        let (host, tail) = word(rest);
        let found = Finding::of(action::DISCONNECT).origin(host.trim_end_matches(':'));
        return Some(with_port(found, tail.split(':').next().unwrap_or_default()));
    };
    let (kind, who) = ["authenticating user ", "invalid user ", "user "]
        .iter()
        .find_map(|kind| Some((*kind, rest.strip_prefix(kind)?)))
        .unwrap_or(("", rest));
    let (user, host, port, reason) = end_of_connection(who)?;
    let over = kind == "user " && !before_login;
    let found = if over {
        Finding::of(action::LOGOUT).succeeded()
    } else if before_login || !kind.is_empty() {
        Finding::of(action::DISCONNECT).failed()
    } else {
        Finding::of(action::DISCONNECT)
    };
    let found = found.attr("reason", reason).origin(host);
    let found = match port {
        Some(port) => found.number("src_port", port),
        None => found,
    };
    if kind.is_empty() {
        return Some(found);
    }
    let found = if kind.starts_with("invalid") {
        found.attr("invalid_user", true)
    } else {
        found
    };
    Some(found.actor(user))
}

type Ending<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

/// User, host, port and reason. Host and port end the line, or a reason follows a colon; a text
/// that can be cut in several ways is not cut.
fn end_of_connection(text: &str) -> Option<Ending<'_>> {
    let mut readings = text.match_indices(" port ").filter_map(|(at, marker)| {
        let before = text.get(..at)?;
        let tail = text.get(at + marker.len()..)?;
        let (port, reason) = tail.split_once(": ").unwrap_or((tail, ""));
        port.parse::<u16>().ok()?;
        let (user, host) = before.rsplit_once(' ').unwrap_or(("", before));
        scan::address(host)?;
        Some((user, host, Some(port), reason))
    });
    match (readings.next(), readings.next()) {
        (Some(reading), None) => Some(reading),
        (None, _) => scan::address(text).map(|_| ("", text, None, "")),
        _ => None,
    }
}

/// What happens before anyone names himself: the address comes first or last.
fn connection(text: &str) -> Option<Finding> {
    let failed = || Finding::of(action::CONNECTION).failed();
    if let Some(rest) = text.strip_prefix("Connection from ") {
        let (host, tail) = word(rest);
        return Some(with_port(
            Finding::of(action::CONNECTION).origin(host),
            tail,
        ));
    }
    let first = [
        ("Unable to negotiate with ", "no common algorithm"),
        ("ssh_dispatch_run_fatal: Connection from ", "broken"),
        (
            "Timeout before authentication for connection from ",
            "time-out",
        ),
        ("Timeout before authentication for ", "time-out"),
        (
            "Did not receive identification string from ",
            "no identification",
        ),
        ("banner exchange: Connection from ", "bad identification"),
    ];
    for (start, reason) in first {
        if let Some(rest) = text.strip_prefix(start) {
            let (host, tail) = word(rest);
            let found = failed()
                .origin(host.trim_end_matches(':'))
                .attr("reason", reason);
            return Some(with_port(found, tail.split(':').next().unwrap_or_default()));
        }
    }
    broken(text)
}

/// Addresses that come last, and messages that tell none.
fn broken(text: &str) -> Option<Finding> {
    let failed = || Finding::of(action::CONNECTION).failed();
    if text.starts_with("Bad protocol version identification '") {
        let (_, origin) = text.rsplit_once("' from ")?;
        let (host, tail) = word(origin);
        let found = failed().origin(host).attr("reason", "bad identification");
        return Some(with_port(found, tail));
    }
    if text.starts_with("refused connect from ") {
        let (_, host) = text.rsplit_once('(')?;
        return Some(
            failed()
                .origin(host.trim_end_matches(')'))
                .attr("reason", "refused"),
        );
    }
    if text.starts_with("kex_exchange_identification: ")
        || text.starts_with("Read from socket failed: ")
        || text.starts_with("Unable to negotiate a key exchange method")
        || text.starts_with("Corrupted MAC on input")
    {
        return Some(failed().attr("reason", text));
    }
    let reverse = scan::between(text, "reverse mapping checking getaddrinfo for ", " failed");
    if let Some(names) = reverse {
        let host = names.rsplit_once(" [")?.1;
        return Some(
            failed()
                .origin(host.trim_end_matches(']'))
                .attr("reason", "reverse name"),
        );
    }
    if let Some(rest) = text.strip_prefix("Address ") {
        return Some(failed().origin(word(rest).0).attr("reason", "reverse name"));
    }
    None
}

fn session(text: &str) -> Option<Finding> {
    if let Some(rest) = text.strip_prefix("Starting session: ") {
        let (kind, who_text) = rest.split_once(" for ")?;
        let origin = who_text
            .rsplit_once(" id ")
            .map_or(who_text, |(who, _)| who);
        let found = Finding::of(action::SESSION_OPEN)
            .succeeded()
            .attr("session", kind);
        return Some(found_user(found, origin, false));
    }
    if let Some(rest) = text.strip_prefix("Close session: user ") {
        let origin = rest.rsplit_once(" id ").map_or(rest, |(who, _)| who);
        let found = Finding::of(action::SESSION_CLOSE).succeeded();
        return Some(found_user(found, origin, false));
    }
    if let Some(rest) = text.strip_prefix("subsystem request for ") {
        let (subsystem, user) = rest.split_once(" by user ")?;
        let found = Finding::of(action::SESSION_OPEN).succeeded();
        return Some(found.actor(user).attr("session", subsystem));
    }
    if text.starts_with("Server listening on ") {
        return Some(Finding::of(action::SERVICE_START));
    }
    if text.starts_with("Received signal ") {
        return Some(Finding::of(action::SERVICE_STOP));
    }
    if text.starts_with("SSH: Server;") && text.contains(";Name: ") {
        let (head, user) = scan::split_single(text, ";Name: ")?;
        let remote = scan::between(head, "Remote: ", ";")
            .or_else(|| Some(head.rsplit_once("Remote: ")?.1))?;
        let host = remote.rsplit_once('-').map_or(remote, |(host, _)| host);
        return Some(Finding::of(action::LOGIN_ATTEMPT).actor(user).origin(host));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (String, Option<String>, Option<String>) {
        let record = login(text)
            .or_else(|| refusal(text))
            .or_else(|| ending(text, true))
            .or_else(|| connection(text))
            .or_else(|| session(text))
            .map(Finding::finish)
            .unwrap_or_default();
        (
            record.action,
            record.actor,
            record.ip.map(|ip| ip.to_string()),
        )
    }

    #[test]
    fn no_name_moves_the_address() {
        let real = "203.0.113.9";
        let names = [
            "root",
            "a b",
            "from",
            "from 1.2.3.4",
            "root from 1.2.3.4 port 22 ssh2",
            "root from 1.2.3.4",
            "root from 1.2.3.4 port 22 ssh2: RSA x",
            "x port 22",
            "root not allowed because x",
            "a from 1.2.3.4 not allowed because b",
            "1.2.3.4 port 1",
            "for root from 1.2.3.4 port 22",
        ];
        for name in names {
            let lines = [
                format!("Failed password for invalid user {name} from {real} port 4711 ssh2"),
                format!("Accepted password for {name} from {real} port 4711 ssh2"),
                format!("Failed publickey for {name} from {real} port 4711 ssh2: RSA SHA256:x"),
                format!("Invalid user {name} from {real} port 4711"),
                format!("User {name} from {real} not allowed because not listed in AllowUsers"),
                format!("Connection closed by invalid user {name} {real} port 4711"),
                format!(
                    "maximum authentication attempts exceeded for {name} from {real} port 1 ssh2"
                ),
            ];
            for line in lines {
                let (_, actor, ip) = said(&line);
                assert!(ip.as_deref().is_none_or(|ip| ip == real), "{line}: {ip:?}");
                assert!(
                    actor.as_deref().is_none_or(|a| a == name.trim()),
                    "{line}: {actor:?}"
                );
            }
        }
    }

    #[test]
    fn one_reading_is_taken() {
        let (action, actor, ip) = said(
            "Failed password for invalid user test from 10.10.1.2 port 5 ssh2 from 127.0.0.1 port 58946 ssh2",
        );
        assert_eq!(action, "login");
        assert_eq!(actor.as_deref(), Some("test from 10.10.1.2 port 5 ssh2"));
        assert_eq!(ip.as_deref(), Some("127.0.0.1"));
        let (_, actor, ip) =
            said("Failed password for user from 127.0.0.1 port 20000 ssh1: ruser from 1.2.3.4");
        assert_eq!((actor, ip), (None, None));
    }
}
