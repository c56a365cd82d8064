//! A line into header, topics, CEF and message. RouterOS writes no tag and, in its default
//! format, neither time nor host, so a generic RFC 3164 reading of its lines goes wrong.

use std::borrow::Cow;

use super::cef::Cef;
use super::clock::{self, word};
use super::message;
use super::topics::Topics;
use crate::record::{Context, Header};
use crate::text::visible;

/// A router's name may hold blanks; topics further away than this belong to the message.
const LONGEST_NAME_WORDS: usize = 5;

/// What a line is made of. The header's message is what follows the topics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    pub(super) header: Header,
    pub(super) topics: Option<Topics>,
    pub(super) cef: Option<Cef>,
}

/// Splits a whole line.
pub(super) fn line(line: &str, context: &Context<'_>) -> Parts {
    let mended = storable(line);
    let (facility, severity, rest) = priority(&mended);
    let mut header = Header {
        facility,
        severity,
        ..Header::default()
    };
    let mut text = rest;
    if let Some(found) = clock::leading(rest, context) {
        header.timestamp = found.timestamp;
        text = found.rest;
        if found.syslog {
            (header.hostname, text) = name(found.rest);
        }
    }
    finish(header, text)
}

/// Puts a message split by a generic parser together again and splits it as RouterOS wrote it.
pub(super) fn rejoin(mut header: Header) -> Parts {
    let message = storable(&std::mem::take(&mut header.message)).into_owned();
    let tag = header.appname.take();
    if let Some(tag) = &tag
        && Topics::of(tag).is_some()
    {
        return finish(header, &format!("{tag} {message}"));
    }
    let host_is_topics = header.hostname.as_deref().and_then(Topics::of).is_some();
    let front = if host_is_topics {
        header.hostname.take().unwrap_or_default()
    } else {
        String::new()
    };
    let Some(tag) = tag else {
        return finish(header, &format!("{front} {message}"));
    };
    // Which of blank and colon followed the word is lost; the one that makes sense is right.
    let process = header
        .procid
        .take()
        .map(|id| format!("[{id}]"))
        .unwrap_or_default();
    let spaced = format!("{front} {tag}{process} {message}");
    let parts = finish(header.clone(), &spaced);
    if message::understood(&parts.header.message, parts.topics.as_ref()) || parts.cef.is_some() {
        return parts;
    }
    finish(header, &format!("{front} {tag}{process}: {message}"))
}

fn finish(mut header: Header, text: &str) -> Parts {
    let text = text.trim();
    // The console puts it in front of what it prints.
    let text = text.strip_prefix("echo: ").unwrap_or(text);
    let (first, rest) = word(text);
    if let Some(topics) = Topics::of(first) {
        rest.clone_into(&mut header.message);
        return Parts {
            header,
            topics: Some(topics),
            cef: None,
        };
    }
    let cef = Cef::of(text);
    let topics = cef.as_ref().and_then(Cef::topics);
    text.clone_into(&mut header.message);
    Parts {
        header,
        topics,
        cef,
    }
}

/// Facility, severity and what follows `<N>`; a priority above 191 is none.
fn priority(line: &str) -> (Option<u8>, Option<u8>, &str) {
    let Some((number, rest)) = line
        .strip_prefix('<')
        .and_then(|inner| inner.split_once('>'))
    else {
        return (None, None, line);
    };
    let plain = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    match number.parse::<u8>() {
        Ok(priority @ 0..=191) if plain => (Some(priority / 8), Some(priority % 8), rest),
        _ => (None, None, line),
    }
}

/// The sender's name after the time of a syslog header: one word, or several plain ones when only
/// then topics or CEF follow. What follows one word and makes sense wins, because host names and
/// user names further on may hold anything.
fn name(text: &str) -> (Option<String>, &str) {
    let (first, after) = word(text);
    if begins_message(first) {
        return (None, text);
    }
    let one = ((!first.is_empty()).then(|| first.to_owned()), after);
    if begins_message(word(after).0) || message::understood(after, None) {
        return one;
    }
    let mut rest = after;
    for _ in 1..LONGEST_NAME_WORDS {
        let (next, behind) = word(rest);
        if begins_message(next) {
            let before = text.len().saturating_sub(rest.len());
            let name = text.get(..before).unwrap_or_default().trim();
            return (Some(name.to_owned()), rest);
        }
        if !plain_in_a_name(next) {
            break;
        }
        rest = behind;
    }
    one
}

fn begins_message(word: &str) -> bool {
    Topics::of(word).is_some() || word.starts_with("CEF:")
}

/// Addresses, brackets and punctuation belong to sentences, not to the name of a router.
fn plain_in_a_name(word: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b) || !b.is_ascii();
    word.bytes().all(plain) && super::address::ip(word).is_none()
}

/// Without NUL at the end and with control characters shown.
fn storable(line: &str) -> Cow<'_, str> {
    visible(line.trim_end_matches(['\0', '\r', '\n', ' ']))
}
