//! Suppressions about to be made, for pages and API alike: what was asked for, and what it would
//! have hidden.

pub(crate) mod draft;
pub(crate) mod preview;
