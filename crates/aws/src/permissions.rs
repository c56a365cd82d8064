//! The calls a pull needs, as documents to paste and as what a session may do.

use serde_json::{Value, json};

/// Every call of a pull, and no other.
pub(crate) const ACTIONS: [&str; 3] = [
    "guardduty:ListDetectors",
    "guardduty:ListFindings",
    "guardduty:GetFindings",
];

/// The policy the role needs. The same is asked for with each session, so that a role that may do
/// more still does not when it is assumed from here.
pub(crate) fn policy() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}],
    })
}

/// The trust policy the role needs: only `principal`, and only with our external id.
pub(crate) fn trust(principal: &str, external_id: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }],
    })
}

/// As a person pastes it.
pub(crate) fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_reading_is_ever_asked_for() {
        for action in ACTIONS {
            let verb = action.strip_prefix("guardduty:").unwrap();
            assert!(
                verb.starts_with("List") || verb.starts_with("Get"),
                "{action}"
            );
        }
        assert_eq!(policy()["Statement"][0]["Action"], json!(ACTIONS));
        let trust = trust("arn:aws:iam::1:root", "irm-x");
        let condition = &trust["Statement"][0]["Condition"]["StringEquals"];
        assert_eq!(condition["sts:ExternalId"], "irm-x");
        let pack = include_str!("../../../integration-packs/guardduty-pull/policy.json");
        let pack: Value = serde_json::from_str(pack).unwrap();
        assert_eq!(pack, policy(), "the pack gives what is called, and no more");
        // STS takes session policies of at most 2048 characters.
        assert!(policy().to_string().len() <= 2048);
    }
}
