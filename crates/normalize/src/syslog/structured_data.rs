//! Structured data (RFC 5424 section 6.3), read as senders really write it.

use serde_json::{Map, Value};

/// Most elements and parameters that are read; a text with more is no structured data.
const MOST: usize = 256;

/// Reads elements at the beginning of `text` and gives what follows them; `None` when the text
/// does not begin with a whole element. An unescaped `]` inside quotes is tolerated, and so are
/// spaces before the closing bracket.
pub(super) fn read(text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut elements = Map::new();
    let (mut rest, mut left) = (text, MOST);
    while let Some(inner) = rest.strip_prefix('[') {
        left = left.checked_sub(1)?;
        rest = element(inner, &mut elements, &mut left)?;
    }
    (!elements.is_empty()).then_some((elements, rest))
}

/// Like [`read`], but an element must hold a parameter: text of RFC 3164 may begin with brackets
/// that mean something else.
pub(super) fn read_in_text(text: &str) -> Option<(Map<String, Value>, &str)> {
    if !text.starts_with('[') {
        return None;
    }
    let (elements, rest) = read(text)?;
    let full = elements
        .values()
        .all(|e| e.as_object().is_some_and(|o| !o.is_empty()));
    (full && (rest.is_empty() || rest.starts_with(' '))).then_some((elements, rest))
}

fn element<'a>(
    text: &'a str,
    elements: &mut Map<String, Value>,
    left: &mut usize,
) -> Option<&'a str> {
    let end = text.find([' ', ']', '=', '"'])?;
    let id = text.get(..end).filter(|id| !id.is_empty())?;
    let mut rest = text.get(end..)?;
    let mut parameters = Map::new();
    loop {
        let trimmed = rest.trim_start_matches(' ');
        if let Some(after) = trimmed.strip_prefix(']') {
            merge(elements, id, parameters);
            return Some(after);
        }
        if trimmed.len() == rest.len() {
            return None;
        }
        let (name, quoted) = trimmed.split_once("=\"")?;
        if name.is_empty() || name.contains([' ', ']', '"', '=']) {
            return None;
        }
        let (value, after) = value(quoted)?;
        add(&mut parameters, name, value);
        *left = left.checked_sub(1)?;
        rest = after;
    }
}

/// A quoted value with `\"`, `\\` and `\]` resolved; any other backslash stays (section 6.3.3).
fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()? {
                (_, escaped @ ('"' | '\\' | ']')) => value.push(escaped),
                (_, other) => {
                    value.push('\\');
                    value.push(other);
                }
            },
            c => value.push(c),
        }
    }
    None
}

/// A parameter that is sent several times is a list (section 6.3.3 allows it).
fn add(parameters: &mut Map<String, Value>, name: &str, value: String) {
    match parameters.get_mut(name) {
        None => {
            parameters.insert(name.to_owned(), Value::String(value));
        }
        Some(Value::Array(values)) => values.push(Value::String(value)),
        Some(single) => *single = Value::Array(vec![single.take(), Value::String(value)]),
    }
}

/// An element that is sent twice, which is wrong, keeps the parameters of both.
fn merge(elements: &mut Map<String, Value>, id: &str, parameters: Map<String, Value>) {
    let Some(Value::Object(known)) = elements.get_mut(id) else {
        elements.insert(id.to_owned(), Value::Object(parameters));
        return;
    };
    for (name, value) in parameters {
        if let Value::String(value) = value {
            add(known, &name, value);
        } else {
            known.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        read(text).map_or("-".to_owned(), |(elements, rest)| {
            format!("{}|{rest}", Value::Object(elements))
        })
    }

    #[test]
    fn elements() {
        let table = [
            (r#"[a i="x"] m"#, r#"{"a":{"i":"x"}}| m"#),
            (r#"[a i="\]\"\\"] m"#, r#"{"a":{"i":"]\"\\"}}| m"#),
            (r#"[a i="\x"]"#, r#"{"a":{"i":"\\x"}}|"#),
            (
                r#"[a i="1" i="2" i="3"][b]"#,
                r#"{"a":{"i":["1","2","3"]},"b":{}}|"#,
            ),
            (
                r#"[d e="1"][i][d c="l"]"#,
                r#"{"d":{"c":"l","e":"1"},"i":{}}|"#,
            ),
            (r#"[a i="p]"] m"#, r#"{"a":{"i":"p]"}}| m"#),
            (r#"[a i="1" ] m"#, r#"{"a":{"i":"1"}}| m"#),
            ("[]", "-"),
            ("[ a]", "-"),
            ("[a", "-"),
            ("[a i=", "-"),
            (r#"[a i="x]"#, "-"),
            (r#"[a i="x"j="y"]"#, "-"),
            ("[a b]", "-"),
            ("text", "-"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn brackets_in_text_are_no_elements() {
        assert!(read_in_text(r#"[origin software="x"] start"#).is_some());
        assert!(read_in_text("[82508.1] wireguard: wg0").is_none());
        assert!(read_in_text(r#"[software="x" b="y"] start"#).is_none());
        assert!(read_in_text(r#"[a b="c"]x"#).is_none());
    }
}
