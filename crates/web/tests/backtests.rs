//! Backtests and what-ifs as people and programs use them, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use axum::http::StatusCode;
use domain::access::Role;
use domain::alert::{Disposition, Move, Status};
use domain::tenant::RuleSetName;
use serde_json::{Value, json};
use store::tenants::{self, Settings};
use store::{alerts, audit};
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};

/// An app with one alert about Jane, confirmed, and somebody who may change rules.
struct World {
    app: TestApp,
    token: String,
    session: String,
}

impl World {
    async fn new(engine: Engine) -> Self {
        let app = TestApp::new(engine).await;
        let key = app.source(&app.db.acme, "files").await;
        let sent = [office_days("jane"), office_days("john"), theft("jane")].concat();
        let answer = app.ingest(&key, "files", ndjson(&sent)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        app.score().await;
        let scope = app.scope(&app.db.acme);
        let confirmed = Move {
            to: Status::Resolved,
            disposition: Some(Disposition::TruePositiveImpact),
            reason: Some("seen".to_owned()),
        };
        let all = alerts::Filter::default();
        let list = alerts::list(&scope, &all, alerts::Order::Newest, None, 9);
        let [alert] = &list.await.unwrap()[..] else {
            panic!("one alert");
        };
        alerts::change_status(&scope, alert.code, None, &confirmed)
            .await
            .unwrap();
        let token = app.person(&app.db.acme, Role::DetectionEngineer).await;
        let email = format!("{}@acme.example", Role::DetectionEngineer);
        let session = app.sign_in(&email).await;
        Self {
            app,
            token,
            session,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let answer = self
            .app
            .call(&self.token, method, path, body.as_ref())
            .await;
        (answer.status, answer.json())
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.app.page(&self.session, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        for forbidden in [" style=", "<script>", " onclick=", "NaN"] {
            assert!(!answer.body.contains(forbidden), "{path}: {forbidden}");
        }
        answer.body
    }

    /// Posts a form of one page to a path.
    async fn post(&self, from: &str, path: &str, fields: &str) -> testkit::app::Answer {
        let page = self.app.page(&self.session, from).await;
        self.app.post(&self.session, path, &page, fields).await
    }
}

const PATH: &str = "/api/rules/backtests";

async fn programs(engine: Engine) {
    let world = World::new(engine).await;
    for (body, field) in [
        (json!({"days": 8}), "days"),
        (json!({"days": 7, "ruleset": "best"}), "ruleset"),
        (json!({"days": 7, "alertThreshold": 0}), "alertThreshold"),
        (json!({"days": 7, "alertRate": 0}), "alertRate"),
        (
            json!({"days": 7, "rules": [{"key": "new_ip", "weight": 101}]}),
            "weight",
        ),
        (json!({"days": 7, "rules": [{"key": "nope"}]}), "key"),
        (json!({"days": 7, "tenant": 1}), "body"),
    ] {
        let (status, problem) = world.call("POST", PATH, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(problem["field"], field, "{problem}");
    }
    // What GET /api/rules answers can be changed and sent as it is.
    let (_, mut rules) = world.call("GET", "/api/rules", None).await;
    for rule in rules["items"].as_array_mut().unwrap() {
        rule["weight"] = json!(5);
    }
    let (status, started) = world
        .call("POST", PATH, Some(json!({"days": 7, "rules": rules})))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started}");
    assert_eq!(
        (&started["id"], &started["state"]),
        (&json!(1), &json!("queued"))
    );
    assert_eq!(started["draft"]["rules"][0]["weight"], json!(5.0));
    for _ in 0..2 {
        let (status, _) = world.call("POST", PATH, Some(json!({"days": 30}))).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    let (status, full) = world.call("POST", PATH, Some(json!({"days": 30}))).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        full["detail"].as_str().unwrap().contains("cancel one"),
        "{full}"
    );
    let (status, cancelled) = world.call("DELETE", &format!("{PATH}/3"), None).await;
    assert_eq!(
        (status, &cancelled["state"]),
        (StatusCode::OK, &json!("cancelled"))
    );
    world.app.run_backtests().await;

    let (_, done) = world.call("GET", &format!("{PATH}/1"), None).await;
    assert_eq!(
        (&done["state"], &done["progress"]),
        (&json!("done"), &json!(1.0))
    );
    let report = &done["report"];
    assert_eq!(
        (&report["lost"], &report["lostConfirmed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(report["before"]["daily"].as_array().unwrap().len(), 7);
    let lost = &report["differences"][0];
    assert_eq!(lost["fate"], "lost");
    assert_eq!(lost["actor"]["name"], "jane");
    assert_eq!(lost["disposition"], "true_positive_impact");
    let code = lost["alert"].as_str().unwrap();
    let (_, alert) = world
        .call("GET", &format!("/api/alerts/{code}"), None)
        .await;
    assert_eq!(lost["before"]["openedAt"], alert["openedAt"]);
    assert_eq!(lost["before"]["score"], alert["score"]);
    assert_eq!(lost["after"], Value::Null);

    let (_, first) = world.call("GET", &format!("{PATH}?limit=2"), None).await;
    assert_eq!(first["items"][0]["id"], 3);
    let next = first["next"].as_str().unwrap();
    let (_, second) = world
        .call("GET", &format!("{PATH}?limit=2&after={next}"), None)
        .await;
    assert_eq!(
        (&second["items"][0]["id"], &second["next"]),
        (&json!(1), &Value::Null)
    );
    let (status, _) = world.call("GET", &format!("{PATH}/99"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let scope = world.app.scope(&world.app.db.acme);
    let entries = audit::list(&scope, &audit::Filter::default(), None, 50)
        .await
        .unwrap();
    let count = |action: &str| entries.iter().filter(|e| e.action == action).count();
    assert_eq!((count("backtest.start"), count("backtest.cancel")), (3, 1));
}

#[tokio::test]
async fn programs_on_sqlite() {
    programs(Engine::Sqlite).await;
}

#[tokio::test]
async fn programs_on_postgres() {
    programs(Engine::Postgres).await;
}

async fn people(engine: Engine) {
    let world = World::new(engine).await;
    let empty = world.page("/rules/backtests").await;
    assert!(empty.contains("None yet."));
    let wrong = world
        .post(
            "/rules/backtests",
            "/rules/backtests",
            "days=7&new_ip_weight=many",
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("value=\"many\""),
        "what was typed stays"
    );

    // A draft from a rule's page, as its link carries it.
    let drafted = world.page("/rules/volume_spike?weight=1").await;
    let link = "/rules/backtests?ruleset=classic&#38;volume_spike_weight=1";
    assert!(drafted.contains(link), "{drafted}");
    let form = world
        .page("/rules/backtests?volume_spike_weight=1&days=30")
        .await;
    assert!(form.contains("name=\"volume_spike_weight\" inputmode=\"decimal\" value=\"1\""));

    let fields = "days=7&volume_spike_weight=1&scope_expansion_weight=1";
    let started = world
        .post("/rules/backtests", "/rules/backtests", fields)
        .await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.body);
    assert_eq!(started.header("location"), "/rules/backtests/1");
    let waiting = world.page("/rules/backtests/1").await;
    assert!(waiting.contains("http-equiv=\"refresh\" content=\"5\""));
    assert!(waiting.contains("hx-trigger=\"every 5s\""));
    assert!(waiting.contains("Waiting for a worker"));
    assert!(!waiting.contains("Put this draft into force"));
    let early = world
        .post("/rules/backtests/1", "/rules/backtests/1/publish", "")
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT);

    world.app.run_backtests().await;
    let done = world.page("/rules/backtests/1").await;
    assert!(!done.contains("http-equiv=\"refresh\""));
    assert!(
        done.contains("One alert that was confirmed would be lost."),
        "{done}"
    );
    assert!(done.contains("confirmed, lost"));
    assert!(done.contains("volume spike, weight"));
    let listed = world.page("/rules/backtests").await;
    assert!(
        listed.contains("1 → 0") && listed.contains("1 confirmed lost"),
        "{listed}"
    );

    let published = world
        .post("/rules/backtests/1", "/rules/backtests/1/publish", "")
        .await;
    assert_eq!(
        published.status,
        StatusCode::SEE_OTHER,
        "{}",
        published.body
    );
    let (_, rule) = world.call("GET", "/api/rules/volume_spike", None).await;
    assert_eq!(
        (&rule["weight"], &rule["version"]),
        (&json!(1.0), &json!(2))
    );
    let again = world
        .post("/rules/backtests", "/rules/backtests/1/publish", "")
        .await;
    assert_eq!(
        again.status,
        StatusCode::CONFLICT,
        "it is in force, and newer"
    );

    let started = world
        .post("/rules/backtests", "/rules/backtests", "days=30")
        .await;
    assert_eq!(started.header("location"), "/rules/backtests/2");
    let cancelled = world
        .post("/rules/backtests/2", "/rules/backtests/2/cancel", "")
        .await;
    assert_eq!(cancelled.status, StatusCode::SEE_OTHER);
    let page = world.page("/rules/backtests/2").await;
    assert!(page.contains("It was cancelled before there was a result"));
}

#[tokio::test]
async fn people_on_sqlite() {
    people(Engine::Sqlite).await;
}

#[tokio::test]
async fn people_on_postgres() {
    people(Engine::Postgres).await;
}

#[tokio::test]
async fn who_may_only_look_is_offered_nothing_to_do() {
    let world = World::new(Engine::Sqlite).await;
    world
        .post("/rules/backtests", "/rules/backtests", "days=7")
        .await;
    world.app.person(&world.app.db.acme, Role::AnalystL1).await;
    let email = format!("{}@acme.example", Role::AnalystL1);
    let session = world.app.sign_in(&email).await;
    let list = world.app.page(&session, "/rules/backtests").await;
    assert!(list.body.contains("needs the permission"), "{}", list.body);
    assert!(!list.body.contains("Start the backtest"));
    let one = world.app.page(&session, "/rules/backtests/1").await;
    assert_eq!(one.status, StatusCode::OK);
    assert!(!one.body.contains("Cancel the backtest"));
}

#[tokio::test]
async fn without_events_it_says_what_to_do() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.person(&app.db.acme, Role::DetectionEngineer).await;
    let asked = json!({"days": 14});
    let started = app.call(&token, "POST", PATH, Some(&asked)).await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    app.run_backtests().await;
    let page = app.call(&token, "GET", "/rules/backtests/1", None).await;
    assert!(
        page.body.contains("import a history first"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn the_calibrated_rules_have_pages_and_a_what_if() {
    let app = TestApp::new(Engine::Sqlite).await;
    let mut settings = Settings::from(&app.db.acme);
    settings.scoring.ruleset = RuleSetName::Calibrated;
    tenants::update(&app.scope(&app.db.acme), &settings)
        .await
        .unwrap();
    let key = app.source(&app.db.acme, "files").await;
    let people = (0..12).flat_map(|i| office_days(&format!("person-{i}")));
    let mut sent: Vec<Value> = people.collect();
    sent.extend(theft("person-3"));
    app.ingest(&key, "files", ndjson(&sent)).await;
    app.score().await;
    let token = app.person(&app.db.acme, Role::DetectionEngineer).await;
    let page = async |path: &str| {
        let answer = app.call(&token, "GET", path, None).await;
        (answer.status, answer.body)
    };
    let (status, rules) = page("/rules").await;
    assert_eq!(status, StatusCode::OK);
    assert!(rules.contains("href=\"/rules/exfiltration\""));
    assert!(rules.contains("Nothing is saved"));
    for path in ["/rules/exfiltration", "/rules/sent_bytes"] {
        let (status, family) = page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(family.contains("sent_bytes"), "{family}");
    }
    assert_eq!(page("/rules/nonsense").await.0, StatusCode::NOT_FOUND);

    // At one point every actor-day that scored at all counts.
    let (_, low) = page("/rules?alert_threshold=1").await;
    let (_, high) = page("/rules?alert_threshold=100").await;
    let after = |body: &str| {
        let at = body.find("class=\"before-after\"").unwrap();
        let tail = &body[at..body[at..].find("</div>").unwrap() + at];
        let digits = tail.rsplit('>').next().unwrap();
        digits.trim().parse::<u32>().unwrap()
    };
    assert!(
        after(&low) > after(&high),
        "{} {}",
        after(&low),
        after(&high)
    );
    assert_eq!(after(&high), 0);
    assert!(low.contains("Backtest this draft"));
    let (_, wrong) = page("/rules?alert_threshold=many&alert_rate=-1").await;
    assert!(wrong.contains("alert_threshold=many is not a number from 1 to 100, ignored"));
    assert!(wrong.contains("alert_rate=-1"));
}
