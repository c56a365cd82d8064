//! A source, a writer and a scorer over a fresh database, for the tests of this crate.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use domain::actor::{ActorId, ActorKey};
use domain::alert::{Disposition, Move, Status};
use domain::score::Points;
use domain::source::{Source, SourceSettings};
use domain::time::Clock;
use serde_json::Value;
use store::alerts::{self, Alert, Filter, Order};
use store::log::{Appender, Batch};
use store::{Scope, actors, sources};
use testkit::events::normalised;
use testkit::{FixedClock, TestDb};
use tokio::sync::Notify;
use worker::jobs::score::Scorer;

/// Just after the theft.
pub const NOW: &str = "2026-03-14T03:00:00Z";

/// A source, a writer and a scorer over a fresh database.
pub struct World {
    pub db: TestDb,
    pub source: Source,
    pub appender: Appender,
    pub clock: FixedClock,
    pub scorer: Scorer,
}

impl World {
    pub async fn new(db: TestDb) -> Self {
        let slug = "files".parse().unwrap();
        let source = sources::create(&db.acme(NOW), &slug, &SourceSettings::named("Files"), None)
            .await
            .unwrap();
        let appender = Appender::start(db.db.clone(), Arc::new(Notify::new()));
        Self {
            source,
            appender,
            clock: FixedClock::at(NOW),
            scorer: Scorer::new("test".to_owned()),
            db,
        }
    }

    pub fn scope(&self) -> Scope {
        self.db.acme(&self.clock.now().to_string())
    }

    pub async fn send(&self, sent: &[Value]) {
        let now = self.clock.now().to_string();
        let events = normalised(&self.db.acme, self.source.id, &now, sent);
        let batch = Batch {
            events,
            quarantined: Vec::new(),
        };
        self.appender
            .append(&self.db.acme, self.source.id, batch)
            .await
            .unwrap();
    }

    pub async fn score(&mut self) {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        testkit::scored(&self.db.db, &clock, &mut self.scorer).await;
    }

    pub async fn alerts(&self) -> Vec<Alert> {
        alerts::list(&self.scope(), &Filter::default(), Order::Newest, None, 200)
            .await
            .unwrap()
    }

    pub fn actor(&self, name: &str) -> ActorId {
        ActorKey::fold(name).identify(self.db.acme.key).0
    }

    pub async fn score_now(&self, name: &str) -> Points {
        actors::find(&self.scope(), self.actor(name))
            .await
            .unwrap()
            .score
    }

    pub async fn close(&self, alert: &Alert, disposition: Disposition) {
        let to = if disposition == Disposition::FalsePositive {
            Status::FalsePositive
        } else {
            Status::Resolved
        };
        let wanted = Move {
            to,
            disposition: Some(disposition),
            reason: Some("test".to_owned()),
        };
        alerts::change_status(&self.scope(), alert.code, None, &wanted)
            .await
            .unwrap();
    }
}
