//! `keys`: making the master key.

use clap::{Args, Subcommand};

use crate::config::generate_key;
use crate::failure::Outcome;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export INTEGRATION_ENCRYPTION_KEY=\"$(insider-risk keys generate)\""
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a new key: 32 random bytes, base64
    #[command(after_help = "Example:\n  insider-risk keys generate")]
    Generate,
}

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(super) fn run(arguments: &Arguments) -> Outcome {
    match arguments.command {
        Command::Generate => println!("{}", generate_key()),
    }
    Ok(())
}
