//! What an attacker tries against the real binary: weak settings, two processes on one database,
//! text that wants to be a log line, secrets that must stay where they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use testkit::Engine;
use testkit::app::hidden_field;
use testkit::binary::{Installation, KEY, Server, eventually, free_port};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");
const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "CANARY seven green bottles, standing";

async fn installation(engine: Engine) -> Installation {
    Installation::new(BINARY, engine).await
}

/// Runs `serve` to its end with settings it must refuse, and checks that nothing listened.
fn refused(installation: &Installation, settings: &[(&str, &str)]) -> String {
    let (port, ops) = (free_port(), free_port());
    let mut command = installation.command(&["serve"]);
    command
        .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
        .env("OPS_LISTEN_ADDR", format!("127.0.0.1:{ops}"));
    for (name, value) in settings {
        command.env(name, value.replace("PORT", &port.to_string()));
    }
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{settings:?}: {said}");
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    for port in [port, ops] {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    said
}

/// Every value and default of compose.yml, with the names of variables taken out.
fn compose_values() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let values = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .map(|(_, value)| value.trim().trim_matches('"').to_owned());
    let values: Vec<String> = values.filter(|v| !v.is_empty()).collect();
    assert!(values.len() > 15, "{values:?}");
    values
}

#[tokio::test]
async fn a_weak_key_stops_the_start() {
    let installation = installation(Engine::Sqlite).await;
    let counting: Vec<u8> = (0..32).collect();
    let mut keys = vec![
        String::new(),
        "change-me".to_owned(),
        "changeme".repeat(4),
        "a".repeat(44),
        STANDARD.encode([0_u8; 32]),
        STANDARD.encode([255_u8; 32]),
        STANDARD.encode([7_u8; 16]),
        STANDARD.encode([9_u8; 64]),
        STANDARD.encode(&counting),
        STANDARD.encode([1, 2].repeat(16)),
        STANDARD.encode(b"0123456789abcdefghijklmnopqrstuv"),
        STANDARD.encode(b"insider-risk insider-risk insider"),
        KEY.trim_end_matches('=').to_owned(),
    ];
    keys.extend(compose_values());
    for key in keys {
        let said = refused(&installation, &[("INTEGRATION_ENCRYPTION_KEY", &key)]);
        assert!(said.contains("INTEGRATION_ENCRYPTION_KEY"), "{key}: {said}");
        assert!(said.contains("keys generate"), "the remedy: {said}");
        let shown = key.len() > 20 && said.contains(&key);
        assert!(!shown, "a key is never repeated: {said}");
    }
}

#[tokio::test]
async fn a_default_database_password_stops_a_start_others_can_reach() {
    let installation = installation(Engine::Sqlite).await;
    for credentials in [
        "irm:postgres@db/irm",
        "irm:irm@db/irm",
        "insider_risk:Change-Me@db/irm",
        "someone:p%61ssword@db/irm",
        "s%6fmeone:someone@db/irm",
        "db/irm?user=irm&password=postgres",
        "irm@db/irm?sslmode=disable&password=p%6fstgres",
        "other@db/irm?user=anna&pass%77ord=anna",
    ] {
        let address = format!("postgres://{credentials}");
        let settings = [
            ("DATABASE_URL", address.as_str()),
            ("LISTEN_ADDR", "0.0.0.0:PORT"),
            ("BASE_URL", "https://irm.example.org"),
        ];
        let said = refused(&installation, &settings);
        assert!(said.contains("DATABASE_URL"), "{credentials}: {said}");
    }
}

#[tokio::test]
async fn check_reports_everything_that_is_wrong_at_once() {
    let installation = installation(Engine::Sqlite).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = installation.command(&["check", "--json"]);
    let output = command
        .env("INTEGRATION_ENCRYPTION_KEY", "change-me")
        .env("LISTEN_ADDR", "everywhere")
        .env("OPS_LISTEN_ADDR", taken.local_addr().unwrap().to_string())
        .env("SCORING_INTERVAL_MS", "soon")
        .env("TRUSTED_PROXIES", "my proxy")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = findings.as_array().unwrap();
    let bad = |text: &str| {
        let about = |f: &&Value| {
            f["message"].as_str().unwrap().contains(text) || f["check"].as_str() == Some(text)
        };
        let found = findings.iter().find(about);
        let found = found.unwrap_or_else(|| panic!("{text} is not in {findings:?}"));
        found["ok"] == false
    };
    for text in [
        "INTEGRATION_ENCRYPTION_KEY",
        "LISTEN_ADDR=everywhere",
        "SCORING_INTERVAL_MS=soon",
        "TRUSTED_PROXIES",
        "OPS_LISTEN_ADDR",
    ] {
        assert!(bad(text), "{text}");
    }
    assert!(!bad("database"), "and what is right is right");
    let fine = installation.run(&["check"]);
    assert!(!fine.contains("FAIL"), "{fine}");
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .build()
        .unwrap()
}

