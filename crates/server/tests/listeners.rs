//! Syslog listeners of the running service: an integration makes them, events arrive under its
//! source, and they end when it is paused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use reqwest::{Client, Method};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use testkit::Engine;
use testkit::binary::{Installation, Server, eventually, free_port};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");

struct Api<'a> {
    server: &'a Server,
    token: String,
}

impl Api<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.server.origin);
        let mut request = Client::new().request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.1
    }

    /// The latest events of a source.
    async fn of(&self, source: &str) -> Vec<Value> {
        let page = self
            .get(&format!("/api/events?limit=200&source={source}"))
            .await;
        page["items"].as_array().unwrap().clone()
    }

    /// The events of an actor.
    async fn events(&self, actor: &str) -> Vec<Value> {
        let page = self.get("/api/events?limit=200").await;
        let mut events = page["items"].as_array().unwrap().clone();
        events.retain(|event| event["actor"]["name"] == actor);
        events
    }
}

#[expect(clippy::too_many_lines, reason = "one journey")]
async fn journey(engine: Engine) {
    let installation = Installation::new(BINARY, engine).await;
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
    let server = installation.serve().await;
    let api = Api {
        server: &server,
        token,
    };
    let (udp, tcp) = (free_port(), free_port());
    let new = json!({
        "name": "Linux hosts", "provider": "syslog", "mode": "listener",
        "configuration": {
            "listen": [format!("udp://127.0.0.1:{udp}"), format!("tcp://127.0.0.1:{tcp}")],
            "allow": ["127.0.0.0/8"], "zone": "UTC",
        },
    });
    let (status, made) = api.call(Method::POST, "/api/integrations", Some(new)).await;
    assert_eq!(status, 201, "{made}");
    eventually("the listeners are up", async || {
        TcpStream::connect(("127.0.0.1", tcp)).is_ok()
    })
    .await;

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let line = "<38>1 2026-03-02T12:00:00Z host1 sshd 4242 - - Accepted publickey for jane from 203.0.113.9 port 51022 ssh2";
    socket.send_to(line.as_bytes(), ("127.0.0.1", udp)).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", tcp)).unwrap();
    // The same line twice is two events: lines have no identity of their own.
    write!(stream, "{line}\n{line}\nnothing a parser knows\n").unwrap();
    eventually("three sign-ins and the device's own line", async || {
        api.events("jane").await.len() == 3 && api.events("127.0.0.1").await.len() == 1
    })
    .await;
    let event = &api.events("jane").await[0];
    assert_eq!(event["action"], "login");
    assert_eq!(event["ip"], "203.0.113.9");
    assert_eq!(event["source"], "linux-hosts");
    let path = "/api/integrations/linux-hosts";
    eventually(
        "its page counts what came and calls it healthy",
        async || {
            let shown = api.get(path).await;
            let instances = shown["instances"].as_array().cloned().unwrap_or_default();
            let counted = instances
                .iter()
                .any(|i| i["parsed"] == 4 && i["dropped"] == 0);
            counted && shown["health"]["state"] == "healthy"
        },
    )
    .await;

    let (status, _) = api
        .call(
            Method::POST,
            &format!("{path}/pause"),
            Some(json!({"reason": "maintenance"})),
        )
        .await;
    assert!(status < 300, "{status}");
    eventually("a paused integration does not listen", async || {
        TcpStream::connect(("127.0.0.1", tcp)).is_err()
    })
    .await;
    let (status, _) = api
        .call(Method::POST, &format!("{path}/resume"), Some(json!({})))
        .await;
    assert!(status < 300, "{status}");
    eventually("it listens again", async || {
        TcpStream::connect(("127.0.0.1", tcp)).is_ok()
    })
    .await;
    let mut stream = TcpStream::connect(("127.0.0.1", tcp)).unwrap();
    writeln!(stream, "{line}").unwrap();
    drop(stream);
    eventually("a line after the pause", async || {
        api.events("jane").await.len() == 4
    })
    .await;
    assert_eq!(server.stop(), 0);
}

#[tokio::test]
async fn an_integration_listens_sqlite() {
    journey(Engine::Sqlite).await;
}

#[tokio::test]
async fn an_integration_listens_postgres() {
    journey(Engine::Postgres).await;
}

/// A certificate for localhost that vouches for itself, as `tls.pem` and `tls.key`.
fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
}

