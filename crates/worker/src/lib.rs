//! What happens by itself: one file per job, one timetable.
//!
//! A job takes no input; it looks at stored state and does what is missing, so running it twice
//! changes nothing and starting after a crash is the ordinary path. Due times, leases and results
//! live in the database; the cron crate only ticks.

mod error;
pub mod jobs;
mod runner;
mod timetable;

pub use error::{Error, Result};
pub use runner::{Runner, Stop};
pub use timetable::Intervals;
