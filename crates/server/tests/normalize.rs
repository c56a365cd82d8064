//! `normalize` through the real binary: one line out for each line in, whatever comes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::io::Write;
use std::process::{Command, Output};

use serde_json::Value;

const INPUT: &[u8] = b"<38>Nov 25 10:00:00 h sshd[1]: Accepted password for jane from 203.0.113.9 port 4711 ssh2\r\n\
\n\
Dec 31 23:30:00 h app: late\n\
\xff\xfe\0\x1b[31m\n\
{\"timestamp\":\"2026-01-01T00:00:00Z\",\"actor\":\"jane\",\"action\":\"read\"}\n\
{\"actor\":\"jane\"}\n\
   \r\n\
<30>app: last, without an end";

fn run(file: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_insider-risk"))
        .arg("normalize")
        .args([
            "--received-at",
            "2026-01-01T00:00:05Z",
            "--zone",
            "Europe/Berlin",
        ])
        .args(arguments)
        .arg(file)
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn one_line_for_each_line_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.log");
    std::fs::write(&plain, INPUT).unwrap();
    let shown = lines(&run(plain.to_str().unwrap(), &["--format", "auto"]));
    assert_eq!(shown.len(), 8);
    assert_eq!(shown[0]["actor"], "jane");
    assert_eq!(shown[0]["ip"], "203.0.113.9");
    assert_eq!(shown[0]["syslog"]["facility"], 4);
    assert_eq!(shown[0]["timestamp"], "2025-11-25T09:00:00Z");
    assert_eq!(shown[1]["error"]["field"], "message");
    assert_eq!(shown[2]["timestamp"], "2025-12-31T22:30:00Z");
    assert!(shown[2].get("actor").is_none());
    assert_eq!(
        shown[3]["syslog"]["message"],
        "\\xff\\xfe\\u0000\\u001b[31m"
    );
    assert_eq!(shown[4]["action"], "read");
    assert_eq!(shown[5]["error"]["field"], "timestamp");
    assert!(shown[6].get("error").is_some());
    assert!(
        shown[7].get("timestamp").is_none(),
        "the line tells no time"
    );

    let packed = folder.path().join("packed.log.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(INPUT).unwrap();
    std::fs::write(&packed, encoder.finish().unwrap()).unwrap();
    assert_eq!(lines(&run(packed.to_str().unwrap(), &[])), shown);
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.log");
    std::fs::write(&file, b"").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(lines(&run(file, &[])).len(), 0);
    assert_eq!(run(file, &["--format", "xml"]).status.code(), Some(2));
    assert_eq!(run("/no/such/file", &[]).status.code(), Some(1));
}
