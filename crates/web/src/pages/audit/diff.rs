//! Two JSON values, field by field: what was added, removed, changed. Secrets are never shown.

use serde_json::Value;
use std::collections::BTreeMap;

/// Most fields shown of one entry.
const MOST: usize = 60;
/// Most characters shown of one value.
const LONGEST: usize = 600;

/// Parts of field names whose values are secrets.
const SECRET: [&str; 8] = [
    "password",
    "secret",
    "token",
    "hash",
    "csrf",
    "apikey",
    "api_key",
    "credential",
];

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Dotted path; empty when the whole value is one.
    pub field: String,
    pub change: Change,
}

/// How a field differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there now only.
    Added(String),
    /// It was there before only.
    Removed(String),
    /// It has another value.
    Changed(String, String),
    /// It is a secret, and something happened to it.
    Secret,
    /// More fields than are shown.
    More(usize),
}

/// The fields that differ, by name. Text that is no JSON counts as one value.
pub(super) fn differences(before: Option<&str>, after: Option<&str>) -> Vec<Difference> {
    let (mut old, mut new) = (flat(before), flat(after));
    let mut names: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let mut out = Vec::new();
    for field in names {
        let change = match (old.remove(&field), new.remove(&field)) {
            (a, b) if a == b => continue,
            _ if is_secret(&field) => Change::Secret,
            (Some(a), Some(b)) => Change::Changed(shown(&a), shown(&b)),
            (Some(a), None) => Change::Removed(shown(&a)),
            (None, Some(b)) => Change::Added(shown(&b)),
            (None, None) => continue,
        };
        out.push(Difference { field, change });
    }
    if out.len() > MOST {
        let rest = out.len() - MOST;
        out.truncate(MOST);
        out.push(Difference {
            field: String::new(),
            change: Change::More(rest),
        });
    }
    out
}

/// Every leaf with its dotted path. Lists of plain values are one leaf.
fn flat(text: Option<&str>) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    if let Some(text) = text {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        walk(String::new(), &value, &mut leaves);
    }
    leaves
}

fn walk(path: String, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, inner) in fields {
                walk(below(name), inner, leaves);
            }
        }
        Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_array()) => {
            for (index, inner) in items.iter().enumerate() {
                walk(below(&(index + 1).to_string()), inner, leaves);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            leaves.insert(path, items.join(", "));
        }
        plain_value => {
            leaves.insert(path, plain(plain_value));
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        // `4` rather than `4.0`.
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(|| number.to_string(), |n| n.to_string()),
        other => other.to_string(),
    }
}

fn is_secret(field: &str) -> bool {
    let folded = field.to_lowercase();
    SECRET.iter().any(|word| folded.contains(word))
}

/// A value as shown: keys of ours cut to what finds them, invisible characters made visible.
fn shown(value: &str) -> String {
    let is_key = |prefix: &str| value.contains(prefix) && value.len() >= 40;
    if is_key("irk_") || is_key("irt_") {
        return "(a key, not shown)".to_owned();
    }
    // Line breaks of notes are no disguise.
    let line = value.replace(['\n', '\r', '\t'], " ");
    let text: String = line.chars().take(LONGEST).collect();
    let more = if text.len() < line.len() { "…" } else { "" };
    format!("{}{more}", crate::page::visible(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: Option<&str>, after: Option<&str>) -> Vec<String> {
        let line = |d: Difference| match d.change {
            Change::Added(value) => format!("{} + {value}", d.field),
            Change::Removed(value) => format!("{} - {value}", d.field),
            Change::Changed(a, b) => format!("{} {a} -> {b}", d.field),
            Change::Secret => format!("{} secret", d.field),
            Change::More(n) => format!("{n} more"),
        };
        differences(before, after).into_iter().map(line).collect()
    }

    #[test]
    fn added_removed_changed_and_equal() {
        let before = r#"{"name":"a","days":30,"gone":true,"same":[1,2],"deep":{"x":1,"y":2}}"#;
        let after = r#"{"name":"b","days":30,"new":null,"same":[1,2],"deep":{"x":1,"z":"q"}}"#;
        assert_eq!(
            told(Some(before), Some(after)),
            ["deep.y - 2", "deep.z + q", "gone - yes", "name a -> b"]
        );
        assert!(told(Some(before), Some(before)).is_empty());
        assert!(told(None, None).is_empty());
    }

    #[test]
    fn whole_values_and_lists() {
        assert_eq!(told(None, Some("\"admin\"")), [" + admin"]);
        assert_eq!(told(Some("false"), Some("true")), [" no -> yes"]);
        assert_eq!(told(Some("4.0"), Some("2.5")), [" 4 -> 2.5"]);
        assert_eq!(
            told(Some(r#"["auto","compact"]"#), Some(r#"["dark","compact"]"#)),
            [" auto, compact -> dark, compact"]
        );
        assert_eq!(
            told(None, Some(r#"{"rows":[{"a":1},{"a":2}]}"#)),
            ["rows.1.a + 1", "rows.2.a + 2"]
        );
        assert_eq!(told(None, Some("not json")), [" + not json"]);
    }

    #[test]
    fn secrets_never_appear() {
        let key = "irk_7H2K9QW4XZ_0123456789012345678901234567890123456789012_ABCDEF";
        let before = r#"{"passwordHash":"$2b$12$abc","n":1}"#;
        let after = format!(r#"{{"passwordHash":"$2b$12$xyz","n":1,"note":"use {key}"}}"#);
        let lines = told(Some(before), Some(&after));
        assert_eq!(lines, ["note + (a key, not shown)", "passwordHash secret"]);
        let nested = r#"{"webhook":{"secret":"hunter2"},"apiKey":"x","csrf":"y"}"#;
        for line in told(None, Some(nested)) {
            assert!(line.ends_with("secret"), "{line}");
        }
    }

    #[test]
    fn long_and_odd_values_are_bounded() {
        let long = format!("\"{}\"", "x".repeat(5000));
        let line = told(None, Some(&long)).remove(0);
        assert!(line.chars().count() < LONGEST + 10 && line.ends_with('…'));
        let odd = told(None, Some("\"a\u{202E}b\""));
        assert_eq!(odd, [" + a⟨U+202E⟩b"]);
        let many: Vec<String> = (0..100).map(|i| format!("\"f{i:03}\":1")).collect();
        let lines = told(None, Some(&format!("{{{}}}", many.join(","))));
        assert_eq!((lines.len(), lines[MOST].as_str()), (MOST + 1, "40 more"));
    }
}
