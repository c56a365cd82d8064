//! Configuration changes: `mangle rule changed by admin` (RouterOS 6) and
//! `nat rule added by ssh:admin@10.0.0.5 (*3 = /ip firewall nat add …)` (RouterOS 7).
//!
//! Names of things and comments inside commands are chosen by whoever configures. The sentence is
//! bound at its first ` by `; when something later reads like another origin, nobody is named.

use domain::actor::ActorKind;
use domain::event::Outcome;

use super::address;
use super::message::{action, actor, note};
use crate::record::Record;

/// The verb as written and as reported.
const VERBS: &[(&str, &str)] = &[
    ("added", "added"),
    ("add", "added"),
    ("changed", "changed"),
    ("removed", "removed"),
    ("remove", "removed"),
    ("deleted", "removed"),
    ("moved", "moved"),
    ("enabled", "enabled"),
    ("disabled", "disabled"),
    ("set", "set"),
    ("scheduled", "scheduled"),
    ("created", "created"),
    ("renamed", "renamed"),
    ("cleared", "cleared"),
    ("updated", "updated"),
    ("imported", "imported"),
    ("revoked", "revoked"),
    ("issued", "issued"),
    ("uploaded", "uploaded"),
];

/// Origins that are programs of the router, not people. Their names may hold blanks.
const PROGRAMS: &[&str] = &[
    "scheduler",
    "script",
    "netwatch",
    "dhcp",
    "ppp",
    "hotspot",
    "action",
];

/// So many ` by ` are looked at: each costs a look at the whole line, and a sentence has one.
const MOST_MARKS: usize = 16;

pub(super) fn read(message: &str) -> Option<Record> {
    let (head, origin, command) = bound(message)?;
    let (object, verb) = object_and_verb(head)?;
    let mut record = action("config_change", Outcome::Success);
    note(&mut record, "object", object);
    note(&mut record, "verb", verb);
    record.resource = Some(object.to_owned());
    if let Some(command) = command.filter(|command| !command.is_empty()) {
        note(&mut record, "command", command);
    }
    if !another_origin(message, head.len() + 4) && !another_end(message, head) {
        origin.fill(&mut record);
    }
    Some(record)
}

/// What RouterOS 6 calls the things that are changed, by the last word. Its sentences have no other
/// mark than these; "connection reset by peer" must not pass for one.
const THINGS: &[&str] = &[
    "rule",
    "item",
    "entry",
    "lease",
    "secret",
    "profile",
    "script",
    "address",
    "route",
    "queue",
    "pool",
    "interface",
    "device",
    "peer",
    "policy",
    "proposal",
    "port",
    "vlan",
    "settings",
    "config",
    "service",
    "network",
    "server",
    "client",
    "scheduler",
];

/// Whether only RouterOS writes such a sentence: by an origin of RouterOS 7, or a known thing.
pub(super) fn unmistakable(message: &str) -> bool {
    let Some((head, origin, _)) = bound(message) else {
        return false;
    };
    let object = object_and_verb(head).map_or("", |(object, _)| object);
    let thing = object.split('<').next().unwrap_or_default().trim();
    let thing = thing.rsplit(' ').next().unwrap_or_default();
    let program = origin
        .service
        .is_some_and(|service| PROGRAMS.contains(&service));
    program || (origin.service.is_some() && origin.address.is_some()) || THINGS.contains(&thing)
}

/// Names who did something from the text of an origin, when that is all there is to it.
pub(super) fn name(record: &mut Record, text: &str) {
    if let Some((origin, _)) = origin(text) {
        origin.fill(record);
    }
}

/// Splits at the first ` by ` outside `<…>` that is followed by an origin and then by the command
/// or the end.
fn bound(message: &str) -> Option<(&str, Origin<'_>, Option<&str>)> {
    let mut marks = message.match_indices(" by ").take(MOST_MARKS);
    marks.find_map(|(place, mark)| {
        let head = message.get(..place)?;
        let open = head.matches('<').count();
        if open > head.matches('>').count() {
            return None;
        }
        let (origin, command) = origin(message.get(place + mark.len()..)?)?;
        object_and_verb(head)?;
        Some((head, origin, command))
    })
}

