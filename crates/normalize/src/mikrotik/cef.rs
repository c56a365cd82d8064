//! Common Event Format as RouterOS 7 sends it: `CEF:0|MikroTik|board|version|class|topics|level|`
//! and an extension of `key=value`. The router escapes `=` and `\` in values.

use serde_json::Value;

use super::address;
use super::topics::Topics;
use crate::record::{Header, Record};

/// More keys than this are not read: a router sends at most some twenty.
const MOST_KEYS: usize = 64;

/// One CEF message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cef {
    vendor: String,
    product: String,
    version: String,
    name: String,
    severity: String,
    extension: Vec<(String, String)>,
}

impl Cef {
    /// Reads a text that begins with `CEF:`.
    pub(super) fn of(text: &str) -> Option<Self> {
        let body = text.strip_prefix("CEF:")?;
        let mut fields = Vec::with_capacity(7);
        let mut rest = body;
        while fields.len() < 7 {
            let (field, after) = header_field(rest)?;
            fields.push(field);
            rest = after;
        }
        let mut fields = fields.into_iter().skip(1);
        Some(Self {
            vendor: fields.next()?,
            product: fields.next()?,
            version: fields.next()?,
            name: fields.nth(1)?,
            severity: fields.next()?,
            extension: extension(rest),
        })
    }

    pub(super) fn is_mikrotik(&self) -> bool {
        self.vendor.eq_ignore_ascii_case("mikrotik")
    }

    pub(super) fn topics(&self) -> Option<Topics> {
        Topics::of(&self.name)
    }

    /// The value of a key that was sent once. A key sent twice may have come out of a value whose
    /// `=` was not escaped: which of them the router wrote is unknown, so neither counts.
    fn once(&self, key: &str) -> Option<&str> {
        let mut found = self.extension.iter().filter(|(name, _)| name == key);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_str())
    }

    /// Reads the message text inside, then lets the fields confirm or fill what it said.
    pub(super) fn complete(&self, record: &mut Record, header: &mut Header) {
        if let Some(message) = self.once("msg") {
            message.clone_into(&mut header.message);
            *record = super::message::read(message, self.topics().as_ref());
        }
        if header.hostname.is_none() {
            header.hostname = self.once("dvchost").map(str::to_owned);
        }
        self.confirm(record);
        let about = [
            ("format", "cef"),
            ("device_vendor", &self.vendor),
            ("device_product", &self.product),
            ("device_version", &self.version),
            ("cef_severity", &self.severity),
        ];
        let dvc = self.once("dvc").map(|address| ("device_address", address));
        for (name, value) in about.into_iter().chain(dvc) {
            record
                .attributes
                .insert(name.to_owned(), Value::from(value));
        }
    }

    /// Source and user stand twice in a CEF message. Where the two disagree, neither is believed;
    /// where a key is repeated, some value was not escaped and nothing is.
    fn confirm(&self, record: &mut Record) {
        if self.repeats() {
            (record.ip, record.actor) = (None, None);
            return;
        }
        if let Some(source) = self.once("src").and_then(address::ip) {
            match record.ip {
                Some(ip) if ip != source => record.ip = None,
                // A session whose sentence names no address has none the router vouches for.
                None if record.action != "login" && record.action != "logout" => {
                    record.ip = Some(source);
                }
                _ => {}
            }
        }
        let user = self.once("duser").or_else(|| self.once("suser"));
        if let (Some(user), Some(actor)) = (user, &record.actor)
            && user != actor
        {
            record.actor = None;
        }
    }

    fn repeats(&self) -> bool {
        let keys = self.extension.iter().enumerate();
        let mut pairs =
            keys.map(|(place, (key, _))| self.extension.iter().take(place).any(|(k, _)| k == key));
        pairs.any(|repeated| repeated)
    }
}

/// One field of the header and what follows its `|`; `\|` and `\\` are escapes.
fn header_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '|' => return Some((field, text.get(place + 1..)?)),
            '\\' => field.push(chars.next().map_or('\\', |(_, escaped)| escaped)),
            c => field.push(c),
        }
    }
    None
}

/// Keys and values. A key is a word directly before an unescaped `=`; a value ends where the next
/// key begins.
fn extension(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut starts = Vec::new();
    let mut escaped = false;
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' => starts.extend(key_before(text, place).map(|key| (key, place))),
            _ => {}
        }
        if starts.len() > MOST_KEYS {
            break;
        }
    }
    for (index, (key, equals)) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(text.len(), |(next, _)| *next);
        let name = text.get(*key..*equals).unwrap_or_default();
        let value = text.get(equals + 1..end).unwrap_or_default();
        pairs.push((name.to_owned(), unescaped(value.trim())));
    }
    pairs
}

/// Where the key that ends before `equals` begins.
fn key_before(text: &str, equals: usize) -> Option<usize> {
    let before = text.get(..equals)?;
    let start = before.rfind(' ').map_or(0, |blank| blank + 1);
    let key = before.get(start..)?;
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then_some(start)
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('=' | '\\' | '|')) => out.push(escaped),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_keys() {
        let cef = Cef::of(
            r"CEF:0|MikroTik|h\|AP|7|10|dhcp,info|Low|dvc=1.1.1.1 msg=Router \= 10.0.0.1 x\\y",
        )
        .unwrap();
        assert!(cef.is_mikrotik());
        assert_eq!(cef.product, "h|AP");
        assert_eq!(cef.once("msg"), Some(r"Router = 10.0.0.1 x\y"));
        assert!(Cef::of("CEF:0|MikroTik|a|b|c|d").is_none());
    }

    #[test]
    fn a_key_sent_twice_counts_for_nothing() {
        let cef = Cef::of("CEF:0|MikroTik|a|7|10|system,info|Low|msg=x src=6.6.6.6 src=10.0.0.1")
            .unwrap();
        assert_eq!(cef.once("src"), None);
        assert_eq!(cef.once("msg"), Some("x"));
    }
}
