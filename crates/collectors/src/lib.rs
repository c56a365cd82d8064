//! What reaches out or listens: syslog sockets, pulls of cloud findings, the packs that make
//! devices send.
//!
//! So far only the decisions of the GuardDuty pull: every event arrives over HTTP (`web::ingest`)
//! or from a file (`import`). What comes here will deliver into a sink with one method and never
//! know the store.

pub mod guardduty;
