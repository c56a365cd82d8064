//! Streams: accepting connections under caps, and reading one connection. A stream is never
//! dropped: when the queue is full it is not read, and the sender waits.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::framing::Framer;
use super::intake::Intake;

/// Bytes read at once from a connection.
const READ: usize = 16 * 1024;
/// Bytes a stopping listener still takes from one connection: more than a kernel holds for it by
/// default, so that what the sender believes delivered is delivered.
const LAST_BYTES: usize = 16 * 1024 * 1024;
/// A connection holds nothing more when nothing comes for so long.
const LAST_WAIT: Duration = Duration::from_millis(20);
/// How long the orderly end of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause after a failed accept; the usual reason is that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// After so much silence the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// Connections that are open, by address.
#[derive(Debug, Default)]
struct Open(Mutex<HashMap<IpAddr, usize>>);

/// An accepted connection's place; given back when dropped.
struct Place {
    open: Arc<Open>,
    intake: Arc<Intake>,
    address: IpAddr,
}

impl Place {
    fn take(open: &Arc<Open>, intake: &Arc<Intake>, address: IpAddr) -> Option<Self> {
        let address = address.to_canonical();
        let settings = &intake.settings;
        let mut table = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = table.values().sum();
        let here = table.get(&address).copied().unwrap_or(0);
        if total >= settings.connections || here >= settings.connections_per_address {
            return None;
        }
        table.insert(address, here + 1);
        intake.counters.connections_accepted.one();
        intake.counters.connections_open.one();
        Some(Self {
            open: Arc::clone(open),
            intake: Arc::clone(intake),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = table.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                table.remove(&self.address);
            }
        }
        self.intake.counters.connections_open.take();
    }
}

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts until `stop`, then waits until every connection has ended.
pub(super) async fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    intake: Arc<Intake>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let open = Arc::new(Open::default());
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = admit(&open, &intake, peer) {
                        let (tls, stop) = (tls.clone(), stop.clone());
                        connections.spawn(serve(stream, peer, tls, place, stop));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, listener = %intake.name, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn admit(open: &Arc<Open>, intake: &Arc<Intake>, peer: SocketAddr) -> Option<Place> {
    let counters = &intake.counters;
    if !intake.allows(peer.ip()) {
        counters.connections_refused_source.one();
        return None;
    }
    let place = Place::take(open, intake, peer.ip());
    if place.is_none() {
        counters.connections_refused_full.one();
    }
    place
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    place: Place,
    stop: CancellationToken,
) {
    let intake = &place.intake;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "keep-alive was not set");
    }
    let Some(tls) = tls else {
        read(stream, peer, intake, &stop).await;
        return;
    };
    let handshake = timeout(intake.settings.handshake, tls.accept(stream));
    let outcome = tokio::select! {
        () = stop.cancelled() => return,
        outcome = handshake => outcome,
    };
    match outcome {
        Ok(Ok(stream)) => read(stream, peer, intake, &stop).await,
        Ok(Err(error)) => {
            intake.counters.connections_refused_tls.one();
            tracing::debug!(%error, %peer, "TLS handshake failed");
        }
        Err(_) => intake.counters.connections_refused_tls.one(),
    }
}

/// What waiting for bytes led to.
enum Read {
    Bytes(usize),
    Silence,
    End,
    Stop,
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    peer: SocketAddr,
    intake: &Intake,
    stop: &CancellationToken,
) {
    let mut connection = Connection::new(intake, peer);
    let mut buffer = vec![0; READ];
    loop {
        let patience = connection.patience();
        match wait(&mut stream, &mut buffer, patience, stop).await {
            Read::Bytes(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                let pause = connection.take(bytes).await;
                if !pause.is_zero() {
                    tokio::select! { () = stop.cancelled() => {}, () = sleep(pause) => {} }
                }
            }
            Read::Silence => {
                if !connection.fell_silent().await {
                    break;
                }
            }
            Read::End => break,
            Read::Stop => {
                connection
                    .take_what_has_come(&mut stream, &mut buffer)
                    .await;
                break;
            }
        }
    }
    connection.close().await;
    // Says goodbye: a TLS client takes a silent end for an attack.
    if let Ok(Err(error)) = timeout(FAREWELL, stream.shutdown()).await {
        tracing::debug!(%error, %peer, "a connection did not end in order");
    }
}

async fn wait<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut [u8],
    patience: Duration,
    stop: &CancellationToken,
) -> Read {
    tokio::select! {
        biased;
        () = stop.cancelled() => Read::Stop,
        read = timeout(patience, stream.read(buffer)) => match read {
            Ok(Ok(0) | Err(_)) => Read::End,
            Ok(Ok(count)) => Read::Bytes(count),
            Err(_) => Read::Silence,
        }
    }
}

/// One stream's framing and its way into the queue.
struct Connection<'a> {
    intake: &'a Intake,
    peer: SocketAddr,
    framer: Framer,
    refused_counts: u64,
    /// Bytes have come.
    begun: bool,
}

impl<'a> Connection<'a> {
    fn new(intake: &'a Intake, peer: SocketAddr) -> Self {
        let settings = &intake.settings;
        Self {
            intake,
            peer,
            framer: Framer::new(settings.framing, settings.max_message),
            refused_counts: 0,
            begun: false,
        }
    }

    /// How long to wait for the next byte.
    fn patience(&self) -> Duration {
        let settings = &self.intake.settings;
        if !self.begun {
            settings.first_byte
        } else if !self.framer.awaits_quiet() {
            settings.idle
        } else if self.framer.delimits() {
            settings.quiet_delimited
        } else {
            settings.quiet
        }
    }

    /// Returns how long the sender must not be read.
    async fn take(&mut self, bytes: &[u8]) -> Duration {
        self.begun = true;
        let counters = &self.intake.counters;
        counters.bytes.add(bytes.len() as u64);
        let mut frames = Vec::new();
        self.framer.push(Bytes::copy_from_slice(bytes), &mut frames);
        let refused = self.framer.refused_counts();
        counters.refused_counts.add(refused - self.refused_counts);
        self.refused_counts = refused;
        let pause = self.intake.pause_for(self.peer.ip(), frames.len());
        self.intake.accept(frames, self.peer).await;
        pause
    }

    /// False when the connection has been silent for too long.
    async fn fell_silent(&mut self) -> bool {
        if !self.framer.awaits_quiet() {
            self.intake.counters.connections_idle.one();
            return false;
        }
        let mut frames = Vec::new();
        self.framer.quiet(&mut frames);
        self.intake.accept(frames, self.peer).await;
        true
    }

    /// Bytes that had arrived before the listener was stopped.
    async fn take_what_has_come<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        buffer: &mut [u8],
    ) {
        let mut taken = 0;
        while taken < LAST_BYTES {
            let Ok(Ok(count @ 1..)) = timeout(LAST_WAIT, stream.read(buffer)).await else {
                return;
            };
            taken += count;
            self.take(buffer.get(..count).unwrap_or_default()).await;
        }
    }

    async fn close(mut self) {
        let mut frames = Vec::new();
        self.framer.close(&mut frames);
        self.intake.accept(frames, self.peer).await;
    }
}
