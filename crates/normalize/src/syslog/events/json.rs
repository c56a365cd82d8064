//! Messages that are a JSON object: applications that log so, and services with forms of their own.

use domain::time::Timestamp;
use serde_json::{Map, Value};

use super::scan::{self, split_single};
use super::{Finding, Report, grafana};
use crate::action;
use crate::record::Context;
use crate::syslog::time;

/// Found by its look.
pub(super) fn read(report: &Report<'_>) -> Option<Finding> {
    let text = report.message.trim();
    if !text.starts_with('{') || !text.ends_with('}') || crate::item::too_deep(text) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let object = value.as_object()?;
    let found = grafana::object(&value)
        .or_else(|| cowrie(object))
        .or_else(|| sftpgo(object))
        .or_else(|| nextcloud(object))
        .or_else(|| laurel(object))
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

/// Cowrie, the SSH honeypot.
fn cowrie(object: &Map<String, Value>) -> Option<Finding> {
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

/// SFTPGo: the sender names the part, failures have a form of their own.
fn sftpgo(object: &Map<String, Value>) -> Option<Finding> {
    let sender = text(object, "sender")?;
    let message = text(object, "message").unwrap_or_default();
    let service = text(object, "protocol")
        .unwrap_or(sender)
        .to_ascii_lowercase();
    let found = if sender == "connection_failed" {
        Finding::of(action::LOGIN)
            .failed()
            .actor(text(object, "username"))
            .origin(text(object, "client_ip"))
            .attr("method", text(object, "login_type"))
            .attr("reason", text(object, "error"))
    } else if let Some((user, rest)) = split_single(message, "\" logged in with \"") {
        let (method, rest) = rest.split_once('"')?;
        let host = scan::between(rest, "from ip \"", "\"");
        let user = user.strip_prefix("User \"");
        Finding::of(action::LOGIN)
            .succeeded()
            .actor(user)
            .origin(host)
            .attr("method", method)
    } else if matches!(
        sender,
        "Upload" | "Download" | "Rename" | "Rmdir" | "Mkdir" | "Remove"
    ) {
        let word = match sender {
            "Download" => action::FILE_READ,
            "Remove" | "Rmdir" => action::FILE_DELETE,
            _ => action::FILE_WRITE,
        };
        let bytes = object.get("size_bytes").and_then(Value::as_i64);
        Finding::of(word)
            .succeeded()
            .actor(text(object, "username"))
            .origin(text(object, "remote_addr"))
            .resource("file")
            .object(text(object, "file_path"))
            .bytes(bytes)
    } else if message == "Client connected" {
        Finding::of(action::CONNECTION).origin(text(object, "clientIp"))
    } else if message == "Client disconnected" {
        Finding::of(action::DISCONNECT).origin(text(object, "clientIp"))
    } else if message.starts_with("connection added, ")
        || message.starts_with("connection removed, ")
    {
        let word = if message.starts_with("connection added") {
            action::CONNECTION
        } else {
            action::DISCONNECT
        };
        Finding::of(word).origin(scan::between(message, "remote address \"", "\""))
    } else if let Some(rest) =
        message.strip_prefix("failed to accept an incoming connection from ip \"")
    {
        Finding::of(action::CONNECTION)
            .failed()
            .origin(rest.split('"').next())
    } else if object.contains_key("connection_id") || sender.starts_with("dataprovider") {
        Finding::of(action::LOG_MESSAGE)
    } else {
        return None;
    };
    Some(
        found
            .attr("service", service)
            .attr("connection", text(object, "connection_id"))
            .app("sftpgo"),
    )
}

/// Nextcloud: its own log and the audit application's.
fn nextcloud(object: &Map<String, Value>) -> Option<Finding> {
    text(object, "reqId")?;
    let message = text(object, "message")?;
    let user = text(object, "user");
    let address = text(object, "remoteAddr");
    let quoted = message.split('"').nth(1);
    let named = |start: &str, found: Finding| message.starts_with(start).then_some(found);
    let found = if let Some(rest) = message.strip_prefix("Login failed: ") {
        // The name is as it was typed; the address that follows it is the server's.
        let (name, rest) = rest.rsplit_once(" (Remote IP: ")?;
        let remote = rest.trim_end_matches(')').trim_matches('\'');
        let found = Finding::of(action::LOGIN)
            .failed()
            .actor(name.trim_matches('\''));
        return Some(nextcloud_frame(found.origin(remote), object));
    } else {
        named("Login successful", Finding::of(action::LOGIN).succeeded())
            .or_else(|| named("Login attempt", Finding::of(action::LOGIN_ATTEMPT)))
            .or_else(|| named("Logout occurred", Finding::of(action::LOGOUT).succeeded()))
            .or_else(|| named("File accessed", file(action::FILE_READ, quoted)))
            .or_else(|| named("Preview accessed", file(action::FILE_READ, quoted)))
            .or_else(|| named("File created", file(action::FILE_WRITE, quoted)))
            .or_else(|| named("File written", file(action::FILE_WRITE, quoted)))
            .or_else(|| named("File updated", file(action::FILE_WRITE, quoted)))
            .or_else(|| named("File renamed", file(action::FILE_WRITE, quoted)))
            .or_else(|| named("File deleted", file(action::FILE_DELETE, quoted)))
            .or_else(|| {
                named(
                    "User created",
                    Finding::of(action::ACCOUNT_CREATE)
                        .succeeded()
                        .object(quoted),
                )
            })
            .or_else(|| {
                named(
                    "User deleted",
                    Finding::of(action::ACCOUNT_DELETE)
                        .succeeded()
                        .object(quoted),
                )
            })
            .or_else(|| named("Bruteforce attempt", Finding::of(action::DETECTION)))
            .or_else(|| {
                named(
                    "Trusted domain error",
                    Finding::of(action::CONNECTION).failed(),
                )
            })
            .unwrap_or_else(|| Finding::of(action::LOG_MESSAGE))
    };
    Some(nextcloud_frame(found.actor(user).origin(address), object))
}

fn file(word: &str, path: Option<&str>) -> Finding {
    Finding::of(word).succeeded().resource("file").object(path)
}

fn nextcloud_frame(found: Finding, object: &Map<String, Value>) -> Finding {
    found
        .agent(text(object, "userAgent"))
        .attr("method", text(object, "method"))
        .attr("url", text(object, "url"))
        .attr("message", text(object, "message"))
        .service("nextcloud")
        .app("nextcloud")
}

/// Laurel: audit records as one object for each event.
fn laurel(object: &Map<String, Value>) -> Option<Finding> {
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

/// Anything else: the names that applications commonly use.
fn general(object: &Map<String, Value>) -> Finding {
    let nested = |outer: &str, key: &str| object.get(outer)?.get(key)?.as_str();
    let actor = first(
        object,
        &[
            "actor",
            "user",
            "username",
            "userName",
            "User",
            "login",
            "user_name",
            "administrator",
            "account",
        ],
    );
    let actor = actor.or(nested("user", "name"));
    let address = first(
        object,
        &[
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
        ],
    );
    let address = address
        .or(nested("source", "ip"))
        .or(nested("client", "ip"));
    let said = first(
        object,
        &[
            "action",
            "Action",
            "event",
            "eventType",
            "EventType",
            "event_type",
            "eventid",
            "type",
        ],
    );
    let message =
        first(object, &["message", "msg", "Description", "description"]).unwrap_or_default();
    let mut found = Finding::of(&meaning(said, message, object));
    if let Some(success) = object.get("success").and_then(Value::as_bool) {
        found = found.successful(success);
    } else if let Some(status) = status(object) {
        found = found.successful(status < 400).attr("status", status);
    } else if message.contains("failed") || message.contains("failure") {
        found = found.failed();
    } else {
        found = found.outcome(first(object, &["outcome", "result", "status"]));
    }
    let path = first(object, &["urlPath", "url", "path", "requestPath"]);
    let agent = first(object, &["user_agent", "userAgent"]).or(nested("data", "user_agent"));
    found
        .actor(actor)
        .origin(address.or_else(|| last_address(message)))
        .resource(path.map(|_| "url").or(first(object, &["EntityType"])))
        .object(path.or(first(object, &["EntityName"])))
        .agent(agent)
        .attr("event", said)
        .attr("method", first(object, &["method", "requestMethod"]))
        .attr("level", first(object, &["level", "severity"]))
        .attr("message", message)
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
