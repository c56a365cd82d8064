//! The old remote shells and telnet.

use super::scan::word;
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "rshd",
        "rhsd",
        "rlogind",
        "in.rshd",
        "in.rlogind",
        "telnetd",
        "in.telnetd",
        "login",
        "xinetd",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    if let Some(rest) = text.strip_prefix("Connection from ") {
        let (host, reason) = word(rest);
        let found = Finding::of(action::CONNECTION).origin(host);
        let illegal = reason.contains("illegal");
        return Some(if illegal {
            found.failed().attr("reason", reason)
        } else {
            found
        });
    }
    if text.starts_with("FAILED LOGIN ") {
        let (who, reason) = text.rsplit_once(", ")?;
        let (head, user) = who
            .rsplit_once(" FOR ")
            .or_else(|| who.rsplit_once(" FOR '"))?;
        let host = head.split_once(" FROM ").map(|(_, host)| host);
        let found = Finding::of(action::LOGIN)
            .failed()
            .actor(user.trim_matches('\''));
        return Some(found.origin(host).attr("reason", reason));
    }
    if let Some(rest) = text.strip_prefix("LOGIN ON ") {
        let (tty, user) = rest.split_once(" BY ")?;
        let (user, host) = user.rsplit_once(" FROM ").unwrap_or((user, ""));
        return Some(
            Finding::of(action::LOGIN)
                .succeeded()
                .actor(user)
                .origin(host)
                .attr("tty", tty),
        );
    }
    if let Some(rest) = text.strip_prefix("ROOT LOGIN ") {
        return Some(
            Finding::of(action::LOGIN)
                .succeeded()
                .actor("root")
                .attr("tty", rest.trim_start_matches("ON ")),
        );
    }
    None
}
