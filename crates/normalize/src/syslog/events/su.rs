//! su, in the words of its several authors.

use super::scan::split_single;
use super::{Finding, Reader, Report};
use crate::action;

pub(super) const READER: Reader = Reader {
    programs: &["su", "su-l", "runuser"],
    read,
};

fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim_end();
    let (found, user, target) = change(text)?;
    let found = found.actor(user).attr("target", target);
    let tty = text.rsplit_once(" on ").map(|(_, tty)| tty);
    Some(found.attr("tty", tty))
}

fn change(text: &str) -> Option<(Finding, &str, &str)> {
    let done = || Finding::of(action::SU).succeeded();
    let failed = || Finding::of(action::SU).failed();
    let plain = text.rsplit_once(" on ").map_or(text, |(who, _)| who);
    if let Some(rest) = plain.strip_prefix("'su ") {
        let (target, user) = split_single(rest, "' failed for ")
            .map(|(t, u)| (t, (failed(), u)))
            .or_else(|| split_single(rest, "' succeeded for ").map(|(t, u)| (t, (done(), u))))?;
        return Some((user.0, user.1, target));
    }
    if let Some(rest) = plain.strip_prefix("FAILED SU (to ") {
        let (target, user) = split_single(rest, ") ")?;
        return Some((failed(), user, target));
    }
    if let Some(rest) = plain.strip_prefix("(to ") {
        let (target, user) = split_single(rest, ") ")?;
        return Some((done(), user, target));
    }
    if let Some(rest) = plain.strip_prefix("Successful su for ") {
        let (target, user) = split_single(rest, " by ")?;
        return Some((done(), user, target));
    }
    if let Some(rest) = plain.strip_prefix("FAILED su for ") {
        let (target, user) = split_single(rest, " by ")?;
        return Some((failed(), user, target));
    }
    if let Some(rest) = plain.strip_prefix("BAD SU ") {
        let (user, target) = split_single(rest, " to ")?;
        return Some((failed(), user, target));
    }
    for (sign, good) in [("+ ", true), ("- ", false)] {
        if let Some(rest) = plain.strip_prefix(sign) {
            let (user, target) = rest.split_once(' ')?.1.split_once([':', '-'])?;
            return Some((Finding::of(action::SU).successful(good), user, target));
        }
    }
    let (user, target) =
        split_single(plain, " to ").filter(|(u, t)| !u.contains(' ') && !t.contains(' '))?;
    Some((done(), user, target))
}
