//! RFC 3164 and what calls itself so: `[COUNTER:] [HOST:] TIME [HOST] [TAG[PID]:] MESSAGE`.
//!
//! Nothing of it is certain to be there. A part is only read where its form leaves no doubt; the
//! rest is the message. In particular a tag needs its colon, and there is no host without a time.

use std::net::IpAddr;

use crate::record::{Context, Header};

use super::{rfc5424, structured_data, time};

/// Reads what follows the priority. `prioritised` says whether there was one. Gives the counter
/// that Cisco devices put first.
pub(super) fn read<'a>(
    text: &'a str,
    prioritised: bool,
    context: &Context<'_>,
    header: &mut Header,
) -> Option<&'a str> {
    let text = text.trim_start_matches(' ');
    if rfc5424::read_without_version(text, context, header).is_some() {
        return None;
    }
    let (counter, text) = counters(text, context);
    if let Some(stamp) = time::read(text, context) {
        header.timestamp = stamp.at;
        after_time(&stamp, prioritised, header);
    } else if let Some((host, stamp)) = named_before_time(text, context) {
        header.hostname = Some(host.to_owned());
        header.timestamp = stamp.at;
        let rest = stamp.rest.trim_start_matches([':', ' ']);
        content(rest, header);
    } else {
        without_time(text, prioritised, header);
    }
    counter
}

/// `000123: 000045: `, when what follows shows that these are counters.
fn counters<'a>(text: &'a str, context: &Context<'_>) -> (Option<&'a str>, &'a str) {
    let (mut counter, mut rest) = (None, text);
    for _ in 0..2 {
        let Some((number, after)) = rest.split_once(':') else {
            break;
        };
        if number.len() > 12 || !number.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        if !number.is_empty() {
            counter = counter.or(Some(number));
        }
        rest = after.trim_start_matches(' ');
    }
    let proven = rest.starts_with('%')
        || time::read(rest, context).is_some()
        || named_before_time(rest, context).is_some();
    if rest.len() < text.len() && proven {
        (counter, rest)
    } else {
        (None, text)
    }
}

/// `HOST: May 21 12:00:01: `, as Cisco devices with `logging origin-id` write it.
fn named_before_time<'a>(
    text: &'a str,
    context: &Context<'_>,
) -> Option<(&'a str, time::Read<'a>)> {
    let (host, rest) = text.split_once(": ")?;
    if !is_host(host) {
        return None;
    }
    Some((host, time::read(rest.trim_start_matches(' '), context)?))
}

fn after_time(stamp: &time::Read<'_>, prioritised: bool, header: &mut Header) {
    let text = stamp.rest.strip_prefix(':').unwrap_or(stamp.rest);
    let text = text.trim_start_matches([' ', '\t']);
    if let Some((host, rest)) = named_by_relay(text) {
        header.hostname = Some(host.to_owned());
        return content(rest, header);
    }
    let (word, rest, alone) = match text.split_once(' ') {
        Some((word, rest)) => (word, rest.trim_start_matches(' '), false),
        None => (text, "", true),
    };
    if word.starts_with('%') || tag_of_word(word).is_some() {
        content(text, header);
    } else if !is_host(word) || is_level(word) {
        text.clone_into(&mut header.message);
    } else if alone && !stamp.iso {
        // A lone word is the program; there is no message without one.
        header.appname = Some(word.to_owned());
    } else if tag(rest).is_some() || process(rest).is_some() || hosted(stamp, rest, prioritised) {
        header.hostname = Some(word.to_owned());
        after_host(rest, prioritised, header);
    } else {
        text.clone_into(&mut header.message);
    }
}

/// Whether a word after the time is a host although no tag follows: on the wire it is, and in
/// files of the old form. A file with ISO times may well begin a sentence there.
fn hosted(stamp: &time::Read<'_>, rest: &str, prioritised: bool) -> bool {
    prioritised || (!stamp.iso && !stamp.file) || rest.starts_with('%')
}

/// `Message forwarded from HOST: ` (AIX) and `HOST: %` (Cisco).
fn named_by_relay(text: &str) -> Option<(&str, &str)> {
    let forwarded = text.strip_prefix("Message forwarded from ");
    let (host, rest) = forwarded.unwrap_or(text).split_once(':')?;
    let rest = rest.strip_prefix(' ')?;
    (is_host(host) && (forwarded.is_some() || rest.starts_with('%'))).then_some((host, rest))
}

fn after_host(text: &str, prioritised: bool, header: &mut Header) {
    // Cisco ASA separates its name by a colon of its own.
    let relayed = text.strip_prefix(": ").filter(|r| r.starts_with('%'));
    let text = relayed.unwrap_or(text);
    let lone = !text.is_empty() && !text.contains([' ', ':', '[']) && is_program(text);
    if lone {
        header.appname = Some(text.to_owned());
    } else if let Some((name, procid, rest)) = process(text).filter(|_| prioritised) {
        // On the wire the bracket ends the tag; in files the whole is the program's text.
        header.appname = Some(name.to_owned());
        header.procid = Some(procid.to_owned());
        message(rest, header);
    } else {
        content(text, header);
    }
}

