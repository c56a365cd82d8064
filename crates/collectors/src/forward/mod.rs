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
mod heartbeat;
mod pause;
mod post;
mod seal;
mod segment;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Client;
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use buffer::{BufferError, Fill, SMALLEST, read_dead};
pub use heartbeat::{Heart, Heartbeat, ListenerState};
pub use pause::Pauses;
pub use post::{ClientError, Target, client};
pub use seal::BufferKey;

use crate::sink::{Delivery, NotDurable, Received, Sink};
use crate::syslog::counters::Count;
use buffer::{Buffer, Waiting};
use post::{Answer, Taken};

/// Longest event that is buffered, in bytes. A server takes less; what is longer still is counted
/// as unreadable.
const LONGEST_EVENT: usize = 512 * 1024;
/// A server takes 10,000 events and 10 MiB at once.
const LINES_AT_ONCE: usize = 2000;
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;
/// Pause after the disk refused to work.
const DISK_PAUSE: Duration = Duration::from_secs(1);

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

/// What a forwarder counts.
#[derive(Debug, Default)]
pub struct Counters {
    posts: Count,
    retries: Count,
    accepted: Count,
    duplicates: Count,
    quarantined: Count,
    parked: Count,
    parked_lost: Count,
    last_error: Mutex<Option<String>>,
}

/// A forwarder's counters at one moment, since its start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Requests that were made.
    pub posts: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// Events the server stored.
    pub accepted: u64,
    /// Events the server had already.
    pub duplicates: u64,
    /// Events the server put into its quarantine.
    pub quarantined: u64,
    /// Events the server rejected; they are in the dead file.
    pub parked: u64,
    /// Events the server rejected for which the dead file had no room.
    pub parked_lost: u64,
    /// Why the last request was not taken; none when it was.
    pub last_error: Option<String>,
    /// What waits.
    pub buffer: Fill,
}

/// Why a forwarder did not start.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// The buffer cannot be used.
    #[error(transparent)]
    Buffer(#[from] BufferError),
}

struct Shared {
    instance: Uuid,
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
            .field("instance", &self.shared.instance)
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
        instance: Uuid::now_v7(),
        to_event,
        buffer: Arc::new(buffer),
        counters: Counters::default(),
    });
    let stop = CancellationToken::new();
    let posting = tokio::spawn(post_all(Arc::clone(&shared), settings, stop.clone()));
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

    /// Names this run of the collector; part of every event's id.
    pub fn instance(&self) -> Uuid {
        self.shared.instance
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let counters = &self.shared.counters;
        Snapshot {
            posts: counters.posts.get(),
            retries: counters.retries.get(),
            accepted: counters.accepted.get(),
            duplicates: counters.duplicates.get(),
            quarantined: counters.quarantined.get(),
            parked: counters.parked.get(),
            parked_lost: counters.parked_lost.get(),
            last_error: counters.error().clone(),
            buffer: self.shared.buffer.fill(),
        }
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

impl Counters {
    fn error(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a failure when it is another one than before.
    fn failed(&self, reason: String) {
        self.retries.one();
        let mut last = self.error();
        if last.as_ref() != Some(&reason) {
            tracing::warn!(
                reason,
                "the server does not take events; they wait in the buffer"
            );
        }
        *last = Some(reason);
    }

    fn worked(&self) {
        if self.error().take().is_some() {
            tracing::info!("the server takes events again");
        }
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
            let id = format!(
                "{}:{}:{}",
                self.instance, message.listener, message.sequence
            );
            Value::String(id)
        });
        let line = serde_json::to_vec(&event).ok()?;
        (line.len() <= LONGEST_EVENT).then_some(line)
    }
}

async fn post_all(shared: Arc<Shared>, settings: Settings, stop: CancellationToken) {
    let posting = async {
        let mut pauses = settings.pauses.clone();
        loop {
            let waiting = match shared.buffer.peek(LINES_AT_ONCE, BYTES_AT_ONCE).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    shared.counters.failed(error.to_string());
                    sleep(DISK_PAUSE).await;
                    continue;
                }
            };
            shared.post_in_order(&settings, &mut pauses, &waiting).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = posting => {}
    }
}

