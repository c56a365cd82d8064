//! `sample.json`: a body as the integration expects it, with placeholders the scripts fill in.

use domain::integration::Configuration;
use domain::integration::config::{GuarddutyPush, Webhook};
use serde_json::{Map, Value, json};

/// Replaced by the number of the verification.
pub(super) const NONCE: &str = "@NONCE@";
/// Replaced by the time in UTC.
const TIME: &str = "@TIME@";

/// The body to post; `None` where nothing is posted by others.
pub(super) fn body(configuration: &Configuration) -> Option<Value> {
    match configuration {
        Configuration::Webhook(webhook) => Some(event(webhook)),
        Configuration::GuarddutyPush(push) => Some(finding(push)),
        Configuration::GuarddutyPull(_) | Configuration::Devices(_) => None,
    }
}

/// One event, its fields where the mapping looks for them.
fn event(webhook: &Webhook) -> Value {
    let fields = [
        ("timestamp", json!(TIME)),
        ("actor", json!("insider-risk-verify")),
        ("action", json!("integration.verify")),
        ("resource", json!("verification")),
        ("resourceId", json!(NONCE)),
        ("outcome", json!("success")),
    ];
    let mut item = Value::Object(Map::new());
    for (field, value) in fields {
        let path = webhook.mapping.get(field).map_or(field, String::as_str);
        place(&mut item, path, value);
    }
    // Also where no mapping moves it away.
    place(&mut item, "verification", json!(NONCE));
    if webhook.items.is_empty() {
        return item;
    }
    let mut body = Value::Object(Map::new());
    place(&mut body, &webhook.items, json!([item]));
    body
}

/// Puts a value at a dotted path. Where another value already lies on the way, the whole path
/// becomes one key, which the mapping reads first.
fn place(at: &mut Value, path: &str, value: Value) {
    let whole = path.to_owned();
    let Value::Object(object) = at else { return };
    match path.split_once('.') {
        Some((head, rest)) if object.get(head).is_none_or(Value::is_object) => {
            let inner = object
                .entry(head)
                .or_insert_with(|| Value::Object(Map::new()));
            place(inner, rest, value);
        }
        _ => {
            object.insert(whole, value);
        }
    }
}

/// A finding in the envelope of EventBridge. Field names: GuardDuty user guide, "Finding details".
fn finding(push: &GuarddutyPush) -> Value {
    let account = push.accounts.first().map_or("123456789012", String::as_str);
    json!({
        "version": "0",
        "detail-type": "GuardDuty Finding",
        "source": "aws.guardduty",
        "account": account,
        "detail": {
            "schemaVersion": "2.0",
            "accountId": account,
            "region": "eu-central-1",
            "id": NONCE,
            "type": "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
            "title": "Verification of the integration",
            "severity": 2,
            "createdAt": TIME,
            "updatedAt": TIME,
            "resource": {
                "resourceType": "AccessKey",
                "accessKeyDetails": {"userName": "insider-risk-verify", "userType": "IAMUser"},
            },
            "service": {
                "serviceName": "guardduty",
                "action": {"actionType": "AWS_API_CALL"},
                "additionalInfo": {"sample": true},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_read_back_by_the_mapping_it_was_made_for() {
        let mapping = [
            ("actor", "who.login"),
            ("timestamp", "who"),
            ("resourceId", "a.b.c"),
            ("action", "quote\"$(x)"),
        ];
        for items in ["", "data.events"] {
            let webhook = Webhook {
                items: items.to_owned(),
                mapping: mapping
                    .iter()
                    .map(|(f, p)| ((*f).to_owned(), (*p).to_owned()))
                    .collect(),
                ..Webhook::default()
            };
            let body = event(&webhook).to_string();
            let read = crate::webhook::mapping::items(body.as_bytes(), &webhook).unwrap();
            let item: Value = serde_json::from_str(&read[0]).unwrap();
            assert_eq!(item["actor"], "insider-risk-verify", "{body}");
            assert_eq!(item["action"], "integration.verify", "{body}");
            assert_eq!(item["resourceId"], NONCE, "{body}");
        }
    }
}
