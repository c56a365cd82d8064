//! The pages people look at: overview, actors, events, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::access::Role;
use domain::actor::ActorKey;
use serde_json::json;
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};

/// A name that tries to write from right to left.
const MALLORY: &str = "ma\u{202E}llory";

/// An app with a thief, a quiet actor with a hostile name, and one event put aside.
struct World {
    app: TestApp,
    token: String,
    jane: String,
}

impl World {
    async fn new(engine: Engine) -> Self {
        let app = TestApp::new(engine).await;
        let key = app.source(&app.db.acme, "files").await;
        let mut sent = [office_days("jane"), theft("jane")].concat();
        sent.push(json!({"timestamp": "2026-03-15T12:00:00Z", "actor": "jane", "action": "ahead"}));
        sent.push(json!({
            "timestamp": "2026-03-14T11:59:00Z", "actor": MALLORY, "actorType": "service",
            "action": "<script>", "ip": "10.0.0.9", "n": 1, "note": "</pre><b>x\u{202E}",
        }));
        let answer = app.ingest(&key, "files", ndjson(&sent)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        app.score().await;
        app.refresh_baselines().await;
        let token = app.person(&app.db.acme, Role::AnalystL1).await;
        let (jane, _) = ActorKey::fold("jane").identify(app.db.acme.key);
        Self {
            app,
            token,
            jane: jane.code(),
        }
    }

    /// The body of a page that must be there, and must hold nothing a strict policy would stop.
    async fn page(&self, path: &str) -> String {
        let answer = self.app.call(&self.token, "GET", path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        for forbidden in [" style=", "<script>", " onclick=", "\u{202E}", "NaN"] {
            assert!(!answer.body.contains(forbidden), "{path}: {forbidden}");
        }
        answer.body
    }

    async fn has(&self, path: &str, texts: &[&str]) -> String {
        let body = self.page(path).await;
        for text in texts {
            assert!(body.contains(text), "{path} lacks {text:?} in {body}");
        }
        body
    }
}

/// What follows each occurrence of a marker, up to a quote.
fn after<'a>(body: &'a str, marker: &str) -> Vec<&'a str> {
    let parts = body.split(marker).skip(1);
    parts.map(|rest| rest.split('"').next().unwrap()).collect()
}

async fn looks_right(engine: Engine) {
    let world = World::new(engine).await;
    overview(&world).await;
    actors(&world).await;
    one_actor(&world).await;
    events(&world).await;
}

async fn overview(world: &World) {
    let body = world
        .has(
            "/",
            &[
                "jane</bdi> scored",
                "href=\"/alerts/AL-1001\"",
                "1 event put aside waits for a decision",
                "href=\"/sources/files#quarantine\"",
                "none of 1 blind",
                "href=\"/alerts?sev=",
                "href=\"/events?from=-24h\"",
                "Alerts per day by verdict",
            ],
        )
        .await;
    assert!(!body.contains("Getting started"));
    // Five reads yesterday afternoon, forty downloads at night, one event at noon; the event put
    // aside is not counted.
    let big = after(&body, "href=\"/events?from=-24h\">").join("");
    assert!(big.starts_with("46<"), "{big}");
    world
        .has("/?range=9y", &["range=9y is not known, ignored"])
        .await;
    world.has("/?range=30d", &["Events in 30\u{A0}days"]).await;
}

async fn actors(world: &World) {
    let body = world
        .has("/actors", &["2 actors", "ma⟨U+202E⟩llory", "13/14"])
        .await;
    assert!(body.contains(&format!("href=\"/alerts?actor={}\"", world.jane)));
    let service = world.has("/actors?kind=service", &["1 actor"]).await;
    assert!(!service.contains("title=\"jane\""));
    world
        .has(
            "/actors?q=nobody&kind=robot",
            &[
                "No actor matches these filters",
                "kind=robot is not known, ignored",
            ],
        )
        .await;
    let by_name = world
        .page(&format!("/actors?sort=name&after={}.jane", world.jane))
        .await;
    assert!(by_name.contains("llory") && !by_name.contains("title=\"jane\""));
    world
        .has("/actors?sort=-seen", &["aria-sort=\"descending\""])
        .await;
}

