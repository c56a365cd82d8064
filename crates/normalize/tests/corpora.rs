//! Labelled lines of real devices: header fields and events against their labels.
//!
//! The whole collection is read from `CORPORA_DIR`; without it a small copy of permissively
//! licensed lines in `tests/data` stands in, and the test says so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use domain::time::{Timestamp, Zone};
use normalize::record::{Context, Record};
use normalize::syslog;
use serde_json::Value;

/// Labels that are wrong, with the line and what is wrong with it. At most one in a hundred.
const WRONG_LABELS: [(&str, &str); 3] = [
    (
        "s00072",
        "<46>Jan 5 10:01:00 Übergröße außerplanmäßig größenordnungsmäßig: the label takes the second \
         word for a program, but nothing marks it as one (RFC 3164 section 5.3 ends a tag at a \
         colon or bracket), and the label of s00055, a line of the same form, does not",
    ),
    (
        "s00073",
        "i am foobar: the label names a host, a program, a process and a priority that the line \
         does not hold",
    ),
    (
        "s00534",
        "Failed password for invalid user test from 10.10.1.2 port 55555 ssh2 from 127.0.0.1 port \
         58946 ssh2: the label takes the address that the attacker wrote into the user name; the \
         connection came from 127.0.0.1",
    ),
];

/// Kinds that other tests read: whole streams are the listener's business, RouterOS has a reader
/// of its own.
const ELSEWHERE: [&str; 3] = [
    "syslog/tcp_stream",
    "syslog/stream_octetcounting",
    "client_tcp/syslog",
];

struct Sample {
    id: String,
    kind: String,
    line: Vec<u8>,
    expected: Value,
}

fn corpora() -> (PathBuf, bool) {
    if let Some(dir) = std::env::var_os("CORPORA_DIR") {
        (PathBuf::from(dir), true)
    } else {
        eprintln!("CORPORA_DIR is not set: only the small copy in tests/data is read");
        (
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"),
            false,
        )
    }
}

fn samples(dir: &Path) -> Vec<Sample> {
    let index = std::fs::read_to_string(dir.join("INDEX.jsonl")).unwrap();
    let mut files: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut samples = Vec::new();
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    for entry in index.lines() {
        let entry: Value = serde_json::from_str(entry).unwrap();
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let (file, kind) = (text("file"), text("kind"));
        if !kind.starts_with("syslog/")
            && kind != "client_udp/syslog"
            && kind != "client_tcp/syslog"
        {
            continue;
        }
        if ELSEWHERE.contains(&kind.as_str()) {
            *skipped.entry(kind).or_default() += 1;
            continue;
        }
        let lines = files.entry(file.clone()).or_insert_with(|| {
            let bytes = std::fs::read(dir.join(&file)).unwrap();
            bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
        });
        let number = entry["line"].as_u64().unwrap() as usize;
        samples.push(Sample {
            id: text("id"),
            kind,
            line: decoded(&file, &lines[number - 1]),
            expected: entry["expected"].clone(),
        });
    }
    for (kind, count) in skipped {
        eprintln!("{count} samples of {kind} are streams, which the listener's tests read");
    }
    samples
}

/// Files of test vectors hold the bytes in base64; files of lines are the lines.
fn decoded(file: &str, line: &[u8]) -> Vec<u8> {
    if Path::new(file).extension().is_none_or(|e| e != "jsonl") {
        return line.to_vec();
    }
    let vector: Value = serde_json::from_slice(line).unwrap();
    let names = ["input_b64", "datagram_b64"];
    let Some(text) = names.iter().find_map(|name| vector[*name].as_str()) else {
        return line.to_vec();
    };
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

fn read(line: &[u8]) -> Record {
    let zone = Zone::utc();
    let context = Context {
        received_at: "2026-11-25T12:00:00Z".parse().unwrap(),
        zone: &zone,
    };
    syslog::record(line, &context).unwrap_or_default()
}

/// Every field in which a record differs from its label.
fn differences(record: &Record, line: &[u8], expected: &Value, kind: &str) -> Vec<String> {
    let header = record.syslog.clone().unwrap_or_default();
    let mut wrong = Vec::new();
    let Some(labels) = expected.as_object() else {
        return wrong;
    };
    let priority = header.facility.zip(header.severity).map(|(f, s)| f * 8 + s);
    for (name, label) in labels {
        let got: Value = match name.as_str() {
            "pri" => priority.into(),
            "facility" => header.facility.into(),
            "severity" => header.severity.into(),
            "facility_name" => header.facility.map(facility_name).into(),
            "severity_name" => header.severity.map(severity_name).into(),
            "hostname" => header.hostname.clone().into(),
            "appname" => header.appname.clone().into(),
            "procid" => header.procid.clone().into(),
            "msgid" => header.msgid.clone().into(),
            "msg" => header.message.clone().into(),
            "sd" => Value::Object(header.structured_data.clone()),
            "timestamp" => {
                let label: Timestamp = label.as_str().unwrap().parse().unwrap();
                if header.timestamp != Some(label) {
                    wrong.push(format!("timestamp {:?}, not {label}", header.timestamp));
                }
                continue;
            }
            "timestamp_no_year" => header.timestamp.map(|t| without_year(t, label)).into(),
            "rfc_valid" if kind == "syslog/rfc5424_vector" => syslog::is_rfc5424(line).into(),
            "no_header" => (header.hostname.is_none() && header.timestamp.is_none()).into(),
            "event" => {
                event_differences(record, label, &mut wrong);
                continue;
            }
            _ => continue,
        };
        let empty = got.is_null() && label.as_str() == Some("");
        if got != *label && !empty {
            wrong.push(format!("{name} {got}, not {label}"));
        }
    }
    wrong
}

fn event_differences(record: &Record, labels: &Value, wrong: &mut Vec<String>) {
    for (name, label) in labels.as_object().unwrap() {
        let got: Value = match name.as_str() {
            "action" => record.action.clone().into(),
            "actor" => record.actor.clone().into(),
            "outcome" => record.outcome.word().into(),
            "ip" => {
                let label: IpAddr = label.as_str().unwrap().parse().unwrap();
                if record.ip != Some(label.to_canonical()) {
                    wrong.push(format!("event ip {:?}, not {label}", record.ip));
                }
                continue;
            }
            other => record.attributes.get(other).cloned().unwrap_or_default(),
        };
        if got != *label {
            wrong.push(format!("event {name} {got}, not {label}"));
        }
    }
}

/// As the label writes it: `01-24T15:50:41` or `Jan 24 15:50:41`.
fn without_year(at: Timestamp, label: &Value) -> String {
    let iso = label.as_str().unwrap().contains('T');
    Zone::utc().format(
        at,
        if iso {
            "%m-%dT%H:%M:%S"
        } else {
            "%b %e %H:%M:%S"
        },
    )
}

fn facility_name(facility: u8) -> &'static str {
    match facility {
        1 => "LOG_USER",
        4 => "LOG_AUTH",
        5 => "LOG_SYSLOG",
        16 => "LOG_LOCAL0",
        _ => "another",
    }
}

