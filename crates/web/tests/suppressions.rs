//! Suppressions over the API and by pages: previewed, made, shown, ended.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use axum::http::StatusCode;
use domain::access::Role;
use serde_json::{Value, json};
use testkit::app::Answer;
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};

/// An app with an alert about each actor.
async fn world(engine: Engine, actors: &[&str]) -> TestApp {
    let app = TestApp::new(engine).await;
    let key = app.source(&app.db.acme, "files").await;
    let events = |actor: &&str| [office_days(actor), theft(actor)].concat();
    let sent: Vec<Value> = actors.iter().flat_map(events).collect();
    let answer = app.ingest(&key, "files", ndjson(&sent)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    app.score().await;
    app
}

async fn close(app: &TestApp, token: &str, code: &str, disposition: &str) {
    let path = format!("/api/alerts/{code}");
    let alert = app.call(token, "GET", &path, None).await.json();
    let status = if disposition == "false_positive" {
        disposition
    } else {
        "resolved"
    };
    let body = json!({"status": status, "version": alert["version"],
        "disposition": disposition, "reason": "the yearly move"});
    let answer = app
        .call(token, "PATCH", &format!("{path}/status"), Some(&body))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

fn in_days(app: &TestApp, days: i64) -> String {
    let now = app.scope(&app.db.acme).now;
    now.plus(days * domain::time::DAY_US).to_string()
}

#[tokio::test]
async fn a_preview_names_confirmed_incidents_first() {
    let app = world(Engine::Sqlite, &["jane", "mia", "tom"]).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    close(&app, &token, "AL-1001", "benign_expected").await;
    close(&app, &token, "AL-1003", "true_positive_impact").await;
    let ask = async |body: Value| {
        let path = "/api/suppressions/preview";
        app.call(&token, "POST", path, Some(&body)).await
    };
    // One of five rules lowers the score, and the alert opens all the same.
    let one = ask(json!({"rule": "off_hours"})).await.json();
    assert_eq!(
        (&one["hiddenAlerts"], &one["loweredAlerts"]),
        (&json!(0), &json!(3)),
        "{one}"
    );
    assert!(one["signals"].as_u64().unwrap() > 0);
    let first = &one["alerts"][0];
    assert_eq!(first["disposition"], "true_positive_impact", "{one}");
    let without = first["score"].as_f64().unwrap() - first["scoreWithout"].as_f64().unwrap();
    assert!(without > 0.0, "{one}");

    // With a higher threshold kept, the same rule decides.
    let settings = json!({"alertThreshold": 10});
    let put = app
        .call(&token, "PUT", "/api/settings/scoring", Some(&settings))
        .await;
    assert_eq!(put.status, StatusCode::OK);
    let attribute = json!({"rule": "new_ip", "attribute": "address", "value": "203.0.113.1"});
    let none = ask(attribute).await.json();
    assert_eq!(
        none["alerts"],
        json!([]),
        "three addresses were used: {none}"
    );
    let all = json!({"rule": "new_ip", "attribute": "source", "value": "files", "actor": "mia"});
    let all = ask(all).await.json();
    assert_eq!(all["alerts"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(all["alerts"][0]["actor"]["name"], "mia");

    for (body, field) in [
        (json!({"rule": "nope"}), "rule"),
        (json!({"rule": "new_ip", "actor": "nobody"}), "actor"),
        (
            json!({"rule": "new_ip", "attribute": "colour", "value": "x"}),
            "attribute",
        ),
        (
            json!({"rule": "new_ip", "attribute": "address", "value": "x"}),
            "value",
        ),
        (
            json!({"rule": "new_ip", "attribute": "source", "value": "none"}),
            "value",
        ),
        (json!({"rule": "new_ip", "value": "x"}), "attribute"),
    ] {
        let refused = ask(body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(refused.json()["field"], field, "{body}");
    }
}

#[tokio::test]
async fn a_suppression_is_made_listed_and_ended_on_sqlite() {
    made_listed_and_ended(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_suppression_is_made_listed_and_ended_on_postgres() {
    made_listed_and_ended(Engine::Postgres).await;
}

async fn made_listed_and_ended(engine: Engine) {
    let app = TestApp::new(engine).await;
    let key = app.source(&app.db.acme, "files").await;
    app.ingest(&key, "files", ndjson(&office_days("jane")))
        .await;
    app.score().await;
    let token = app.person(&app.db.acme, Role::DetectionEngineer).await;
    let post = async |body: Value| {
        app.call(&token, "POST", "/api/suppressions", Some(&body))
            .await
    };
    for (expires, reason, field) in [
        (in_days(&app, 181), "x", "expiresAt"),
        (in_days(&app, 0), "x", "expiresAt"),
        ("soon".to_owned(), "x", "expiresAt"),
        (in_days(&app, 10), " ", "reason"),
    ] {
        let body = json!({"rule": "new_ip", "reason": reason, "expiresAt": expires});
        let refused = post(body).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{expires}"
        );
        assert_eq!(refused.json()["field"], field);
    }
    let endless = post(json!({"rule": "new_ip", "reason": "x"})).await;
    assert!(endless.status.is_client_error(), "an end is needed");
    let body = json!({"rule": "new_ip", "actor": "Jane", "reason": "moves about",
        "attribute": "source", "value": "files", "expiresAt": in_days(&app, 10)});
    let made = post(body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let made = made.json();
    assert_eq!(
        (&made["id"], &made["state"]),
        (&json!("SU-1"), &json!("active"))
    );
    assert_eq!(made["actor"]["name"], "jane");
    let listed = app
        .call(&token, "GET", "/api/suppressions?limit=1", None)
        .await
        .json();
    assert_eq!(
        (&listed["items"][0], &listed["next"]),
        (&made, &Value::Null)
    );
    let overview = app.call(&token, "GET", "/api/overview", None).await.json();
    assert_eq!(overview["activeSuppressions"], 1);
    let ended = app
        .call(&token, "DELETE", "/api/suppressions/SU-1", None)
        .await;
    assert_eq!(ended.json()["state"], "revoked");
    let kept = app
        .call(&token, "GET", "/api/suppressions/SU-1", None)
        .await;
    assert_eq!(kept.json()["revokedBy"], ended.json()["revokedBy"]);
    let none = app
        .call(&token, "GET", "/api/suppressions/SU-2", None)
        .await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let analyst = app.person(&app.db.acme, Role::AnalystL1).await;
    let body = json!({"rule": "new_ip", "reason": "x", "expiresAt": in_days(&app, 1)});
    let refused = app
        .call(&analyst, "POST", "/api/suppressions", Some(&body))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

async fn engineer(app: &TestApp) -> String {
    app.person(&app.db.acme, Role::DetectionEngineer).await;
    app.sign_in("detection-engineer@acme.example").await
}

fn has(answer: &Answer, text: &str) {
    assert!(
        answer.body.contains(text),
        "{text} is missing in {}",
        answer.body
    );
}

#[tokio::test]
async fn pages_lead_from_a_closed_alert_to_a_suppression() {
    let app = world(Engine::Sqlite, &["jane"]).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let session = engineer(&app).await;
    let empty = app.page(&session, "/suppressions").await;
    has(&empty, "Nothing is suppressed");
    let open = app.page(&session, "/alerts/AL-1001").await;
    has(&open, "/suppressions/new?alert=AL-1001&#38;rule=");
    has(&open, "from files ");
    assert!(
        !open.body.contains("Expected again?"),
        "not before it is closed"
    );
    close(&app, &token, "AL-1001", "benign_expected").await;
    has(
        &app.page(&session, "/alerts/AL-1001").await,
        "Expected again?",
    );

    let form = app.page(&session, "/suppressions/new?alert=AL-1001").await;
    assert_eq!(form.status, StatusCode::OK);
    has(&form, "the yearly move");
    has(&form, "In the last 30 days it would have hidden");
    let fields = "actor=jane&rule=volume_spike&attribute=&value=&alert=AL-1001&days=30";
    let shown = app
        .post(
            &session,
            "/suppressions",
            &form,
            &format!("step=preview&reason=&{fields}"),
        )
        .await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    let missing = app
        .post(
            &session,
            "/suppressions",
            &form,
            &format!("step=make&reason=&{fields}"),
        )
        .await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(&missing, "Say why these points should not count.");
    let made = app
        .post(
            &session,
            "/suppressions",
            &form,
            &format!("step=make&reason=known&{fields}"),
        )
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let list = app.page(&session, "/suppressions").await;
    has(&list, "SU-1");
    has(&list, "nothing so far");
    has(&list, "ends in 30 days");
    has(
        &app.page(&session, "/").await,
        "1 suppression active, it ends in 30 days",
    );
    let ended = app
        .post(&session, "/suppressions/SU-1/revoke", &list, "")
        .await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
    has(&app.page(&session, "/suppressions").await, "Revoked");
    let audit = app.call(&token, "GET", "/api/audit", None).await;
    has(&audit, "suppression.create");
    has(&audit, "suppression.revoke");
}

/// Blinding is noticed: a rule that is off stands in the audit log and on the overview.
#[tokio::test]
async fn a_disabled_rule_is_seen() {
    let app = world(Engine::Sqlite, &["jane"]).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let session = engineer(&app).await;
    let before = app.page(&session, "/").await;
    assert!(!before.body.contains("rule is off"));
    let body = json!({"enabled": false, "version": 1});
    let put = app
        .call(&token, "PUT", "/api/rules/new_ip", Some(&body))
        .await;
    assert_eq!(put.status, StatusCode::OK);
    has(&app.page(&session, "/").await, "1 rule is off: new address");
    let overview = app.call(&token, "GET", "/api/overview", None).await.json();
    assert_eq!(overview["disabledRules"], json!(["new_ip"]));
    has(
        &app.call(&token, "GET", "/api/audit", None).await,
        "rule.update",
    );
}

#[tokio::test]
async fn a_rule_tells_how_often_it_was_right() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let app = world(Engine::Sqlite, &names).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let verdicts = async || {
        let rules = app.call(&token, "GET", "/api/rules", None).await.json();
        let rules = rules["items"].as_array().unwrap().clone();
        let one = rules.into_iter().find(|r| r["key"] == "volume_spike");
        one.unwrap()["verdicts"].clone()
    };
    for (n, disposition) in [
        "unclear",
        "duplicate",
        "true_positive_impact",
        "false_positive",
    ]
    .iter()
    .enumerate()
    {
        close(&app, &token, &format!("AL-{}", 1001 + n), disposition).await;
    }
    let few = json!({"alerts": 7, "judged": 2, "confirmed": 1, "precision": null});
    assert_eq!(verdicts().await, few);
    let session = engineer(&app).await;
    has(&app.page(&session, "/rules").await, "not enough verdicts");
    for n in 1005..1008 {
        close(&app, &token, &format!("AL-{n}"), "benign_expected").await;
    }
    let five = json!({"alerts": 7, "judged": 5, "confirmed": 1, "precision": 20});
    assert_eq!(verdicts().await, five);
}
