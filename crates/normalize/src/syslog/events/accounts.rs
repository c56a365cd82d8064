//! The shadow tools: accounts, groups and passwords.

use super::scan::{Pairs, between};
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &[
        "useradd", "adduser", "userdel", "deluser", "usermod", "groupadd", "groupdel", "groupmod",
        "gpasswd", "passwd", "chpasswd", "chage", "chfn", "chsh", "newusers",
    ],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    if let Some(rest) = text.strip_prefix("new user: ") {
        let pairs = Pairs::of(rest);
        let found = Finding::of(action::ACCOUNT_CREATE)
            .succeeded()
            .resource("account");
        let found = found
            .object(pairs.get("name"))
            .attr("uid", pairs.get("UID"));
        return Some(found.attr("shell", pairs.get("shell")));
    }
    if text.starts_with("failed adding user ") {
        let found = Finding::of(action::ACCOUNT_CREATE)
            .failed()
            .resource("account");
        return Some(found.object(between(text, "user '", "'")));
    }
    if text.starts_with("new group: ") || text.starts_with("group added to ") {
        let name = Pairs::of(text).get("name");
        return Some(group("added").object(name));
    }
    if text.starts_with("delete user ") {
        let found = Finding::of(action::ACCOUNT_DELETE)
            .succeeded()
            .resource("account");
        return Some(found.object(between(text, "user '", "'")));
    }
    membership(text)
        .or_else(|| password(text))
        .or_else(|| change(text))
}

fn group(verb: &str) -> Finding {
    Finding::of(action::GROUP_CHANGE)
        .succeeded()
        .resource("group")
        .attr("verb", verb)
}

fn membership(text: &str) -> Option<Finding> {
    for (start, verb) in [("add '", "added"), ("delete '", "removed")] {
        if let Some(rest) = text.strip_prefix(start) {
            let (member, rest) = rest.split_once('\'')?;
            let name = between(rest, "group '", "'");
            return Some(group(verb).object(name).attr("member", member));
        }
    }
    if text.starts_with("removed group ")
        || text.starts_with("group '")
        || text.starts_with("remove group ")
    {
        return Some(group("removed").object(between(text, "'", "'")));
    }
    let rest = text.strip_prefix("user ")?;
    let (member, rest) = rest.split_once(' ')?;
    let (verb, by) = rest.split_once(" by ")?;
    let (actor, name) = by
        .split_once(" to group ")
        .or_else(|| by.split_once(" from group "))?;
    Some(group(verb).actor(actor).object(name).attr("member", member))
}

fn password(text: &str) -> Option<Finding> {
    let changed = || {
        Finding::of(action::PASSWORD_CHANGE)
            .succeeded()
            .resource("account")
    };
    if let Some(rest) = text.strip_prefix("password for '") {
        let (account, rest) = rest.split_once('\'')?;
        return Some(changed().object(account).actor(between(rest, "by '", "'")));
    }
    if text.starts_with("change user '") && text.ends_with("password") {
        return Some(changed().object(between(text, "user '", "'")));
    }
    let account = text.strip_prefix("changed password expiry for ")?;
    Some(
        Finding::of(action::ACCOUNT_CHANGE)
            .succeeded()
            .resource("account")
            .object(account),
    )
}

fn change(text: &str) -> Option<Finding> {
    let changed = Finding::of(action::ACCOUNT_CHANGE)
        .succeeded()
        .resource("account");
    if text.starts_with("change user '") || text.starts_with("changed user '") {
        return Some(
            changed
                .object(between(text, "user '", "'"))
                .attr("change", text),
        );
    }
    text.starts_with("lock user '").then(|| {
        Finding::of(action::ACCOUNT_LOCK)
            .succeeded()
            .object(between(text, "user '", "'"))
    })
}
