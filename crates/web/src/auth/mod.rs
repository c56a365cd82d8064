//! Who is asking: sessions for browsers, personal tokens for scripts, API keys for sources.

pub(crate) mod api_key;
mod bearer;
mod csrf;
pub mod hashing;
pub mod keys;
pub mod password;
mod require;
pub(crate) mod session;

pub(crate) use csrf::{guard, visitor_form};
pub use require::{Permit, Require};
pub(crate) use require::{Visitor, permit};
