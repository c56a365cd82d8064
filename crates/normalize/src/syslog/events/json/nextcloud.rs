//! Nextcloud's JSON log.

use serde_json::{Map, Value};

use super::super::Finding;
use super::text;
use crate::action;

/// Nextcloud: its own log and the audit application's.
pub(super) fn read(object: &Map<String, Value>) -> Option<Finding> {
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
