//! Redacts a whole event: its fields, its attributes, and every text that repeats what was removed.

use std::borrow::Cow;

use domain::event::Event;
use domain::redaction::Treatment;
use serde_json::{Map, Value};

use super::treat;
use crate::{Intake, attributes};

/// Words that stand where a value was removed.
const REMOVED: &str = "••••";

/// Applies the source's treatments.
pub(crate) fn redact(event: &mut Event, intake: &Intake<'_>) {
    let Some((redaction, key)) = intake.redaction else {
        return;
    };
    let text = event.attributes.as_deref().unwrap_or("{}");
    // It was written a moment ago; should it ever not be read, losing it beats leaking it.
    let attributes: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let removed = removed_values(event, &attributes, intake);
    event.resource_id =
        (event.resource_id.take()).and_then(|value| treat(&value, redaction.resource_id, key));
    let treated = attributes::redact(event.attributes.take(), intake);
    event.attributes = treated.and_then(|text| scrubbed(&text, &removed));
}

/// The values that redaction removes from their fields, and what stands for them: the line says
/// them once more.
fn removed_values(
    event: &Event,
    attributes: &Map<String, Value>,
    intake: &Intake<'_>,
) -> Vec<(String, String)> {
    let Some((redaction, key)) = intake.redaction else {
        return Vec::new();
    };
    let mut values = Vec::new();
    let mut remove = |value: &str, treatment: Treatment| {
        if treatment != Treatment::Keep {
            let instead = treat(value, treatment, key).unwrap_or_else(|| REMOVED.to_owned());
            values.push((value.to_owned(), instead));
        }
    };
    if let Some(id) = &event.resource_id {
        remove(id, redaction.resource_id);
    }
    for (name, treatment) in &redaction.attributes {
        if let Some(value) = at_path(attributes, name) {
            remove(&value, *treatment);
        }
    }
    values
}

/// The text at a literal key or a dotted path.
fn at_path<'m>(map: &'m Map<String, Value>, name: &str) -> Option<Cow<'m, str>> {
    let found = map.get(name).or_else(|| {
        let (head, tail) = name.split_once('.')?;
        map.get(head)?.get(tail)
    })?;
    match found {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        other => Some(Cow::Owned(other.to_string())),
    }
}

/// The attributes without what was removed elsewhere.
fn scrubbed(text: &str, removed: &[(String, String)]) -> Option<String> {
    // It was written a moment ago; should it ever not be read, losing it beats leaking it.
    let mut attributes = serde_json::from_str(text).ok()?;
    for (value, instead) in removed {
        scrub(&mut attributes, value, instead);
    }
    attributes::text_of(&attributes)
}

/// Replaces a value wherever texts repeat it. A value too short to be found for certain takes the
/// whole message with it.
fn scrub(attributes: &mut Map<String, Value>, value: &str, instead: &str) {
    if value.chars().count() < 4 {
        if let Some(Value::Object(syslog)) = attributes.get_mut("syslog") {
            syslog.remove("message");
            syslog.remove("structuredData");
        }
        return;
    }
    for held in attributes.values_mut() {
        scrub_value(held, value, instead);
    }
}

fn scrub_value(held: &mut Value, value: &str, instead: &str) {
    match held {
        Value::String(text) if text.contains(value) => *text = text.replace(value, instead),
        Value::Array(items) => {
            for item in items {
                scrub_value(item, value, instead);
            }
        }
        Value::Object(map) => {
            for item in map.values_mut() {
                scrub_value(item, value, instead);
            }
        }
        _ => {}
    }
}
