//! HotSpot guests: `jane (10.5.50.7): logged in`, `… logged out: user request`,
//! `… login failed: invalid username or password`, `… trying to log in by http-chap`.
//!
//! The name comes from the guest, so the last ` (ADDRESS): ` is the router's. The prefix of a
//! logging rule (often `->: `) cannot be told from the beginning of a name; taking it for a prefix
//! gives a guest no name that he could not have typed without it.

use domain::event::Outcome;

use super::address;
use super::message::{action, actor, note};
use crate::record::Record;

pub(super) fn read(message: &str) -> Option<Record> {
    let (front, said) = message.rsplit_once("): ")?;
    let (name, ip) = front.rsplit_once(" (")?;
    let ip = address::ip(ip)?;
    let (act, outcome, reason) = said_of_guest(said)?;
    let mut record = action(act, outcome);
    let (prefix, name) = name.split_once(": ").unwrap_or(("", name));
    if !prefix.is_empty() {
        note(&mut record, "log_prefix", prefix);
    }
    record.actor = actor(name);
    record.ip = Some(ip);
    note(&mut record, "via", "hotspot");
    if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
        note(&mut record, "reason", reason);
    }
    Some(record)
}

fn said_of_guest(said: &str) -> Option<(&'static str, Outcome, Option<&str>)> {
    const SAID: &[(&str, &str, Outcome)] = &[
        ("logged in", "login", Outcome::Success),
        ("logged out", "logout", Outcome::Success),
        ("login failed", "login", Outcome::Failure),
        ("trying to log in", "login_attempt", Outcome::Unknown),
        ("logging in", "login_attempt", Outcome::Unknown),
    ];
    let (start, name, outcome) = SAID.iter().find(|(start, ..)| said.starts_with(start))?;
    let rest = said.get(start.len()..)?;
    (rest.is_empty() || rest.starts_with([':', ',', '.']) || rest.starts_with(" by "))
        .then_some(())?;
    let reason = rest.trim_start_matches([':', ',', '.', ' ']);
    Some((name, *outcome, Some(reason)))
}
