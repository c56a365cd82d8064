//! What reaches out or listens: syslog sockets, the forwarder of an edge collector,
//! and the decisions of the GuardDuty pull.
//!
//! A listener delivers into a [`sink::Sink`] with one method and never knows the store. Framing
//! and parsing are separate: [`syslog`] makes messages of bytes, `normalize` makes events of
//! messages, and both serve sockets, files and tests alike.

pub mod forward;
pub mod guardduty;
pub mod sink;
pub mod syslog;
