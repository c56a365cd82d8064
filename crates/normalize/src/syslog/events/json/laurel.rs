//! Laurel, which writes the Linux audit system's records as JSON.

use serde_json::{Map, Value};

use super::super::Finding;
use super::{first, text};
use crate::action;

/// Laurel: audit records as one object for each event.
pub(super) fn read(object: &Map<String, Value>) -> Option<Finding> {
    text(object, "ID")?;
    if let Some(call) = object.get("SYSCALL").and_then(Value::as_object) {
        // The account that signed in, which sudo does not change.
        let user = first(call, &["AUID"]).or(first(call, &["UID"]));
        let arguments = object
            .get("EXECVE")
            .and_then(|e| e.get("ARGV"))
            .and_then(Value::as_array);
        let command = arguments.map(|a| {
            a.iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        });
        let word = if command.is_some() {
            action::COMMAND.to_owned()
        } else {
            format!("syscall.{}", text(call, "SYSCALL").unwrap_or("unknown"))
        };
        let found = Finding::of(&word)
            .outcome(text(call, "success"))
            .actor(user);
        return Some(
            found
                .resource("command")
                .object(command.as_deref())
                .attr("command", command.clone())
                .attr("exe", text(call, "exe"))
                .attr("comm", text(call, "comm"))
                .attr("uid", text(call, "UID"))
                .attr("auid", text(call, "AUID"))
                .attr("tty", text(call, "tty"))
                .attr("key", text(call, "key")),
        );
    }
    let (kind, records) = object.iter().find(|(_, v)| v.is_array() || v.is_object())?;
    let record = records
        .as_array()
        .and_then(|a| a.first())
        .unwrap_or(records)
        .as_object()?;
    let user = first(record, &["acct", "AUID", "UID"]);
    let found = Finding::of(&format!("audit.{}", kind.to_ascii_lowercase())).actor(user);
    let found = found
        .origin(first(record, &["addr"]))
        .outcome(text(record, "res"));
    Some(
        found
            .attr("exe", text(record, "exe"))
            .attr("comm", text(record, "comm")),
    )
}