impl Shared {
    /// Posts the lines, in smaller parts where the server wants it, and returns when all of them
    /// are done with.
    async fn post_in_order(&self, settings: &Settings, pauses: &mut Pauses, lines: &[Waiting]) {
        let mut parts = vec![lines];
        while let Some(part) = parts.pop() {
            let pause = match self.post(settings, part).await {
                Answer::Taken(taken) => {
                    pauses.reset();
                    self.taken(part, &taken).await;
                    continue;
                }
                Answer::TooLarge | Answer::Unreadable(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                    continue;
                }
                Answer::TooLarge => {
                    self.refused_alone(part, "longer than the server takes")
                        .await;
                    continue;
                }
                Answer::Unreadable(reason) => {
                    self.refused_alone(part, &reason).await;
                    continue;
                }
                Answer::Busy(asked) => {
                    self.counters.failed("the server is busy".to_owned());
                    asked.map_or_else(|| pauses.grow(), Pauses::asked)
                }
                Answer::Failed(reason) => {
                    self.counters.failed(reason);
                    pauses.grow()
                }
                Answer::Refused(reason) => {
                    self.counters.failed(format!(
                        "{reason}: check the address and the API key of the source"
                    ));
                    pauses.longest()
                }
            };
            parts.push(part);
            sleep(pause).await;
        }
    }

    async fn post(&self, settings: &Settings, part: &[Waiting]) -> Answer {
        let size = part.iter().map(|waiting| waiting.line.len() + 1).sum();
        let mut body = Vec::with_capacity(size);
        for waiting in part {
            body.extend_from_slice(&waiting.line);
            body.push(b'\n');
        }
        self.counters.posts.one();
        post::post(&settings.client, &settings.target, body).await
    }

    async fn taken(&self, part: &[Waiting], taken: &Taken) {
        self.counters.worked();
        self.counters.accepted.add(taken.accepted);
        self.counters.duplicates.add(taken.duplicates);
        self.counters.quarantined.add(taken.quarantined);
        for item in &taken.results {
            if let (Some(problem), Some(waiting)) = (&item.error, part.get(item.index)) {
                let reason = format!("{}: {}", problem.field, problem.message);
                self.park(&waiting.line, &reason).await;
            }
        }
        self.done_with(part).await;
    }

    async fn refused_alone(&self, part: &[Waiting], reason: &str) {
        self.counters.worked();
        for waiting in part {
            self.park(&waiting.line, reason).await;
        }
        self.done_with(part).await;
    }

    /// Puts a line aside with the server's reason.
    async fn park(&self, line: &[u8], reason: &str) {
        let event = String::from_utf8_lossy(line);
        let record = serde_json::json!({ "reason": reason, "event": event });
        let buffer = Arc::clone(&self.buffer);
        let record = record.to_string().into_bytes();
        let buried = tokio::task::spawn_blocking(move || buffer.bury(record)).await;
        match buried {
            Ok(Ok(true)) => self.counters.parked.one(),
            Ok(Ok(false)) => self.counters.parked_lost.one(),
            Ok(Err(error)) => {
                self.counters.parked_lost.one();
                tracing::error!(%error, "an event the server rejected could not be put aside");
            }
            Err(error) => tracing::error!(%error, "putting an event aside did not end"),
        }
    }

    /// The position moves only forwards, so a failure here costs a repeated post at most.
    async fn done_with(&self, part: &[Waiting]) {
        let Some(last) = part.last() else { return };
        let (buffer, behind, lines) = (Arc::clone(&self.buffer), last.behind, part.len() as u64);
        let moved = tokio::task::spawn_blocking(move || buffer.advance(behind, lines)).await;
        if let Ok(Err(error)) = moved {
            tracing::error!(%error, "the buffer's position could not be kept");
        }
    }
}

/// Where an edge collector's buffer lives when nothing else is said.
pub fn default_folder() -> &'static Path {
    Path::new("data/collector")
}