/// Sends one line over TLS to a server with that certificate, to an orderly end.
fn say(folder: &Path, port: u16, line: &str) -> std::io::Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(folder.join("tls.pem")).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port))?;
    let mut stream = rustls::StreamOwned::new(client, socket);
    write!(stream, "{} {line}", line.len())?;
    stream.conn.send_close_notify();
    stream.flush()?;
    // Until the server closes too, so that the line is read.
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// SEC-25, SEC-46: a line is under the source of its listener whatever it claims to be, what the
/// source removes is gone before anything is stored, and a changed source counts from then on.
#[expect(clippy::too_many_lines, reason = "one journey")]
async fn a_source_rules(engine: Engine) {
    let installation = Installation::new(BINARY, engine).await;
    certify(installation.folder.path());
    let folder = installation.folder.path();
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    installation.run(&["source", "create", "payroll"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
    let (certificate, key) = (folder.join("tls.pem"), folder.join("tls.key"));
    let files = [
        ("SYSLOG_TLS_CERT", certificate.to_str().unwrap()),
        ("SYSLOG_TLS_KEY", key.to_str().unwrap()),
    ];
    let server = installation.serve_with(&files).await;
    let api = Api {
        server: &server,
        token,
    };
    let port = free_port();
    let new = json!({
        "name": "Branch", "provider": "syslog", "mode": "listener",
        "configuration": {
            "listen": [format!("tls://127.0.0.1:{port}")], "allow": ["127.0.0.0/8"], "zone": "UTC",
        },
        "source": {"redaction": {"attributes": {"syslog": "drop"}}},
    });
    let (status, made) = api.call(Method::POST, "/api/integrations", Some(new)).await;
    assert_eq!(status, 201, "{made}");
    let line = "<13>1 2026-03-02T12:00:00Z payroll app - - [irm@1 source=\"payroll\" tenant=\"globex\"] CANARY";
    eventually("a line is taken over TLS", async || {
        say(folder, port, &format!("{line}-1")).is_ok()
    })
    .await;
    eventually("it is stored", async || !api.of("branch").await.is_empty()).await;
    for event in api.of("branch").await {
        assert_eq!(event["source"], "branch");
        assert!(!event.to_string().contains("CANARY"), "{event}");
    }
    let plain = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        writeln!(stream, "<13>readable by everybody")?;
        stream.read_to_end(&mut Vec::new())
    });
    assert!(
        plain.is_err() || plain.is_ok_and(|n| n < 16),
        "an alert at most"
    );

    let path = "/api/sources/branch";
    let change = json!({"redaction": {"attributes": {}}});
    let (status, changed) = api.call(Method::PUT, path, Some(change)).await;
    assert_eq!(status, 200, "{changed}");
    eventually("lines are kept whole after the change", async || {
        let _ = say(folder, port, &format!("{line}-2"));
        let all = json!(api.of("branch").await).to_string();
        assert!(!all.contains("CANARY-1"));
        all.contains("CANARY-2")
    })
    .await;
    let (status, changed) = api
        .call(Method::PUT, path, Some(json!({"enabled": false})))
        .await;
    assert_eq!(status, 200, "{changed}");
    eventually("a source that is off has no listener", async || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    })
    .await;
    assert!(api.of("payroll").await.is_empty());
    assert_eq!(server.stop(), 0);
    let log = std::fs::read_to_string(folder.join("server.log")).unwrap();
    assert!(!log.contains("CANARY"), "{log}");
}

#[tokio::test]
async fn a_source_rules_sqlite() {
    a_source_rules(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_source_rules_postgres() {
    a_source_rules(Engine::Postgres).await;
}

/// REL-05, REL-08: everything a stream has brought when the service is asked to stop is stored, and
/// what it answered with 202 too; afterwards nothing listens.
#[expect(clippy::too_many_lines, reason = "one journey")]
async fn stops_gracefully(engine: Engine) {
    let installation = Installation::new(BINARY, engine).await;
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
    let key = installation.last_line(&["source", "create", "posted"]);
    let server = installation.serve().await;
    let api = Api {
        server: &server,
        token: token.clone(),
    };
    let port = free_port();
    let new = json!({
        "name": "Host", "provider": "syslog", "mode": "listener",
        "configuration": {
            "listen": [format!("tcp://127.0.0.1:{port}")], "allow": ["127.0.0.0/8"], "zone": "UTC",
        },
    });
    let (status, made) = api.call(Method::POST, "/api/integrations", Some(new)).await;
    assert_eq!(status, 201, "{made}");
    eventually("it listens", async || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
    let address = format!("{}/api/ingest/posted", server.origin);
    let posting = tokio::spawn(post_until_refused(address, key));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for n in 0..500 {
        let message = format!("Accepted publickey for u{n} from 203.0.113.9 port 1 ssh2");
        writeln!(stream, "<38>1 2026-03-02T12:00:00Z h sshd 1 - - {message}").unwrap();
    }
    eventually("the first lines are in", async || {
        let page = api.get("/api/events?source=host&limit=1").await;
        !page["items"].as_array().unwrap().is_empty()
    })
    .await;
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    let (acknowledged, broken) = posting.await.unwrap();
    assert_eq!(stopped.await.unwrap(), 0, "ends cleanly under load");
    assert_eq!(broken, Vec::<u16>::new(), "answers are 202 or none");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());

    let again = installation.serve().await;
    let api = Api {
        server: &again,
        token,
    };
    let stored = async |source: &str| {
        let (mut count, mut after) = (0, String::new());
        loop {
            let path = format!("/api/events?limit=200&source={source}{after}");
            let page = api.get(&path).await;
            count += page["items"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return count,
            }
        }
    };
    assert_eq!(stored("host").await, 500);
    assert!(acknowledged > 0 && stored("posted").await >= acknowledged);
    drop(stream);
    assert_eq!(again.stop(), 0);
}

/// Posts one event after the other until nobody answers; how many were acknowledged, and answers
/// that were neither 202 nor 503.
async fn post_until_refused(address: String, key: String) -> (usize, Vec<u16>) {
    let (http, mut acknowledged, mut broken) = (Client::new(), 0, Vec::new());
    for n in 0.. {
        let event =
            json!({"timestamp": "2026-03-02T12:00:00Z", "actor": "a", "action": "b", "n": n});
        let request = http.post(&address).header("x-api-key", &key).json(&event);
        match request.send().await.map(|answer| answer.status().as_u16()) {
            Ok(202) => acknowledged += 1,
            Ok(503) => {}
            // A limit of the source is no loss.
            Ok(429) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Ok(other) => broken.push(other),
            Err(_) => break,
        }
    }
    (acknowledged, broken)
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_gracefully_sqlite() {
    stops_gracefully(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_gracefully_postgres() {
    stops_gracefully(Engine::Postgres).await;
}
