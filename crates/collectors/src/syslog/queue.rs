//! Between sockets and sink: a queue bounded in bytes, and the task that empties it in batches.
//!
//! A stream waits for room, so its sender feels the slowness; a datagram does not wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::counters::Counters;
use super::settings::Settings;
use crate::sink::{Received, Sink};

/// Bytes a message costs beyond its own: the struct and its allocation.
const OVERHEAD: usize = 160;
/// How long the delivering task sleeps while a batch fills up.
const NAP: Duration = Duration::from_millis(5);
/// Pauses between attempts to deliver, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Messages of one read, with what they cost.
#[derive(Debug)]
struct Chunk {
    messages: Vec<Received>,
    cost: u32,
}

/// The sockets' side.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: mpsc::UnboundedSender<Chunk>,
    room: Arc<Semaphore>,
    capacity: usize,
}

/// The sink's side.
#[derive(Debug)]
pub(super) struct Outlet {
    receiver: mpsc::UnboundedReceiver<Chunk>,
    room: Arc<Semaphore>,
}

pub(super) fn bounded(capacity: usize) -> (Queue, Outlet) {
    let capacity = capacity.clamp(1, u32::MAX as usize);
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(capacity));
    let queue = Queue {
        sender,
        room: Arc::clone(&room),
        capacity,
    };
    (queue, Outlet { receiver, room })
}

impl Queue {
    /// Waits until there is room. Gives the messages back when the queue was closed.
    pub(super) async fn send(&self, messages: Vec<Received>) -> Result<(), Vec<Received>> {
        let cost = self.cost(&messages);
        match self.room.acquire_many(cost).await {
            Ok(permit) => {
                permit.forget();
                self.pass_on(messages, cost)
            }
            Err(_) => Err(messages),
        }
    }

    /// Gives the messages back when there is no room now.
    pub(super) fn try_send(&self, messages: Vec<Received>) -> Result<(), Vec<Received>> {
        let cost = self.cost(&messages);
        match self.room.try_acquire_many(cost) {
            Ok(permit) => {
                permit.forget();
                self.pass_on(messages, cost)
            }
            Err(_) => Err(messages),
        }
    }

    /// From now on nobody gets room, and nobody waits for it.
    pub(super) fn close(&self) {
        self.room.close();
    }

    fn pass_on(&self, messages: Vec<Received>, cost: u32) -> Result<(), Vec<Received>> {
        self.sender
            .send(Chunk { messages, cost })
            .map_err(|refused| refused.0.messages)
    }

    /// What is larger than the queue passes alone.
    fn cost(&self, messages: &[Received]) -> u32 {
        let bytes: usize = messages.iter().map(|m| m.bytes.len() + OVERHEAD).sum();
        u32::try_from(bytes.min(self.capacity)).unwrap_or(u32::MAX)
    }
}

/// Delivers until every queue handle is gone and nothing is left. Cancelling `give_up` turns what
/// is left into counted drops.
pub(super) async fn deliver_all(
    mut outlet: Outlet,
    sink: Arc<dyn Sink>,
    counters: Arc<Counters>,
    settings: Arc<Settings>,
    give_up: CancellationToken,
) {
    while let Some(first) = outlet.receiver.recv().await {
        let (batch, cost) = outlet.gather(first, &settings).await;
        tokio::select! {
            biased;
            () = give_up.cancelled() => counters.dropped_stop.add(batch.len() as u64),
            () = deliver(&batch, sink.as_ref(), &counters) => {}
        }
        outlet.room.add_permits(cost);
    }
}

impl Outlet {
    /// Collects until the batch is full or its first message has waited long enough. Naps instead
    /// of waking up for each message, which would cost more than the message itself.
    async fn gather(&mut self, first: Chunk, settings: &Settings) -> (Vec<Received>, usize) {
        let deadline = Instant::now() + settings.linger;
        let (mut batch, mut cost) = (first.messages, first.cost as usize);
        while batch.len() < settings.batch_messages {
            match self.receiver.try_recv() {
                Ok(mut chunk) => {
                    batch.append(&mut chunk.messages);
                    cost += chunk.cost as usize;
                }
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if Instant::now() >= deadline => break,
                Err(TryRecvError::Empty) => {
                    sleep_until(deadline.min(Instant::now() + NAP)).await;
                }
            }
        }
        (batch, cost)
    }
}

async fn deliver(batch: &[Received], sink: &dyn Sink, counters: &Counters) {
    let mut pause = FIRST_PAUSE;
    loop {
        match sink.deliver(batch).await {
            Ok(delivery) => {
                counters.parsed.add(delivery.parsed);
                counters.rejected_unreadable.add(delivery.rejected);
                return;
            }
            Err(error) => {
                counters.sink_retries.one();
                tracing::warn!(%error, messages = batch.len(), "a batch is not durable yet; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }
}
