//! The only crate with SQL: tenant-scoped, audited, transactional operations on SQLite and
//! PostgreSQL.
//!
//! One SQL text serves both engines ([`db`]); what cannot be said alike lives in
//! [`db::sqlite_only`] and [`db::postgres_only`]. A [`Scope`] is the only way to a tenant's data.
//! One file per aggregate, noun first: `alerts::find`, `sources::create`.

pub mod action_words;
pub mod actor_facts;
pub mod actors;
pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod backtests;
pub mod calibrated;
pub mod collector_instances;
pub mod db;
pub mod drafts;
mod error;
pub mod events;
pub mod excluded_days;
pub mod integrations;
pub mod jobs;
pub mod log;
pub mod migrate;
pub mod overview;
pub mod partitions;
pub mod quarantine;
pub mod receipts;
pub mod retention;
pub mod rules;
pub mod runs;
mod scope;
pub mod scores;
pub mod scoring;
pub mod seal;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod sources;
pub mod suppressions;
pub mod tenants;
pub mod tokens;
pub mod users;
pub mod verification;

pub use db::Db;
pub use error::{Error, Result};
pub use scope::{Principal, Scope, Via};
