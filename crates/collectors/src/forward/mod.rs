//! The edge collector's sink: posts to a central server's `POST /api/ingest/SOURCE`, through a
//! buffer on disk.
//!
//! ```text
//! listener ──> to_event ──> buffer (fsync) ──> delivered
//!                              └──> posting task ──> server
//! ```
//!
//! A message counts as delivered when it is in the buffer. From there lines leave in order, and
//! none is given up while it can be delivered: the network may be away, the server busy or the key
//! wrong. When the buffer is full the sink does not answer, so streams are not read and datagrams
//! are counted as dropped by their listener. Each event carries an id of its own; a line that is
//! posted twice is stored once.

mod buffer;
mod counters;
mod directory;
mod heartbeat;
mod pause;
mod post;
mod posting;
mod seal;
mod segment;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Client;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use buffer::{Fill, SMALLEST};
pub use counters::{Counters, Snapshot};
pub use directory::{BufferError, read_dead};
pub use heartbeat::{Heart, Heartbeat};
pub use pause::Pauses;
pub use post::{ClientError, Target, client};
pub use seal::BufferKey;

use crate::sink::{Delivery, NotDurable, Received, Sink};
use buffer::Buffer;

/// Longest event that is buffered, in bytes. A server takes less; what is longer still is counted
/// as unreadable.
const LONGEST_EVENT: usize = 512 * 1024;

/// Makes the fields of an event of a message, or says why it cannot be read. The forwarder adds
/// `id` when there is none.
pub type ToEvent = Arc<dyn Fn(&Received) -> Result<Map<String, Value>, String> + Send + Sync>;

/// How to forward.
#[derive(Clone)]
pub struct Settings {
    /// Where to post, and with which key.
    pub target: Target,
    /// Makes requests.
    pub client: Client,
    /// Directory of the buffer.
    pub folder: PathBuf,
    /// Bytes the buffer may hold; at least [`SMALLEST`].
    pub limit: u64,
    /// Seals the buffer; older keys that may open it follow.
    pub keys: Vec<BufferKey>,
    /// Pauses after a failure. A year without network costs one attempt per longest pause.
    pub pauses: Pauses,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("target", &self.target)
            .field("folder", &self.folder)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Why a forwarder did not start.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// The buffer cannot be used.
    #[error(transparent)]
    Buffer(#[from] BufferError),
}

struct Shared {
    /// Names this run: the numbers of lines begin again in each.
    run: Uuid,
    to_event: ToEvent,
    buffer: Arc<Buffer>,
    counters: Counters,
}

/// A running forwarder. Give [`Forwarder::sink`] to listeners.
pub struct Forwarder {
    shared: Arc<Shared>,
    stop: CancellationToken,
    posting: JoinHandle<()>,
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder")
            .field("instance", &self.instance())
            .finish_non_exhaustive()
    }
}

/// Opens the buffer and begins to post what waits in it.
pub async fn start(settings: Settings, to_event: ToEvent) -> Result<Forwarder, ForwardError> {
    let (folder, limit, keys) = (
        settings.folder.clone(),
        settings.limit,
        settings.keys.clone(),
    );
    let opening = tokio::task::spawn_blocking(move || Buffer::open(&folder, limit, keys));
    let buffer = opening.await.map_err(|error| BufferError::Io {
        path: settings.folder.clone(),
        source: std::io::Error::other(error),
    })??;
    let shared = Arc::new(Shared {
        run: Uuid::now_v7(),
        to_event,
        buffer: Arc::new(buffer),
        counters: Counters::default(),
    });
    let stop = CancellationToken::new();
    let posting = tokio::spawn(posting::post_all(
        Arc::clone(&shared),
        settings,
        stop.clone(),
    ));
    Ok(Forwarder {
        shared,
        stop,
        posting,
    })
}

impl Forwarder {
    /// Where listeners deliver.
    pub fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(BufferSink(Arc::clone(&self.shared)))
    }

    /// Names the collector by its buffer: the same after a restart.
    pub fn instance(&self) -> Uuid {
        self.shared.buffer.instance()
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let fill = self.shared.buffer.fill();
        self.shared.counters.snapshot(fill)
    }

    /// Goes on posting until nothing waits or `limit` is over; the rest stays on disk.
    pub async fn stop(mut self, limit: Duration) -> Snapshot {
        let emptied = timeout(limit, async {
            while self.shared.buffer.fill().lines > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        });
        if emptied.await.is_err() {
            let lines = self.shared.buffer.fill().lines;
            tracing::info!(lines, "lines that are not posted yet stay in the buffer");
        }
        self.stop.cancel();
        if let Err(error) = (&mut self.posting).await {
            tracing::error!(%error, "the posting task did not end by itself");
        }
        self.snapshot()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct BufferSink(Arc<Shared>);

impl Sink for BufferSink {
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>> {
        Box::pin(async move {
            let mut lines = Vec::with_capacity(batch.len());
            for message in batch {
                lines.extend(self.0.line(message));
            }
            let parsed = lines.len() as u64;
            let appended = self.0.buffer.append(lines).await;
            appended.map_err(|error| NotDurable(format!("buffer: {error}")))?;
            let rejected = batch.len() as u64 - parsed;
            Ok(Delivery { parsed, rejected })
        })
    }
}

impl Shared {
    /// The event's JSON with its id.
    fn line(&self, message: &Received) -> Option<Vec<u8>> {
        let mut event = (self.to_event)(message)
            .inspect_err(
                |reason| tracing::debug!(reason, peer = %message.peer, "unreadable message"),
            )
            .ok()?;
        // The same message offered again gets the same id.
        event.entry("id").or_insert_with(|| {
            let id = format!("{}:{}:{}", self.run, message.listener, message.sequence);
            Value::String(id)
        });
        let line = serde_json::to_vec(&event).ok()?;
        (line.len() <= LONGEST_EVENT).then_some(line)
    }
}

/// Where an edge collector's buffer lives when nothing else is said.
pub fn default_folder() -> &'static Path {
    Path::new("data/collector")
}
