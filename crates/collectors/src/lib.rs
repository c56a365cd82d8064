//! What reaches out or listens: syslog sockets, the forwarder of an edge collector, pulls of cloud
//! findings, posted webhooks, the packs that make devices send.
//!
//! Nothing here knows the store: pages and messages go into a sink with one method ([`sink::Sink`]
//! for listeners), and the facts a check needs are handed in. Framing and parsing are separate:
//! [`syslog`] makes messages of bytes, `normalize` makes events of messages, and both serve sockets,
//! files and tests alike. Of the GuardDuty pull there are the decisions; the connection to AWS is in
//! a crate of its own.

pub mod checks;
pub mod formats;
pub mod forward;
pub mod guardduty;
pub mod outbound;
pub mod pack;
pub mod provider;
pub mod sink;
pub mod syslog;
pub mod webhook;
