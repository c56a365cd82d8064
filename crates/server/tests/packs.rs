//! Packs of the running service: unpacked as a person would, their scripts send one event and see
//! every step it reaches.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use testkit::Engine;
use testkit::binary::{Installation, Server, eventually, free_port};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");
const STEPS: [&str; 5] = ["sent", "received", "parsed", "stored", "scored"];

struct Api<'a> {
    server: &'a Server,
    token: String,
}

impl Api<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.server.origin);
        let mut request = Client::new().request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.json().await.unwrap_or(Value::Null);
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// Downloads the pack and unpacks it.
    async fn pack(&self, slug: &str) -> tempfile::TempDir {
        let url = format!("{}/api/integrations/{slug}/pack", self.server.origin);
        let request = Client::new().get(url).bearer_auth(&self.token);
        let bytes = request.send().await.unwrap().bytes().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        archive.extract(folder.path()).unwrap();
        folder
    }

    async fn number(&self, slug: &str) -> (String, String) {
        let path = format!("/api/integrations/{slug}/verify");
        let begun = self.call(Method::POST, &path, Some(json!({}))).await;
        let text = |name: &str| begun[name].as_str().unwrap().to_owned();
        (text("number"), text("address"))
    }

    /// Runs `verify.sh` and expects every step to tick, here and at the server.
    async fn verified(&self, slug: &str, key: Option<&str>) {
        let folder = self.pack(slug).await;
        let (number, address) = self.number(slug).await;
        let before: Value = reqwest::get(&address).await.unwrap().json().await.unwrap();
        assert_eq!(before["done"], false, "{slug}: {before}");
        let output = script(folder.path(), "./verify.sh", &[&number, "60"], key);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{slug}: {output:?}");
        for step in STEPS {
            assert!(
                said.contains(&format!("[x] {step} after ")),
                "{slug}: {said}"
            );
        }
        let after: Value = reqwest::get(&address).await.unwrap().json().await.unwrap();
        assert_eq!(after["done"], true, "{slug}: {after}");
        let output = script(folder.path(), "./send-sample.sh", &[], key);
        assert!(output.status.success(), "{slug}: {output:?}");
        if let Some(key) = key {
            for file in walk(folder.path()) {
                let bytes = std::fs::read(&file).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains(key), "{}: holds the key", file.display());
            }
        }
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn script(folder: &Path, name: &str, arguments: &[&str], key: Option<&str>) -> Output {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(folder);
    if let Some(key) = key {
        command.env("API_KEY", key);
    }
    command.output().unwrap()
}

async fn journey(engine: Engine) {
    let installation = Installation::new(BINARY, engine).await;
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
    let server = installation.serve().await;
    let api = Api {
        server: &server,
        token,
    };
    for (slug, provider, configuration) in [
        (
            "signed",
            "webhook",
            json!({"items": "data", "mapping": {"actor": "who.name"}}),
        ),
        ("hub", "webhook", json!({"signature": "github"})),
        ("keyed", "webhook", json!({"signature": "api_key"})),
        (
            "findings",
            "aws_guardduty",
            json!({"signature": "api_key", "accounts": ["210987654321"]}),
        ),
    ] {
        let new = json!({"integration": slug, "name": "It's $(here)", "provider": provider,
            "mode": "push", "configuration": configuration});
        let made = api.call(Method::POST, "/api/integrations", Some(new)).await;
        let shown = made["secret"].as_str().or(made["key"].as_str());
        api.verified(slug, Some(shown.unwrap())).await;
    }
    let port = free_port();
    for (slug, provider, listen) in [
        ("hosts", "syslog", format!("tcp://127.0.0.1:{port}")),
        ("routers", "mikrotik", format!("udp://127.0.0.1:{port}")),
    ] {
        let new = json!({"integration": slug, "name": slug, "provider": provider,
            "mode": "listener", "configuration": {"listen": [&listen], "allow": ["127.0.0.0/8"]}});
        api.call(Method::POST, "/api/integrations", Some(new)).await;
        eventually("the log says who listens", async || {
            server.log().contains(&listen)
        })
        .await;
        api.verified(slug, None).await;
    }
    strangers(&api).await;
    assert_eq!(server.stop(), 0);
}

/// A number opens its own source only, and none that was not made here opens anything.
async fn strangers(api: &Api<'_>) {
    let (number, address) = api.number("hub").await;
    let other = address.replace("/hub/", "/keyed/");
    let changed = address.replace(&number, &number.replacen('-', "-0", 1));
    for wrong in [other, changed] {
        let status = reqwest::get(&wrong).await.unwrap().status();
        assert_eq!(status.as_u16(), 404, "{wrong}");
    }
}

#[tokio::test]
async fn scripts_of_packs_see_every_step_sqlite() {
    journey(Engine::Sqlite).await;
}

#[tokio::test]
async fn scripts_of_packs_see_every_step_postgres() {
    journey(Engine::Postgres).await;
}
