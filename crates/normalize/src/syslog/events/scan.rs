//! Small pieces of text that many readers look for.
//!
//! Users choose their names, and a name may look like the rest of a line. So a marker is only
//! trusted where its place is certain: it occurs once, or the grammar leaves one reading.

use std::net::IpAddr;

use domain::event::Outcome;

/// Splits at the only occurrence of a marker; `None` when it is absent or occurs again.
pub(super) fn split_single<'a>(text: &'a str, marker: &str) -> Option<(&'a str, &'a str)> {
    let (before, after) = text.split_once(marker)?;
    (!after.contains(marker)).then_some((before, after))
}

/// What stands between two markers, the second being the first after the first.
pub(super) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

/// Like [`between`] where the start marker occurs once in the whole text.
pub(super) fn single_between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(split_single(text, start)?.1.split_once(end)?.0)
}

/// The first word and the rest.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(' ') {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// An address as devices write it: in brackets, quotes or parentheses, with punctuation after it,
/// with a zone, or mapped into IPv6.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .trim()
        .trim_matches(['[', ']', '(', ')', '<', '>', '"', '\'', ',', ';', '|']);
    let bare = bare.trim_end_matches('.');
    let bare = bare.split('%').next().unwrap_or_default();
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// An address with or without a port: `1.2.3.4:80`, `[::1]:80`, `1.2.3.4/80`, `1.2.3.4(80)`,
/// `1.2.3.4#80`.
pub(super) fn endpoint(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let text = text.trim();
    if let Some(ip) = address(text) {
        return Some((ip, None));
    }
    let at = text.rfind([':', '/', '(', '#', '['])?;
    let (host, port) = (text.get(..at)?, text.get(at + 1..)?);
    let port = port.trim_end_matches([')', ']', ',', ';', '.', '"', '\'']);
    let port = port.parse::<u16>().ok()?;
    let colon = text.get(at..=at) == Some(":");
    if colon && host.contains(':') && !host.contains(']') {
        // An IPv6 address without brackets: its last group is no port.
        let mapped = host.to_ascii_lowercase().starts_with("::ffff:") && host.contains('.');
        if !mapped {
            return None;
        }
    }
    Some((address(host)?, Some(port)))
}

/// A name, unless it stands for nobody.
pub(super) fn somebody(name: &str) -> Option<&str> {
    let name = name.trim();
    let nobody = [
        "",
        "-",
        "--",
        "?",
        "*",
        "n/a",
        "(none)",
        "none",
        "null",
        "<null>",
        "(null)",
        "(unknown)",
        "<unknown>",
        "unknown",
        "unset",
        "<invalid username>",
        "(unknown user)",
        "(invalid user)",
        "undef",
        "<>",
        "no-user",
        "*****",
        "4294967295",
    ];
    let known = !nobody.iter().any(|n| n.eq_ignore_ascii_case(name));
    known.then_some(name)
}

/// What a device's word for the outcome means.
pub(super) fn outcome(word: &str) -> Outcome {
    let word = word.trim().trim_matches('"').to_ascii_lowercase();
    match Outcome::from_word(&word) {
        Outcome::Unknown => {}
        known => return known,
    }
    let good = [
        "allow",
        "accept",
        "accepted",
        "pass",
        "passed",
        "permit",
        "permitted",
        "succeeded",
        "successful",
        "yes",
        "true",
        "1",
        "sucs",
        "granted",
        "login_success",
        "command ok",
        "successfully",
    ];
    let bad = [
        "fail",
        "deny",
        "drop",
        "dropped",
        "block",
        "reject",
        "rejected",
        "no",
        "false",
        "0",
        "refused",
        "reset",
        "reset-both",
        "reset-client",
        "reset-server",
        "discard",
        "prevented",
        "failures",
        "invalid",
        "critical",
        "prevent",
        "unauthorized",
        "forbidden",
        "login_error",
    ];
    if good.contains(&word.as_str()) {
        Outcome::Success
    } else if bad.contains(&word.as_str()) {
        Outcome::Failure
    } else {
        Outcome::Unknown
    }
}

/// Key and value pairs: `key=value`, `key="quoted \"value\""`, separated by spaces or commas.
pub(super) struct Pairs<'a> {
    pairs: Vec<(&'a str, &'a str)>,
    /// Every quoted value ended where a value can end.
    closed: bool,
}

/// What stands between pairs.
const SEPARATORS: [char; 12] = [' ', ',', ';', '\t', '|', '[', '(', '{', ']', ')', '}', '.'];

/// Most pairs that are read of one line.
const MOST_PAIRS: usize = 256;