/// Signs in on one process and returns the session cookie.
async fn sign_in(origin: &str, password: &str) -> String {
    let browser = browser();
    let form = browser.get(format!("{origin}/login")).send().await.unwrap();
    let mark = cookie(&form, "irm_form");
    let csrf = hidden_field(&form.text().await.unwrap(), "csrf");
    let body = format!(
        "csrf={csrf}&email={EMAIL}&password={}",
        password.replace(' ', "+").replace(',', "%2C")
    );
    let answer = browser
        .post(format!("{origin}/login"))
        .header("cookie", mark)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303);
    cookie(&answer, "irm_session")
}

fn cookie(answer: &reqwest::Response, name: &str) -> String {
    let all = answer.headers().get_all("set-cookie");
    let mut values = all.iter().filter_map(|v| v.to_str().ok());
    let value = values.find(|v| v.starts_with(&format!("{name}="))).unwrap();
    value.split(';').next().unwrap().to_owned()
}

/// An administrator whose password is known, as the configuration creates one.
async fn start_web(installation: &Installation, log: &str, more: &[(&str, &str)]) -> Web {
    let (port, ops) = (free_port(), free_port());
    let log = installation.folder.path().join(log);
    let file = std::fs::File::create(&log).unwrap();
    let mut command = installation.command(&["web"]);
    command
        .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
        .env("OPS_LISTEN_ADDR", format!("127.0.0.1:{ops}"))
        .stdout(file.try_clone().unwrap())
        .stderr(file);
    for (name, value) in more {
        command.env(name, value);
    }
    let web = Web {
        child: command.spawn().unwrap(),
        origin: format!("http://127.0.0.1:{port}"),
        log,
    };
    let client = reqwest::Client::new();
    eventually("a start", async || {
        let ready = client.get(format!("http://127.0.0.1:{ops}/readyz"));
        ready.send().await.is_ok_and(|r| r.status().is_success())
    })
    .await;
    web
}

/// A web process with a log of its own.
struct Web {
    child: std::process::Child,
    origin: String,
    log: std::path::PathBuf,
}

