//! How many statements a page takes: the same for one row as for many.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use domain::access::Role;
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Counts what the database driver logs of each statement.
struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn statements(app: &TestApp, token: &str, path: &str, rows: usize) -> usize {
    let before = STATEMENTS.load(Ordering::Relaxed);
    let answer = app.call(token, "GET", path, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    if path.starts_with("/api/") {
        let items = answer.json()["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), rows, "{path}");
        assert!(items.iter().all(|i| i["contributions"].is_array()));
    }
    STATEMENTS.load(Ordering::Relaxed) - before
}

// One test, because what it counts is the whole process's; on PostgreSQL, because its driver logs
// a statement before it hands out the rows.
#[tokio::test]
async fn lists_take_as_many_statements_for_many_rows_as_for_one() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Counter)).unwrap();
    let app = TestApp::new(Engine::Postgres).await;
    let key = app.source(&app.db.acme, "files").await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    let actors = ["jane", "mia", "tom", "ada"];
    let sent: Vec<_> = actors
        .iter()
        .flat_map(|actor| [office_days(actor), theft(actor)].concat())
        .collect();
    assert_eq!(
        app.ingest(&key, "files", ndjson(&sent)).await.status,
        StatusCode::ACCEPTED
    );
    app.score().await;
    // The first request of a minute notes the use of the token.
    statements(&app, &token, "/api/alerts?limit=1", 1).await;
    let one = statements(&app, &token, "/api/alerts?limit=1", 1).await;
    let many = statements(&app, &token, "/api/alerts", actors.len()).await;
    assert!(one > 0, "statements are counted");
    assert_eq!(one, many, "alerts");

    let one = statements(&app, &token, "/sources", 1).await;
    for slug in ["vpn", "mail", "door", "badge"] {
        app.source(&app.db.acme, slug).await;
    }
    let many = statements(&app, &token, "/sources", 5).await;
    assert_eq!(one, many, "sources");
}
