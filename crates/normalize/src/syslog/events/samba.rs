//! Samba: its audit lines and the older sentences.

use super::scan::{between, single_between, split_single};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["smbd", "samba", "nmbd", "winbindd", "smbd_audit"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let found = audit(text)
        .or_else(|| sentence(text))
        .or_else(|| full_audit(text))?;
    Some(found.service("smb"))
}

/// `Auth: [SMB2,(null)] user [DOMAIN]\[USER] … status [NT_STATUS_…] … remote host [ipv4:HOST:PORT]`.
pub(super) fn read_log(report: &Report<'_>) -> Option<Finding> {
    let text = report.header.message.trim_start();
    let own = text.starts_with("Auth: [") || text.contains("  Auth: [");
    own.then(|| audit(text))
        .flatten()
        .map(|found| found.service("smb"))
}

fn audit(text: &str) -> Option<Finding> {
    let (_, rest) = text.split_once("] user [")?;
    let (domain, rest) = rest.split_once("]\\[")?;
    // The name stands before everything else; it may hold brackets, so each marker must be single.
    let user = split_single(rest, "] at [").map(|(user, _)| user);
    let status = single_between(rest, "status [", "]");
    let host = single_between(rest, "remote host [", "]");
    let host = host.map(|h| h.trim_start_matches("ipv4:").trim_start_matches("ipv6:"));
    let found = Finding::of(action::LOGIN).successful(status == Some("NT_STATUS_OK"));
    let found = found
        .actor(user)
        .origin(host)
        .attr("domain", domain)
        .attr("status", status);
    let found = found.attr("workstation", single_between(rest, "workstation [", "]"));
    Some(found.attr("method", single_between(rest, "with [", "]")))
}

fn sentence(text: &str) -> Option<Finding> {
    if let Some(rest) = text.strip_prefix("Denied connection from ") {
        let host = rest.rsplit_once('(').map_or(rest, |(_, host)| host);
        return Some(
            Finding::of(action::CONNECTION)
                .failed()
                .origin(host.trim_end_matches(')')),
        );
    }
    if text.starts_with("Permission denied") {
        let found = Finding::of(action::ACCESS_CONTROL).failed();
        let user = single_between(text, "User name: ", ". Printer name: ");
        let printer = single_between(text, "Printer name: ", ".");
        return Some(found.actor(user).resource("printer").object(printer));
    }
    None
}

/// `full_audit`: `USER|HOST|[SHARE|]OPERATION|ok|[…]PATH`.
fn full_audit(text: &str) -> Option<Finding> {
    let parts: Vec<&str> = text.split('|').collect();
    let verdict = parts
        .iter()
        .position(|p| *p == "ok" || p.starts_with("fail"))?;
    let operation = parts.get(verdict.checked_sub(1)?)?;
    let word = match *operation {
        "open" | "read" | "pread" => action::FILE_READ,
        "write" | "pwrite" | "rename" | "renameat" | "mkdir" | "mkdirat" => action::FILE_WRITE,
        "unlink" | "unlinkat" | "rmdir" => action::FILE_DELETE,
        "connect" => action::SESSION_OPEN,
        "disconnect" => action::SESSION_CLOSE,
        _ => return None,
    };
    let found = Finding::of(word).successful(parts.get(verdict) == Some(&"ok"));
    let found = found
        .actor(parts.first().copied())
        .origin(parts.get(1).copied());
    let share = (verdict > 3).then(|| parts.get(2).copied()).flatten();
    Some(
        found
            .resource(share.or(Some("file")))
            .object(between(text, "|r|", "|").or(parts.last().copied())),
    )
}
