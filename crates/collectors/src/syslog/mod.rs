//! Syslog listeners: UDP, TCP and TLS, IPv4 and IPv6.
//!
//! ```text
//! socket ──> framing ──> intake ──> queue ──> sink
//! udp tcp    (streams)   counters   bounded   durable
//! ```
//!
//! A listener knows messages, not their meaning: parsing happens behind the sink. Which source and
//! tenant a message belongs to comes from listener and peer, never from its content.

pub mod address;
pub mod counters;
pub mod framing;
mod intake;
mod kernel_drops;
mod queue;
pub mod senders;
pub mod settings;
mod tcp;
pub mod tls;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Clock;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use address::{ListenAddress, NotAnAddress, Transport};
pub use counters::{Counters, Snapshot};
pub use framing::Framing;
pub use settings::Settings;

use crate::sink::Sink;
use intake::Intake;
use queue::Queue;

/// Memory a stream listener needs at most for messages that wait, in bytes.
const STREAM_QUEUE: usize = 4 * 1024 * 1024;

/// Why a listener did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken, forbidden or not of this machine.
    #[error("{address}: {source}")]
    Bind {
        /// The address as configured.
        address: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
    /// A `tls://` address without certificates.
    #[error("{0}: a TLS listener needs a certificate and a key")]
    NoCertificate(ListenAddress),
}

/// A running listener. Dropping it lets it stop in the background; [`Listener::stop`] waits.
#[derive(Debug)]
pub struct Listener {
    address: ListenAddress,
    counters: Arc<Counters>,
    stop: DropGuard,
    give_up: CancellationToken,
    queue: Queue,
    reading: JoinHandle<()>,
    delivering: JoinHandle<()>,
}

/// Starts a listener. `tls` is needed for a `tls://` address and ignored otherwise.
pub fn start(
    address: ListenAddress,
    settings: Settings,
    tls: Option<TlsAcceptor>,
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
) -> Result<Listener, StartError> {
    let (socket, local) = bind(address, &settings, tls)?;
    let settings = Arc::new(settings);
    let counters = Arc::new(Counters::default());
    let (queue, outlet) = queue::bounded(match socket {
        Bound::Datagrams(_) => settings.queue_bytes,
        Bound::Streams(..) => settings.queue_bytes.min(STREAM_QUEUE),
    });
    let address = ListenAddress {
        socket: local,
        ..address
    };
    let intake = Arc::new(Intake::new(
        address.to_string().into(),
        Arc::clone(&settings),
        Arc::clone(&counters),
        clock,
        queue.clone(),
    ));
    let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
    let reading = match socket {
        Bound::Datagrams(udp) => tokio::spawn(udp.run(intake, stop.clone())),
        Bound::Streams(listener, tls) => {
            tokio::spawn(tcp::run(listener, tls, intake, stop.clone()))
        }
    };
    let delivering = tokio::spawn(queue::deliver_all(
        outlet,
        sink,
        Arc::clone(&counters),
        settings,
        give_up.clone(),
    ));
    Ok(Listener {
        address,
        counters,
        stop: stop.drop_guard(),
        give_up,
        queue,
        reading,
        delivering,
    })
}

/// A socket that listens and is not read yet.
enum Bound {
    Datagrams(udp::Udp),
    Streams(TcpListener, Option<TlsAcceptor>),
}

fn bind(
    address: ListenAddress,
    settings: &Settings,
    tls: Option<TlsAcceptor>,
) -> Result<(Bound, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { address, source };
    let tls = match (address.transport, tls) {
        (Transport::Udp, _) => {
            let udp = udp::Udp::bind(address.socket, settings.receive_buffer).map_err(failed)?;
            let local = udp.local_addr().map_err(failed)?;
            return Ok((Bound::Datagrams(udp), local));
        }
        (Transport::Tls, None) => return Err(StartError::NoCertificate(address)),
        (Transport::Tls, tls) => tls,
        (Transport::Tcp, _) => None,
    };
    let listener = tcp::bind(address.socket).map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((Bound::Streams(listener, tls), local))
}

impl Listener {
    /// Where it listens, with the port the system chose when none was asked for.
    pub fn address(&self) -> ListenAddress {
        self.address
    }

    /// The listener's counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Stops accepting, takes what has already arrived, delivers everything that waits, and ends.
    /// What is not durable after `limit` is counted as dropped.
    pub async fn stop(self, limit: Duration) -> Snapshot {
        let Self {
            counters,
            stop,
            give_up,
            queue,
            mut reading,
            mut delivering,
            ..
        } = self;
        let deadline = tokio::time::Instant::now() + limit;
        stop.disarm().cancel();
        if timeout_at(deadline, &mut reading).await.is_err() {
            give_up.cancel();
            queue.close();
            ended(reading).await;
        }
        // Without this last handle the delivering task ends when nothing is left.
        drop(queue);
        if timeout_at(deadline, &mut delivering).await.is_err() {
            give_up.cancel();
            ended(delivering).await;
        }
        counters.snapshot()
    }
}

async fn ended(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "a listener's task did not end by itself");
    }
}
