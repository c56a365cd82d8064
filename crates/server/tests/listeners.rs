//! Syslog listeners of the running service: an integration makes them, events arrive under its
//! source, and they end when it is paused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::io::Write;
use std::net::{TcpStream, UdpSocket};

use reqwest::{Client, Method};
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
