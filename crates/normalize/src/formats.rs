//! The formats a line can be in, and the one place where a format finds its reader.

use std::str::FromStr;

use domain::event::Event;
use domain::id::{SourceId, TenantKey};
use domain::redaction::Redaction;
use uuid::Uuid;

use crate::record::{Context, Record};
use crate::{Copies, Intake, Note, Problem, Verdict, accept, body, syslog};

/// How a line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A line that begins with `{` is JSON, everything else is syslog.
    #[default]
    Auto,
    /// One JSON object with the accepted field names.
    Json,
    /// Syslog of any kind.
    Syslog,
    /// MikroTik RouterOS.
    Mikrotik,
    /// AWS GuardDuty findings.
    Guardduty,
}

impl Format {
    /// Every format with the word that names it.
    pub const ALL: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("json", Self::Json),
        ("syslog", Self::Syslog),
        ("mikrotik", Self::Mikrotik),
        ("guardduty", Self::Guardduty),
    ];
}

/// Not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a format; choose auto, json, syslog, mikrotik or guardduty")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let named = Self::ALL.iter().find(|(name, _)| *name == text);
        named.map(|(_, format)| *format).ok_or(UnknownFormat)
    }
}

/// What a line was read as.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A JSON item, which is an event already.
    Event(Box<Event>, Vec<Note>),
    /// Anything else.
    Record(Box<Record>),
}

/// Reads one line without its end.
pub fn read(format: Format, line: &[u8], context: &Context<'_>) -> Result<Reading, Problem> {
    match format {
        Format::Json => json(line, context),
        Format::Auto if begins_object(line) => json(line, context),
        // RouterOS lines are syslog too: here is where their reader is asked first.
        Format::Auto | Format::Syslog => {
            syslog::record(line, context).map(|record| Reading::Record(Box::new(record)))
        }
        Format::Mikrotik | Format::Guardduty => Err(Problem::new(
            "format",
            "this version has no reader for this format",
        )),
    }
}

fn begins_object(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    line.trim_ascii_start().starts_with(b"{")
}

fn json(line: &[u8], context: &Context<'_>) -> Result<Reading, Problem> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let line = line.trim_ascii();
    if line.is_empty() {
        return Err(Problem::new("event", "the line is empty"));
    }
    let redaction = Redaction::default();
    let intake = Intake::new(
        TenantKey(Uuid::nil()),
        SourceId(0),
        &redaction,
        None,
        context.received_at,
    );
    let intake = intake.map_err(|missing| Problem::new("event", missing.to_string()))?;
    match accept(body::line(line)?, &intake, &mut Copies::uncounted()) {
        Verdict::Accepted(event, notes) => Ok(Reading::Event(Box::new(event), notes)),
        Verdict::Quarantined(event, reason) => {
            let note = Note::new("timestamp", reason);
            Ok(Reading::Event(Box::new(event), vec![note]))
        }
        Verdict::Rejected(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Zone;

    fn kind(format: Format, line: &[u8]) -> String {
        let zone = Zone::utc();
        let context = Context {
            received_at: "2026-11-25T12:00:00Z".parse().unwrap(),
            zone: &zone,
        };
        match read(format, line, &context) {
            Ok(Reading::Event(..)) => "event".to_owned(),
            Ok(Reading::Record(record)) => record.action,
            Err(problem) => format!("{}: {}", problem.field, problem.message),
        }
    }

    #[test]
    fn formats_find_their_reader() {
        let item = br#"{"timestamp":"2026-11-25T11:00:00Z","actor":"a","action":"b"}"#;
        assert_eq!(kind(Format::Auto, item), "event");
        assert_eq!(kind(Format::Json, item), "event");
        assert_eq!(kind(Format::Syslog, item), "b");
        assert_eq!(
            kind(Format::Auto, b"<13>Nov 25 11:00:00 h t: x"),
            "log_message"
        );
        assert_eq!(kind(Format::Auto, b"  "), "message: the line is empty");
        assert_eq!(kind(Format::Json, b""), "event: the line is empty");
        assert!(kind(Format::Json, b"\xff{").starts_with("event: not UTF-8"));
        assert!("xml".parse::<Format>().is_err());
        assert_eq!("mikrotik".parse(), Ok(Format::Mikrotik));
    }
}