impl<'a> Pairs<'a> {
    /// Reads pairs whose unquoted values hold no spaces.
    pub(super) fn of(text: &'a str) -> Self {
        let mut pairs = Vec::new();
        let (mut rest, mut closed, mut quoted) = (text, true, false);
        while pairs.len() < MOST_PAIRS {
            let Some(at) = rest.find('=') else { break };
            let before = rest.get(..at).unwrap_or_default();
            let start = before.rfind(SEPARATORS);
            let key = before.get(start.map_or(0, |s| s + 1)..).unwrap_or_default();
            let (value, after) = value(rest.get(at + 1..).unwrap_or_default());
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            if !key.is_empty() && key.bytes().all(plain) {
                pairs.push((key, value));
            }
            // After a quoted value comes the next key or the end: anything else was inside it.
            let between = start.map_or("", |s| before.get(..=s).unwrap_or_default());
            closed &= !quoted || between.trim_matches(SEPARATORS).is_empty();
            closed &= !between.contains('"');
            quoted = rest
                .get(at + 1..)
                .is_some_and(|v| v.starts_with(['"', '\'']));
            closed &= !quoted || after.is_empty() || after.starts_with(SEPARATORS);
            closed &= quoted || !value.contains('"');
            rest = after;
        }
        closed &= !quoted || rest.trim_matches(SEPARATORS).is_empty();
        Self { pairs, closed }
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().copied()
    }

    /// The value of a key, whatever its case; `None` also when it is there twice with different
    /// values, for then somebody may have smuggled one of them in.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        let mut found = self
            .pairs
            .iter()
            .filter(|(k, _)| k.eq_ignore_ascii_case(key));
        let (_, value) = found.next()?;
        found.all(|(_, other)| other == value).then_some(*value)
    }

    /// Whether no key is there twice with different values and every quote ended its value:
    /// otherwise what looks like pairs may be part of a name, and none of them is certain.
    pub(super) fn sound(&self) -> bool {
        self.closed && self.pairs.iter().all(|(key, _)| self.get(key).is_some())
    }

    /// Whether every quoted value ended where a value can end.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    /// Whether the keys have different values that say something.
    pub(super) fn several(&self, keys: &[&str]) -> bool {
        let named = |k: &str| keys.iter().any(|key| k.eq_ignore_ascii_case(key));
        let mut said = self
            .pairs
            .iter()
            .filter(|(k, v)| named(k) && somebody(v).is_some());
        let first = said.next();
        first.is_some_and(|(_, first)| said.any(|(_, other)| other != first))
    }

    /// The first of several names that has a value.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter()
            .filter_map(|key| self.get(key))
            .find(|value| !value.trim().is_empty())
    }
}

/// A value and what follows it.
fn value(text: &str) -> (&str, &str) {
    let Some(quote @ ('"' | '\'')) = text.chars().next() else {
        let end = text.find([' ', ',', ';', '\t', '|']).unwrap_or(text.len());
        return (
            text.get(..end).unwrap_or_default(),
            text.get(end..).unwrap_or_default(),
        );
    };
    let inside = text.get(1..).unwrap_or_default();
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => {
                let after = inside.get(at + 1..).unwrap_or_default();
                return (inside.get(..at).unwrap_or_default(), after);
            }
            _ => {}
        }
    }
    (inside, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let table = [
            ("1.2.3.4", Some(("1.2.3.4", None))),
            ("1.2.3.4:80", Some(("1.2.3.4", Some(80)))),
            ("[2001:db8::1]:80", Some(("2001:db8::1", Some(80)))),
            ("::ffff:1.2.3.4", Some(("1.2.3.4", None))),
            ("::ffff:1.2.3.4:80", Some(("1.2.3.4", Some(80)))),
            ("1.2.3.4/80", Some(("1.2.3.4", Some(80)))),
            ("1.2.3.4(80)", Some(("1.2.3.4", Some(80)))),
            ("1.2.3.4[4500]", Some(("1.2.3.4", Some(4500)))),
            ("fe80::1%eth0", Some(("fe80::1", None))),
            ("2001:db8::1:80", Some(("2001:db8::1:80", None))),
            ("2001:db8:0:0:0:0:0:1:80", None),
            ("example.com:80", None),
            ("1.2.3.4:99999", None),
            ("", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(ip, port)| (ip.parse().unwrap(), port));
            assert_eq!(endpoint(text), expected, "{text}");
        }
    }

    #[test]
    fn pairs() {
        let pairs = Pairs::of(r#"a=1 b="x \" y" c='z' d= e=5,f=6 user=x user=y g=1 g=1"#);
        let read: Vec<_> = ["a", "b", "c", "d", "e", "f", "user", "G", "h"]
            .iter()
            .map(|key| pairs.get(key))
            .collect();
        let expected = [
            Some("1"),
            Some("x \\\" y"),
            Some("z"),
            Some(""),
            Some("5"),
            Some("6"),
            None,
            Some("1"),
            None,
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn nobody_is_nobody() {
        for name in ["", " - ", "(none)", "<UNKNOWN>", "?"] {
            assert_eq!(somebody(name), None, "{name}");
        }
        assert_eq!(somebody(" jane "), Some("jane"));
    }

    #[test]
    fn a_marker_that_occurs_twice_is_not_trusted() {
        assert_eq!(split_single("a from b", " from "), Some(("a", "b")));
        assert_eq!(split_single("a from b from c", " from "), None);
    }
}
