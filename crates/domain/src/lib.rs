//! What things *are* and which changes are legal.
//!
//! Pure types and decisions: ids, time, event, actor, source, alert, rule, score, role.
//! No I/O, no async, no system clock: "now" is always an argument.

pub mod access;
pub mod actor;
pub mod actor_facts;
pub mod alert;
pub mod backtest;
pub mod baseline;
pub mod event;
pub mod id;
pub mod integration;
pub mod redaction;
pub mod rule;
pub mod score;
pub mod secret;
pub mod severity;
pub mod source;
pub mod suppression;
pub mod tenant;
pub mod time;
