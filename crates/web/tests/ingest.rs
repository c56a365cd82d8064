//! Ingest as devices see it: bodies, verdicts, answers, identity, limits, keys.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::access::Role;
use domain::redaction::{Redaction, Treatment};
use domain::source::SourceSettings;
use serde_json::{Value, json};
use testkit::app::Answer;
use testkit::events::{login, ndjson};
use testkit::{Engine, TestApp};

const AT: &str = "2026-03-14T11:00:00Z";

async fn world(engine: Engine) -> (TestApp, String) {
    let app = TestApp::new(engine).await;
    let key = app.source(&app.db.acme, "vpn").await;
    (app, key)
}

async fn stored(app: &TestApp) -> usize {
    let scope = app.scope(&app.db.acme);
    store::events::list(&scope, &store::events::Filter::default(), None, 20_000)
        .await
        .unwrap()
        .len()
}

fn counts(answer: &Answer) -> [i64; 4] {
    let body = answer.json();
    ["accepted", "duplicates", "rejected", "quarantined"].map(|k| body[k].as_i64().unwrap())
}

async fn encoded(app: &TestApp, key: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let request = Request::post("/api/ingest/vpn")
        .header("x-api-key", key)
        .header("content-type", "application/json")
        .header("content-encoding", encoding);
    app.send(request.body(Body::from(body)).unwrap()).await
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bodies_decide_the_form_of_the_answer() {
    let (app, key) = world(Engine::Sqlite).await;
    let one = login("jane", AT).to_string();
    let single = app.ingest(&key, "vpn", one.clone()).await;
    assert_eq!(single.status, StatusCode::ACCEPTED);
    let id = single.json()["eventId"].as_str().unwrap().to_owned();
    assert_eq!(
        single.json().as_object().unwrap().len(),
        1,
        "{}",
        single.body
    );
    let again = app.ingest(&key, "vpn", one.clone()).await.json();
    assert_eq!(
        (again["eventId"].as_str(), again["duplicate"].as_bool()),
        (Some(id.as_str()), Some(true))
    );
    let array = app
        .ingest(&key, "vpn", format!("[{}]", login("mia", AT)))
        .await;
    assert_eq!(
        array.json(),
        json!({"accepted": 1, "duplicates": 0, "rejected": 0, "quarantined": 0, "results": []})
    );
    let lines = ndjson(&[
        login("a", AT),
        json!({"actor": "b"}),
        login("c", "2026-03-14T12:10:01Z"),
        login("a", AT),
    ]);
    let answer = app.ingest(&key, "vpn", lines).await;
    assert_eq!(counts(&answer), [2, 0, 1, 1]);
    let results = answer.json()["results"].clone();
    assert_eq!(
        (
            results[0]["index"].as_i64(),
            results[0]["error"]["field"].as_str()
        ),
        (Some(1), Some("timestamp"))
    );
    assert!(
        results[1]["quarantineId"].is_string()
            && results[1]["reason"].as_str().unwrap().contains("ahead")
    );
    for kind in ["application/ndjson", "application/jsonl", "text/plain", ""] {
        let other = Request::post("/api/ingest/vpn")
            .header("x-api-key", &key)
            .header("content-type", kind);
        let other = app.send(other.body(Body::from(one.clone())).unwrap()).await;
        assert_eq!(other.json()["eventId"], id, "{kind}: {}", other.body);
    }
    let labelled = Request::post("/api/ingest/vpn?verbose=1")
        .header("x-api-key", &key)
        .header("content-type", "application/x-ndjson");
    let labelled = app.send(labelled.body(Body::from(one)).unwrap()).await;
    assert_eq!(
        labelled.json()["results"][0]["duplicate"],
        true,
        "verbose lists everything"
    );
    let all_bad = app.ingest(&key, "vpn", "[{},{}]").await;
    assert_eq!(
        (all_bad.status, counts(&all_bad)),
        (StatusCode::ACCEPTED, [0, 0, 2, 0])
    );
    let bearer = Request::post("/api/ingest/vpn").header("authorization", format!("Bearer {key}"));
    let bearer = app
        .send(bearer.body(Body::from(login("z", AT).to_string())).unwrap())
        .await;
    assert_eq!(bearer.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn refusals() {
    let (app, key) = world(Engine::Sqlite).await;
    app.source(&app.db.acme, "other").await;
    let rejected = app.ingest(&key, "vpn", "{\"actor\":\"x\"}").await;
    assert_eq!(rejected.status, StatusCode::BAD_REQUEST);
    assert_eq!(rejected.header("content-type"), "application/problem+json");
    assert_eq!(rejected.json()["field"], "timestamp");
    assert_eq!(
        rejected.json()["requestId"],
        rejected.header("x-request-id")
    );
    for body in ["", "nonsense", "{", "[{}", "5"] {
        assert_eq!(
            app.ingest(&key, "vpn", body).await.status,
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
    let event = login("jane", AT).to_string();
    assert_eq!(
        app.ingest(&key, "other", event.clone()).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        app.ingest(&key, "nothing", event.clone()).await.status,
        StatusCode::FORBIDDEN
    );
    let many = "{}\n".repeat(10_001);
    assert_eq!(
        app.ingest(&key, "vpn", many).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let fits = format!("[{}]", vec!["{}"; 10_000].join(","));
    assert_eq!(
        app.ingest(&key, "vpn", fits).await.status,
        StatusCode::ACCEPTED
    );
    let padded = |size: usize| {
        format!(
            "{{\"timestamp\":\"{AT}\",\"actor\":\"a\",\"action\":\"b\",\"x\":\"{}\"}}",
            "y".repeat(size)
        )
    };
    let large = app.ingest(&key, "vpn", padded(65_536)).await;
    assert_eq!(
        large.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "one single event over 64 KiB"
    );
    let in_batch = app
        .ingest(&key, "vpn", format!("[{},{event}]", padded(65_536)))
        .await;
    assert_eq!(
        counts(&in_batch),
        [1, 0, 1, 0],
        "in a batch only that one is rejected"
    );
    let huge = format!("[{}]", vec![padded(60_000); 180].join(","));
    assert!(huge.len() > 10 * 1024 * 1024);
    assert_eq!(
        app.ingest(&key, "vpn", huge).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let brotli = encoded(&app, &key, "br", event.into_bytes()).await;
    assert_eq!(brotli.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        app.send(Request::get("/api/ingest/vpn").body(Body::empty()).unwrap())
            .await
            .status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn compressed_bodies_and_bombs() {
    let (app, key) = world(Engine::Sqlite).await;
    let events: Vec<Value> = (0..500).map(|i| login(&format!("u{i}"), AT)).collect();
    let text = ndjson(&events);
    let answer = encoded(&app, &key, "gzip", gzip(text.as_bytes())).await;
    assert_eq!(counts(&answer), [500, 0, 0, 0]);
    let half = &gzip(text.as_bytes())[..400];
    assert_eq!(
        encoded(&app, &key, "gzip", half.to_vec()).await.status,
        StatusCode::BAD_REQUEST,
        "cut off"
    );
    assert_eq!(
        encoded(&app, &key, "gzip", b"no gzip".to_vec())
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    let bomb = gzip(&vec![b' '; 512 * 1024 * 1024]);
    assert!(bomb.len() < 600_000);
    assert_eq!(
        encoded(&app, &key, "gzip", bomb.clone()).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let nested = gzip(&bomb);
    assert_eq!(
        encoded(&app, &key, "gzip", nested).await.status,
        StatusCode::BAD_REQUEST,
        "one layer only"
    );
    let members = [gzip(text.as_bytes()), gzip(text.as_bytes())].concat();
    assert_eq!(
        counts(&encoded(&app, &key, "gzip", members).await),
        [500, 500, 0, 0]
    );
    assert_eq!(
        stored(&app).await,
        1000,
        "equal events of one request all count"
    );
}

/// Values that databases refuse never fail the rest of a batch, on either engine.
async fn hostile_values(engine: Engine) {
    let (app, key) = world(engine).await;
    let event = |member: &str| {
        format!("{{\"timestamp\":\"{AT}\",\"actor\":\"a\",\"action\":\"b\",{member}}}")
    };
    let cases = [
        (event("\"note\":\"nul \\u0000\""), true),
        (event("\"resource\":\"\\u0000\\u0007\""), true),
        (event("\"note\":\"lone \\ud800\""), true),
        (event("\"bytes\":1e400"), false),
        (event("\"note\":1e400"), false),
        (event("\"bytes\":9223372036854775808"), false),
        (event("\"note\":18446744073709551616"), true),
        (event("\"a\":1,\"a\":2"), false),
        (event("\"ip\":\"999.1.1.1\""), true),
        (
            "{\"timestamp\":\"+275760-09-13T00:00:00Z\",\"actor\":\"a\",\"action\":\"b\"}"
                .to_owned(),
            false,
        ),
        (
            "{\"timestamp\":-62135596801,\"actor\":\"a\",\"action\":\"b\"}".to_owned(),
            false,
        ),
        (
            "{\"timestamp\":99999999999999999999,\"actor\":\"a\",\"action\":\"b\"}".to_owned(),
            false,
        ),
        (
            format!(
                "{{\"timestamp\":\"{AT}\",\"actor\":\"{}\",\"action\":\"b\"}}",
                "ä".repeat(600)
            ),
            false,
        ),
        ("null".to_owned(), false),
    ];
    for (index, (bad, fine)) in cases.iter().enumerate() {
        let mut items: Vec<String> = (0..99)
            .map(|i| login(&format!("case{index}-{i}"), AT).to_string())
            .collect();
        items.insert(index * 7 % 99, bad.clone());
        let answer = app
            .ingest(&key, "vpn", format!("[{}]", items.join(",")))
            .await;
        assert_eq!(
            answer.status,
            StatusCode::ACCEPTED,
            "{bad}: {}",
            answer.body
        );
        let expected = if *fine { [100, 0, 0, 0] } else { [99, 0, 1, 0] };
        assert_eq!(counts(&answer), expected, "{bad}: {}", answer.body);
        if !fine {
            let problem = &answer.json()["results"][0];
            assert_eq!(problem["index"], index * 7 % 99);
            assert!(!problem["error"]["message"].as_str().unwrap().is_empty());
        }
    }
    app.score().await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let listed = app.call(&token, "GET", "/api/events?limit=200", None).await;
    assert_eq!(
        listed.status,
        StatusCode::OK,
        "and all of it can be read again"
    );
}

#[tokio::test]
async fn hostile_values_on_sqlite() {
    hostile_values(Engine::Sqlite).await;
}

#[tokio::test]
async fn hostile_values_on_postgres() {
    hostile_values(Engine::Postgres).await;
}

#[tokio::test]
async fn keys_are_one_text_and_bound_to_their_source() {
    let (app, key) = world(Engine::Sqlite).await;
    let event = login("jane", AT).to_string();
    let mut wrong = key.clone();
    wrong.replace_range(20..21, if &key[20..21] == "A" { "B" } else { "A" });
    let other = app.source(&app.db.globex, "vpn").await;
    let unknown = web::keys::Key::generate(web::keys::Kind::Source).reveal();
    let mut bodies = Vec::new();
    for bad in ["", "nonsense", &wrong, &unknown, "irk_AAAAAAAAAA"] {
        let answer = app.ingest(bad, "vpn", event.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bad}");
        bodies.push((
            answer.json()["title"].clone(),
            answer.json()["detail"].clone(),
        ));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one text for all");
    let theirs = Request::post("/api/ingest/vpn")
        .header("x-api-key", &other)
        .header("x-tenant", "acme")
        .header("x-tenant-id", "1");
    let theirs = app
        .send(theirs.body(Body::from(event.clone())).unwrap())
        .await;
    assert_eq!(
        theirs.status,
        StatusCode::ACCEPTED,
        "the key alone tells the tenant"
    );
    assert_eq!(stored(&app).await, 0);
    let personal = app.person(&app.db.acme, Role::Admin).await;
    assert_eq!(
        app.ingest(&personal, "vpn", event.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        app.call(&key, "GET", "/api/alerts", None).await.status,
        StatusCode::UNAUTHORIZED,
        "keys never work on the rest"
    );
    assert_eq!(
        app.ingest(&key, "vpn", event.clone()).await.status,
        StatusCode::ACCEPTED
    );
    // Disabled and revoked keys give the same answer, from the next request on.
    let off = json!({"enabled": false});
    assert_eq!(
        app.call(&personal, "PUT", "/api/sources/vpn", Some(&off))
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        app.ingest(&key, "vpn", event.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    let on = json!({"enabled": true});
    app.call(&personal, "PUT", "/api/sources/vpn", Some(&on))
        .await;
    let rotated = app
        .call(
            &personal,
            "POST",
            "/api/sources/vpn/rotate-key",
            Some(&json!({"overlapHours": 0})),
        )
        .await;
    let fresh = rotated.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(
        app.ingest(&key, "vpn", event.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        app.ingest(&fresh, "vpn", event).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn a_source_that_is_too_fast_is_told_when_to_come_back() {
    let app = TestApp::new(Engine::Sqlite).await;
    let slow = SourceSettings {
        rate_limit_per_minute: 3,
        ..SourceSettings::named("Slow")
    };
    let key = app.source_with(&app.db.acme, "slow", &slow).await;
    for remaining in ["2", "1", "0"] {
        let answer = app
            .ingest(&key, "slow", login("jane", AT).to_string())
            .await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert_eq!(
            (
                answer.header("x-ratelimit-limit"),
                answer.header("x-ratelimit-remaining")
            ),
            ("3", remaining)
        );
    }
    let refused = app.ingest(&key, "slow", login("mia", AT).to_string()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(stored(&app).await, 1);
}

/// How many slow hashes of API keys were computed. The recorder is this thread's, where the tests
/// of one-threaded runtimes run.
struct Hashes {
    handle: metrics_exporter_prometheus::PrometheusHandle,
    recorder: &'static metrics_exporter_prometheus::PrometheusRecorder,
}

impl Hashes {
    fn new() -> Self {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Self {
            handle,
            recorder: Box::leak(Box::new(recorder)),
        }
    }

    fn count(&self) -> u64 {
        let text = self.handle.render();
        let line = text
            .lines()
            .find(|l| l.starts_with("irm_key_hashes_total "));
        line.map_or(0, |l| l.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

/// The statuses of all requests, sent at once.
async fn at_once(requests: impl Iterator<Item = impl Future<Output = Answer>>) -> Vec<StatusCode> {
    let answers = futures_util::future::join_all(requests).await;
    answers.into_iter().map(|a| a.status).collect()
}

/// The right public id with a secret of its own and a right checksum.
fn forged(key: &str) -> String {
    let other = web::keys::Key::generate(web::keys::Kind::Source);
    web::keys::Key::with_public_id(&other, &key[4..14]).reveal()
}

#[tokio::test]
async fn a_valid_key_is_hashed_once_however_many_requests_bring_it_first() {
    let hashes = Hashes::new();
    let _recorded = metrics::set_default_local_recorder(hashes.recorder);
    let (app, key) = world(Engine::Sqlite).await;
    let before = hashes.count();
    let posts = (0..50).map(|i| app.ingest(&key, "vpn", login(&format!("u{i}"), AT).to_string()));
    let statuses = at_once(posts).await;
    assert!(
        statuses.iter().all(|s| *s == StatusCode::ACCEPTED),
        "{statuses:?}"
    );
    assert_eq!((stored(&app).await, hashes.count() - before), (50, 1));
}

#[tokio::test]
async fn wrong_secrets_are_hashed_a_few_times_only() {
    let hashes = Hashes::new();
    let _recorded = metrics::set_default_local_recorder(hashes.recorder);
    let (app, key) = world(Engine::Sqlite).await;
    let event = login("jane", AT).to_string();
    assert_eq!(
        app.ingest(&key, "vpn", event.clone()).await.status,
        StatusCode::ACCEPTED
    );
    let keys: Vec<String> = (0..200).map(|_| forged(&key)).collect();
    let statuses = at_once(keys.iter().map(|k| app.ingest(k, "vpn", event.clone()))).await;
    let refused = |s: &StatusCode| *s == StatusCode::UNAUTHORIZED;
    let limited = |s: &StatusCode| *s == StatusCode::TOO_MANY_REQUESTS;
    assert!(
        statuses.iter().all(|s| refused(s) || limited(s)),
        "{statuses:?}"
    );
    assert!(hashes.count() <= 7, "{} hashes", hashes.count());
    assert!(statuses.iter().filter(|s| limited(s)).count() >= 190);
    assert_eq!(
        app.ingest(&key, "vpn", event).await.status,
        StatusCode::ACCEPTED,
        "whoever was verified before is not held up by those who guess"
    );
}

#[tokio::test]
async fn unknown_public_ids_are_limited_before_they_are_looked_up() {
    let (app, key) = world(Engine::Sqlite).await;
    let event = login("jane", AT).to_string();
    let accepted = app.ingest(&key, "vpn", event.clone()).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    let unknown: Vec<String> = (0..1000)
        .map(|_| web::keys::Key::generate(web::keys::Kind::Source).reveal())
        .collect();
    let statuses = at_once(unknown.iter().map(|k| app.ingest(k, "vpn", event.clone()))).await;
    let limited = |s: &&StatusCode| **s == StatusCode::TOO_MANY_REQUESTS;
    assert!(
        statuses.iter().filter(limited).count() > 0,
        "all were looked up"
    );
    assert_eq!(
        app.ingest(&key, "vpn", event).await.status,
        StatusCode::ACCEPTED
    );
}

/// Canaries in redacted fields reach neither the events nor the quarantine.
#[tokio::test]
async fn redaction_happens_before_anything_is_written() {
    let app = TestApp::new(Engine::Sqlite).await;
    let redaction = Redaction {
        resource_id: Treatment::Hash,
        attributes: [
            ("card".to_owned(), Treatment::Drop),
            ("iban".to_owned(), Treatment::Mask),
        ]
        .into(),
    };
    let settings = SourceSettings {
        redaction,
        ..SourceSettings::named("Files")
    };
    let key = app.source_with(&app.db.acme, "files", &settings).await;
    let send = async |at: &str| {
        let event = json!({"timestamp": at, "actor": "jane", "action": "read", "resourceId": "CANARY-a",
            "object": "CANARY-b", "card": "CANARY-c", "iban": "CANARY-d", "kept": "fine"});
        app.ingest(&key, "files", event.to_string()).await
    };
    assert!(send(AT).await.json()["eventId"].is_string());
    assert!(send("2026-03-14T15:00:00Z").await.json()["quarantineId"].is_string());
    assert!(send("soon").await.body.contains("timestamp"));
    app.score().await;
    let path = app.db.address.trim_start_matches("sqlite://").to_owned();
    app.db.db.close().await;
    for file in [path.clone(), format!("{path}-wal")] {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let found = bytes.windows(6).any(|w| w == b"CANARY");
        assert!(!found, "a canary is in {file}");
    }
}

#[tokio::test]
async fn quarantined_events_are_replayed_or_discarded() {
    let (app, key) = world(Engine::Sqlite).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let ids: Vec<String> = ["jane", "mia"]
        .map(|n| login(n, "2026-03-14T13:00:00Z").to_string())
        .to_vec();
    let mut quarantined = Vec::new();
    for event in ids {
        quarantined.push(
            app.ingest(&key, "vpn", event).await.json()["quarantineId"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let list = app
        .call(&token, "GET", "/api/quarantine?state=pending", None)
        .await
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let replay = format!("/api/quarantine/{}/replay", quarantined[0]);
    assert_eq!(
        app.call(&token, "POST", &replay, None).await.status,
        StatusCode::CONFLICT,
        "still ahead"
    );
    app.clock.advance(3600);
    assert_eq!(
        app.call(&token, "POST", &replay, None).await.json()["state"],
        "replayed"
    );
    assert_eq!(
        app.call(&token, "POST", &replay, None).await.status,
        StatusCode::NOT_FOUND,
        "once"
    );
    let discard = format!("/api/quarantine/{}/discard", quarantined[1]);
    assert_eq!(
        app.call(&token, "POST", &discard, None).await.json()["state"],
        "discarded"
    );
    assert_eq!(stored(&app).await, 1);
    let again = app
        .ingest(
            &key,
            "vpn",
            login("jane", "2026-03-14T13:00:00Z").to_string(),
        )
        .await
        .json();
    assert_eq!(
        (again["eventId"].as_str(), again["duplicate"].as_bool()),
        (Some(quarantined[0].as_str()), Some(true))
    );
}

/// REL-06: while the database does not write, so many requests wait and no more; the others are told
/// to come back, reading goes on, and afterwards exactly what was acknowledged is stored.
#[tokio::test]
async fn a_stalled_database_is_told_and_loses_nothing() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let settings = SourceSettings {
        rate_limit_per_minute: 0,
        ..SourceSettings::named("VPN")
    };
    let key = app.source_with(&app.db.acme, "vpn", &settings).await;
    let first = app
        .ingest(&key, "vpn", login("first", AT).to_string())
        .await;
    assert_eq!(first.status, StatusCode::ACCEPTED);

    let mut stalled = Some(app.db.db.begin().await.unwrap());
    let posts = (0..400).map(|i| app.ingest(&key, "vpn", login(&format!("u{i}"), AT).to_string()));
    let mut answers: futures_util::stream::FuturesUnordered<_> = posts.collect();
    let (mut accepted, mut refused) = (1, 0);
    while let Some(answer) = futures_util::StreamExt::next(&mut answers).await {
        match answer.status {
            StatusCode::ACCEPTED => accepted += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                let seconds: u64 = answer.header("retry-after").parse().unwrap();
                assert!((5..=10).contains(&seconds), "{seconds}");
                refused += 1;
            }
            other => panic!("{other}: {}", answer.body),
        }
        if let Some(stalled) = stalled.take() {
            assert_eq!(
                answer.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "nothing is written"
            );
            let read = app.call(&token, "GET", "/api/alerts", None).await;
            assert_eq!(read.status, StatusCode::OK, "reading goes on");
            drop(stalled);
        }
    }
    assert!(
        refused > 0 && accepted + refused == 401,
        "{accepted} {refused}"
    );
    assert_eq!(stored(&app).await, accepted);
    let after = app.ingest(&key, "vpn", login("last", AT).to_string()).await;
    assert_eq!(after.status, StatusCode::ACCEPTED, "recovers by itself");
}
