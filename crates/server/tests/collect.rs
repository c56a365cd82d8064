//! The edge collector as a process: it is killed during an outage, comes back, and every line is
//! stored once at the real server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use testkit::Engine;
use testkit::binary::{Installation, Server, eventually, free_port};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");

/// A running collector.
struct Collector {
    child: Child,
    udp: u16,
    tcp: u16,
}

impl Collector {
    async fn start(installation: &Installation, key: &str, forward: &str) -> Self {
        let (udp, tcp) = (free_port(), free_port());
        let log = std::fs::File::create(installation.folder.path().join("collect.log")).unwrap();
        let mut command = installation.command(&["collect", "syslog", "--buffer", "buffer"]);
        command
            .args(["--listen", &format!("udp://127.0.0.1:{udp}")])
            .args(["--listen", &format!("tcp://127.0.0.1:{tcp}")])
            .args(["--forward", &format!("{forward}/api/ingest/edge")])
            .env("API_KEY", key)
            .stdout(Stdio::null())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        eventually("listening", async || {
            if let Some(status) = child.try_wait().unwrap() {
                let folder = installation.folder.path();
                let log = std::fs::read_to_string(folder.join("collect.log")).unwrap();
                panic!("the collector ended with {status}: {log}");
            }
            TcpStream::connect(("127.0.0.1", tcp)).is_ok()
        })
        .await;
        Self { child, udp, tcp }
    }

    fn send(&self, lines: std::ops::Range<usize>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.tcp)).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in lines {
            let line = format!("<13>1 2026-01-01T00:00:00Z elsewhere app - - - line {n} of us");
            if n % 2 == 0 {
                writeln!(stream, "{line}").unwrap();
            } else {
                let target = ("127.0.0.1", self.udp);
                socket.send_to(line.as_bytes(), target).unwrap();
            }
        }
    }

    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often each line is stored.
async fn stored(server: &Server, token: &str) -> BTreeMap<usize, usize> {
    let (http, mut found, mut after) = (reqwest::Client::new(), BTreeMap::new(), String::new());
    loop {
        let path = format!("{}/api/events?limit=200{after}", server.origin);
        let answer = http.get(path).bearer_auth(token).send().await.unwrap();
        let page: Value = answer.json().await.unwrap();
        for event in page["items"].as_array().unwrap() {
            let text = event.to_string();
            let number = text.split("line ").nth(1).unwrap();
            let number = number.split(' ').next().unwrap().parse().unwrap();
            *found.entry(number).or_insert(0) += 1;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

/// Lines that have reached the disk: the buffer's size tells.
fn buffered(installation: &Installation) -> u64 {
    let folder = installation.folder.path().join("buffer");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.map(|entry| entry.unwrap().metadata().unwrap().len());
    sizes.sum()
}

#[tokio::test]
async fn a_killed_collector_loses_nothing_it_has_taken() {
    let installation = Installation::new(BINARY, Engine::Sqlite).await;
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    let key = installation.last_line(&["source", "create", "edge"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);

    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let first = Collector::start(&installation, &key, &nowhere).await;
    first.send(0..100);
    // Both listeners deliver within their linger; then the size does not change any more.
    let mut before = 0;
    eventually("everything is on disk", async || {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let now = buffered(&installation);
        std::mem::replace(&mut before, now) == now && now > 100 * 100
    })
    .await;
    drop(first);

    let server = installation.serve().await;
    let second = Collector::start(&installation, &key, &server.origin).await;
    eventually("the backlog is stored", async || {
        stored(&server, &token).await.len() == 100
    })
    .await;
    second.send(100..150);
    assert_eq!(
        second.stop(),
        Some(0),
        "stops cleanly, and what was sent is delivered"
    );
    let lines = stored(&server, &token).await;
    let expected: BTreeMap<usize, usize> = (0..150).map(|n| (n, 1)).collect();
    assert_eq!(lines, expected);
    let dead = installation
        .command(&["collect", "dead", "--buffer", "buffer"])
        .env("API_KEY", &key)
        .output()
        .unwrap();
    assert!(dead.status.success() && dead.stdout.is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_the_command_line_is_named() {
    let installation = Installation::new(BINARY, Engine::Sqlite).await;
    let far = "https://siem.example.org/api/ingest/edge";
    let table: &[(&[&str], &str, &str)] = &[
        (
            &["--listen", "udp://127.0.0.1:0", "--forward", far],
            "",
            "API_KEY",
        ),
        (
            &["--listen", "0.0.0.0:514", "--forward", far],
            "k",
            "udp://, tcp:// or tls://",
        ),
        (
            &["--listen", "tls://127.0.0.1:0", "--forward", far],
            "k",
            "--tls-cert",
        ),
        (&["--listen", "udp://127.0.0.1:0"], "k", "--forward"),
        (
            &[
                "--listen",
                "udp://127.0.0.1:0",
                "--forward",
                "http://siem.example.org/api/ingest/edge",
            ],
            "k",
            "--allow-http",
        ),
        (
            &[
                "--listen",
                "udp://127.0.0.1:0",
                "--forward",
                far,
                "--buffer-size",
                "1KiB",
            ],
            "k",
            "at least",
        ),
    ];
    for (arguments, key, expected) in table {
        let output = installation
            .command(&["collect", "syslog"])
            .args(*arguments)
            .env("API_KEY", key)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}
