//! ProFTPD: `SERVER (NAME[HOST])[:| -] MESSAGE`.

use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["proftpd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    message(report.message)
}

/// Without a colon after the process id the program is part of the message.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let rest = report.message.strip_prefix("proftpd[")?;
    message(rest.split_once("] ")?.1)
}

/// The session's address comes first, before anything that a client chose.
fn message(text: &str) -> Option<Finding> {
    let (_, rest) = text.split_once(" (")?;
    let (peer, rest) = rest.split_once(')')?;
    let host = peer.rsplit_once('[')?.1.trim_end_matches(']');
    let text = rest.trim_start_matches([':', ' ', '-']).trim_end();
    let login = || Finding::of(action::LOGIN);
    let found = if let Some(rest) = text.strip_prefix("USER ") {
        user(rest)?
    } else if text.starts_with("SECURITY VIOLATION: ") {
        login().failed().actor("root").attr("reason", "root login")
    } else if text.starts_with("Maximum login attempts") {
        login().failed().attr("reason", "too many attempts")
    } else if let Some(rest) = text.strip_prefix("ANON ") {
        login().succeeded().actor(rest.split(':').next())
    } else if text.starts_with("FTP session opened") {
        Finding::of(action::CONNECTION)
    } else if text.starts_with("FTP session closed") {
        Finding::of(action::DISCONNECT)
    } else {
        return None;
    };
    Some(found.origin(host).service("ftp"))
}

/// `NAME (Login failed): REASON`, `NAME: no such user found from …`, `NAME: Login successful.`
///
/// The name comes first and may look like a verdict; then nobody is named.
fn user(text: &str) -> Option<Finding> {
    if let Some(name) = text.strip_suffix(": Login successful.") {
        return Some(Finding::of(action::LOGIN).succeeded().actor(name));
    }
    let found = Finding::of(action::LOGIN).failed();
    let verdicts = [" (Login failed): ", ": no such user found from "];
    let count: usize = verdicts.iter().map(|v| text.matches(v).count()).sum();
    if count > 1 {
        return Some(found.attr("ambiguous", true));
    }
    let (name, rest) = verdicts
        .iter()
        .find_map(|verdict| text.split_once(verdict))?;
    let found = found.actor(name);
    Some(if text.contains(" (Login failed): ") {
        found.attr("reason", rest)
    } else {
        found.attr("invalid_user", true)
    })
}
