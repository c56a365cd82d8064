//! One file per job.

pub mod backtest;
pub mod baseline;
pub mod pull;
pub mod retention;
pub mod score;