impl Web {
    fn log(&self) -> Vec<u8> {
        std::fs::read(&self.log).unwrap()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ADMIN: [(&str, &str); 2] = [("ADMIN_EMAIL", EMAIL), ("ADMIN_PASSWORD", PASSWORD)];

#[tokio::test]
async fn what_ends_on_one_process_has_ended_on_the_other() {
    let installation = installation(Engine::Postgres).await;
    let a = start_web(&installation, "a.log", &ADMIN).await;
    let b = start_web(&installation, "b.log", &ADMIN).await;
    let session = sign_in(&a.origin, PASSWORD).await;
    let browser = browser();
    let asked = async |origin: &str| {
        let request = browser.get(format!("{origin}/api/alerts"));
        let answer = request.header("cookie", &session).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!((asked(&a.origin).await, asked(&b.origin).await), (200, 200));
    let page = browser.get(format!("{}/alerts", a.origin));
    let page = page.header("cookie", &session).send().await.unwrap();
    let csrf = hidden_field(&page.text().await.unwrap(), "csrf");
    let out = browser
        .post(format!("{}/logout", a.origin))
        .header("cookie", &session)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("csrf={csrf}"));
    assert_eq!(out.send().await.unwrap().status(), 303);
    assert_eq!((asked(&a.origin).await, asked(&b.origin).await), (401, 401));

    // The same for keys: B has seen the key, A's command revokes it.
    let key = installation.last_line(&["source", "create", "vpn"]);
    let event = json!({"timestamp": "2026-03-14T11:00:00Z", "actor": "a", "action": "b"});
    let post = async || {
        let request = browser.post(format!("{}/api/ingest/vpn", b.origin));
        let request = request.header("x-api-key", &key).json(&event);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((post().await, post().await), (202, 202));
    installation.run(&["source", "rotate-key", "vpn", "--now"]);
    let revoked = std::time::Instant::now();
    eventually("refusing the old key", async || post().await == 401).await;
    assert!(revoked.elapsed() <= Duration::from_secs(5));
}

#[tokio::test]
async fn two_processes_print_one_setup_code_and_only_on_the_terminal() {
    let installation = installation(Engine::Postgres).await;
    let json = [("LOG_FORMAT", "json")];
    let a = start_web(&installation, "a.log", &json).await;
    let b = start_web(&installation, "b.log", &json).await;
    let of = |web: &Web| String::from_utf8(web.log()).unwrap();
    let (first, second) = (of(&a), of(&b));
    let line = first.lines().find(|l| l.contains("setup code")).unwrap();
    assert!(
        line.starts_with("first run:"),
        "not a line of the log: {line}"
    );
    let code = line.rsplit(' ').next().unwrap();
    assert!(second.contains("setup-code") && !second.contains("first run:"));
    for log in [&first, &second] {
        let shipped = log.lines().filter(|l| l.starts_with('{'));
        assert!(shipped.into_iter().all(|l| !l.contains(code)));
    }
    let browser = browser();
    let form = browser.get(format!("{}/setup", b.origin)).send().await;
    let form = form.unwrap();
    let mark = cookie(&form, "irm_form");
    let csrf = hidden_field(&form.text().await.unwrap(), "csrf");
    let body = format!(
        "csrf={csrf}&code={code}&name=Ada&email={EMAIL}&organisation=Acme&zone=UTC&password=seven+green+bottles+standing"
    );
    let done = browser
        .post(format!("{}/setup", b.origin))
        .header("cookie", mark)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    let status = done.status();
    let said = done.text().await.unwrap();
    assert_eq!(status, 303, "the first code still works: {said}");
}

#[tokio::test]
async fn the_configured_administrator_starts_beside_several_tenants() {
    let installation = installation(Engine::Sqlite).await;
    installation.run(&["migrate"]);
    let db = store::Db::open(&installation.database, store::db::Durability::Full);
    let db = db.await.unwrap();
    for slug in ["first", "second"] {
        let new = store::tenants::NewTenant {
            slug: slug.parse().unwrap(),
            name: slug.to_owned(),
            zone: domain::time::Zone::utc(),
            ruleset: domain::tenant::RuleSetName::Classic,
            alert_threshold: domain::score::Points::whole(60),
            retention_days: 90,
            demo: false,
        };
        let now = domain::time::Timestamp::from_micros(1_700_000_000_000_000);
        store::tenants::create(&db, &new, now).await.unwrap();
    }
    db.close().await;
    for log in ["once.log", "twice.log"] {
        let web = start_web(&installation, log, &ADMIN).await;
        sign_in(&web.origin, PASSWORD).await;
    }
}

/// Text that would forge a log line or steer a terminal.
const FORGED: &str = "\r\n2026-01-01T00:00:00Z ERROR forged\n\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m";

#[tokio::test]
async fn what_strangers_send_never_becomes_a_log_line() {
    for format in ["pretty", "json"] {
        let installation = installation(Engine::Sqlite).await;
        let settings = [
            ADMIN[0],
            ADMIN[1],
            ("LOG_FORMAT", format),
            ("RUST_LOG", "info"),
        ];
        let web = start_web(&installation, "web.log", &settings).await;
        let key = installation.last_line(&["source", "create", "vpn"]);
        let lines = |web: &Web| String::from_utf8(web.log()).unwrap().lines().count();
        let before = lines(&web);
        let browser = browser();
        let path = "%0D%0A2026%20ERROR%20forged%1B%5B2J";
        for address in [
            format!("/{path}"),
            format!("/alerts/{path}"),
            format!("/api/alerts?q={path}"),
            format!("/login?next={path}"),
        ] {
            let request = browser.get(format!("{}{address}", web.origin));
            request.send().await.unwrap();
        }
        for body in [
            FORGED.to_owned(),
            json!({"timestamp": FORGED, "actor": FORGED, "action": FORGED}).to_string(),
            json!([{"timestamp": "2026-03-14T11:00:00Z", "actor": FORGED, "action": FORGED}])
                .to_string(),
            format!("{{\"{FORGED}\": 1"),
        ] {
            for key in [key.as_str(), "irk_nonsense"] {
                let request = browser.post(format!("{}/api/ingest/vpn", web.origin));
                let request = request.header("x-api-key", key).body(body.clone());
                request.send().await.unwrap();
            }
        }
        let form = browser.get(format!("{}/login", web.origin)).send().await;
        let form = form.unwrap();
        let mark = cookie(&form, "irm_form");
        let csrf = hidden_field(&form.text().await.unwrap(), "csrf");
        let request = browser
            .post(format!("{}/login", web.origin))
            .header("cookie", mark)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("csrf={csrf}&email={path}%40x&password={path}"));
        request.send().await.unwrap();
        let log = web.log();
        let text = String::from_utf8_lossy(&log);
        assert_eq!(lines(&web), before, "{format}: {text}");
        assert!(!log.contains(&0x1b), "{format}: {text}");
        assert!(!text.contains("forged"), "{format}: {text}");
    }
}

#[tokio::test]
async fn commands_print_foreign_text_without_control_characters() {
    let installation = installation(Engine::Sqlite).await;
    let file = installation.folder.path().join("events.ndjson");
    let bad = json!({"timestamp": FORGED, "actor": "a", "action": "b"});
    std::fs::write(&file, format!("{bad}\n")).unwrap();
    let file = file.to_str().unwrap();
    let name = FORGED.replace('\u{7}', "");
    for arguments in [
        &["import", "--source", "vpn", file][..],
        &["user", "create", &name, "--role", "admin"],
        &["user", "disable", &name],
        &["source", "create", &name],
        &["source", "disable", &name],
        &["token", "create", "--user", &name],
        &["source", "list", "--tenant", &name],
    ] {
        let output = installation.command(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&said);
        assert!(!said.contains(&0x1b), "{arguments:?}: {text}");
        assert!(
            !text
                .lines()
                .any(|l| l.contains("ERROR forged") && l.starts_with("2026")),
            "{arguments:?}: {text}"
        );
    }
}

/// Everything the database holds, as bytes.
fn dump(installation: &Installation) -> Vec<u8> {
    if let Some(path) = installation.database.strip_prefix("sqlite://") {
        let parts = [path.to_owned(), format!("{path}-wal")];
        return parts
            .iter()
            .flat_map(|p| std::fs::read(p).unwrap_or_default())
            .collect();
    }
    let output = std::process::Command::new("sh")
        .args(["-c", "pg_dump --inserts \"$0\" || exec $(ls -d /usr/lib/postgresql/*/bin | tail -n 1)/pg_dump --inserts \"$0\"", &installation.database])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|w| w == secret.as_bytes())
}

/// SEC-43, SEC-20: Every secret there is goes through its flow, and is then looked for everywhere.
#[allow(
    clippy::too_many_lines,
    reason = "one journey of one secret after the other"
)]
async fn secrets_leak_nowhere(engine: Engine) {
    let installation = installation(engine).await;
    let settings = [
        ADMIN[0],
        ADMIN[1],
        ("RUST_LOG", "debug,sqlx=trace,hyper=info"),
    ];
    let web = start_web(&installation, "web.log", &settings).await;
    let session = sign_in(&web.origin, PASSWORD).await;
    let key = installation.last_line(&["source", "create", "vpn"]);
    let token = installation.last_line(&["token", "create", "--user", EMAIL]);
    let one_time =
        installation.last_line(&["user", "create", "mia@example.org", "--role", "admin"]);
    let browser = browser();
    let event = json!({"timestamp": "2026-03-14T11:00:00Z", "actor": "a", "action": "b"});
    for presented in [key.clone(), key.replace("irk", "irx"), key[..60].to_owned()] {
        let request = browser.post(format!("{}/api/ingest/vpn", web.origin));
        let request = request.header("x-api-key", presented).json(&event);
        request.send().await.unwrap();
    }
    let created = browser
        .post(format!("{}/api/sources", web.origin))
        .bearer_auth(&token)
        .json(&json!({"name": "Second", "source": "second"}));
    let created: Value = created.send().await.unwrap().json().await.unwrap();
    let second = created["key"].as_str().unwrap().to_owned();
    // By place: the alphabet of secrets contains the underscore that separates the parts.
    let secret = |key: &str| key[15..58].to_owned();
    let canaries = [
        secret(&key),
        secret(&second),
        secret(&token),
        PASSWORD.to_owned(),
        one_time,
        session.split_once('=').unwrap().1.to_owned(),
        KEY.to_owned(),
    ];
    let mut shown = Vec::new();
    for path in [
        "/",
        "/sources",
        "/sources/vpn",
        "/sources/second",
        "/audit",
        "/profile",
        "/settings",
        "/settings/general",
        "/api/sources",
        "/api/sources/vpn",
        "/api/audit",
        "/api/users",
    ] {
        let request = browser.get(format!("{}{path}", web.origin));
        let answer = request.header("cookie", &session).send().await.unwrap();
        shown.extend(answer.bytes().await.unwrap());
    }
    let listed = installation.run(&["source", "list", "--json"]);
    shown.extend(listed.into_bytes());
    shown.extend(installation.run(&["user", "list", "--json"]).into_bytes());
    let log = web.log();
    assert!(log.len() > 1000, "the log is there to be searched");
    let dump = dump(&installation);
    assert!(holds(&dump, "second"), "the dump is there to be searched");
    for canary in &canaries {
        for (place, bytes) in [("log", &log), ("database", &dump), ("pages", &shown)] {
            assert!(
                !holds(bytes, canary),
                "{engine:?}: {canary} is in the {place}"
            );
        }
    }
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one journey of one secret after the other"
)]
async fn secrets_leak_nowhere_on_sqlite() {
    secrets_leak_nowhere(Engine::Sqlite).await;
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one journey of one secret after the other"
)]
async fn secrets_leak_nowhere_on_postgres() {
    secrets_leak_nowhere(Engine::Postgres).await;
}