fn severity_name(severity: u8) -> &'static str {
    [
        "SEV_EMERG",
        "SEV_ALERT",
        "SEV_CRIT",
        "SEV_ERR",
        "SEV_WARNING",
        "SEV_NOTICE",
        "SEV_INFO",
        "SEV_DEBUG",
    ][severity as usize]
}

#[test]
fn every_labelled_line_is_read_as_labelled() {
    let (dir, whole) = corpora();
    let samples = samples(&dir);
    let mut labelled = 0;
    let mut failures = Vec::new();
    for sample in &samples {
        let record = read(&sample.line);
        let wrong = differences(&record, &sample.line, &sample.expected, &sample.kind);
        let excused = WRONG_LABELS.iter().any(|(id, _)| *id == sample.id);
        labelled += usize::from(sample.expected.as_object().is_some_and(|e| !e.is_empty()));
        if wrong.is_empty() == excused {
            let text = String::from_utf8_lossy(&sample.line);
            let excuse = if excused {
                " (its label is said to be wrong)"
            } else {
                ""
            };
            failures.push(format!(
                "{}{excuse} {text}\n    {}",
                sample.id,
                wrong.join("; ")
            ));
        }
    }
    eprintln!(
        "{} samples, {labelled} with labels, {} wrong labels",
        samples.len(),
        WRONG_LABELS.len()
    );
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        labelled >= if whole { 400 } else { 40 },
        "only {labelled} labelled samples"
    );
    if whole {
        assert!(
            WRONG_LABELS.len() * 100 <= labelled,
            "more than one label in a hundred is called wrong"
        );
    }
}

/// Some labels say which address a ban would hit: a line never tells of another one.
#[test]
fn no_line_tells_of_another_address_or_user() {
    let (dir, _) = corpora();
    let (mut told, mut failures, mut silent) = (0, Vec::new(), Vec::new());
    for sample in samples(&dir) {
        let label = &sample.expected["fail2ban"];
        let text = String::from_utf8_lossy(&sample.line).into_owned();
        let Some(host) = label["host"].as_str().filter(|h| text.contains(*h)) else {
            continue;
        };
        let Ok(host) = host.parse::<IpAddr>() else {
            continue;
        };
        let record = read(&sample.line);
        match record.ip {
            Some(ip) if ip != host => {
                failures.push(format!("{} {text}\n    {ip}, not {host}", sample.id));
            }
            Some(_) => told += 1,
            None if record.attributes.contains_key("ambiguous") => told += 1,
            None => silent.push(format!("{} {text}", sample.id)),
        }
        let user = label["user"].as_str().filter(|u| !u.is_empty());
        if let (Some(user), Some(actor)) = (user, &record.actor)
            && !actor.eq_ignore_ascii_case(user)
        {
            failures.push(format!("{} {text}\n    {actor}, not {user}", sample.id));
        }
    }
    eprintln!("{told} addresses told, {} kept silent", silent.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(silent.is_empty(), "silent:\n{}", silent.join("\n"));
}

/// What the collection's unlabelled lines are read as, for people: set `SHOW=1`.
#[test]
fn unlabelled_lines_are_read_too() {
    let (dir, _) = corpora();
    let mut known: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for sample in samples(&dir) {
        let record = read(&sample.line);
        let count = known.entry(sample.kind.clone()).or_default();
        count.1 += 1;
        let event = record.action != normalize::action::LOG_MESSAGE;
        count.0 += usize::from(event);
        if std::env::var_os("SHOW").is_some() {
            let text = String::from_utf8_lossy(&sample.line);
            let zone = Zone::utc();
            let context = Context {
                received_at: "2026-11-25T12:00:00Z".parse().unwrap(),
                zone: &zone,
            };
            let shown = normalize::preview::line(
                normalize::formats::Format::Syslog,
                &sample.line,
                &context,
            );
            eprintln!("{} {} {text}\n   {shown}", sample.id, sample.kind);
        }
    }
    let (events, all) = known
        .values()
        .fold((0, 0), |(e, a), (events, all)| (e + events, a + all));
    for (kind, (events, all)) in &known {
        eprintln!("{kind}: {events} of {all}");
    }
    eprintln!("{events} of {all} lines are known events");
    assert!(
        events * 2 > all,
        "only {events} of {all} lines are known events"
    );
}
