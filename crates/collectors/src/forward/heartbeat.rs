//! A sign of life with all counters, posted as JSON at a fixed interval.
//!
//! ```json
//! {"instance":"0199…","host":"branch-1","version":"0.1.0","startedAt":"…Z","received":10,
//!  "parsed":9,"rejected":1,"dropped":0,"kernelDropped":0,"buffered":0}
//! ```
//!
//! Numbers are those of all listeners together since `startedAt`; a smaller number than before
//! means a later `startedAt`. `instance` stays with the buffer's directory.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use reqwest::Client;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::Forwarder;
use super::post::{Target, send_json};
use crate::syslog::Counters;

/// One heartbeat.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// Names the collector, by its buffer: the same after a restart.
    pub instance: Uuid,
    /// The machine it runs on.
    pub host: String,
    /// Version of the program.
    pub version: &'static str,
    /// When the collector started, by its own clock.
    pub started_at: Timestamp,
    /// Messages read from sockets.
    pub received: u64,
    /// Of these, understood and buffered.
    pub parsed: u64,
    /// Of these, unreadable, empty or from elsewhere; and what the server refused for good.
    pub rejected: u64,
    /// Of these, thrown away for want of room or time.
    pub dropped: u64,
    /// Datagrams the kernel threw away before they could be read.
    pub kernel_dropped: u64,
    /// Events waiting for the server, and messages waiting for the buffer.
    pub buffered: u64,
}

/// Makes and sends heartbeats.
#[derive(Debug)]
pub struct Heart {
    listeners: Vec<Arc<Counters>>,
    host: String,
    started_at: Timestamp,
}

impl Heart {
    /// Beats for these listeners.
    pub fn new(listeners: Vec<Arc<Counters>>, host: String, started_at: Timestamp) -> Self {
        Self {
            listeners,
            host,
            started_at,
        }
    }

    /// The state now.
    pub fn beat(&self, forwarder: &Forwarder) -> Heartbeat {
        let forward = forwarder.snapshot();
        let mut beat = Heartbeat {
            instance: forwarder.instance(),
            host: self.host.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            received: 0,
            parsed: 0,
            rejected: forward.parked + forward.parked_lost,
            dropped: 0,
            kernel_dropped: 0,
            buffered: forward.buffer.lines,
        };
        for counters in &self.listeners {
            let counted = counters.snapshot();
            beat.received += counted.received;
            beat.parsed += counted.parsed;
            beat.rejected += counted.rejected.total();
            beat.dropped += counted.dropped.total();
            beat.kernel_dropped += counted.kernel_drops;
            beat.buffered += counted.waiting;
        }
        beat
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
                tracing::debug!(reason, "the heartbeat was not taken");
            }
        }
    }
}
