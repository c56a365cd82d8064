//! Messages that are a JSON object: applications that log so, and services with forms of their own.

mod cowrie;
mod laurel;
mod nextcloud;
mod sftpgo;

use domain::time::Timestamp;
use serde_json::{Map, Value};

use super::scan::{self, split_single};
use super::{Finding, Report, grafana};
use crate::action;
use crate::record::Context;
use crate::syslog::time;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    // Programs that follow Common Event Expression mark the object.
    let text = report.message.trim();
    let text = text.strip_prefix("@cee:").unwrap_or(text).trim_start();
    if !text.starts_with('{') || !text.ends_with('}') || crate::item::too_deep(text) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let object = value.as_object()?;
    let found = grafana::object(&value)
        .or_else(|| cowrie::read(object))
        .or_else(|| sftpgo::read(object))
        .or_else(|| nextcloud::read(object))
        .or_else(|| laurel::read(object))
        .unwrap_or_else(|| general(object));
    Some(found.at(stamp(object, report.context)))
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

/// The first of several names that holds a text that says something.
fn first<'a>(object: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a str> {
    keys.iter()
        .filter_map(|key| text(object, key))
        .find(|v| scan::somebody(v).is_some())
}

fn stamp(object: &Map<String, Value>, context: &Context<'_>) -> Option<Timestamp> {
    let keys = [
        "timestamp",
        "@timestamp",
        "time",
        "t",
        "Timestamp",
        "ts",
        "created_at",
        "requestTimestamp",
        "ID",
    ];
    keys.iter().find_map(|key| match object.get(*key)? {
        Value::String(text) if *key == "ID" => seconds(text.split(':').next()?),
        Value::String(text) => time::iso(text, context)?.at,
        Value::Number(number) => {
            let number = number.as_f64()?;
            let scale = if number < 1e11 { 1e6 } else { 1e3 };
            let micros = number * scale;
            (0.0..2.5e17)
                .contains(&micros)
                .then(|| Timestamp::from_micros(micros as i64))
        }
        _ => None,
    })
}

fn seconds(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.')?;
    let seconds: i64 = seconds
        .parse()
        .ok()
        .filter(|s| (0..253_402_300_800).contains(s))?;
    let millis: i64 = fraction.get(..3)?.parse().ok()?;
    Some(Timestamp::from_micros(seconds * 1_000_000 + millis * 1000))
}

/// Names that applications commonly use.
const ACTOR: &[&str] = &[
    "actor",
    "user",
    "username",
    "userName",
    "User",
    "login",
    "user_name",
    "administrator",
    "account",
];
const ADDRESS: &[&str] = &[
    "actor_ip",
    "ip",
    "src_ip",
    "client_ip",
    "clientIp",
    "remote_addr",
    "remoteAddr",
    "addr.remote",
    "sourceIp",
    "source_ip",
    "ipAddress",
];
const ACTION: &[&str] = &[
    "action",
    "Action",
    "event",
    "eventType",
    "EventType",
    "event_type",
    "eventid",
    "type",
];
const MESSAGE: &[&str] = &["message", "msg", "Description", "description"];

/// Anything else.
fn general(object: &Map<String, Value>) -> Finding {
    let nested = |outer: &str, key: &str| object.get(outer)?.get(key)?.as_str();
    let message = first(object, MESSAGE).unwrap_or_default();
    let said = first(object, ACTION);
    let actor = first(object, ACTOR).or(nested("user", "name"));
    let address = first(object, ADDRESS)
        .or(nested("source", "ip"))
        .or(nested("client", "ip"))
        .or_else(|| last_address(message));
    let path = first(object, &["urlPath", "url", "path", "requestPath"]);
    let agent = first(object, &["user_agent", "userAgent"]).or(nested("data", "user_agent"));
    let found = Finding::of(&meaning(said, message, object));
    judged(found, object, message)
        .actor(actor)
        .origin(address)
        .resource(path.map(|_| "url").or(first(object, &["EntityType"])))
        .object(path.or(first(object, &["EntityName"])))
        .agent(agent)
        .attr("event", said)
        .attr("method", first(object, &["method", "requestMethod"]))
        .attr("level", first(object, &["level", "severity"]))
        .attr("message", message)
}

/// Whether it worked: a truth value, a status code, a word, or the message.
fn judged(found: Finding, object: &Map<String, Value>, message: &str) -> Finding {
    if let Some(success) = object.get("success").and_then(Value::as_bool) {
        return found.successful(success);
    }
    if let Some(status) = status(object) {
        return found.successful(status < 400).attr("status", status);
    }
    if message.contains("failed") || message.contains("failure") {
        return found.failed();
    }
    found.outcome(first(object, &["outcome", "result", "status"]))
}

fn status(object: &Map<String, Value>) -> Option<u64> {
    let code = ["statusCode", "status_code", "status", "responseCode"];
    let code = code.iter().find_map(|key| object.get(*key)?.as_u64());
    code.filter(|c| (100..600).contains(c))
}

fn meaning(said: Option<&str>, message: &str, object: &Map<String, Value>) -> String {
    let login = |text: &str| text.starts_with("login ") || text.starts_with("Login ");
    match said {
        Some("user.login" | "login" | "LOGIN") => action::LOGIN.to_owned(),
        Some("user.logout" | "logout" | "LOGOUT") => action::LOGOUT.to_owned(),
        Some(said) => said.to_owned(),
        None if login(message) => action::LOGIN.to_owned(),
        None if object.contains_key("urlPath") || status(object).is_some() => {
            action::HTTP_REQUEST.to_owned()
        }
        None => action::LOG_MESSAGE.to_owned(),
    }
}

/// The address after the last ` from ` of a sentence that ends with it.
fn last_address(message: &str) -> Option<&str> {
    let (_, origin) = split_single(message, " from ")?;
    scan::endpoint(origin).map(|_| origin)
}
