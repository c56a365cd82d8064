//! Dev-only: both databases, a fixed clock, builders, the app without a socket, the real binary.
//!
//! Serves integration tests; no product crate depends on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests fail by panicking"
)]

pub mod app;
pub mod binary;
pub mod browser;
pub mod clock;
pub mod database;
pub mod events;
pub mod guardduty;

pub use app::TestApp;
pub use binary::Server;
pub use clock::FixedClock;
pub use database::{Engine, TestDb};

/// Scores until everything stored so far is folded.
///
/// On PostgreSQL a row can be tailed only once no older transaction of the whole server runs, and
/// tests share one server.
pub async fn scored(
    db: &store::Db,
    clock: &std::sync::Arc<dyn domain::time::Clock>,
    scorer: &mut worker::jobs::score::Scorer,
) {
    let end = store::log::end(db).await.unwrap();
    binary::eventually("scoring", async || {
        scorer.catch_up(db, clock).await.unwrap();
        store::partitions::progress(db, clock.now())
            .await
            .unwrap()
            .0
            >= end
    })
    .await;
}

/// Runs an async test body once on SQLite and once on PostgreSQL.
///
/// ```ignore
/// testkit::on_both!(a_source_is_found, |db| async move { … });
/// ```
#[macro_export]
macro_rules! on_both {
    ($name:ident, |$db:ident| $body:expr) => {
        mod $name {
            #[allow(
                unused_imports,
                reason = "small tests use little of what their file imports"
            )]
            use super::*;

            async fn run($db: $crate::TestDb) {
                $body.await
            }

            #[tokio::test]
            async fn sqlite() {
                run($crate::TestDb::new($crate::Engine::Sqlite).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                run($crate::TestDb::new($crate::Engine::Postgres).await).await;
            }
        }
    };
}
