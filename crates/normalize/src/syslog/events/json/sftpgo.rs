//! SFTPGo's JSON log.

use serde_json::{Map, Value};

use super::super::Finding;
use super::super::scan::{self, split_single};
use super::text;
use crate::action;

/// SFTPGo: the sender names the part, failures have a form of their own.
pub(super) fn read(object: &Map<String, Value>) -> Option<Finding> {
    let sender = text(object, "sender")?;
    let message = text(object, "message").unwrap_or_default();
    let service = text(object, "protocol").unwrap_or(sender);
    let found = login(object, sender, message)
        .or_else(|| transfer(object, sender))
        .or_else(|| connection(object, message));
    let own = object.contains_key("connection_id") || sender.starts_with("dataprovider");
    let found = found.or_else(|| own.then(|| Finding::of(action::LOG_MESSAGE)))?;
    let found = found.attr("service", service.to_ascii_lowercase());
    let connection = text(object, "connection_id");
    Some(found.attr("connection", connection).app("sftpgo"))
}

/// `User "NAME" logged in with "METHOD"[,] from ip "HOST"…`, and failures by their fields.
fn login(object: &Map<String, Value>, sender: &str, message: &str) -> Option<Finding> {
    if sender == "connection_failed" {
        let found = Finding::of(action::LOGIN).failed();
        return Some(
            found
                .actor(text(object, "username"))
                .origin(text(object, "client_ip"))
                .attr("method", text(object, "login_type"))
                .attr("reason", text(object, "error")),
        );
    }
    let (user, rest) = split_single(message, "\" logged in with \"")?;
    let (method, rest) = rest.split_once('"')?;
    let found = Finding::of(action::LOGIN).succeeded();
    let found = found.actor(user.strip_prefix("User \""));
    let host = scan::between(rest, "from ip \"", "\"");
    Some(found.origin(host).attr("method", method))
}

fn transfer(object: &Map<String, Value>, sender: &str) -> Option<Finding> {
    let word = match sender {
        "Download" => action::FILE_READ,
        "Upload" | "Rename" | "Mkdir" => action::FILE_WRITE,
        "Remove" | "Rmdir" => action::FILE_DELETE,
        _ => return None,
    };
    let bytes = object.get("size_bytes").and_then(Value::as_i64);
    let found = Finding::of(word).succeeded().bytes(bytes);
    let found = found.resource("file").object(text(object, "file_path"));
    let user = text(object, "username");
    Some(found.actor(user).origin(text(object, "remote_addr")))
}

fn connection(object: &Map<String, Value>, message: &str) -> Option<Finding> {
    let client = text(object, "clientIp");
    let remote = scan::between(message, "remote address \"", "\"");
    if message == "Client connected" {
        return Some(Finding::of(action::CONNECTION).origin(client));
    }
    if message == "Client disconnected" {
        return Some(Finding::of(action::DISCONNECT).origin(client));
    }
    if message.starts_with("connection added, ") {
        return Some(Finding::of(action::CONNECTION).origin(remote));
    }
    if message.starts_with("connection removed, ") {
        return Some(Finding::of(action::DISCONNECT).origin(remote));
    }
    let refused = "failed to accept an incoming connection from ip \"";
    let host = message.strip_prefix(refused)?.split('"').next();
    Some(Finding::of(action::CONNECTION).failed().origin(host))
}
