//! Datagrams: one message each (RFC 5426). Nothing slows a sender down, so whatever cannot be
//! taken is counted, here or by the kernel.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::framing::trimmed;
use super::intake::Intake;
use super::kernel_drops::KernelDrops;
use crate::sink::Received;

/// Datagrams read in one go before others get their turn.
const AT_ONCE: usize = 128;
/// Largest payload of a datagram over IPv4 or IPv6, rounded up.
const LARGEST: usize = 65_536;
/// Datagrams share blocks of memory of this size, which is cheaper than one allocation each.
const BLOCK: usize = 256 * 1024;
/// How often the kernel's account is read.
const ACCOUNT_EVERY: Duration = Duration::from_secs(1);
/// How long a stopping listener goes on emptying the socket.
const LAST_READS: Duration = Duration::from_secs(2);
/// The socket is empty when nothing comes for so long.
const LAST_WAIT: Duration = Duration::from_millis(20);

/// An open socket.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    drops: Option<KernelDrops>,
}

impl Udp {
    pub(super) fn bind(address: SocketAddr, receive_buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM.nonblocking(),
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        enlarge(&socket, receive_buffer)?;
        // The kernel doubles what it grants, for its own bookkeeping (socket(7)).
        let granted = socket.recv_buffer_size()? / 2;
        if granted < receive_buffer {
            tracing::warn!(
                %address, granted, asked = receive_buffer,
                "UDP receive buffer is smaller than asked: raise net.core.rmem_max or give CAP_NET_ADMIN so that bursts are not lost"
            );
        }
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let drops = KernelDrops::of(&socket);
        Ok(Self { socket, drops })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Reads until `stop`, then what the kernel still holds.
    pub(super) async fn run(self, intake: Arc<Intake>, stop: CancellationToken) {
        let mut buffer = BytesMut::new();
        let mut account = interval(ACCOUNT_EVERY);
        account.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = account.tick() => self.account(&intake),
                ready = self.socket.readable() => {
                    if let Err(error) = ready {
                        tracing::error!(%error, listener = %intake.name, "the socket cannot be read");
                        tokio::time::sleep(ACCOUNT_EVERY).await;
                    }
                    self.read(&intake, &mut buffer);
                }
            }
            // Under a flood the socket is always ready; the delivering task needs its turn.
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        while started.elapsed() < LAST_READS
            && timeout(LAST_WAIT, self.socket.readable()).await.is_ok()
        {
            self.read(&intake, &mut buffer);
        }
        self.account(&intake);
    }

    /// Reads up to [`AT_ONCE`] datagrams.
    fn read(&self, intake: &Intake, buffer: &mut BytesMut) {
        let mut messages = Vec::new();
        for _ in 0..AT_ONCE {
            if buffer.capacity() < LARGEST {
                buffer.reserve(BLOCK);
            }
            match self.socket.try_recv_buf_from(buffer) {
                Ok((_, peer)) => messages.extend(judge(intake, &buffer.split().freeze(), peer)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An ICMP answer to nothing we sent; the socket goes on.
                Err(error) => tracing::debug!(%error, "reading a datagram"),
            }
        }
        if let Err(lost) = enqueue(intake, messages) {
            intake.counters.dropped_queue.add(lost);
        }
    }

    fn account(&self, intake: &Intake) {
        if let Some(drops) = self.drops.as_ref().and_then(KernelDrops::read) {
            intake.counters.kernel_drops.set(drops);
        }
    }
}

/// Asks for a receive buffer. With `CAP_NET_ADMIN` the kernel grants it whatever
/// `net.core.rmem_max` says (socket(7), SO_RCVBUFFORCE).
fn enlarge(socket: &Socket, bytes: usize) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, bytes).is_ok() {
        return Ok(());
    }
    socket.set_recv_buffer_size(bytes)
}

/// Counts a datagram; gives it back when it is a message.
fn judge(intake: &Intake, datagram: &Bytes, peer: SocketAddr) -> Option<Received> {
    let counters = &intake.counters;
    counters.bytes.add(datagram.len() as u64);
    let refusal = if !intake.allows(peer.ip()) {
        Some(&counters.rejected_source)
    } else if !intake.within_rate(peer.ip()) {
        Some(&counters.dropped_rate)
    } else if trimmed(datagram).is_empty() {
        Some(&counters.rejected_empty)
    } else {
        None
    };
    if let Some(reason) = refusal {
        counters.received.one();
        reason.one();
        return None;
    }
    let length = trimmed(datagram).len();
    let kept = length.min(intake.settings.max_message);
    Some(intake.receive(datagram.slice(..kept), kept < length, peer))
}

/// All at once, or one by one when the queue is nearly full. The error is the number lost.
fn enqueue(intake: &Intake, messages: Vec<Received>) -> Result<(), u64> {
    if messages.is_empty() {
        return Ok(());
    }
    let Err(messages) = intake.queue.try_send(messages) else {
        return Ok(());
    };
    let lost = messages
        .into_iter()
        .filter_map(|message| intake.queue.try_send(vec![message]).err())
        .count();
    if lost == 0 { Ok(()) } else { Err(lost as u64) }
}
