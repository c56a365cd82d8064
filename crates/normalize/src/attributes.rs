//! Everything the sender said beyond the known fields: kept as the text of one JSON object.

use std::borrow::Cow;

use domain::redaction::Treatment;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::redact::treat;
use crate::text::visible;
use crate::value::Entry;
use crate::{Intake, Note, Problem};

/// Builds the attributes of an event from the entries no field has taken.
pub(crate) fn build<'a>(
    left: impl Iterator<Item = &'a Entry<'a>>,
    notes: &mut Vec<Note>,
) -> Result<Option<String>, Problem> {
    let mut out = String::new();
    for (key, raw) in left {
        let value = storable(key, raw, notes)?;
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(&quoted(&visible(key)));
        out.push(':');
        out.push_str(&value);
    }
    if out.is_empty() {
        return Ok(None);
    }
    out.push('}');
    Ok(Some(out))
}

/// The text of attributes; `None` when there are none.
pub(crate) fn text_of(attributes: &Map<String, Value>) -> Option<String> {
    // The JSON text of a map of JSON values always exists.
    (!attributes.is_empty()).then(|| serde_json::to_string(attributes).unwrap_or_default())
}

/// Applies the source's treatments to the attributes of an event, and those of the resource id
/// to the aliases under which it may still stand among them.
pub(crate) fn redact(attributes: Option<String>, intake: &Intake<'_>) -> Option<String> {
    let (Some((redaction, key)), Some(text)) = (intake.redaction, attributes.as_ref()) else {
        return attributes;
    };
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        // It was read a moment ago; should it ever not be, losing it beats leaking it.
        return None;
    };
    let aliases = crate::item::RESOURCE_ID
        .iter()
        .map(|a| (*a, redaction.resource_id));
    let named = redaction.attributes.iter().map(|(n, t)| (n.as_str(), *t));
    for (name, treatment) in named.chain(aliases) {
        if treatment != Treatment::Keep {
            redact_at(&mut value, name, &|v| redacted(v, treatment, key));
        }
    }
    match &value {
        Value::Object(map) if map.is_empty() => None,
        _ => Some(value.to_string()),
    }
}

/// Reaches a literal key or a dotted path.
fn redact_at(value: &mut Value, name: &str, change: &dyn Fn(&Value) -> Option<Value>) {
    let Value::Object(map) = value else {
        return;
    };
    if let Some(found) = map.get(name) {
        match change(found) {
            Some(changed) => map.insert(name.to_owned(), changed),
            None => map.remove(name),
        };
    }
    if let Some((head, tail)) = name.split_once('.')
        && let Some(inner) = map.get_mut(head)
    {
        redact_at(inner, tail, change);
    }
}

fn redacted(value: &Value, treatment: Treatment, key: &crate::RedactionKey) -> Option<Value> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    };
    treat(&text, treatment, key).map(Value::String)
}

/// The raw value when it can be stored as it is; a mended copy otherwise.
fn storable<'a>(
    key: &str,
    raw: &'a RawValue,
    notes: &mut Vec<Note>,
) -> Result<Cow<'a, str>, Problem> {
    let text = raw.get();
    let plain = text.starts_with('"') && !text.contains(['\\', '\u{7f}']) && text.is_ascii();
    if plain || matches!(text, "true" | "false" | "null") {
        return Ok(Cow::Borrowed(text));
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Problem::new(key, format!("the value cannot be read: {error}")))?;
    if !has_control(&value) {
        return Ok(Cow::Borrowed(text));
    }
    notes.push(Note::new(
        key,
        "control characters were replaced by visible escapes",
    ));
    Ok(Cow::Owned(mended(value).to_string()))
}

fn has_control(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().any(char::is_control),
        Value::Array(items) => items.iter().any(has_control),
        Value::Object(map) => map
            .iter()
            .any(|(k, v)| k.chars().any(char::is_control) || has_control(v)),
        _ => false,
    }
}

/// The value with control characters in keys and texts made visible.
pub(crate) fn mended(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(visible(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(mended).collect()),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(k, v)| (visible(&k).into_owned(), mended(v)))
                .collect(),
        ),
        other => other,
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
