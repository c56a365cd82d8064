//! What all listeners share: turning bytes from a peer into counted, numbered messages in the
//! queue.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::time::Clock;

use super::counters::Counters;
use super::framing::{End, Frame};
use super::queue::Queue;
use super::senders::Senders;
use super::settings::Settings;
use crate::sink::Received;

/// One listener's way in.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) name: Arc<str>,
    pub(super) settings: Arc<Settings>,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) queue: Queue,
    senders: Option<Mutex<Senders>>,
}

impl Intake {
    pub(super) fn new(
        name: Arc<str>,
        settings: Arc<Settings>,
        counters: Arc<Counters>,
        clock: Arc<dyn Clock>,
        queue: Queue,
    ) -> Self {
        let senders = settings
            .rate_per_sender
            .map(|rate| Mutex::new(Senders::new(rate.get())));
        Self {
            name,
            settings,
            counters,
            clock,
            queue,
            senders,
        }
    }

    /// Is the address on the allowlist?
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let allow = &self.settings.allow;
        allow.is_empty() || allow.iter().any(|network| network.contains(&address))
    }

    /// Takes a token of a sender of datagrams.
    pub(super) fn within_rate(&self, sender: IpAddr) -> bool {
        self.senders.as_ref().is_none_or(|senders| {
            senders
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .allow(sender, Instant::now())
        })
    }

    /// Charges a stream and says how long it must not be read.
    pub(super) fn pause_for(&self, sender: IpAddr, messages: usize) -> Duration {
        self.senders.as_ref().map_or(Duration::ZERO, |senders| {
            senders
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .charge(sender, messages, Instant::now())
        })
    }

    /// Numbers and counts a datagram's message.
    pub(super) fn receive(&self, bytes: Bytes, cut: bool, peer: SocketAddr) -> Received {
        if cut {
            self.counters.cut.one();
        }
        Received {
            bytes,
            peer,
            received_at: self.clock.now(),
            listener: Arc::clone(&self.name),
            sequence: self.counters.received.reserve(1),
            cut,
        }
    }

    /// Puts the frames of a stream into the queue and waits for room.
    pub(super) async fn accept(&self, frames: Vec<Frame>, peer: SocketAddr) {
        if frames.is_empty() {
            return;
        }
        let counters = &self.counters;
        counters
            .partial
            .add(count(&frames, |f| f.end == End::Closed));
        counters.cut.add(count(&frames, |f| f.cut));
        // One clock reading and one number range for what one read brought.
        let received_at = self.clock.now();
        let first = counters.received.reserve(frames.len() as u64);
        let messages = (first..).zip(frames).map(|(sequence, frame)| Received {
            bytes: frame.bytes,
            peer,
            received_at,
            listener: Arc::clone(&self.name),
            sequence,
            cut: frame.cut,
        });
        let messages = messages.collect();
        if let Err(lost) = self.queue.send(messages).await {
            self.counters.dropped_stop.add(lost.len() as u64);
        }
    }
}

fn count(frames: &[Frame], holds: impl Fn(&Frame) -> bool) -> u64 {
    frames.iter().filter(|frame| holds(frame)).count() as u64
}
