//! What a received line becomes before it is posted. The one place where the collector decides.

use std::fmt::Write;

use collectors::sink::Received;
use serde_json::{Map, Value, json};

/// The event of a line, with the field names of the ingest API: the device's own record, with the
/// line as its message and the time of receipt.
pub(super) fn to_event(line: &Received) -> Result<Map<String, Value>, String> {
    let device = line.peer.ip().to_canonical().to_string();
    let event = json!({
        "timestamp": line.received_at,
        "actor": device,
        "actorType": "device",
        "action": "log.message",
        "ip": device,
        "message": visible(&line.bytes),
    });
    match event {
        Value::Object(event) => Ok(event),
        _ => Err("an event is an object".to_owned()),
    }
}

/// Text in which bytes that are not UTF-8 stand as `\xNN`.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_stay_visible() {
        assert_eq!(
            visible(b"a\xff\xc3\xa4b\xe2\x82"),
            "a\\xff\u{e4}b\\xe2\\x82"
        );
    }
}
