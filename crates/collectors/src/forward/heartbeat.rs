//! A sign of life with all counters, posted as JSON at a fixed interval.
//!
//! ```json
//! {"instance":"0199…","version":"0.1.0","startedAt":"…Z","sentAt":"…Z",
//!  "listeners":[{"address":"udp://0.0.0.0:514","received":10,"parsed":9,
//!    "rejected":{"unreadable":0,"empty":0,"source":1},"dropped":{"rate":0,"queue":0,"stop":0},
//!    "waiting":0,"kernelDrops":0,"bytes":1234,"connections":{"open":0, …}, …}],
//!  "forward":{"posts":1,"accepted":9,"duplicates":0,"lastError":null,
//!    "buffer":{"lines":0,"bytes":0,"limit":1073741824,"damaged":0}, …}}
//! ```
//!
//! Numbers count from `startedAt`; a smaller number than before means a new `instance`.

use std::sync::Arc;
use std::time::Duration;

use domain::time::{Clock, Timestamp};
use reqwest::Client;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::post::{Target, send_json};
use super::{Forwarder, Snapshot};
use crate::syslog::{Counters, Snapshot as ListenerSnapshot};

/// One listener in a heartbeat.
#[derive(Debug, Clone, Serialize)]
pub struct ListenerState {
    /// The listener's address.
    pub address: String,
    /// Its counters.
    #[serde(flatten)]
    pub counters: ListenerSnapshot,
}

/// One heartbeat.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// Names this run of the collector.
    pub instance: Uuid,
    /// Version of the program.
    pub version: &'static str,
    /// When the collector started, by its own clock.
    pub started_at: Timestamp,
    /// When the heartbeat was made, by the collector's clock.
    pub sent_at: Timestamp,
    /// All listeners.
    pub listeners: Vec<ListenerState>,
    /// The forwarder.
    pub forward: Snapshot,
}

/// Makes and sends heartbeats.
#[derive(Debug)]
pub struct Heart {
    listeners: Vec<(String, Arc<Counters>)>,
    clock: Arc<dyn Clock>,
    started_at: Timestamp,
}

impl Heart {
    /// Beats for these listeners, named by their addresses.
    pub fn new(listeners: Vec<(String, Arc<Counters>)>, clock: Arc<dyn Clock>) -> Self {
        let started_at = clock.now();
        Self {
            listeners,
            clock,
            started_at,
        }
    }

    /// The state now.
    pub fn beat(&self, forwarder: &Forwarder) -> Heartbeat {
        let listeners = self
            .listeners
            .iter()
            .map(|(address, counters)| ListenerState {
                address: address.clone(),
                counters: counters.snapshot(),
            });
        Heartbeat {
            instance: forwarder.instance(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            sent_at: self.clock.now(),
            listeners: listeners.collect(),
            forward: forwarder.snapshot(),
        }
    }

    /// Posts a heartbeat at once and then every `period`, for ever. A failure is logged and the
    /// next one follows in its time.
    pub async fn run(
        &self,
        forwarder: &Forwarder,
        client: &Client,
        target: &Target,
        period: Duration,
    ) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let sent = match serde_json::to_vec(&self.beat(forwarder)) {
                Ok(body) => send_json(client, target, body).await,
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = sent {
                tracing::debug!(reason, "heartbeat was not taken");
            }
        }
    }
}
