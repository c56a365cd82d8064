//! What reaches out or listens: pulls of cloud findings, posted webhooks, the packs that make
//! devices send.
//!
//! Nothing here knows the store: pages and events go into a sink with one method, and the facts a
//! check needs are handed in. Of the GuardDuty pull there are the decisions; the connection to AWS is
//! in a crate of its own.

pub mod checks;
pub mod formats;
pub mod guardduty;
pub mod outbound;
pub mod pack;
pub mod provider;
pub mod webhook;
