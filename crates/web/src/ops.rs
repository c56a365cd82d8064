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
    overloaded: Arc<dyn Fn() -> bool + Send + Sync>,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl std::fmt::Debug for Ops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ops")
    }
}

impl Ops {
    /// `draining` turns true when the process stops; `overloaded` tells whether a queue is at its
    /// limit; `metrics` renders the metrics text.
    pub fn new(
        db: Db,
        draining: Arc<AtomicBool>,
        overloaded: impl Fn() -> bool + Send + Sync + 'static,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            db,
            draining,
            overloaded: Arc::new(overloaded),
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

/// 200 when the database answers, its schema is the right one, the queues are below their limit
/// and the process is not stopping.
async fn ready(State(ops): State<Ops>) -> Response {
    let not = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response();
    if ops.draining.load(Ordering::Relaxed) {
        return not("stopping");
    }
    if (ops.overloaded)() {
        return not("the queue of events is full");
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use store::db::Durability;
    use tower::ServiceExt;

    async fn ready(db: &Db, draining: bool, overloaded: bool) -> (u16, String) {
        let draining = Arc::new(AtomicBool::new(draining));
        let ops = Ops::new(db.clone(), draining, move || overloaded, String::new);
        let request = Request::get("/readyz").body(Body::empty()).unwrap();
        let answer = ops.router().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn ready_means_that_everything_is_in_order() {
        let file = std::env::temp_dir().join(format!("irm-ops-{}.db", std::process::id()));
        let address = format!("sqlite://{}", file.display());
        let db = Db::open(&address, Durability::Normal).await.unwrap();
        assert_eq!(ready(&db, false, false).await.0, 503, "no schema yet");
        let now = domain::time::Timestamp::from_micros(0);
        migrate::run(&db, now).await.unwrap();
        assert_eq!(ready(&db, false, false).await, (200, "ready\n".to_owned()));
        let (status, why) = ready(&db, false, true).await;
        assert!(status == 503 && why.contains("queue"), "{status} {why}");
        let (status, why) = ready(&db, true, false).await;
        assert!(status == 503 && why.contains("stopping"), "{status} {why}");
        db.close().await;
        assert_eq!(ready(&db, false, false).await.0, 503, "no database");
        std::fs::remove_file(file).unwrap();
    }
}