async fn one_actor(world: &World) {
    let path = format!("/actors/{}", world.jane);
    let body = world
        .has(
            &path,
            &[
                "hardly ever active at this hour",
                "8 failures, usually 0 a day",
                "AL-1001",
                "Today, Saturday 14 March",
                "8 events as usual",
                "203.0.113.1",
                "09–17",
            ],
        )
        .await;
    assert!(!body.contains("Young baseline"));
    let everything = world.page(&format!("{path}?show=all")).await;
    assert!(!everything.contains("as usual"));
    world
        .has(
            &format!("{path}?before=2026-03-07&show=some"),
            &["Friday 6 March", "show=some is not known, ignored"],
        )
        .await;
    world
        .has(
            &format!("{path}/baseline"),
            &[
                "13 active days of 14, 104 events",
                "Sun 1 Mar",
                "Sat 28 Feb",
                ">no data</span>",
            ],
        )
        .await;
    let answer = world
        .app
        .call(&world.token, "GET", &format!("{path}/events"), None)
        .await;
    assert_eq!(
        answer.header("location"),
        format!("/events?actor={}", world.jane)
    );
    let alerts = format!("/alerts?actor={}", world.jane);
    world.has(&alerts, &["AL-1001", "Actor: <b>jane</b>"]).await;
    world
        .has("/alerts?actor=AC-000000000000", &["is not known, ignored"])
        .await;
}

async fn events(world: &World) {
    let body = world
        .has("/events", &["late 9 h", "&#60;script&#62;", "x⟨U+202E⟩"])
        .await;
    assert!(body.contains("  &#34;n&#34;: 1"), "{body}");
    world
        .has(
            "/events?actor=nobody&source=x&outcome=x&from=x",
            &["actor=nobody is not known", "source=x is not known"],
        )
        .await;
    world
        .has(
            "/events?actor=JANE&action=nothing",
            &["No event matches these filters"],
        )
        .await;
    let early = world
        .page("/events?from=2026-03-01&to=2026-03-02&source=files&outcome=success")
        .await;
    assert_eq!(early.matches("Whole event").count(), 8);
    for filter in ["", "?actor=jane&from=-30d"] {
        let sent = if filter.is_empty() { 145 } else { 144 };
        assert_eq!(paged(world, filter).await, sent, "{filter}");
    }
}

/// Follows the pages to the end; every event must come once.
async fn paged(world: &World, filter: &str) -> usize {
    let mut seen = BTreeSet::new();
    let mut path = format!("/events{filter}");
    loop {
        let body = world.page(&path).await;
        for part in body.split("<dt>Id</dt><dd class=\"mono brk\">").skip(1) {
            let id = part.split('<').next().unwrap().to_owned();
            assert!(seen.insert(id), "an event came twice");
        }
        let next = body
            .split("<a class=\"btn btn-sm\" href=\"")
            .find(|part| part.contains("rel=\"next\""));
        match next {
            Some(part) => {
                let href = part.split('"').next().unwrap();
                path = href.replace("&#38;", "&");
            }
            None => return seen.len(),
        }
    }
}

#[tokio::test]
async fn pages_on_sqlite() {
    looks_right(Engine::Sqlite).await;
}

#[tokio::test]
async fn pages_on_postgres() {
    looks_right(Engine::Postgres).await;
}

#[tokio::test]
async fn a_new_installation_says_what_to_do() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let get = async |path: &str| app.call(&token, "GET", path, None).await.body;
    let body = get("/").await;
    assert!(body.contains("0 of 4 done") && body.contains("href=\"/sources/new\""));
    assert!(!body.contains("Needs you") && !body.contains("Coverage"));
    assert!(get("/actors").await.contains("No actors yet"));
    assert!(get("/events").await.contains("No events yet"));
    let key = app.source(&app.db.acme, "vpn").await;
    assert!(get("/").await.contains("1 of 4 done"));
    let event = json!({"timestamp": "2026-03-14T11:59:00Z", "actor": "new", "action": "login"});
    app.ingest(&key, "vpn", event.to_string()).await;
    app.score().await;
    let body = get("/").await;
    assert!(body.contains("2 of 4 done") && body.contains("All quiet."));
    assert!(body.contains("1 event from 1 source in the last 24 h"));
    let (new, _) = ActorKey::fold("new").identify(app.db.acme.key);
    let path = format!("/actors/{}", new.code());
    assert!(get(&path).await.contains("Young baseline"));
    let baseline = get(&format!("{path}/baseline")).await;
    assert!(baseline.contains("No baseline yet"));
}

#[tokio::test]
async fn unknown_actors_do_not_exist() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.person(&app.db.acme, Role::ReadOnly).await;
    for path in ["/actors/AC-000000000000", "/actors/jane"] {
        for part in ["", "/baseline", "/alerts", "/events"] {
            let path = format!("{path}{part}");
            let answer = app.call(&token, "GET", &path, None).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
