//! RFC 5424 messages: `<PRI>VERSION TIMESTAMP HOST APP PROCID MSGID SD [MSG]`.

use crate::record::{Context, Header};

use super::structured_data;
use super::time;

/// Reads what follows the priority; `None` when it is not of this form. Lenient about lengths,
/// characters and missing structured data: [`super::conformance`] is strict.
pub(super) fn read(text: &str, context: &Context<'_>, header: &mut Header) -> Option<()> {
    let (version, rest) = text.split_once(' ')?;
    let version_like = (1..=3).contains(&version.len())
        && version.bytes().all(|b| b.is_ascii_digit())
        && !version.starts_with('0');
    if !version_like {
        return None;
    }
    fields(rest, context, header)
}

/// The same without a version, as some forwarders rewrite it. It is only taken for what it is when
/// the time is RFC 3339, all names are there and structured data follows.
pub(super) fn read_without_version(
    text: &str,
    context: &Context<'_>,
    header: &mut Header,
) -> Option<()> {
    let time = time::iso(text, context).filter(|t| t.iso)?;
    let mut words = time.rest.strip_prefix(' ')?.splitn(5, ' ');
    let (_host, app) = (words.next()?, words.next()?);
    let (_procid, _msgid, data) = (words.next()?, words.next()?, words.next()?);
    let data_follows =
        data == "-" || data.starts_with("- ") || (data.starts_with('[') && data.contains('='));
    if app.is_empty() || app.contains([':', '[']) || !data_follows {
        return None;
    }
    fields(text, context, header)
}

fn fields(text: &str, context: &Context<'_>, header: &mut Header) -> Option<()> {
    let (stamp, mut rest) = text.split_once(' ')?;
    if stamp != "-" {
        if !looks_dated(stamp) {
            return None;
        }
        let whole = time::iso(stamp, context).filter(|t| t.rest.is_empty());
        header.timestamp = whole.and_then(|t| t.at);
    }
    let mut names: [Option<String>; 4] = Default::default();
    for name in &mut names {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        *name = (!word.is_empty() && word != "-").then(|| word.to_owned());
        rest = after;
    }
    let [hostname, appname, procid, msgid] = names;
    header.hostname = hostname;
    header.appname = appname;
    header.procid = procid;
    header.msgid = msgid;
    message(rest, header);
    Some(())
}

/// Structured data and message. What is neither `-` nor well-formed belongs to the message.
fn message(text: &str, header: &mut Header) {
    let rest = if text == "-" {
        ""
    } else if let Some(rest) = text.strip_prefix("- ") {
        rest
    } else if let Some((elements, rest)) = structured_data::read(text) {
        header.structured_data = elements;
        rest.strip_prefix(' ').unwrap_or(rest)
    } else {
        text
    };
    let rest = rest.strip_prefix('\u{feff}').unwrap_or(rest);
    rest.clone_into(&mut header.message);
}

/// `2003-10-11T…`, be it a real date or not.
fn looks_dated(stamp: &str) -> bool {
    let mut bytes = stamp.bytes();
    let date = bytes.by_ref().take(10);
    let dated = date.enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    dated && matches!(bytes.next(), Some(b'T' | b't'))
}
