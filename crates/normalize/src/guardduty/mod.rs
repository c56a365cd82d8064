//! AWS GuardDuty findings, to a [`Record`] each.
//!
//! Accepted are a finding as the API gives it (PascalCase from the SDKs, camelCase on the wire and
//! in the S3 export), the answer of GetFindings, and the EventBridge envelope, also inside an SNS
//! notification. Schema: GuardDuty API reference, type `Finding`. The action is the finding type;
//! what was observed (API call, connection, …) is among the attributes.
//!
//! A finding quotes names and requests of strangers. Parts of an unexpected type are left out;
//! only a missing or unreadable type, identity or time is refused, with field and remedy.

mod actor;
mod node;
mod observed;
mod resource;

use domain::severity::Severity;
use domain::time::{Timestamp, Zone};
use serde_json::{Map, Value};

use crate::event::Reception;
use crate::record::{Context, Record};
use crate::text::mend_surrogates;
use crate::value::Scalar;
use crate::{Intake, MAX_ITEM_BYTES, Problem, Verdict, item, timestamp};
use node::Node;
use observed::Observed;

/// Most findings of one document: the page size of GetFindings.
pub const MAX_FINDINGS: usize = 50;

/// Reads a document that holds one finding.
///
/// # Errors
/// Names the field and the remedy when the document is no finding, is too large or too deep, or
/// holds several.
pub fn read(raw: &str, context: &Context<'_>) -> Result<Record, Problem> {
    let mut findings = read_all(raw, context)?;
    match (findings.pop(), findings.len()) {
        (Some(only), 0) => only,
        (_, more) => Err(Problem::new(
            "Findings",
            format!(
                "the document holds {} findings; send one in each line",
                if more == 0 { 0 } else { more + 1 }
            ),
        )),
    }
}

/// Decides about one finding. Its identity is its id and `updatedAt`: each update is an event.
pub fn accept(raw: &str, intake: &Intake<'_>) -> Verdict {
    let zone = Zone::utc();
    let context = Context {
        received_at: intake.received_at,
        zone: &zone,
    };
    // A finding that names nobody is GuardDuty's own word about the account; no sequence is
    // needed, for every finding has its own identity.
    let reception = Reception {
        device: "guardduty",
        sequence: 0,
    };
    match read(raw, &context) {
        Ok(record) => record.into_event(intake, &reception),
        Err(problem) => Verdict::Rejected(problem),
    }
}

/// Reads a document that holds one finding or a page of them; each has its own result.
///
/// # Errors
/// Names the field and the remedy when the document as a whole cannot be read.
pub fn read_all(
    raw: &str,
    _context: &Context<'_>,
) -> Result<Vec<Result<Record, Problem>>, Problem> {
    item::check_shape_within(raw, MAX_ITEM_BYTES * MAX_FINDINGS)?;
    let document: Value = serde_json::from_str(&mend_surrogates(raw))
        .map_err(|error| Problem::new("event", format!("not valid JSON: {error}")))?;
    let document = unwrapped(document)?;
    let Some(page) = Node::of(&document).get("findings").list() else {
        return Ok(vec![sized(raw.len()).and_then(|()| finding(&document))]);
    };
    if page.len() > MAX_FINDINGS {
        return Err(Problem::new(
            "Findings",
            format!(
                "the page holds {} findings; at most {MAX_FINDINGS} are accepted",
                page.len()
            ),
        ));
    }
    let read = |one: &Value| sized(one.to_string().len()).and_then(|()| finding(one));
    Ok(page.iter().map(read).collect())
}

/// Whether a document is a GuardDuty finding, a page of them, or an envelope of one.
pub fn recognise(raw: &str) -> bool {
    if item::check_shape_within(raw, MAX_ITEM_BYTES * MAX_FINDINGS).is_err() {
        return false;
    }
    let Ok(document) = serde_json::from_str::<Value>(&mend_surrogates(raw)) else {
        return false;
    };
    let Ok(document) = unwrapped(document) else {
        return false;
    };
    let node = Node::of(&document);
    let one = node.get("findings").first();
    let one = if one.is_object() { one } else { node };
    let typed = one
        .get("type")
        .text()
        .is_some_and(|text| text.contains(':'));
    let parts = one.get("service").is_object() || one.get("resource").is_object();
    typed && parts && !one.get("severity").is_absent()
}

/// Takes the finding out of its envelopes: SNS holds EventBridge as text, EventBridge the finding.
fn unwrapped(mut document: Value) -> Result<Value, Problem> {
    if Node::of(&document).get("type").text() == Some("Notification")
        && let Some(message) = Node::of(&document).get("message").text()
    {
        item::check_shape_within(message, MAX_ITEM_BYTES)?;
        document = serde_json::from_str(message)
            .map_err(|error| Problem::new("Message", format!("not valid JSON: {error}")))?;
    }
    if let Some(kind) = Node::of(&document).get("detail-type").text()
        && !kind.starts_with("GuardDuty")
    {
        let kind: String = kind.chars().take(60).collect();
        return Err(Problem::new(
            "detail-type",
            format!("{kind:?} is no finding; let the rule match \"GuardDuty Finding\" only"),
        ));
    }
    match document {
        Value::Object(mut map) if map.get("detail").is_some_and(Value::is_object) => {
            Ok(map.remove("detail").unwrap_or_default())
        }
        other => Ok(other),
    }
}