/// Whether behind `start` stands something that could be an origin as well.
fn another_origin(message: &str, start: usize) -> bool {
    let rest = message.get(start..).unwrap_or_default();
    rest.match_indices(" by ").any(|(place, mark)| {
        let text = rest.get(place + mark.len()..).unwrap_or_default();
        let word = text.split([' ', '"', '>']).next().unwrap_or_default();
        let word = word.trim_end_matches([')', ';']);
        Origin::of(word).is_some_and(|origin| origin.service.is_some() && word.contains('@'))
    })
}

/// Whether the line ends as a sentence of RouterOS 6 does, behind the one that was bound: then
/// the bound one may be part of a name.
fn another_end(message: &str, head: &str) -> bool {
    message.rsplit_once(" by ").is_some_and(|(before, user)| {
        before.len() > head.len() && !user.contains(' ') && object_and_verb(before).is_some()
    })
}

/// The origin at the start of a text and the command in brackets behind it.
fn origin(text: &str) -> Option<(Origin<'_>, Option<&str>)> {
    let (name, command) = match text.split_once(" (") {
        Some((name, command)) => (name, Some(command.strip_suffix(')').unwrap_or(command))),
        None => (text, None),
    };
    let origin = Origin::of(name)?;
    let program = origin
        .service
        .is_some_and(|service| PROGRAMS.contains(&service));
    (program || !name.contains(' ')).then_some((origin, command))
}

fn object_and_verb(head: &str) -> Option<(&str, &'static str)> {
    let verb = |word: &str| {
        VERBS
            .iter()
            .find(|(written, _)| word.eq_ignore_ascii_case(written))
            .map(|(_, verb)| *verb)
    };
    if let Some((object, last)) = head.rsplit_once(' ')
        && let Some(verb) = verb(last)
    {
        return Some((object, verb));
    }
    let (first, object) = head.split_once(' ')?;
    Some((object, verb(first)?))
}

/// Who changed something and how he was connected.
#[derive(Debug, PartialEq)]
struct Origin<'a> {
    service: Option<&'a str>,
    name: &'a str,
    address: Option<&'a str>,
    whole: &'a str,
}

impl<'a> Origin<'a> {
    /// Reads `admin`, `ssh:admin@10.0.0.5`, `winbox-3.41/tcp-msg(winbox):admin@10.0.0.5/action:1`,
    /// `scheduler:nightly/script:backup`.
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let Some(colon) = text.find(':') else {
            return Some(Self {
                service: None,
                name: text,
                address: None,
                whole: text,
            });
        };
        let before = text.get(..colon)?;
        let service = before
            .rsplit_once('/')
            .map_or(before, |(_, service)| service);
        let service = service
            .split_once('(')
            .and_then(|(_, inner)| inner.strip_suffix(')'))
            .unwrap_or(service);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if service.is_empty() || !service.bytes().all(plain) {
            return None;
        }
        let who = text.get(colon + 1..)?;
        let who = who.split_once('/').map_or(who, |(who, _)| who);
        let (name, address) = match who.rsplit_once('@') {
            Some((name, address)) => (name, Some(address)),
            None => (who, None),
        };
        (!name.is_empty()).then_some(Self {
            service: Some(service),
            name,
            address,
            whole: text,
        })
    }

    fn fill(&self, record: &mut Record) {
        record.actor = actor(self.name);
        if let Some(service) = self.service {
            note(record, "via", service);
            note(record, "origin", self.whole);
            if PROGRAMS.contains(&service) {
                record.actor_kind = Some(ActorKind::Service);
            }
        }
        if let Some(text) = self.address {
            record.ip = address::ip(text);
            if address::is_mac(text) {
                note(record, "mac", text);
            }
        }
    }
}
