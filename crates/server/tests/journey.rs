//! The main job through the real binary: set up, create a source, send the README's first events,
//! raise a real alert, decide it in a browser, find it in the audit log.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::time::{Clock, DAY_US, Timestamp};
use serde_json::{Value, json};
use server::clock::SystemClock;
use testkit::binary::{Installation, Server, eventually};
use testkit::browser::{self, browse};
use testkit::{Engine, events};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "seven green bottles, standing";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The three commands that README shows for first events.
fn first_events() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let after = readme.split("<!-- first events").nth(1).unwrap();
    let block = after.split("```sh\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap().trim();
    let commands: Vec<String> = block.split("\n\n").map(str::to_owned).collect();
    assert_eq!(commands.len(), 3);
    commands
}

/// Runs a command of the README in a shell and returns what it printed.
fn shell(command: &str, server: &Server, key: &str) -> Value {
    let output = Command::new("bash")
        .args(["-c", command])
        .env("IRM", &server.origin)
        .env("API_KEY", key)
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fixture events moved so that their fourteenth day is yesterday: retention leaves them alone.
fn recent(events: &[Value]) -> Vec<Value> {
    let fourteenth: Timestamp = "2026-03-14T00:00:00Z".parse().unwrap();
    let yesterday = SystemClock.now().micros() / DAY_US * DAY_US - DAY_US;
    let shift = yesterday - fourteenth.micros();
    let moved = |event: &Value| {
        let mut event = event.clone();
        let at: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        event["timestamp"] = json!(at.plus(shift).to_string());
        event
    };
    events.iter().map(moved).collect()
}

struct Visitor {
    http: reqwest::Client,
    token: String,
    origin: String,
}

impl Visitor {
    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.origin));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    async fn post_events(&self, key: &str, events: &[Value]) {
        let request = self.http.post(format!("{}/api/ingest/first", self.origin));
        let request = request.header("x-api-key", key).json(events);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let counts: Value = answer.json().await.unwrap();
        assert_eq!(counts["accepted"], events.len(), "{counts}");
    }

    /// The alert about an actor, once the scorer has raised it.
    async fn alert(&self, actor: &str) -> Value {
        let mut found = Value::Null;
        eventually("an alert", async || {
            let alerts = self.get("/api/alerts").await;
            let all = alerts["items"].as_array().unwrap().clone();
            found = all
                .into_iter()
                .find(|a| a["actor"]["name"] == actor)
                .unwrap_or_default();
            found.is_object()
        })
        .await;
        found
    }
}

fn sums_up(alert: &Value) {
    let rows = alert["contributions"].as_array().unwrap();
    let points = |v: &Value| (v.as_f64().unwrap() * 10.0).round() as i64;
    let sum: i64 = rows.iter().map(|r| points(&r["points"])).sum();
    assert_eq!(sum, points(&alert["score"]), "{alert}");
}

async fn journey(engine: Engine) {
    let browser = browser::wanted();
    if !browser {
        println!("IRM_BROWSER=no: the journey goes over the API, not through a browser");
    }
    let installation = Installation::new(env!("CARGO_BIN_EXE_insider-risk"), engine).await;
    let server = installation.serve().await;
    let about = |more: Value, scripts: bool| {
        let mut about = json!({
            "origin": server.origin, "email": EMAIL, "password": PASSWORD,
            "scripts": scripts, "shots": browser::shots(&format!("{engine:?}-{scripts}")),
        });
        about
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        about
    };
    let key = if browser {
        let code = installation.last_line(&["setup-code"]);
        let begun = browse("journey.mjs", "begin", &about(json!({"code": code}), true));
        begun["key"].as_str().unwrap().to_owned()
    } else {
        installation.run(&["user", "create", EMAIL, "--role", "admin"]);
        installation.last_line(&["source", "create", "first"])
    };
    let visitor = Visitor {
        http: reqwest::Client::new(),
        token: installation.last_line(&["token", "create", "--user", EMAIL]),
        origin: server.origin.clone(),
    };

    for command in first_events() {
        let answer = shell(&command, &server, &key);
        assert!(answer["eventId"].is_string(), "{command}: {answer}");
    }
    let sent = visitor.get("/api/events").await;
    let outcomes: BTreeMap<&str, &str> = sent["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                e["action"].as_str().unwrap(),
                e["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("vpn.login", "success"),
        ("file.download", "success"),
        ("iam.assume-role", "failure"),
    ];
    assert_eq!(outcomes, BTreeMap::from(expected));

    // Histories first: one that came after a later day was closed would change an alert while it is
    // decided about.
    let (jane, max) = ("Jane Doe", "Max Mustermann");
    let ordinary = [events::office_days(jane), events::office_days(max)].concat();
    visitor.post_events(&key, &recent(&ordinary)).await;
    for (actor, scripts) in [(jane, true), (max, false)] {
        visitor
            .post_events(&key, &recent(&events::theft(actor)))
            .await;
        let alert = visitor.alert(actor).await;
        assert!(alert["score"].as_f64().unwrap() >= 60.0, "{alert}");
        sums_up(&alert);
        if browser {
            let more = json!({"actor": actor, "reason": "A drill, <b>agreed</b> beforehand."});
            let decided = browse("journey.mjs", "decide", &about(more, scripts));
            assert_eq!(decided["code"], alert["code"]);
            let code = alert["code"].as_str().unwrap();
            let after = visitor.get(&format!("/api/alerts/{code}")).await;
            assert_eq!(after["status"], "resolved");
            let audit = visitor.get("/api/audit").await;
            assert!(audit.to_string().contains(code));
        }
    }
    assert_eq!(server.stop(), 0, "ends cleanly");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    journey(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    journey(Engine::Postgres).await;
}
