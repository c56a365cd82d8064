//! Cowrie, the SSH honeypot.

use serde_json::{Map, Value};

use super::super::Finding;
use super::text;
use crate::action;

/// Cowrie, the SSH honeypot.
pub(super) fn read(object: &Map<String, Value>) -> Option<Finding> {
    let event = text(object, "eventid").filter(|e| e.starts_with("cowrie."))?;
    let found = match event {
        "cowrie.login.success" => Finding::of(action::LOGIN).succeeded(),
        "cowrie.login.failed" => Finding::of(action::LOGIN).failed(),
        "cowrie.session.connect" => Finding::of(action::CONNECTION),
        "cowrie.session.closed" => Finding::of(action::DISCONNECT),
        "cowrie.command.input" | "cowrie.command.failed" => {
            Finding::of(action::COMMAND).attr("command", text(object, "input"))
        }
        other => Finding::of(other),
    };
    let found = found
        .actor(text(object, "username"))
        .origin(text(object, "src_ip"));
    let port = object.get("src_port").and_then(Value::as_u64);
    let found = found
        .attr("src_port", port)
        .attr("session", text(object, "session"))
        .attr("event", event);
    Some(
        found
            .attr("service", text(object, "protocol"))
            .host(text(object, "sensor"))
            .app("cowrie"),
    )
}
