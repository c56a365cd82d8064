//! What a line would become, as one JSON object for people and scripts.

use std::net::IpAddr;

use domain::actor::ActorKind;
use domain::event::{Event, Outcome};
use domain::severity::Severity;
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::formats::{self, Format, Reading};
use crate::record::{Context, Header, Record};
use crate::{Note, Problem};

/// Reads one line and gives the one line of JSON that shows the result: the event as far as the
/// line tells it, or `{"error":{"field":…,"message":…}}`. Never holds a line feed.
pub fn line(format: Format, line: &[u8], context: &Context<'_>) -> String {
    let shown = match formats::read(format, line, context) {
        Ok(Reading::Event(event, notes)) => serde_json::to_string(&of_event(&event, &notes)),
        Ok(Reading::Record(record)) => serde_json::to_string(&of_record(&record)),
        Err(problem) => serde_json::to_string(&Refused::of(&problem)),
    };
    shown.unwrap_or_else(|error| {
        let problem = Problem::new("event", format!("cannot be shown: {error}"));
        serde_json::to_string(&Refused::of(&problem)).unwrap_or_default()
    })
}

#[derive(Serialize)]
struct Refused<'a> {
    error: Said<'a>,
}

#[derive(Serialize)]
struct Said<'a> {
    field: &'a str,
    message: &'a str,
}

impl<'a> Refused<'a> {
    fn of(problem: &'a Problem) -> Self {
        Self {
            error: Said {
                field: &problem.field,
                message: &problem.message,
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_type: Option<ActorKind>,
    action: &'a str,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_word: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Attributes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    syslog: Option<ShownHeader<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Said<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Attributes<'a> {
    Text(&'a RawValue),
    Map(&'a Map<String, Value>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownHeader<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    facility: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    procid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msgid: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    structured_data: &'a Map<String, Value>,
    message: &'a str,
}

fn of_event<'a>(event: &'a Event, notes: &'a [Note]) -> Shown<'a> {
    let attributes = event.attributes.as_deref();
    let attributes = attributes.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    Shown {
        timestamp: Some(event.occurred_at),
        actor: Some(&event.actor),
        actor_type: event.actor_kind,
        action: &event.action,
        outcome: event.outcome,
        outcome_word: event.outcome_word.as_deref(),
        resource: event.resource.as_deref(),
        resource_id: event.resource_id.as_deref(),
        ip: event.ip,
        user_agent: event.user_agent.as_deref(),
        bytes: event.bytes,
        severity: event.severity,
        host: event.host.as_deref(),
        app: event.app.as_deref(),
        attributes: attributes.map(Attributes::Text),
        syslog: None,
        warnings: warnings(notes),
    }
}

fn of_record(record: &Record) -> Shown<'_> {
    let attributes = &record.attributes;
    Shown {
        timestamp: record.timestamp,
        actor: record.actor.as_deref(),
        actor_type: record.actor_kind,
        action: &record.action,
        outcome: record.outcome,
        outcome_word: record.outcome_word.as_deref(),
        resource: record.resource.as_deref(),
        resource_id: record.resource_id.as_deref(),
        ip: record.ip,
        user_agent: record.user_agent.as_deref(),
        bytes: record.bytes,
        severity: record.severity,
        host: record.host.as_deref(),
        app: record.app.as_deref(),
        attributes: (!attributes.is_empty()).then_some(Attributes::Map(attributes)),
        syslog: record.syslog.as_ref().map(of_header),
        warnings: warnings(&record.notes),
    }
}

fn of_header(header: &Header) -> ShownHeader<'_> {
    ShownHeader {
        facility: header.facility,
        severity: header.severity,
        timestamp: header.timestamp,
        hostname: header.hostname.as_deref(),
        appname: header.appname.as_deref(),
        procid: header.procid.as_deref(),
        msgid: header.msgid.as_deref(),
        structured_data: &header.structured_data,
        message: &header.message,
    }
}

fn warnings(notes: &[Note]) -> Vec<Said<'_>> {
    let said = notes.iter().map(|note| Said {
        field: &note.field,
        message: &note.message,
    });
    said.collect()
}
