//! vsftpd, from syslog and from its own file, and Pure-FTPd.

use super::scan::{self, between, split_single};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["vsftpd", "pure-ftpd", "ftpd"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    Some(vsftpd(text).or_else(|| pure(text))?.service("ftp"))
}

/// `[pid 27202] [USER] FAIL LOGIN: Client "HOST"`.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    text.starts_with("[pid ")
        .then(|| vsftpd(text))
        .flatten()
        .map(|found| found.service("ftp"))
}

fn vsftpd(text: &str) -> Option<Finding> {
    let text = match text.strip_prefix("[pid ") {
        Some(rest) => rest.split_once("] ")?.1,
        None => text,
    };
    let (user, rest) = match text.strip_prefix('[') {
        // The name comes before the verb, and may look like it.
        Some(rest) => {
            split_single(rest, "] ").map_or((None, rest), |(user, rest)| (Some(user), rest))
        }
        None => (None, text),
    };
    let (verb, rest) = split_single(rest, ": Client \"")?;
    let (host, detail) = rest.split_once('"')?;
    let file = between(detail, ", \"", "\"");
    let found = match verb {
        "CONNECT" => Finding::of(action::CONNECTION),
        "OK LOGIN" | "FAIL LOGIN" => Finding::of(action::LOGIN).successful(verb.starts_with("OK")),
        "OK DOWNLOAD" | "FAIL DOWNLOAD" => transfer(action::FILE_READ, verb, file),
        "OK UPLOAD" | "FAIL UPLOAD" => transfer(action::FILE_WRITE, verb, file),
        "OK DELETE" | "FAIL DELETE" => transfer(action::FILE_DELETE, verb, file),
        _ => return None,
    };
    Some(found.actor(user).origin(host))
}

fn transfer(action: &str, verb: &str, file: Option<&str>) -> Finding {
    Finding::of(action)
        .successful(verb.starts_with("OK"))
        .resource("file")
        .object(file)
}

/// `(USER@HOST) [WARNING] Authentication failed for user [NAME]`.
fn pure(text: &str) -> Option<Finding> {
    let (who, rest) = text.strip_prefix('(')?.split_once(") [")?;
    let (_, message) = rest.split_once("] ")?;
    let (user, host) = who.rsplit_once('@')?;
    let found = if let Some(name) = message.strip_prefix("Authentication failed for user [") {
        Finding::of(action::LOGIN)
            .failed()
            .actor(name.trim_end_matches(']'))
    } else if message.ends_with(" is now logged in") {
        Finding::of(action::LOGIN)
            .succeeded()
            .actor(message.split(" is now").next())
    } else if message.starts_with("New connection from ") {
        Finding::of(action::CONNECTION)
    } else if message.starts_with("Logout") {
        Finding::of(action::LOGOUT)
            .succeeded()
            .actor(scan::somebody(user))
    } else {
        return None;
    };
    Some(found.origin(host))
}
