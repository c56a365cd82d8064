//! Deciding alerts over the API: the version that was read, alone and in bulk.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use axum::http::StatusCode;
use domain::access::Role;
use serde_json::{Value, json};
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};

/// An app with an alert about each actor, and an administrator's token.
async fn world(actors: &[&str]) -> (TestApp, String) {
    let app = TestApp::new(Engine::Sqlite).await;
    let key = app.source(&app.db.acme, "files").await;
    let events = |actor: &&str| [office_days(actor), theft(actor)].concat();
    let sent: Vec<Value> = actors.iter().flat_map(events).collect();
    assert_eq!(
        app.ingest(&key, "files", ndjson(&sent)).await.status,
        StatusCode::ACCEPTED
    );
    app.score().await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    (app, token)
}

async fn version(app: &TestApp, token: &str, code: &str) -> i64 {
    let path = format!("/api/alerts/{code}");
    let alert = app.call(token, "GET", &path, None).await.json();
    alert["version"].as_i64().unwrap()
}

#[tokio::test]
async fn a_decision_names_the_version_it_is_about() {
    let (app, token) = world(&["jane"]).await;
    let path = "/api/alerts/AL-1001/status";
    let send = async |body: Value| app.call(&token, "PATCH", path, Some(&body)).await;
    for body in [
        json!({"status": "acknowledged"}),
        json!({"status": "acknowledged", "version": null}),
    ] {
        let missing = send(body).await;
        assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(missing.json()["field"], "version");
    }
    let read = version(&app, &token, "AL-1001").await;
    let body = json!({"status": "acknowledged", "version": read});
    assert_eq!(send(body.clone()).await.status, StatusCode::OK);
    assert_eq!(send(body).await.status, StatusCode::CONFLICT, "read before");
}

#[tokio::test]
async fn bulk_skips_what_changed_since_it_was_read() {
    let (app, token) = world(&["jane", "mia", "tom"]).await;
    let post = async |body: Value| {
        let path = "/api/alerts/bulk/acknowledge";
        app.call(&token, "POST", path, Some(&body)).await
    };
    let (one, two) = (
        version(&app, &token, "AL-1001").await,
        version(&app, &token, "AL-1002").await,
    );
    let codes = ["AL-1001", "AL-1002", "AL-1003"];
    let versions = json!({"AL-1001": one, "AL-1002": two - 1});
    let done = post(json!({"codes": codes, "versions": versions})).await;
    let done = done.json();
    assert_eq!((&done["changed"], &done["skipped"]), (&json!(2), &json!(1)));
    assert!(done["results"][1]["error"].is_string(), "{done}");
    assert_eq!(version(&app, &token, "AL-1002").await, two, "left alone");
    let foreign = post(json!({"codes": ["AL-1002"], "versions": {"AL-1": 1}})).await;
    assert_eq!(foreign.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(foreign.json()["field"], "versions");
}
