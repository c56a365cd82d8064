//! What a listener counts. Nothing is lost silently: every message that was received is parsed,
//! rejected, dropped or still waiting, and each of these is a number with a reason.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A number that only grows, or one that goes up and down ([`Count::take`]).
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Takes one away.
    pub fn take(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Adds, and returns the value before.
    pub fn reserve(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed)
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// One listener's counters, since its start. Units are messages unless said otherwise.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes read from sockets, delimiters included.
    pub bytes: Count,
    /// Messages read from sockets.
    pub received: Count,
    /// Delivered and understood.
    pub parsed: Count,
    /// Delivered, and no parser could read them.
    pub rejected_unreadable: Count,
    /// Datagrams without content.
    pub rejected_empty: Count,
    /// Datagrams from an address that is not on the allowlist.
    pub rejected_source: Count,
    /// Datagrams beyond the sender's rate.
    pub dropped_rate: Count,
    /// Datagrams that found the queue full: the sink is slower than the senders.
    pub dropped_queue: Count,
    /// Messages that were not durable when the time for stopping was over.
    pub dropped_stop: Count,
    /// Datagrams the kernel threw away because the receive buffer was full. Never received.
    pub kernel_drops: Count,
    /// Messages longer than the limit, delivered without their end.
    pub cut: Count,
    /// Messages that the end of the connection ended, delivered as they were.
    pub partial: Count,
    /// Octet counts that were not believed; the text was delivered.
    pub refused_counts: Count,
    /// Connections that are open.
    pub connections_open: Count,
    /// Connections that were accepted.
    pub connections_accepted: Count,
    /// Connections refused because the address is not on the allowlist.
    pub connections_refused_source: Count,
    /// Connections refused because too many are open, at all or from that address.
    pub connections_refused_full: Count,
    /// TLS handshakes that failed or took too long.
    pub connections_refused_tls: Count,
    /// Connections closed because nothing came.
    pub connections_idle: Count,
    /// Times the sink could not make a batch durable and was asked again.
    pub sink_retries: Count,
}

/// Messages rejected, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// No parser could read them.
    pub unreadable: u64,
    /// No content.
    pub empty: u64,
    /// Sender not on the allowlist.
    pub source: u64,
}

/// Messages dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    /// Beyond the sender's rate.
    pub rate: u64,
    /// Queue full.
    pub queue: u64,
    /// Not durable in time when stopping.
    pub stop: u64,
}

/// Connections of a stream listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Accepted so far.
    pub accepted: u64,
    /// Refused: address not on the allowlist.
    pub refused_source: u64,
    /// Refused: too many.
    pub refused_full: u64,
    /// Failed TLS handshakes.
    pub refused_tls: u64,
    /// Closed because nothing came.
    pub idle: u64,
}

/// The counters at one moment.
/// `received = parsed + rejected + dropped + waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Bytes read from sockets.
    pub bytes: u64,
    /// Messages read from sockets.
    pub received: u64,
    /// Delivered and understood.
    pub parsed: u64,
    /// Rejected, by reason.
    pub rejected: Rejected,
    /// Dropped, by reason.
    pub dropped: Dropped,
    /// Read and not yet delivered.
    pub waiting: u64,
    /// Datagrams the kernel threw away before anyone could read them; not part of `received`.
    pub kernel_drops: u64,
    /// Delivered without their end because they were too long.
    pub cut: u64,
    /// Ended by the end of their connection.
    pub partial: u64,
    /// Octet counts that were not believed.
    pub refused_counts: u64,
    /// Connections.
    pub connections: Connections,
    /// Times the sink had to be asked again.
    pub sink_retries: u64,
}

impl Counters {
    /// All values. Values that belong together are read so that `waiting` is never negative.
    pub fn snapshot(&self) -> Snapshot {
        let parsed = self.parsed.get();
        let rejected = Rejected {
            unreadable: self.rejected_unreadable.get(),
            empty: self.rejected_empty.get(),
            source: self.rejected_source.get(),
        };
        let dropped = Dropped {
            rate: self.dropped_rate.get(),
            queue: self.dropped_queue.get(),
            stop: self.dropped_stop.get(),
        };
        let received = self.received.get();
        let settled = parsed + rejected.total() + dropped.total();
        Snapshot {
            bytes: self.bytes.get(),
            received,
            parsed,
            rejected,
            dropped,
            waiting: received.saturating_sub(settled),
            kernel_drops: self.kernel_drops.get(),
            cut: self.cut.get(),
            partial: self.partial.get(),
            refused_counts: self.refused_counts.get(),
            connections: Connections {
                open: self.connections_open.get(),
                accepted: self.connections_accepted.get(),
                refused_source: self.connections_refused_source.get(),
                refused_full: self.connections_refused_full.get(),
                refused_tls: self.connections_refused_tls.get(),
                idle: self.connections_idle.get(),
            },
            sink_retries: self.sink_retries.get(),
        }
    }
}

impl Rejected {
    /// All reasons together.
    pub const fn total(&self) -> u64 {
        self.unreadable + self.empty + self.source
    }
}

impl Dropped {
    /// All reasons together.
    pub const fn total(&self) -> u64 {
        self.rate + self.queue + self.stop
    }
}
