//! Logins, logouts and failures by every service.
//!
//! The user name of a failure comes from the client and may hold blanks, ` from ` and ` via `.
//! The router writes ` from ADDRESS via SERVICE` behind it, so the last ` from ` counts, and only
//! when nothing but that follows it.

use domain::event::Outcome;

use super::address;
use super::message::{action, actor, note};
use crate::record::Record;

/// Services of the router itself: they have no address, so one that stands there is part of the
/// name.
const LOCAL: &[&str] = &["local", "console", "serial"];

/// More ` duser=` than this are not looked at: each costs a look at the whole line.
const MOST_MARKS: usize = 16;

pub(super) fn read(message: &str) -> Option<Record> {
    failure(message)
        .or_else(|| session(message))
        .or_else(|| denied(message))
        .or_else(|| public_key(message))
}

fn failure(message: &str) -> Option<Record> {
    const STARTS: &[&str] = &["login failure for user ", "login failed for user "];
    let rest = STARTS
        .iter()
        .find_map(|start| message.strip_prefix(start))?;
    let record = action("login", Outcome::Failure);
    if let Some((name, origin)) = with_fields(rest) {
        return Some(origin.fill(record, name));
    }
    let Some((name, origin)) = from_last(rest) else {
        // Cut short: where the name ends is unknown.
        return Some(record);
    };
    let local = origin.via.is_some_and(|via| LOCAL.contains(&via));
    if local && origin.address.is_some() {
        return Some(
            Origin {
                address: None,
                ..origin
            }
            .fill(record, rest_before_via(rest)),
        );
    }
    Some(origin.fill(record, name))
}

fn session(message: &str) -> Option<Record> {
    let rest = message
        .strip_prefix("user ")
        .or_else(|| message.strip_prefix("User "))?;
    let (place, mark, name_of_action) = [(" logged in", "login"), (" logged out", "logout")]
        .into_iter()
        .filter_map(|(mark, act)| Some((rest.rfind(mark)?, mark, act)))
        .max_by_key(|(place, ..)| *place)?;
    let (name, tail) = (rest.get(..place)?, rest.get(place + mark.len()..)?);
    let record = action(name_of_action, Outcome::Success);
    let name = name.trim_matches('"');
    if let Some((_, origin)) = from_last(tail).filter(|(before, _)| before.trim().is_empty()) {
        return Some(origin.fill(record, name));
    }
    if let Some(origin) = fields_after(tail, name) {
        return Some(origin.fill(record, name));
    }
    tail.is_empty()
        .then(|| Origin::default().fill(record, name))
}

/// Where a session comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Origin<'a> {
    address: Option<&'a str>,
    via: Option<&'a str>,
}

impl Origin<'_> {
    fn fill(self, mut record: Record, name: &str) -> Record {
        record.actor = actor(name);
        if let Some(via) = self.via {
            note(&mut record, "via", via);
        }
        if let Some(text) = self.address {
            record.ip = address::ip(text);
            if address::is_mac(text) {
                note(&mut record, "mac", text);
            }
        }
        record
    }
}

/// Splits `NAME from ADDRESS via SERVICE` or `NAME via SERVICE` at the last mark of each.
fn from_last(text: &str) -> Option<(&str, Origin<'_>)> {
    let from = text.rfind(" from ").and_then(|place| {
        let origin = exactly_from(text.get(place + 6..)?)?;
        Some((text.get(..place)?, origin))
    });
    from.or_else(|| {
        let (name, via) = text.rsplit_once(" via ")?;
        let via = service(via)?;
        Some((
            name,
            Origin {
                address: None,
                via: Some(via),
            },
        ))
    })
}

/// `ADDRESS` or `ADDRESS via SERVICE` and nothing else.
fn exactly_from(text: &str) -> Option<Origin<'_>> {
    let (place, via) = match text.split_once(" via ") {
        Some((place, via)) => (place, Some(service(via)?)),
        None => (text, None),
    };
    let sound = address::ip(place).is_some() || address::is_mac(place) || place == "::";
    sound.then_some(Origin {
        address: Some(place),
        via,
    })
}

fn service(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./()".contains(&b);
    (!text.is_empty() && text.len() <= 40 && text.bytes().all(plain)).then_some(text)
}

fn rest_before_via(text: &str) -> &str {
    text.rsplit_once(" via ").map_or(text, |(name, _)| name)
}

/// `NAME from A via S app=S duser=NAME outcome=O src=A`, as `/log print with-extra-info` shows a
/// failure. The name stands twice, so its place is where both are equal; two such places would
/// mean that nobody can tell.
fn with_fields(text: &str) -> Option<(&str, Origin<'_>)> {
    let (before, source) = text.rsplit_once(" src=")?;
    let (before, _) = before.rsplit_once(" outcome=")?;
    if before.match_indices(" duser=").nth(MOST_MARKS).is_some() {
        return None;
    }
    let mut found = None;
    for (place, mark) in before.match_indices(" duser=") {
        let name = before.get(place + mark.len()..)?;
        let reading = before.get(..place).and_then(|front| {
            let (front, app) = front.rsplit_once(" app=")?;
            let middle = front.strip_prefix(name)?.strip_prefix(" from ")?;
            let origin = exactly_from(middle)?;
            (origin.via == Some(app) && origin.address == Some(source)).then_some(origin)
        });
        if let Some(origin) = reading
            && found.replace((name, origin)).is_some()
        {
            return None;
        }
    }
    found
}

/// The same behind ` logged in`, where the name has been read already.
fn fields_after<'a>(tail: &'a str, name: &str) -> Option<Origin<'a>> {
    let (front, fields) = tail.split_once(" app=")?;
    let origin = exactly_from(front.strip_prefix(" from ")?)?;
    let fields = fields.strip_prefix(origin.via?)?.strip_prefix(" duser=")?;
    let (outcome, source) = fields
        .strip_prefix(name)?
        .strip_prefix(" outcome=")?
        .split_once(" src=")?;
    (!outcome.contains(' ') && Some(source) == origin.address).then_some(origin)
}

/// `denied winbox/dude connect from 9.9.9.9`: refused before anybody said who he is.
fn denied(message: &str) -> Option<Record> {
    let rest = message.strip_prefix("denied ")?;
    let (via, from) = rest.split_once(" connect from ")?;
    let origin = exactly_from(from)?;
    let via = service(via)?;
    let mut record = action("connection_denied", Outcome::Failure);
    record.outcome_word = Some("denied".to_owned());
    record = Origin {
        via: Some(via),
        ..origin
    }
    .fill(record, "");
    Some(record)
}

/// `publickey accepted for user: jane`.
fn public_key(message: &str) -> Option<Record> {
    let user = message.strip_prefix("publickey accepted for user: ")?;
    let mut record = action("public_key_accepted", Outcome::Success);
    record.actor = actor(user);
    note(&mut record, "via", "ssh");
    Some(record)
}
