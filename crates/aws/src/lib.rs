//! The only crate that speaks to AWS: the GuardDuty pull behind
//! [`collectors::provider::Provider`].
//!
//! What to ask next, how long to wait and what to remember is decided by
//! [`collectors::guardduty`]; here the questions are put. Each run assumes the integration's role
//! with its external id, under a session name that carries the integration and a session policy
//! that allows three reading calls. The SDK signs and connects; it repeats nothing by itself.
//!
//! A crate of its own because the SDK takes longest to build.

mod bounded;
mod checks;
mod connection;
mod findings;
mod permissions;
mod provider;
mod refusal;
mod run;

pub use bounded::MOST_BYTES;
pub use provider::{GuardDuty, Options};
