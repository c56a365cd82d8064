//! Where in a posted body the events are, and which of their fields mean what.

use std::collections::BTreeMap;

use domain::integration::config::Webhook;
use serde_json::{Map, Value};
use thiserror::Error;

/// Why nothing can be taken out of a body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unmappable {
    /// It is not JSON.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// The path to the events leads nowhere.
    #[error("there is nothing at {0}")]
    NoItems(String),
    /// The path leads to something that holds no events.
    #[error("what is at {0} is neither an object nor an array")]
    NotItems(String),
}

/// The events of a body, each the text of one JSON object as ingest takes it.
///
/// The fields a mapping names are put in front under our names; everything else stays as sent and
/// is kept as attributes. A path that leads nowhere leaves its field to the usual names.
pub fn items(body: &[u8], webhook: &Webhook) -> Result<Vec<String>, Unmappable> {
    let body: Value =
        serde_json::from_slice(body).map_err(|e| Unmappable::NotJson(e.to_string()))?;
    let found = if webhook.items.is_empty() {
        &body
    } else {
        at(&body, &webhook.items).ok_or_else(|| Unmappable::NoItems(webhook.items.clone()))?
    };
    match found {
        Value::Array(items) => Ok(items.iter().map(|i| mapped(i, &webhook.mapping)).collect()),
        Value::Object(_) => Ok(vec![mapped(found, &webhook.mapping)]),
        _ => {
            let place = if webhook.items.is_empty() {
                "the top"
            } else {
                &webhook.items
            };
            Err(Unmappable::NotItems(place.to_owned()))
        }
    }
}

/// The value at a dotted path; a literal key with dots in it comes first.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    if let Some(found) = object.get(path) {
        return Some(found);
    }
    let (head, rest) = path.split_once('.')?;
    at(object.get(head)?, rest)
}

fn mapped(item: &Value, mapping: &BTreeMap<String, String>) -> String {
    let Value::Object(object) = item else {
        return item.to_string();
    };
    if mapping.is_empty() {
        return item.to_string();
    }
    let mut event = Map::new();
    for (field, path) in mapping {
        if let Some(value) = at(item, path).filter(|v| !v.is_object() && !v.is_array()) {
            event.insert(field.clone(), value.clone());
        }
    }
    for (key, value) in object {
        event.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(event).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(items: &str, mapping: &[(&str, &str)]) -> Webhook {
        Webhook {
            items: items.to_owned(),
            mapping: mapping
                .iter()
                .map(|(f, p)| ((*f).to_owned(), (*p).to_owned()))
                .collect(),
            ..Webhook::default()
        }
    }

    fn first(body: &str, webhook: &Webhook) -> Value {
        serde_json::from_str(&items(body.as_bytes(), webhook).unwrap()[0]).unwrap()
    }

    #[test]
    fn fields_are_found_by_path_and_the_rest_stays() {
        let body =
            r#"{"sender":{"login":"jane"},"action":"created","at":"2026-03-02T12:00:00Z","x.y":7}"#;
        let mapping = webhook(
            "",
            &[
                ("actor", "sender.login"),
                ("timestamp", "at"),
                ("bytes", "x.y"),
            ],
        );
        let event = first(body, &mapping);
        assert_eq!(event["actor"], "jane");
        assert_eq!(event["timestamp"], "2026-03-02T12:00:00Z");
        assert_eq!(
            (&event["action"], &event["bytes"]),
            (&Value::from("created"), &Value::from(7))
        );
        assert_eq!(event["sender"]["login"], "jane");
        // What leads nowhere, or to an object, leaves the field to its usual names.
        let event = first(
            r#"{"actor":"sent","sender":{}}"#,
            &webhook("", &[("actor", "sender"), ("action", "a.b")]),
        );
        assert_eq!(
            (&event["actor"], event.get("action")),
            (&Value::from("sent"), None)
        );
        // The mapping wins over a field of that name.
        let event = first(
            r#"{"actor":"bot","sender":"jane"}"#,
            &webhook("", &[("actor", "sender")]),
        );
        assert_eq!(event["actor"], "jane");
    }

    #[test]
    fn items_are_found_by_path() {
        let nested = webhook("data.events", &[]);
        let body = br#"{"data":{"events":[{"a":1},{"a":2},5]}}"#;
        assert_eq!(
            items(body, &nested).unwrap(),
            [r#"{"a":1}"#, r#"{"a":2}"#, "5"]
        );
        assert_eq!(
            items(b"[]", &webhook("", &[])).unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            items(b"{}", &nested),
            Err(Unmappable::NoItems("data.events".to_owned()))
        );
        assert!(matches!(
            items(b"5", &webhook("", &[])),
            Err(Unmappable::NotItems(_))
        ));
        assert!(matches!(
            items(b"{", &webhook("", &[])),
            Err(Unmappable::NotJson(_))
        ));
        assert!(matches!(
            items(br#"{"data":{"events":"x"}}"#, &nested),
            Err(Unmappable::NotItems(_))
        ));
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(0_u8..=255, 0..200), path in "[a-z.]{0,12}") {
            let _ = items(&body, &webhook(&path, &[("actor", &path)]));
        }
    }
}
