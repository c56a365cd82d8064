//! Lines of firewall rules that log:
//! `[prefix ]chain:[ word] in:IF out:IF[, connection-state:S][ src-mac M], proto P[ (…)],
//! A:p->B:p[, NAT …][, prio x->y], len N`.

use domain::event::Outcome;

use super::address::{self, endpoint};
use super::message::{action, note, note_number};
use crate::record::Record;

/// Interface names that stand for "none".
const NO_INTERFACE: &[&str] = &["", "(none)", "(unknown 0)", "(unknown)", "unknown"];

/// What rule prefixes call a refusal and a pass. RouterOS does not say what the rule did, only
/// its prefix may.
const REFUSALS: &[&str] = &[
    "drop", "den", "block", "reject", "tarpit", "refus", "discard",
];
const PASSES: &[&str] = &["accept", "allow", "permit", "pass", "fasttrack"];

pub(super) fn read(message: &str) -> Option<Record> {
    let (head, rest) = split_at_in(message)?;
    let (interfaces, rest) = rest.split_once(',').unwrap_or((rest, ""));
    let (inner, outer) = interfaces.split_once(" out:")?;
    let mut record = action("firewall_log", Outcome::Unknown);
    fill_head(&mut record, head)?;
    for (name, interface) in [("in", inner), ("out", outer)] {
        if !NO_INTERFACE.contains(&interface.trim()) {
            note(&mut record, name, interface.trim());
        }
    }
    fill_words(&mut record, rest);
    let protocol = fill_protocol(&mut record, rest);
    fill_addresses(&mut record, rest);
    if protocol || record.ip.is_some() || record.attributes.contains_key("src_mac") {
        Some(record)
    } else {
        None
    }
}

/// Splits before the first `in:` that begins a word.
fn split_at_in(message: &str) -> Option<(&str, &str)> {
    if let Some(rest) = message.strip_prefix("in:") {
        return Some(("", rest));
    }
    message.split_once(" in:")
}

/// Prefix, chain and the word some configurations put behind the chain.
fn fill_head(record: &mut Record, head: &str) -> Option<()> {
    let head = head.trim();
    let (before, word) = match head.strip_suffix(':') {
        Some(before) => (before, ""),
        None => head.rsplit_once(": ")?,
    };
    let (prefix, chain) = before.rsplit_once(' ').unwrap_or(("", before));
    let prefix = prefix.trim().trim_end_matches(':');
    if !chain.is_empty() {
        note(record, "chain", chain);
    }
    if !prefix.is_empty() {
        note(record, "prefix", prefix);
    }
    let said = match (word, prefix) {
        ("", "") if REFUSALS.iter().chain(PASSES).any(|verb| *verb == chain) => chain,
        ("", prefix) => prefix,
        (word, _) => word,
    };
    if let Some((outcome, word)) = verdict(said) {
        record.outcome = outcome;
        record.outcome_word = Some(word.to_owned());
    }
    Some(())
}

/// What a prefix says the rule does; `None` when it says nothing or both.
fn verdict(prefix: &str) -> Option<(Outcome, &'static str)> {
    let lower = prefix.to_ascii_lowercase();
    let says = |words: &[&str]| {
        lower
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|token| words.iter().any(|word| token.starts_with(word)))
    };
    match (says(REFUSALS), says(PASSES)) {
        (true, false) => Some((Outcome::Failure, "denied")),
        (false, true) => Some((Outcome::Success, "allowed")),
        _ => None,
    }
}

/// The `key value` and `key:value` words that need no structure.
fn fill_words(record: &mut Record, rest: &str) {
    for (mark, name) in [
        ("connection-state:", "connection_state"),
        ("connection-mark:", "connection_mark"),
        ("packet-mark:", "packet_mark"),
        ("src-mac ", "src_mac"),
        ("dst-mac ", "dst_mac"),
        ("eth-proto ", "eth_proto"),
        ("prio ", "priority"),
    ] {
        if let Some(value) = word_after(rest, mark) {
            note(record, name, value);
        }
    }
    if let Some(len) = word_after(rest, "len ").and_then(|len| len.parse::<u64>().ok()) {
        note_number(record, "len", len);
    }
}

/// The word behind a mark that begins a word itself.
fn word_after<'a>(rest: &'a str, mark: &str) -> Option<&'a str> {
    let place = rest
        .match_indices(mark)
        .map(|(place, _)| place)
        .find(|place| {
            let before = rest
                .get(..*place)
                .and_then(|before| before.chars().next_back());
            before.is_none_or(|c| c == ' ' || c == ',')
        })?;
    let value = rest.get(place + mark.len()..)?.split(' ').next()?;
    let value = value.trim_end_matches(',');
    (!value.is_empty()).then_some(value)
}

/// `proto TCP (SYN)`, `proto ICMP (type 8, code 0)`, `proto 47`.
fn fill_protocol(record: &mut Record, rest: &str) -> bool {
    let Some(name) = word_after(rest, "proto ") else {
        return false;
    };
    note(record, "proto", name);
    let inside = rest
        .split_once("proto ")
        .and_then(|(_, after)| {
            after
                .strip_prefix(name)?
                .strip_prefix(" (")?
                .split_once(')')
        })
        .map(|(inside, _)| inside);
    let Some(inside) = inside else {
        return true;
    };
    if !inside.starts_with("type ") {
        note(record, "flags", inside);
        return true;
    }
    for (part, name) in inside.split(", ").zip(["icmp_type", "icmp_code"]) {
        let number = part
            .rsplit_once(' ')
            .and_then(|(_, number)| number.parse::<u64>().ok());
        if let Some(number) = number {
            note_number(record, name, number);
        }
    }
    true
}

/// `A:p->B:p` and the translation behind `NAT`.
fn fill_addresses(record: &mut Record, rest: &str) {
    let mut parts = rest.split(", ").filter(|part| part.contains("->"));
    let Some(plain) = parts.find(|part| !part.starts_with("NAT ") && !part.starts_with("prio "))
    else {
        return;
    };
    let plain = plain.rsplit(' ').next().unwrap_or(plain);
    if let Some((source, destination)) = plain.split_once("->") {
        if let Some((ip, port)) = endpoint(source) {
            record.ip = Some(ip);
            port.inspect(|port| note_number(record, "src_port", *port));
        }
        if let Some((ip, port)) = endpoint(destination) {
            note(record, "dst_ip", &ip.to_string());
            port.inspect(|port| note_number(record, "dst_port", *port));
        }
    }
    let translation = rest.split(", ").find_map(|part| part.strip_prefix("NAT "));
    if let Some(translation) = translation {
        note(record, "nat", translation);
        fill_translation(record, translation);
    }
}

/// `(A:p->N:p)->B:p` changed the source to N, `A:p->(B:p->N:p)` the destination.
fn fill_translation(record: &mut Record, translation: &str) {
    let inside = translation
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let Some((_, to)) = inside.and_then(|(inside, _)| inside.split_once("->")) else {
        return;
    };
    let side = if translation.starts_with('(') {
        "src"
    } else {
        "dst"
    };
    if let Some((ip, port)) = address::endpoint(to) {
        note(record, &format!("nat_{side}_ip"), &ip.to_string());
        port.inspect(|port| note_number(record, &format!("nat_{side}_port"), *port));
    }
}
