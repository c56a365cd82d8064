//! `insider-risk`: parses, runs, turns the result into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main()
}
