//! sudo: `USER : [REASON ; ]TTY=… ; PWD=… ; USER=… ; COMMAND=…`.

use super::scan::split_single;
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["sudo", "doas"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    let (user, rest) = text.split_once(" : ")?;
    let user = user.trim();
    if user.contains(' ') && !rest.contains("COMMAND=") {
        return None;
    }
    let command = split_single(rest, "COMMAND=");
    let values = command.map_or(rest, |(values, _)| values);
    let reason = values.split(" ; ").next().filter(|first| !is_value(first));
    // The working directory may be called like a value; then none of them is taken.
    let value = |key: &str| {
        let (_, after) = split_single(values, key)?;
        after.split(" ; ").next().map(str::trim)
    };
    let command = command.map(|(_, command)| command.trim_end());
    let target = value("USER=");
    let succeeded = reason.is_none() && rest.contains("COMMAND=");
    let found = Finding::of(action::SUDO)
        .successful(succeeded)
        .actor(user)
        .resource(command.map(|_| "command"))
        .object(command)
        .attr("target", target)
        .attr("command", command)
        .attr("tty", value("TTY="))
        .attr("cwd", value("PWD="));
    Some(found.attr("reason", reason.map(str::trim)))
}

fn is_value(segment: &str) -> bool {
    let key = segment.trim().split_once('=').map(|(key, _)| key);
    key.is_some_and(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}
