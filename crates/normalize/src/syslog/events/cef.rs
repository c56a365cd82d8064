//! Common Event Format and IBM's LEEF: the action is the device's own name for what happened.

use domain::severity::Severity;

use super::scan;
use super::{Finding, Report};
use crate::action;

/// `CEF:0|Vendor|Product|Version|Signature|Name|Severity|key=value …`; found by its look. Where the
/// header took `CEF` for a tag, the message begins after it.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message;
    match report.header.appname.as_deref() {
        Some("CEF") => return cef(text),
        Some("LEEF") => return leef(text),
        _ => {}
    }
    // Some products put their name before it.
    let begins = |at: &usize| text.get(..*at).is_some_and(|b| !b.trim_end().contains(' '));
    if let Some(at) = text.find("CEF:").filter(begins) {
        return cef(text.get(at + 4..)?);
    }
    let at = text.find("LEEF:").filter(begins)?;
    leef(text.get(at + 5..)?)
}

fn cef(text: &str) -> Option<Finding> {
    let fields = fields(text, 8);
    let field = |at: usize| fields.get(at).map(|f| f.trim());
    let version = field(0)?;
    if fields.len() < 7 || !version.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let extension = extension(field(7).unwrap_or_default());
    let found = common(field(5)?, &|key| single(&extension, key));
    let found = found
        .attr("vendor", field(1))
        .attr("product", field(2))
        .attr("signature", field(4))
        .severity(field(6).and_then(severity))
        .app(field(2));
    Some(found.attr("message", single(&extension, "msg")))
}

/// `LEEF:1.0|Vendor|Product|Version|EventID|key=value<TAB>…`; some senders keep `|` throughout.
fn leef(text: &str) -> Option<Finding> {
    let mut parts = text.splitn(6, '|');
    let (version, vendor, product) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, id, rest) = (
        parts.next()?,
        parts.next()?,
        parts.next().unwrap_or_default(),
    );
    let separator = if rest.contains('\t') { '\t' } else { '|' };
    if !version.starts_with(['1', '2']) {
        return None;
    }
    let pairs: Vec<(&str, &str)> = rest
        .split(separator)
        .filter_map(|p| p.split_once('='))
        .collect();
    let value = |key: &str| single(&pairs, key);
    let traffic = value("cat").or(value("Type")) == Some("TRAFFIC");
    let name = if traffic { action::FIREWALL_LOG } else { id };
    let found = common(name, &value)
        .attr("vendor", vendor)
        .attr("product", product);
    let user = value("usrName").or(value("SourceUser"));
    let found = if found.has_actor() {
        found
    } else {
        found.actor(user)
    };
    let found = found.bytes(value("totalBytes").and_then(|b| b.parse().ok()));
    Some(
        found
            .attr("event", id)
            .attr("rule", value("RuleName"))
            .app(product),
    )
}

type Value<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// Keys that both formats share (CEF "Extension Dictionary").
fn common(name: &str, value: &Value<'_>) -> Finding {
    let user = ["suser", "usrName", "duser", "sntdom", "suid"].iter();
    let user = user
        .filter_map(|key| value(key))
        .find(|v| scan::somebody(v).is_some());
    let word = ["outcome", "act", "action"]
        .iter()
        .find_map(|key| value(key));
    let request = value("request").or(value("url"));
    let object = request.or(value("fname")).or(value("filePath"));
    let mut found = Finding::of(&meaning(name)).outcome(word).actor(user);
    if found_name(name) != name {
        found = found.attr("name", name);
    }
    for key in ["src", "c6a2", "sourceTranslatedAddress"] {
        if let Some(source) = value(key) {
            found = found.origin(source);
            break;
        }
    }
    found
        .resource(object.map(|_| if request.is_some() { "url" } else { "file" }))
        .object(object)
        .agent(value("requestClientApplication"))
        .host(value("dvchost").filter(|h| scan::somebody(h).is_some()))
        .attr("dst_ip", value("dst"))
        .attr(
            "src_port",
            value("spt")
                .or(value("srcPort"))
                .and_then(|p| p.parse::<u16>().ok()),
        )
        .attr(
            "dst_port",
            value("dpt")
                .or(value("dstPort"))
                .and_then(|p| p.parse::<u16>().ok()),
        )
        .attr("proto", value("proto"))
        .attr("service", value("app"))
        .attr("method", value("requestMethod"))
}

/// Logins are logins, whatever the device calls them; other names stay.
fn meaning(name: &str) -> String {
    found_name(name).to_owned()
}

fn found_name(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let login = [
        "login",
        "logon",
        "logged in",
        "signed in",
        "sign-in",
        "authentication",
    ];
    let logout = ["logout", "logoff", "logged out", "signed out"];
    if logout.iter().any(|w| lower.contains(w)) {
        action::LOGOUT
    } else if login.iter().any(|w| lower.contains(w)) {
        action::LOGIN
    } else {
        name
    }
}

/// 0-3 low, 4-6 medium, 7-8 high, 9-10 very high, or the words.
fn severity(text: &str) -> Option<Severity> {
    Some(match text.to_ascii_lowercase().as_str() {
        "0" => Severity::Info,
        "1" | "2" | "3" | "low" => Severity::Low,
        "4" | "5" | "6" | "medium" => Severity::Medium,
        "7" | "8" | "high" => Severity::High,
        "9" | "10" | "very-high" | "critical" => Severity::Critical,
        _ => return None,
    })
}

/// Header fields; `\|` and `\\` are escapes.
fn fields(text: &str, most: usize) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        let last = fields.len() == most;
        match c {
            '|' if !escaped && !last => fields.push(String::new()),
            '\\' if !escaped && !last => {
                escaped = true;
                continue;
            }
            c => {
                if let Some(field) = fields.last_mut() {
                    field.push(c);
                }
            }
        }
        escaped = false;
    }
    fields
}

/// `key=value key=value`, values holding spaces: a value ends where the next key begins.
fn extension(text: &str) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut rest = text.trim();
    while let Some((key, after)) = rest.split_once('=') {
        let end = value_end(after);
        pairs.push((key.trim(), after.get(..end).unwrap_or_default().trim()));
        rest = after.get(end..).unwrap_or_default().trim_start();
        if pairs.len() > 200 {
            break;
        }
    }
    pairs
}

/// Where a value ends: at the space before the next plain key, or at the end of the text.
fn value_end(text: &str) -> usize {
    let (mut space, mut plain) = (None, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b' ' => (space, plain) = (Some(at), true),
            b'=' => match space {
                Some(space) if plain && at > space + 1 => return space,
                _ => plain = false,
            },
            _ => plain &= byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'),
        }
    }
    text.len()
}

/// A key's value; `None` when it is there twice with different values.
fn single<'a>(pairs: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    let mut found = pairs.iter().filter(|(k, _)| *k == key);
    let (_, value) = found.next()?;
    let sure = found.all(|(_, other)| other == value);
    (sure && !value.is_empty()).then_some(*value)
}
