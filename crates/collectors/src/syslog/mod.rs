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
    local: SocketAddr,
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
    let settings = Arc::new(settings);
    let counters = Arc::new(Counters::default());
    let (queue, outlet) = queue::bounded(settings.queue_bytes);
    let name = address.to_string().into();
    let intake = Arc::new(Intake::new(
        name,
        Arc::clone(&settings),
        Arc::clone(&counters),
        clock,
        queue.clone(),
    ));
    let stop = CancellationToken::new();
    let (local, reading) = read(address, tls, intake, stop.clone())?;
    let give_up = CancellationToken::new();
    let delivering = tokio::spawn(queue::deliver_all(
        outlet,
        sink,
        Arc::clone(&counters),
        settings,
        give_up.clone(),
    ));
    Ok(Listener {
        address,
        local,
        counters,
        stop: stop.drop_guard(),
        give_up,
        queue,
        reading,
        delivering,
    })
}

fn read(
    address: ListenAddress,
    tls: Option<TlsAcceptor>,
    intake: Arc<Intake>,
    stop: CancellationToken,
) -> Result<(SocketAddr, JoinHandle<()>), StartError> {
    let failed = |source| StartError::Bind { address, source };
    if address.transport == Transport::Udp {
        let udp = udp::Udp::bind(address.socket, intake.settings.receive_buffer).map_err(failed)?;
        let local = udp.local_addr().map_err(failed)?;
        return Ok((local, tokio::spawn(udp.run(intake, stop))));
    }
    let tls = match (address.transport, tls) {
        (Transport::Tls, None) => return Err(StartError::NoCertificate(address)),
        (Transport::Tls, tls) => tls,
        _ => None,
    };
    let listener = tcp::bind(address.socket).map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    let reading = tokio::spawn(tcp::run(listener, tls, intake, stop));
    Ok((local, reading))
}

impl Listener {
    /// The address as configured.
    pub fn address(&self) -> ListenAddress {
        self.address
    }

    /// The socket's address, with the port the system chose.
    pub fn local(&self) -> SocketAddr {
        self.local
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
