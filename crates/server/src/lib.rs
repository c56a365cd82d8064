//! The one binary: arguments, configuration, start, stop. Everything else lives in other crates.

pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod failure;
mod listeners;
mod shutdown;
mod start;
mod telemetry;
