//! The operations listener: alive, ready, metrics. On loopback unless configured otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use store::{Db, migrate};

/// What the operations listener looks at.
#[derive(Clone)]
pub struct Ops {
    db: Db,
    draining: Arc<AtomicBool>,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl std::fmt::Debug for Ops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ops")
    }
}

impl Ops {
    /// `draining` turns true when the process stops; `metrics` renders the metrics text.
    pub fn new(
        db: Db,
        draining: Arc<AtomicBool>,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            db,
            draining,
            metrics: Arc::new(metrics),
        }
    }

    /// The three routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(render))
            .with_state(self)
    }
}

/// 200 when the database answers, its schema is the right one, and the process is not stopping.
async fn ready(State(ops): State<Ops>) -> Response {
    let not = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response();
    if ops.draining.load(Ordering::Relaxed) {
        return not("stopping");
    }
    match migrate::version(&ops.db).await {
        Err(_) => not("the database does not answer"),
        Ok(version) if version != migrate::known_version() => not("the schema has another version"),
        Ok(_) => "ready\n".into_response(),
    }
}

async fn render(State(ops): State<Ops>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(axum::http::header::CONTENT_TYPE, kind)], (ops.metrics)()).into_response()
}
