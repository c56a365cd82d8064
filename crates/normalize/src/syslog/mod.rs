//! Syslog: bytes to header, header to event.
//!
//! Reading never fails for want of form: what cannot be told apart is the message. Only an empty
//! line is a problem.

mod conformance;
mod events;
mod rfc3164;
mod rfc5424;
mod structured_data;
mod text;
mod time;

use std::borrow::Cow;

use domain::severity::Severity;

use crate::record::{Context, Header, Record};
use crate::{Note, Problem, mikrotik};

pub use conformance::is_rfc5424;

/// Longest message in bytes; what is longer is cut and noted.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A line cut into its header, before anyone has looked at what its message means.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// The parts that were there.
    pub header: Header,
    /// The device's own counter, which Cisco devices put before the time.
    pub counter: Option<String>,
    /// What was mended or cut.
    pub notes: Vec<Note>,
}

/// Cuts one message into its header. The form is told by the message itself.
pub fn parse(bytes: &[u8], context: &Context<'_>) -> Result<Line, Problem> {
    let (text, notes) = readable(bytes)?;
    let mut line = Line {
        notes,
        ..Line::default()
    };
    read(&text, context, &mut line);
    Ok(line)
}

/// The text of one message without what ends it, bounded, with bytes that are no text escaped.
pub(crate) fn readable(bytes: &[u8]) -> Result<(Cow<'_, str>, Vec<Note>), Problem> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let end = bytes
        .iter()
        .rposition(|b| !matches!(b, b'\0' | b'\r' | b'\n'));
    let bytes = end.and_then(|end| bytes.get(..=end)).unwrap_or_default();
    if bytes.trim_ascii().is_empty() {
        return Err(Problem::new("message", "the line is empty"));
    }
    let mut notes = Vec::new();
    let kept = bytes.get(..MAX_MESSAGE_BYTES).unwrap_or(bytes);
    if kept.len() < bytes.len() {
        notes.push(Note::new(
            "message",
            format!(
                "cut: it had {} bytes, {MAX_MESSAGE_BYTES} are kept",
                bytes.len()
            ),
        ));
    }
    let text = match text::shown(kept) {
        Cow::Borrowed(text) => Cow::Borrowed(text::head(text, MAX_MESSAGE_BYTES)),
        Cow::Owned(text) => {
            notes.push(Note::new(
                "message",
                "bytes that are no text were replaced by visible escapes",
            ));
            Cow::Owned(text::head(&text, MAX_MESSAGE_BYTES).to_owned())
        }
    };
    Ok((text, notes))
}

fn read(text: &str, context: &Context<'_>, line: &mut Line) {
    let (priority, rest) = priority(text);
    line.header.facility = priority.map(|p| p >> 3);
    line.header.severity = priority.map(|p| p & 7);
    let header = &mut line.header;
    if priority.is_some() && rfc5424::read(rest, context, header).is_some() {
        return;
    }
    let counter = rfc3164::read(rest, priority.is_some(), context, header);
    line.counter = counter.map(str::to_owned);
}

/// `<0>` to `<191>`; a line without one says nothing about facility and severity.
fn priority(text: &str) -> (Option<u8>, &str) {
    let inside = text.trim_start_matches([' ', '\t']);
    let inside = uncounted(inside).strip_prefix('<');
    let Some((number, rest)) = inside.and_then(|i| i.split_once('>')) else {
        return (None, text);
    };
    let digits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    match number.parse::<u8>() {
        Ok(priority @ 0..=191) if digits => (Some(priority), rest),
        _ => (None, text),
    }
}

/// The message after an octet count (RFC 6587 section 3.4.1), as captured streams keep it.
fn uncounted(text: &str) -> &str {
    match text.split_once(' ') {
        Some((count, rest))
            if (1..=6).contains(&count.len())
                && count.bytes().all(|b| b.is_ascii_digit())
                && rest.starts_with('<') =>
        {
            rest
        }
        _ => text,
    }
}

/// One message as an event.
pub fn record(bytes: &[u8], context: &Context<'_>) -> Result<Record, Problem> {
    Ok(interpret(parse(bytes, context)?, context))
}

/// What a message means: RouterOS knows its own, everything else is asked of the registry of
/// small readers; [`crate::action::LOG_MESSAGE`] when nobody knows.
pub fn interpret(line: Line, context: &Context<'_>) -> Record {
    if mikrotik::recognise(&line.header) {
        let mut record = mikrotik::read(line.header, context);
        record.notes = line.notes;
        return record;
    }
    let mut record = events::read(&line.header, context);
    let header = line.header;
    record.timestamp = header.timestamp.or(record.timestamp);
    if record.host.is_none() {
        record.host.clone_from(&header.hostname);
    }
    if record.severity.is_none() {
        record.severity = header.severity.map(Severity::of_syslog);
    }
    if let Some(counter) = line.counter {
        record
            .attributes
            .insert("sequence".to_owned(), counter.into());
    }
    record.syslog = Some(header);
    record.notes = line.notes;
    record
}
