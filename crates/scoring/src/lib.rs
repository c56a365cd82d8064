//! Profile, baseline, rules, score, explanation: the arithmetic of the product.
//!
//! Pure: no I/O, no clock. The same events, rules and instant give the same score, whatever the
//! order or time in which the events arrived.

pub mod backtest;
pub mod baseline;
pub mod calibrated;
pub mod distinct;
pub mod episode;
pub mod explain;
pub mod grading;
pub mod observation;
pub mod profile;
pub mod receipt;
pub mod rules;
pub mod suppress;
pub mod track;
pub mod words;

/// Version of the arithmetic. Stored with every alert; a change of any formula raises it.
pub const ENGINE: u32 = 1;
