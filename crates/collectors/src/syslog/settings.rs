//! What can be set at a listener.

use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

use super::framing::Framing;

/// Limits of one listener. Everything that comes from outside has one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How streams are cut into messages. Default: decided for each message.
    pub framing: Framing,
    /// Bytes of a message that are kept. Default 64 KiB. Raise it for devices that send dumps.
    pub max_message: usize,
    /// Networks that may send; empty means everybody. Set it wherever the network is not trusted.
    pub allow: Vec<IpNet>,
    /// Messages a second and sender. Datagrams beyond it are dropped, streams are slowed down.
    /// Default: no limit.
    pub rate_per_sender: Option<NonZeroU32>,
    /// Connections at the same time. Default 1,000.
    pub connections: usize,
    /// Connections at the same time from one address. Default 100. Raise it for senders behind
    /// one NAT address.
    pub connections_per_address: usize,
    /// A connection that has sent nothing for so long is closed. Default one hour: many senders
    /// lose a message when their connection was closed behind their back.
    pub idle: Duration,
    /// A connection whose first byte does not come in this time is closed. Default one minute.
    pub first_byte: Duration,
    /// A TLS handshake must be over in this time. Default 10 s.
    pub handshake: Duration,
    /// Silence that ends a message of a sender that has not shown any delimiter. Default 1 s.
    pub quiet: Duration,
    /// Silence that ends a message of a sender that uses delimiters or counts. Default 10 s, so
    /// that a slow network does not cut messages in two.
    pub quiet_delimited: Duration,
    /// Receive buffer asked of the kernel for a UDP socket, in bytes. Default 8 MiB; the kernel
    /// grants up to `net.core.rmem_max`.
    pub receive_buffer: usize,
    /// Memory for messages that wait for the sink, in bytes. Default 32 MiB for datagrams, which
    /// are lost when it is full. A stream only waits, and is cheaper when what it brings is still
    /// in the processor's cache; its listener uses 4 MiB at most.
    pub queue_bytes: usize,
    /// Messages delivered together at most. Default 2,000.
    pub batch_messages: usize,
    /// How long the first message of a batch waits for others. Default 200 ms.
    pub linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            framing: Framing::Auto,
            max_message: 64 * 1024,
            allow: Vec::new(),
            rate_per_sender: None,
            connections: 1000,
            connections_per_address: 100,
            idle: Duration::from_hours(1),
            first_byte: Duration::from_mins(1),
            handshake: Duration::from_secs(10),
            quiet: Duration::from_secs(1),
            quiet_delimited: Duration::from_secs(10),
            receive_buffer: 8 * 1024 * 1024,
            queue_bytes: 32 * 1024 * 1024,
            batch_messages: 2000,
            linger: Duration::from_millis(200),
        }
    }
}
