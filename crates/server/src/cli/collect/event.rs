//! What a received line becomes before it is posted. The one place where the collector decides.

use collectors::sink::Received;
use domain::time::Zone;
use normalize::Problem;
use normalize::formats::{self, Format, Reading};
use normalize::record::Context;
use serde_json::{Map, Value};

/// How lines are read at the edge.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) format: Format,
    /// The zone of times that name none.
    pub(super) zone: Zone,
}

impl Reader {
    /// The event of a line, with the field names of the ingest API.
    pub(super) fn to_event(&self, line: &Received) -> Result<Map<String, Value>, String> {
        let received_at = line.received_at;
        let context = Context {
            received_at,
            zone: &self.zone,
        };
        let refused = |problem: Problem| format!("{}: {}", problem.field, problem.message);
        match formats::read(self.format, &line.bytes, &context).map_err(refused)? {
            Reading::Record(record) => {
                let device = line.peer.ip().to_canonical().to_string();
                Ok(record.into_item(received_at, &device))
            }
            // Already an item: the server reads the sender's own words.
            Reading::Event(..) => serde_json::from_slice(&line.bytes).map_err(|e| e.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn event(format: Format, line: &'static [u8]) -> Result<Map<String, Value>, String> {
        let zone = Zone::utc();
        Reader { format, zone }.to_event(&Received {
            bytes: line.into(),
            peer: "[::ffff:192.0.2.1]:514".parse().unwrap(),
            received_at: "2026-03-02T12:00:01Z".parse().unwrap(),
            listener: Arc::from("udp://0.0.0.0:514"),
            sequence: 0,
            cut: false,
        })
    }

    #[test]
    fn lines_become_items_of_the_ingest_api() {
        let login = event(
            Format::Auto,
            b"<38>1 2026-03-02T12:00:00Z host1 sshd 1 - - Accepted publickey for jane from 203.0.113.9 port 51022 ssh2",
        )
        .unwrap();
        assert_eq!(login["actor"], "jane");
        assert_eq!(login["ip"], "203.0.113.9");
        let plain = event(Format::Auto, b"a\xff").unwrap();
        assert_eq!(plain["actor"], "192.0.2.1");
        assert_eq!(plain["actorType"], "device");
        assert_eq!(plain["attributes"]["syslog"]["message"], "a\\xff");
        let item = br#"{"timestamp":"2026-03-02T12:00:00Z","actor":"a","action":"b","own":1}"#;
        assert_eq!(event(Format::Auto, item).unwrap()["own"], 1);
        assert!(
            event(Format::Json, b"{}")
                .unwrap_err()
                .contains("timestamp")
        );
    }
}
