//! From an empty installation to explained alerts, through the wizard in a real browser: a router, a
//! Linux host with rsyslog and an AWS account are connected by clicking, send what such things send,
//! turn healthy, and raise an alert about the one who had a bad day.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

#[allow(
    clippy::wildcard_imports,
    missing_docs,
    reason = "senders share their clock"
)]
mod senders;

use std::path::Path;

use senders::{account, bad_day, linux, router};
use serde_json::{Value, json};
use testkit::Engine;
use testkit::binary::{Installation, Server, eventually, free_port};
use testkit::browser::{self, browse};
use testkit::guardduty::{Fixture, OWN_KEY, ROLE};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "seven green bottles, standing";

struct Journey {
    installation: Installation,
    server: Server,
    engine: Engine,
    token: String,
}

impl Journey {
    async fn begin(engine: Engine, fixture: &Fixture) -> Self {
        let installation = Installation::new(env!("CARGO_BIN_EXE_insider-risk"), engine).await;
        let endpoint = fixture.url();
        let server = installation
            .serve_with(&[("AWS_ENDPOINT_URL", &endpoint)])
            .await;
        let mut journey = Self {
            installation,
            server,
            engine,
            token: String::new(),
        };
        let code = journey.installation.last_line(&["setup-code"]);
        journey.see("begin", &json!({"code": code}));
        let made = ["token", "create", "--user", EMAIL];
        journey.token = journey.installation.last_line(&made);
        journey
    }

    fn see(&self, stage: &str, more: &Value) -> Value {
        let mut about = json!({
            "origin": self.server.origin, "email": EMAIL, "password": PASSWORD, "scripts": true,
            "shots": browser::shots(&format!("connect-{:?}", self.engine)),
        });
        let more = more.as_object().unwrap().clone();
        about.as_object_mut().unwrap().extend(more);
        browse("connect.mjs", stage, &about)
    }

    async fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.server.origin));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    async fn alerted(&self, actor: &str) -> Value {
        let mut found = Value::Null;
        eventually(&format!("an alert about {actor}"), async || {
            let alerts = self.get("/api/alerts").await;
            let all = alerts["items"].as_array().unwrap().clone();
            let about = |a: &Value| a["actor"]["name"] == actor;
            found = all.into_iter().find(about).unwrap_or_default();
            found.is_object()
        })
        .await;
        found
    }

    /// An alert that can be understood: rows that sum, over the API and on the page.
    async fn explained(&self, slug: &str, actor: &str) {
        let alert = self.alerted(actor).await;
        let points = |v: &Value| (v.as_f64().unwrap() * 10.0).round() as i64;
        let rows = alert["contributions"].as_array().unwrap();
        let sum: i64 = rows.iter().map(|r| points(&r["points"])).sum();
        assert_eq!(sum, points(&alert["score"]), "{alert}");
        let seen = self.see("alert", &json!({"slug": slug, "actor": actor}));
        assert_eq!(seen["code"], alert["code"]);
        println!("{actor}: {} {}", seen["score"], seen["sentences"]);
    }

    /// Waits until the bad night is stored.
    async fn stored(&self, slug: &str, lines: usize) {
        let path = format!("/api/events?limit=200&source={slug}&from={}", bad_day());
        eventually(&format!("{lines} events of {slug}"), async || {
            let page = self.get(&path).await;
            page["items"].as_array().unwrap().len() == lines
        })
        .await;
    }

    /// Waits until the page of an integration says so, and returns how many events it counts.
    fn healthy(&self, slug: &str) -> usize {
        let seen = self.see("healthy", &json!({"slug": slug}));
        let digits = seen["events"]
            .as_str()
            .unwrap()
            .replace(|c: char| !c.is_ascii_digit(), "");
        digits.parse().unwrap()
    }
}

async fn listens(port: u16) {
    eventually("it listens", async || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
}

async fn router_is_connected(journey: &Journey) {
    let (udp, tcp) = (free_port(), free_port());
    let made = journey.see(
        "connect",
        &json!({
            "provider": "mikrotik", "title": "MikroTik RouterOS", "mode": "listener",
            "fields": {
                "name": "Office router", "zone": "UTC", "allow": "127.0.0.0/8",
                "listen": format!("udp://127.0.0.1:{udp}\ntcp://127.0.0.1:{tcp}"),
            },
        }),
    );
    let slug = made["slug"].as_str().unwrap();
    listens(tcp).await;
    let (history, bad_night) = (router::history(), router::bad_night());
    let sent = history.len() + bad_night.len();
    let bad = bad_night.len();
    router::send(udp, history).await;
    router::send(udp, bad_night).await;
    journey.stored(slug, bad).await;
    assert_eq!(journey.healthy(slug), sent);
    journey.explained(slug, router::ACTOR).await;
}

async fn host_is_connected(journey: &Journey, folder: &Path) {
    let tcp = free_port();
    let made = journey.see(
        "connect",
        &json!({
            "provider": "syslog", "title": "Generic syslog", "mode": "listener",
            "fields": {
                "name": "Web server", "zone": "UTC", "allow": "127.0.0.1/32",
                "listen": format!("tcp://127.0.0.1:{tcp}"),
            },
        }),
    );
    let slug = made["slug"].as_str().unwrap();
    listens(tcp).await;
    let rsyslog = linux::Rsyslog::start(folder, tcp).await;
    let (history, bad_night) = (linux::history(), linux::bad_night());
    let sent = history.len() + bad_night.len();
    let bad = bad_night.len();
    rsyslog.write(history).await;
    rsyslog.write(bad_night).await;
    journey.stored(slug, bad).await;
    assert_eq!(journey.healthy(slug), sent);
    journey.explained(slug, linux::ACTOR).await;
}

async fn account_is_connected(journey: &Journey, fixture: &Fixture) {
    account::history(fixture);
    account::bad_night(fixture);
    "not yet known".clone_into(&mut fixture.state().external_id);
    let made = journey.see(
        "connect",
        &json!({
            "provider": "aws_guardduty", "title": "AWS GuardDuty", "mode": "pull",
            "fixture": fixture.url(), "choices": {"credentials": "access_key"},
            "fields": {
                "name": "AWS account", "regions": account::REGION, "roleArn": ROLE,
                "accessKeyId": OWN_KEY, "secret": "CANARY+secret+access+key",
            },
        }),
    );
    let slug = made["slug"].as_str().unwrap();
    journey.stored(slug, 1).await;
    journey.healthy(slug);
    journey.explained(slug, account::ACTOR).await;
    assert_eq!(fixture.state().complaints, Vec::<String>::new());
}

async fn journey(engine: Engine) {
    if !browser::wanted() {
        println!("IRM_BROWSER=no: connecting in a browser is left out");
        return;
    }
    let fixture = Fixture::start().await;
    let journey = Journey::begin(engine, &fixture).await;
    router_is_connected(&journey).await;
    let folder = tempfile::tempdir().unwrap();
    host_is_connected(&journey, folder.path()).await;
    account_is_connected(&journey, &fixture).await;
    assert_eq!(journey.server.stop(), 0, "ends cleanly");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    journey(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    journey(Engine::Postgres).await;
}
