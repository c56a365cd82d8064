//! One file per job.

pub mod baseline;
pub mod retention;
pub mod score;