/// What a source redacts is nowhere in the database, even when the power fails right after.
async fn redacted_values_survive_no_crash(engine: Engine) {
    let installation = installation(engine).await;
    installation.run(&["user", "create", EMAIL, "--role", "admin"]);
    let token = installation.last_line(&["token", "create", "--user", EMAIL]);
    let key = installation.last_line(&["source", "create", "files"]);
    let server = Server::start(
        BINARY,
        installation.folder.path(),
        &installation.database,
        "serve",
    )
    .await;
    let http = reqwest::Client::new();
    let redaction = json!({"resourceId": "hash", "attributes": {"card": "drop", "iban": "mask"}});
    let change = http
        .put(format!("{}/api/sources/files", server.origin))
        .bearer_auth(&token)
        .json(&json!({"redaction": redaction}));
    assert_eq!(change.send().await.unwrap().status(), 200);
    let event = |at: &str, number: usize| {
        json!({"timestamp": at, "actor": format!("a{number}"), "action": "read",
            "resourceId": "CANARY-a", "card": "CANARY-b", "iban": "CANARY-c", "kept": "fine"})
    };
    let mut batch: Vec<Value> = (0..200).map(|i| event("2026-03-14T11:00:00Z", i)).collect();
    batch.push(event("2999-01-01T00:00:00Z", 0));
    batch.push(event("soon", 0));
    let post = http
        .post(format!("{}/api/ingest/files", server.origin))
        .header("x-api-key", &key)
        .json(&batch);
    assert_eq!(post.send().await.unwrap().status(), 202);
    let log = server.log();
    server.kill();
    for _ in 0..2 {
        let dump = dump(&installation);
        assert!(holds(&dump, "fine"), "{engine:?}: events are in the dump");
        assert!(!holds(&dump, "CANARY"), "{engine:?}");
        assert!(!log.contains("CANARY"));
        // The second look is after the start that repairs what the crash left.
        let again = installation.serve().await;
        assert_eq!(again.stop(), 0);
    }
}

#[tokio::test]
async fn redacted_values_survive_no_crash_on_sqlite() {
    redacted_values_survive_no_crash(Engine::Sqlite).await;
}

#[tokio::test]
async fn redacted_values_survive_no_crash_on_postgres() {
    redacted_values_survive_no_crash(Engine::Postgres).await;
}
