//! `openapi`: prints the document clients are generated from.

use clap::Args;

use crate::failure::{Failure, Outcome};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  insider-risk openapi > openapi.json")]
pub(super) struct Arguments {}

pub(super) fn run(_: Arguments) -> Outcome {
    let document = web::openapi().map_err(Failure::Failed)?;
    println!("{document}");
    Ok(())
}
