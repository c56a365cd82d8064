//! Where received messages go. A listener knows nothing but this: a list in tests, the event log
//! in a server, a forwarder in an edge collector.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::time::Timestamp;
use futures_util::future::BoxFuture;
use thiserror::Error;

/// One message as it arrived: a datagram or a frame of a stream, without its delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message. Any bytes; trailing CR, LF and NUL are gone.
    pub bytes: Bytes,
    /// Who sent it, as the kernel says. Never taken from the message.
    pub peer: SocketAddr,
    /// When it was read from the socket.
    pub received_at: Timestamp,
    /// The listener's address, such as `udp://0.0.0.0:514`.
    pub listener: Arc<str>,
    /// Number of the message at its listener, from 0 at each start, without gaps.
    pub sequence: u64,
    /// True when bytes are missing at the end: longer than the limit, or the connection ended
    /// inside an octet-counted frame.
    pub cut: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Messages that were understood and are durable now.
    pub parsed: u64,
    /// Messages that no parser could read. `parsed + rejected` is the length of the batch.
    pub rejected: u64,
}

/// Why a batch could not be made durable. The listener keeps it and tries again.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct NotDurable(pub String);

/// Takes messages and makes them durable.
pub trait Sink: Send + Sync {
    /// Resolves only when every message of the batch is durable or was counted as unreadable.
    /// May take as long as it needs: a listener holds a bounded number of messages meanwhile. An
    /// error means that the same batch will be offered again, so a sink must bear repetition.
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>>;
}

/// A sink that keeps everything in memory, for tests and measurements.
#[derive(Debug, Default)]
pub struct ListSink {
    messages: Mutex<Vec<Received>>,
}

impl ListSink {
    /// What has arrived so far, in order of delivery.
    pub fn messages(&self) -> Vec<Received> {
        self.list().clone()
    }

    /// How many have arrived so far.
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// True while nothing has arrived.
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Received>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for ListSink {
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>> {
        self.list().extend_from_slice(batch);
        let parsed = batch.len() as u64;
        Box::pin(async move {
            Ok(Delivery {
                parsed,
                rejected: 0,
            })
        })
    }
}
