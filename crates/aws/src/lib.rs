//! The only crate that speaks to AWS.
