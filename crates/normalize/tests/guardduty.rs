//! What GuardDuty findings become, and what hostile documents must not do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod labels;

use domain::actor::ActorKind;
use domain::event::Outcome;
use domain::severity::Severity;
use domain::time::{Timestamp, Zone};
use normalize::record::{Context, Record};
use normalize::{MAX_ITEM_BYTES, Problem, guardduty};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn read(raw: &str) -> Result<Record, Problem> {
    let zone = Zone::utc();
    guardduty::read(
        raw,
        &Context {
            received_at: "2026-11-25T03:00:00Z".parse().unwrap(),
            zone: &zone,
        },
    )
}

fn read_value(value: &Value) -> Record {
    read(&value.to_string()).unwrap_or_else(|problem| panic!("{problem:?}: {value}"))
}

/// Labels that are wrong, with the reason.
const WRONG_LABELS: &[(&str, &str, &str)] = &[(
    "s01547",
    "ip",
    r#"the template has "IpAddressV4": "MALICIOUS_IP", which is no address; it is kept as remote_address"#,
)];

#[test]
fn every_labelled_sample() {
    let samples = labels::of_kind("guardduty");
    assert!(samples.len() >= 16);
    let mut faults = Vec::new();
    for sample in samples {
        let record =
            read(&sample.line).unwrap_or_else(|problem| panic!("{}: {problem:?}", sample.id));
        for (label, wanted) in sample.expected.as_object().unwrap() {
            let known_wrong = WRONG_LABELS
                .iter()
                .any(|(id, name, _)| *id == sample.id && name == label);
            let got = labelled(&record, label);
            if got != same_time(label, wanted) && !known_wrong && label != "form" {
                faults.push(format!("{} {label}: {got} instead of {wanted}", sample.id));
            }
        }
        let named = sample.expected.get("actor").is_some();
        assert!(named || record.actor_kind == Some(ActorKind::Device) || record.actor.is_none());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The value of a label in the record.
fn labelled(record: &Record, label: &str) -> Value {
    match label {
        "type" => json!(record.action),
        "severity_label" => json!(record.severity.map(Severity::word)),
        "timestamp" => json!(record.timestamp),
        "actor" => json!(record.actor),
        "ip" => json!(record.ip),
        "action" => record.attributes.get("action_type").cloned().into(),
        "created_at" => same_time(label, &record.attributes["created_at"]),
        other => record.attributes.get(other).cloned().into(),
    }
}

fn same_time(label: &str, value: &Value) -> Value {
    if !["timestamp", "created_at"].contains(&label) {
        return value.clone();
    }
    let text = value.as_str().unwrap();
    let time = text
        .parse::<Timestamp>()
        .or_else(|_| format!("{text}Z").parse());
    json!(time.unwrap())
}

#[expect(clippy::needless_pass_by_value, reason = "called with literals")]
fn base(kind: &str, resource: Value, service: Value) -> Value {
    json!({
        "schemaVersion": "2.0", "accountId": "123456789012", "region": "eu-central-1", "partition": "aws",
        "id": "b174b38d", "type": kind, "severity": 5.3, "updatedAt": "2026-03-02T23:10:04.123Z",
        "createdAt": "2026-03-01T00:00:00Z", "resource": resource, "service": service,
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row per shape")]
fn actors_by_shape() {
    let instance =
        json!({"instanceId": "i-99", "networkInterfaces": [{"privateIpAddress": "10.0.0.1"}]});
    let process =
        json!({"process": {"name": "nc", "user": "www-data", "executablePath": "/bin/nc"}});
    let table = [
        (
            base(
                "Recon:EC2/Portscan",
                json!({"resourceType": "Instance", "instanceDetails": instance}),
                json!({}),
            ),
            "i-99",
            Some(ActorKind::Device),
        ),
        (
            base(
                "Stealth:IAMUser/X",
                json!({"resourceType": "AccessKey", "accessKeyDetails": {"userName": "jane", "userType": "IAMUser", "principalId": "AIDA1"}}),
                json!({}),
            ),
            "jane",
            Some(ActorKind::Person),
        ),
        (
            base(
                "Stealth:IAMUser/X",
                json!({"accessKeyDetails": {"userName": "deploy-role", "userType": "AssumedRole", "principalId": "AROA1:i-0abc"}}),
                json!({}),
            ),
            "deploy-role",
            Some(ActorKind::Service),
        ),
        (
            base(
                "Policy:IAMUser/RootCredentialUsage",
                json!({"accessKeyDetails": {"userType": "Root", "principalId": "123"}}),
                json!({}),
            ),
            "root",
            Some(ActorKind::Person),
        ),
        (
            base(
                "Stealth:IAMUser/X",
                json!({"accessKeyDetails": {"principalId": "AIDA1"}}),
                json!({}),
            ),
            "AIDA1",
            None,
        ),
        (
            base(
                "Execution:Kubernetes/ExecInKubeSystemPod",
                json!({"resourceType": "EKSCluster", "eksClusterDetails": {"name": "prod"}, "kubernetesDetails": {"kubernetesUserDetails": {"username": "kubernetes-admin"}, "kubernetesWorkloadDetails": {"name": "coredns"}}}),
                json!({}),
            ),
            "kubernetes-admin",
            Some(ActorKind::Person),
        ),
        (
            base(
                "Discovery:Kubernetes/X",
                json!({"kubernetesDetails": {"kubernetesUserDetails": {"username": "system:serviceaccount:a:b"}}}),
                json!({}),
            ),
            "system:serviceaccount:a:b",
            Some(ActorKind::Service),
        ),
        (
            base(
                "Discovery:RDS/TorIPCaller",
                json!({"resourceType": "RDSDBInstance", "rdsDbUserDetails": {"user": "app"}}),
                json!({}),
            ),
            "app",
            None,
        ),
        (
            base(
                "Execution:Runtime/NewBinaryExecuted",
                json!({"resourceType": "Instance", "instanceDetails": instance}),
                json!({"runtimeDetails": process}),
            ),
            "www-data",
            None,
        ),
        (
            base(
                "Backdoor:Lambda/C&CActivity.B",
                json!({"resourceType": "Lambda", "lambdaDetails": {"functionName": "resize", "role": "r"}}),
                json!({}),
            ),
            "resize",
            Some(ActorKind::Service),
        ),
        (
            base(
                "Execution:ECS/MaliciousFile",
                json!({"resourceType": "ECSCluster", "ecsClusterDetails": {"name": "web"}}),
                json!({}),
            ),
            "web",
            Some(ActorKind::Service),
        ),
        (
            base(
                "AttackSequence:IAM/CompromisedCredentials",
                json!({"resourceType": "AttackSequence"}),
                json!({"detection": {"sequence": {"uid": "s", "actors": [{"id": "user:x", "user": {"name": "john_doe", "uid": "AIDA", "type": "IAMUser", "credentialUid": "AKIA"}}, {"id": "y", "user": {"name": "eve"}}], "endpoints": [{"id": "e", "ip": "198.51.100.7"}], "signals": [{"name": "Recon:IAMUser/X"}]}}}),
            ),
            "john_doe",
            Some(ActorKind::Person),
        ),
    ];
    for (finding, actor, kind) in table {
        for spelled in [finding.clone(), pascal(&finding)] {
            let record = read_value(&spelled);
            assert_eq!(record.actor.as_deref(), Some(actor), "{spelled}");
            assert_eq!(record.actor_kind, kind, "{spelled}");
            assert_eq!(record.severity, Some(Severity::Medium));
            assert_eq!(
                record.sender_id.as_deref(),
                Some("b174b38d@2026-03-02T23:10:04.123Z")
            );
        }
    }
}

/// The same document with every key in PascalCase, as the SDKs print it.
fn pascal(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| {
                    let mut chars = k.chars();
                    let first = chars.next().unwrap().to_ascii_uppercase();
                    (format!("{first}{}", chars.as_str()), pascal(v))
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.iter().map(pascal).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_was_observed() {
    let remote = json!({"ipAddressV4": "203.0.113.77", "country": {"countryName": "Netherlands"}, "organization": {"asn": "209242"}});
    let table = [
        (
            json!({"actionType": "AWS_API_CALL", "awsApiCallAction": {"api": "GetObject", "serviceName": "s3.amazonaws.com", "callerType": "Remote IP", "errorCode": "AccessDenied", "remoteIpDetails": remote}}),
            Outcome::Failure,
            json!({"api": "GetObject", "api_service": "s3.amazonaws.com", "error_code": "AccessDenied", "country": "Netherlands", "asn": "209242", "action_type": "AWS_API_CALL"}),
        ),
        (
            json!({"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {"connectionDirection": "INBOUND", "protocol": "TCP", "blocked": false, "localPortDetails": {"port": 22}, "remoteIpDetails": remote}}),
            Outcome::Unknown,
            json!({"direction": "INBOUND", "local_port": 22, "blocked": false}),
        ),
        (
            json!({"actionType": "PORT_PROBE", "portProbeAction": {"blocked": true, "portProbeDetails": [{"remoteIpDetails": remote}, {"remoteIpDetails": {"ipAddressV4": "203.0.113.78"}}]}}),
            Outcome::Failure,
            json!({"remote_ips": ["203.0.113.77", "203.0.113.78"], "country": "Netherlands"}),
        ),
        (
            json!({"actionType": "KUBERNETES_API_CALL", "kubernetesApiCallAction": {"verb": "create", "sourceIPs": ["203.0.113.77"], "userAgent": "kubectl/v1", "statusCode": 403}}),
            Outcome::Failure,
            json!({"verb": "create", "status_code": 403}),
        ),
        (
            json!({"actionType": "RDS_LOGIN_ATTEMPT", "rdsLoginAttemptAction": {"remoteIpDetails": remote, "loginAttributes": [{"failedLoginAttempts": 3, "successfulLoginAttempts": 0}]}}),
            Outcome::Failure,
            json!({}),
        ),
        (
            json!({"actionType": "RDS_LOGIN_ATTEMPT", "rdsLoginAttemptAction": {"remoteIpDetails": {"ipAddressV6": "2001:db8::1"}, "loginAttributes": {"successfulLoginAttempts": 1}}}),
            Outcome::Success,
            json!({}),
        ),
    ];
    for (action, outcome, words) in table {
        let record = read_value(&base(
            "X:Y/Z",
            json!({}),
            json!({"action": action, "count": 7}),
        ));
        assert_eq!(record.outcome, outcome, "{action}");
        assert!(record.ip.is_some(), "{action}");
        assert_eq!(record.attributes["count"], 7);
        for (key, value) in words.as_object().unwrap() {
            assert_eq!(&record.attributes[key], value, "{key} of {action}");
        }
    }
    let dns = json!({"actionType": "DNS_REQUEST", "dnsRequestAction": {"domain": "xmr.example", "protocol": "UDP"}});
    let record = read_value(&base("X:Y/Z", json!({}), json!({"action": dns})));
    assert_eq!(
        (record.ip, &record.attributes["domain"]),
        (None, &json!("xmr.example"))
    );
}

#[test]
fn envelopes() {
    let finding = base(
        "Recon:EC2/Portscan",
        json!({"instanceDetails": {"instanceId": "i-1"}}),
        json!({}),
    );
    let event_bridge = json!({"version": "0", "id": "e", "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "detail": finding});
    let page = json!({"Findings": [pascal(&finding)]});
    let notification = json!({"Type": "Notification", "Message": event_bridge.to_string()});
    for document in [&finding, &event_bridge, &page, &notification] {
        assert_eq!(read_value(document), read_value(&finding), "{document}");
        assert!(guardduty::recognise(&document.to_string()), "{document}");
    }
    let zone = Zone::utc();
    let context = Context {
        received_at: Timestamp::from_micros(0),
        zone: &zone,
    };
    let two = json!({"findings": [finding, {"type": 5}]}).to_string();
    let read_two = guardduty::read_all(&two, &context).unwrap();
    assert_eq!(read_two.len(), 2);
    assert!(read_two[0].is_ok());
    assert_eq!(read_two[1].as_ref().unwrap_err().field, "type");
    assert_eq!(read(&two).unwrap_err().field, "Findings");
    assert!(!guardduty::recognise(
        r#"{"type":"login","actor":"jane","timestamp":"2026-03-02T23:10:04Z"}"#
    ));
}

#[test]
fn severity_bands() {
    let table = [
        (json!(1), Some(Severity::Low)),
        (json!(3.9), Some(Severity::Low)),
        (json!(4), Some(Severity::Medium)),
        (json!(6.9), Some(Severity::Medium)),
        (json!(7.0), Some(Severity::High)),
        (json!(8.9), Some(Severity::High)),
        (json!(9), Some(Severity::Critical)),
        (json!(10), Some(Severity::Critical)),
        (json!("8.0"), Some(Severity::High)),
        (json!(-1), None),
        (json!("High"), None),
        (json!({}), None),
        (json!(null), None),
    ];
    for (number, band) in table {
        let mut finding = base("X:Y/Z", json!({}), json!({}));
        finding["severity"] = number.clone();
        assert_eq!(read_value(&finding).severity, band, "{number}");
    }
}

#[test]
fn refusals_name_field_and_remedy() {
    let with = |key: &str, value: Value| {
        let mut finding = base("X:Y/Z", json!({}), json!({}));
        finding[key] = value;
        finding.to_string()
    };
    let deep = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    let table = [
        (with("type", json!(5)), "type"),
        (with("type", json!("  ")), "type"),
        (with("id", json!(null)), "id"),
        (with("updatedAt", json!(["x"])), "updatedAt"),
        (with("updatedAt", json!("yesterday")), "updatedAt"),
        ("{".to_owned(), "event"),
        (String::new(), "event"),
        ("[]".to_owned(), "event"),
        (deep, "event"),
        (with("title", json!("x".repeat(MAX_ITEM_BYTES))), "event"),
        (
            r#"{"detail-type":"Other","detail":{}}"#.to_owned(),
            "detail-type",
        ),
        (r#"{"Findings":[]}"#.to_owned(), "Findings"),
    ];
    for (raw, field) in table {
        let problem = read(&raw).unwrap_err();
        assert_eq!(problem.field, field, "{problem:?}");
        assert!(!problem.message.is_empty());
    }
    let mut timeless = base("X:Y/Z", json!({}), json!({}));
    timeless.as_object_mut().unwrap().remove("updatedAt");
    assert_eq!(
        read_value(&timeless).timestamp.unwrap().to_string(),
        "2026-03-01T00:00:00Z"
    );
}

#[test]
fn names_are_storable_and_short() {
    let name = format!("e\u{0}v\u{1b}e{}", "x".repeat(2000));
    let finding = base(
        "X:Y/Z",
        json!({"accessKeyDetails": {"userName": name}}),
        json!({}),
    );
    let actor = read_value(&finding).actor.unwrap();
    assert!(actor.starts_with("e\\u0000v\\u001be") && actor.chars().count() == 512);
}

/// Any JSON, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("203.0.113.7")),
        Just(json!("2026-03-02T23:10:04Z")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(
                (prop::sample::select(KEYS).prop_map(str::to_owned), inner),
                0..4
            )
            .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

const KEYS: &[&str] = &[
    "user",
    "name",
    "process",
    "remoteIpDetails",
    "ipAddressV4",
    "country",
    "portProbeDetails",
    "actors",
    "sequence",
    "kubernetesUserDetails",
    "username",
    "sourceIPs",
    "loginAttributes",
    "value",
    "x",
];

/// Replaces the value at a place chosen by `index`, counted depth first.
fn replace(value: &mut Value, index: &mut usize, with: &Value) {
    if *index == 0 {
        *value = with.clone();
        *index = usize::MAX;
        return;
    }
    *index = index.saturating_sub(1);
    match value {
        Value::Object(map) => map.values_mut().for_each(|inner| {
            if *index != usize::MAX {
                replace(inner, index, with);
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(|inner| {
            if *index != usize::MAX {
                replace(inner, index, with);
            }
        }),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wrong_types_never_panic(place in 1_usize..60, with in any_json()) {
        let remote = json!({"ipAddressV4": "203.0.113.77", "country": {"countryName": "N"}});
        let mut finding = base(
            "X:Y/Z",
            json!({"resourceType": "Instance", "accessKeyDetails": {"userName": "jane"}, "instanceDetails": {"instanceId": "i", "networkInterfaces": [{"publicIp": "x"}]}, "s3BucketDetails": [{"name": "b"}], "kubernetesDetails": {"kubernetesUserDetails": {"username": "k"}}}),
            json!({"action": {"actionType": "AWS_API_CALL", "awsApiCallAction": {"api": "x", "remoteIpDetails": remote}}, "additionalInfo": {"value": "{}"}, "detection": {"sequence": {"actors": [{"user": {"name": "j"}}], "endpoints": [{"ip": "1.1.1.1"}]}}, "count": 1}),
        );
        let mut index = place;
        replace(&mut finding, &mut index, &with);
        match read(&finding.to_string()) {
            Ok(record) => prop_assert!(!record.action.is_empty() && record.sender_id.is_some()),
            Err(problem) => prop_assert!(!problem.field.is_empty() && !problem.message.is_empty()),
        }
    }

    #[test]
    fn mutated_text_never_panics(cut in any::<prop::sample::Index>(), junk in "\\PC{0,6}") {
        let text = base("X:Y/Z", json!({"accessKeyDetails": {"userName": "jane"}}), json!({"count": 1})).to_string();
        let mut chars: Vec<char> = text.chars().collect();
        let place = cut.index(chars.len());
        let _ = read(&chars.iter().take(place).collect::<String>());
        chars.splice(place..(place + 2).min(chars.len()), junk.chars());
        let _ = read(&chars.iter().collect::<String>());
        let _ = guardduty::recognise(&chars.iter().collect::<String>());
    }
}

/// 10,000 unless PROPTEST_CASES asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_000)
}
