//! The registry of sentences RouterOS writes: each module knows one kind and either reads a
//! message whole or leaves it to the others.

use domain::event::Outcome;
use serde_json::Value;

use super::topics::Topics;
use super::{
    account, config_change, dhcp, firewall, hotspot, interface, ipsec, ppp, system, wireless,
};
use crate::record::Record;

/// Reads a message of one kind; `None` when it is of another.
type Reader = fn(&str) -> Option<Record>;

/// Sentence readers with the topics under which their sentences come. A message without topics is
/// tried with all of them, in this order: the strictest first.
const READERS: &[(&[&str], Reader)] = &[
    (
        &["account", "system", "critical", "error", "warning", "ssh"],
        account::read,
    ),
    (&["firewall", "bridge"], firewall::read),
    (&["system"], config_change::read),
    (&["hotspot", "account"], hotspot::read),
    (&["dhcp"], dhcp::read),
    (&["interface", "system"], interface::read),
    (&["wireless", "wifi", "caps"], wireless::read),
    (
        &["ppp", "pppoe", "pptp", "l2tp", "sstp", "ovpn", "account"],
        ppp::read,
    ),
    (&["ipsec"], ipsec::read),
    (
        &["system", "netwatch", "script", "watchdog", "wireguard"],
        system::read,
    ),
];

/// Longest prefix a logging rule may put in front (`/system/logging prefix=`).
const LONGEST_PREFIX: usize = 40;

/// Reads any message. What no reader knows becomes `TOPIC_log` with the text in the header.
pub(super) fn read(message: &str, topics: Option<&Topics>) -> Record {
    if let Some(record) = known(message, topics) {
        return named_service(record, topics);
    }
    if let Some((prefix, rest)) = rule_prefix(message)
        && let Some(mut record) = known(rest, topics)
    {
        note(&mut record, "log_prefix", prefix);
        return named_service(record, topics);
    }
    let feature = topics.and_then(Topics::feature);
    Record {
        action: feature.map_or_else(|| "log".to_owned(), |feature| format!("{feature}_log")),
        ..Record::default()
    }
}

/// Whether some reader knows the message.
pub(super) fn understood(message: &str, topics: Option<&Topics>) -> bool {
    known(message, topics).is_some()
        || rule_prefix(message).is_some_and(|(_, rest)| known(rest, topics).is_some())
}

/// Whether only RouterOS writes such a sentence, so that it tells the sender by itself.
pub(super) fn unmistakable(message: &str) -> bool {
    let readers: [Reader; 3] = [account::read, firewall::read, wireless::read];
    let is = |text: &str| {
        readers.iter().any(|reader| reader(text).is_some()) || config_change::unmistakable(text)
    };
    is(message) || rule_prefix(message).is_some_and(|(_, rest)| is(rest))
}

fn known(message: &str, topics: Option<&Topics>) -> Option<Record> {
    let Some(topics) = topics else {
        return without_topics(message);
    };
    let comes_under = |under: &[&str]| {
        // What a script logs may quote anything; only sentences about scripts are taken from it.
        let script = topics.has("script") && !under.contains(&"script");
        !script && under.iter().any(|word| topics.has(word))
    };
    READERS
        .iter()
        .filter(|(under, _)| comes_under(under))
        .find_map(|(_, reader)| reader(message))
}

/// Without topics a name or a comment may make one sentence look like another. Account sentences
/// are told by how they begin and end; where others disagree about who or where from, that is
/// left out.
fn without_topics(message: &str) -> Option<Record> {
    if let Some(record) = account::read(message) {
        return Some(record);
    }
    let mut readings = READERS.iter().filter_map(|(_, reader)| reader(message));
    let mut first = readings.next()?;
    for other in readings {
        if other.ip != first.ip {
            first.ip = None;
        }
        if other.actor != first.actor {
            first.actor = None;
        }
    }
    Some(first)
}

/// The text before the first `: ` when it can be the prefix of a logging rule: RouterOS writes
/// `prefix: message`. Brackets and addresses belong to sentences, not to prefixes.
fn rule_prefix(message: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = message.split_once(": ")?;
    let plain = !prefix.contains(['(', '<', '@', '=', '[', ',']) && prefix.len() <= LONGEST_PREFIX;
    (plain && !prefix.is_empty()).then(|| (prefix, rest.trim_start()))
}

/// Sessions of PPP and HotSpot come under the topic of their service.
fn named_service(mut record: Record, topics: Option<&Topics>) -> Record {
    const SERVICES: &[&str] = &["pppoe", "pptp", "l2tp", "sstp", "ovpn", "hotspot", "ppp"];
    if let Some(topics) = topics
        && record.attributes.get("via").is_none_or(|via| via == "ppp")
        && let Some(service) = SERVICES.iter().find(|service| topics.has(service))
        && matches!(record.action.as_str(), "login" | "logout")
    {
        note(&mut record, "via", service);
    }
    record
}

/// Sets an attribute of text.
pub(super) fn note(record: &mut Record, name: &str, value: &str) {
    record
        .attributes
        .insert(name.to_owned(), Value::from(value));
}

/// Sets a number among the attributes.
pub(super) fn note_number(record: &mut Record, name: &str, value: impl Into<u64>) {
    record
        .attributes
        .insert(name.to_owned(), Value::from(value.into()));
}

/// A record of an action and its outcome, nothing else.
pub(super) fn action(action: &str, outcome: Outcome) -> Record {
    Record {
        action: action.to_owned(),
        outcome,
        ..Record::default()
    }
}

/// A name as an actor: absent when empty.
pub(super) fn actor(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
