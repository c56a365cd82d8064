//! Proxmox VE and Backup Server.

use super::scan::split_single;
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "pvedaemon",
        "pveproxy",
        "proxmox-backup-proxy",
        "proxmox-backup-api",
        "pvestatd",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    if let Some(rest) = text.strip_prefix("authentication failure; rhost=") {
        return failure(rest);
    }
    if let Some((_, user)) = split_single(text, "successful auth for user '") {
        return Some(
            Finding::of(action::LOGIN)
                .succeeded()
                .actor(user.strip_suffix('\''))
                .service("proxmox"),
        );
    }
    // `<root@pam> starting task UPID:…`
    let (user, rest) = text.strip_prefix('<')?.split_once("> ")?;
    let (verb, task) = rest.split_once(" task ")?;
    let found = Finding::of(action::COMMAND)
        .actor(user)
        .resource("task")
        .object(task);
    Some(found.attr("verb", verb))
}

/// `HOST user=NAME msg=REASON`: the name is as it was typed.
fn failure(text: &str) -> Option<Finding> {
    let (host, rest) = text.split_once(" user=")?;
    let found = Finding::of(action::LOGIN)
        .failed()
        .origin(host)
        .service("proxmox");
    Some(match split_single(rest, " msg=") {
        Some((user, reason)) if !user.contains(" user=") => {
            found.actor(user).attr("reason", reason)
        }
        _ => found.attr("ambiguous", true),
    })
}