/// Without a time only a tag is read, and only where it cannot be a word of a sentence.
fn without_time(text: &str, prioritised: bool, header: &mut Header) {
    let (word, _) = text.split_once(' ').unwrap_or((text, ""));
    let sure = match tag_of_word(word) {
        Some(tag) => tag.procid.is_some() || prioritised,
        None => false,
    };
    if sure {
        content(text, header);
    } else {
        text.clone_into(&mut header.message);
    }
}

/// Tag and message.
fn content(text: &str, header: &mut Header) {
    let text = text.trim_start_matches(' ');
    let Some(tag) = tag(text) else {
        return message(text, header);
    };
    header.appname = Some(tag.name.to_owned());
    header.procid = tag.procid.map(str::to_owned);
    let rest = tag.rest.strip_prefix(' ').unwrap_or(tag.rest);
    let trimmed = rest.trim_start_matches(' ');
    message(
        if trimmed.starts_with('[') {
            trimmed
        } else {
            rest
        },
        header,
    );
}

fn message(text: &str, header: &mut Header) {
    let text = match structured_data::read_in_text(text) {
        Some((elements, rest)) => {
            header.structured_data = elements;
            rest.strip_prefix(' ').unwrap_or(rest)
        }
        None => text,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.clone_into(&mut header.message);
}

struct Tag<'a> {
    name: &'a str,
    procid: Option<&'a str>,
    /// What follows the colon.
    rest: &'a str,
}

/// Longest tag; RFC 3164 says 32, programs write longer ones.
const MAX_TAG: usize = 128;

/// `name:`, `name[pid]:`; the message may follow without a space.
fn tag(text: &str) -> Option<Tag<'_>> {
    let end = text.find([' ', ':', '[', '\t'])?;
    let name = text.get(..end).filter(|n| is_program(n))?;
    let (procid, after) = match text.get(end..)?.strip_prefix('[') {
        None => (None, text.get(end..)?),
        Some(inside) => {
            let (procid, after) = inside.split_once(']')?;
            if procid.is_empty() || procid.contains([' ', '[']) {
                return None;
            }
            (Some(procid), after)
        }
    };
    let rest = after.strip_prefix(':')?;
    let word = text.split(' ').next().unwrap_or_default();
    let glued = !rest.is_empty() && !rest.starts_with(' ');
    if glued && (rest.starts_with("//") || is_address(word)) {
        return None;
    }
    Some(Tag { name, procid, rest })
}

/// A tag at the very beginning, where a host would stand: its colon must end the word, or it must
/// be one of the formats that are written without a space.
fn tag_of_word(word: &str) -> Option<Tag<'_>> {
    let tag = tag(word)?;
    let known = matches!(tag.name, "CEF" | "LEEF");
    (tag.rest.is_empty() || known).then_some(tag)
}

/// `name[pid] ` without a colon at the beginning, and what follows.
fn process(text: &str) -> Option<(&str, &str, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (name, procid) = word.strip_suffix(']')?.split_once('[')?;
    let numbered = !procid.is_empty() && procid.bytes().all(|b| b.is_ascii_digit());
    (numbered && is_program(name)).then_some((name, procid, rest))
}

fn is_program(name: &str) -> bool {
    let strange = [
        '"', '\'', '=', '{', '}', '<', '>', ',', ';', '|', '`', '\\', '?',
    ];
    (1..=MAX_TAG).contains(&name.len())
        && !name.starts_with(['%', '(', '-', '*', '#', '@'])
        && !name.contains(strange)
        && name.chars().any(char::is_alphabetic)
}

/// Something an address or a name could be (RFC 1123, IPv6, and what devices write instead).
fn is_host(word: &str) -> bool {
    (1..=255).contains(&word.len())
        && !word.ends_with(':')
        && word.starts_with(|c: char| c.is_alphanumeric() || matches!(c, ':' | '_'))
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '@' | '%'))
        && (!word.contains(':') || is_ip(word))
}

fn is_ip(word: &str) -> bool {
    let bare = word.split('%').next().unwrap_or_default();
    bare.parse::<IpAddr>().is_ok()
}

fn is_level(word: &str) -> bool {
    let levels = [
        "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL",
    ];
    levels.contains(&word)
}

/// An address or a row of hexadecimal groups: its colons are no tag's.
fn is_address(word: &str) -> bool {
    let bare = word.trim_end_matches([':', ',']);
    let groups = bare.bytes().filter(|b| *b == b':').count();
    let hex = bare.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    bare.contains("::") || (groups >= 2 && hex)
}
