//! The formats a line can be in, and the one place where a format finds its reader.

use std::str::FromStr;

use domain::event::Event;
use domain::id::{SourceId, TenantKey};
use domain::redaction::Redaction;
use uuid::Uuid;

use crate::record::{Context, Record};
use crate::{Copies, Intake, Note, Problem, Verdict, accept, body, guardduty, mikrotik, syslog};

/// How a line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A line that begins with `{` is a finding or a JSON item, everything else is syslog.
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

impl Reading {
    fn of(record: Record) -> Self {
        Self::Record(Box::new(record))
    }
}

/// Reads one line without its end.
pub fn read(format: Format, line: &[u8], context: &Context<'_>) -> Result<Reading, Problem> {
    match format {
        Format::Json => json(line, context),
        Format::Auto if begins_object(line) => match text(line) {
            Ok(text) if guardduty::recognise(text) => finding(line, context),
            _ => json(line, context),
        },
        Format::Auto | Format::Syslog => syslog::record(line, context).map(Reading::of),
        Format::Mikrotik => router(line, context),
        Format::Guardduty => finding(line, context),
    }
}

fn router(line: &[u8], context: &Context<'_>) -> Result<Reading, Problem> {
    let (text, notes) = syslog::readable(line)?;
    let mut record = mikrotik::read_line(&text, context);
    record.notes = notes;
    Ok(Reading::of(record))
}

fn finding(line: &[u8], context: &Context<'_>) -> Result<Reading, Problem> {
    guardduty::read(text(line)?, context).map(Reading::of)
}

/// The text of a line that holds a JSON document.
fn text(line: &[u8]) -> Result<&str, Problem> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let line = line.trim_ascii();
    if line.is_empty() {
        return Err(Problem::new("event", "the line is empty"));
    }
    body::line(line)
}

fn begins_object(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    line.trim_ascii_start().starts_with(b"{")
}

fn json(line: &[u8], context: &Context<'_>) -> Result<Reading, Problem> {
    let line = text(line)?;
    let redaction = Redaction::default();
    let intake = Intake::new(
        TenantKey(Uuid::nil()),
        SourceId(0),
        &redaction,
        None,
        context.received_at,
    );
    let intake = intake.map_err(|missing| Problem::new("event", missing.to_string()))?;
    match accept(line, &intake, &mut Copies::uncounted()) {
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
        let router = b"<30>system,info,account user admin logged in from 10.0.0.1 via winbox";
        for format in [Format::Auto, Format::Syslog, Format::Mikrotik] {
            assert_eq!(kind(format, router), "login");
        }
        let finding = br#"{"SchemaVersion":"2.0","Id":"1","Type":"Recon:EC2/Portscan","Severity":5,"AccountId":"1","Region":"us-east-1","CreatedAt":"2026-11-25T11:00:00Z","UpdatedAt":"2026-11-25T11:00:00Z","Service":{"ServiceName":"guardduty","Count":1},"Resource":{"ResourceType":"Instance","InstanceDetails":{"InstanceId":"i-1"}}}"#;
        for format in [Format::Auto, Format::Guardduty] {
            assert_eq!(kind(format, finding), "Recon:EC2/Portscan");
        }
        assert!("xml".parse::<Format>().is_err());
        assert_eq!("mikrotik".parse(), Ok(Format::Mikrotik));
    }
}