fn sized(bytes: usize) -> Result<(), Problem> {
    if bytes <= MAX_ITEM_BYTES {
        return Ok(());
    }
    Err(Problem::new(
        "event",
        format!("the finding has {bytes} bytes; at most {MAX_ITEM_BYTES} are accepted"),
    ))
}

fn finding(document: &Value) -> Result<Record, Problem> {
    let finding = Node::of(document);
    let (service, resource) = (finding.get("service"), finding.get("resource"));
    let action = finding.get("type").name().ok_or_else(|| {
        Problem::new(
            "type",
            "required and missing or not a text; a finding names its type, such as Recon:EC2/Portscan",
        )
    })?;
    let id = finding.get("id").name().ok_or_else(|| {
        Problem::new(
            "id",
            "required and missing or not a text; send the finding as GuardDuty gives it",
        )
    })?;
    let updated = time(finding.get("updatedAt"))
        .transpose()
        .map_err(|message| Problem::new("updatedAt", message))?
        .or_else(|| time(service.get("eventLastSeen"))?.ok())
        .or_else(|| time(finding.get("createdAt"))?.ok())
        .ok_or_else(|| {
            Problem::new(
                "updatedAt",
                "required and missing; send the finding as GuardDuty gives it",
            )
        })?;
    let observed = Observed::of(service);
    let mut record = Record {
        timestamp: Some(updated),
        action,
        severity: severity(finding.get("severity")),
        sender_id: Some(format!("{id}@{updated}")),
        app: Some("guardduty".to_owned()),
        ..Record::default()
    };
    observed.fill(&mut record);
    actor::fill(&mut record, resource, service);
    resource::fill(&mut record, resource);
    describe(&mut record.attributes, finding);
    Ok(record)
}

/// Reads a time; `None` when absent. GuardDuty's are UTC even where a middleman dropped the zone.
fn time(node: Node<'_>) -> Option<Result<Timestamp, String>> {
    if node.is_absent() {
        return None;
    }
    let Some(text) = node.scalar_text() else {
        return Some(Err(
            "must be a time as text, such as 2026-03-02T23:10:04Z".to_owned()
        ));
    };
    let read = |text: &str| timestamp::read(Scalar::Text(text.into()));
    let with_zone = |message| read(&format!("{}Z", text.trim())).map_err(|_| message);
    Some(read(&text).or_else(with_zone))
}

/// The console's bands: 1-3.9 low, 4-6.9 medium, 7-8.9 high, 9 and above critical.
fn severity(node: Node<'_>) -> Option<Severity> {
    let number = node.number()?;
    match number {
        n if n >= 9.0 => Some(Severity::Critical),
        n if n >= 7.0 => Some(Severity::High),
        n if n >= 4.0 => Some(Severity::Medium),
        n if n >= 1.0 => Some(Severity::Low),
        n if n >= 0.0 => Some(Severity::Info),
        _ => None,
    }
}

/// What is said about the finding itself.
fn describe(attributes: &mut Map<String, Value>, finding: Node<'_>) {
    let service = finding.get("service");
    let info = service.get("additionalInfo");
    let texts = [
        ("finding_id", finding.get("id")),
        ("arn", finding.get("arn")),
        ("account", finding.get("accountId")),
        ("region", finding.get("region")),
        ("partition", finding.get("partition")),
        ("title", finding.get("title")),
        ("description", finding.get("description")),
        ("created_at", finding.get("createdAt")),
        ("resource_type", finding.get("resource").get("resourceType")),
        ("resource_role", service.get("resourceRole")),
        ("detector_id", service.get("detectorId")),
        ("feature", service.get("featureName")),
        ("first_seen", service.get("eventFirstSeen")),
        ("last_seen", service.get("eventLastSeen")),
        ("threat_list", info.get("threatListName")),
        ("threat", info.get("threatName")),
    ];
    for (name, node) in texts {
        if let Some(text) = node.scalar_text() {
            attributes.insert(
                name.to_owned(),
                Value::from(crate::text::visible(&text).into_owned()),
            );
        }
    }
    for (name, node) in [
        ("severity", finding.get("severity")),
        ("count", service.get("count")),
    ] {
        if let Some(number) = node.whole_or_float() {
            attributes.insert(name.to_owned(), number);
        }
    }
    for (name, node) in [
        ("archived", service.get("archived")),
        ("sample", info.get("sample")),
    ] {
        if let Some(flag) = node.flag() {
            attributes.insert(name.to_owned(), Value::from(flag));
        }
    }
    let quoted = info
        .get("value")
        .text()
        .is_some_and(|text| text.contains("\"sample\":true"));
    if quoted {
        attributes.insert("sample".to_owned(), Value::from(true));
    }
    threats(attributes, service.get("evidence"));
}

/// The names threat lists give to what was seen.
fn threats(attributes: &mut Map<String, Value>, evidence: Node<'_>) {
    let lists = evidence.get("threatIntelligenceDetails");
    let names: Vec<Value> = lists
        .items()
        .flat_map(|list| list.get("threatNames").items())
        .filter_map(Node::name)
        .map(Value::from)
        .take(20)
        .collect();
    if !names.is_empty() {
        attributes.insert("threat_names".to_owned(), names.into());
    }
}
