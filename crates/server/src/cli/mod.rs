//! The commands. Each file is one command: its arguments and what it does.

mod actors;
mod check;
mod collect;
mod demo;
mod evaluate;
mod import;
mod keys;
mod lines;
mod migrate;
mod normalize;
mod openapi;
mod scores;
mod serve;
mod source;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Flags};
use crate::failure::Outcome;
use crate::telemetry;

/// Scores every deviation from what the last 14 days looked like, with reasons that add up
#[derive(Debug, Parser)]
#[command(
    name = "insider-risk",
    version,
    about,
    after_help = "Example:\n  insider-risk demo\n\nSee 'insider-risk COMMAND --help' for an example of every command."
)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load the demo organisation and serve the dashboard
    Demo(demo::Arguments),
    /// Serve web, worker and listeners in one process
    Serve(serve::Arguments),
    /// Serve only pages, API and ingest; syslog listeners run in `serve`
    #[command(
        after_help = "Example:\n  insider-risk web --database-url postgres://irm@localhost/irm"
    )]
    Web(serve::Arguments),
    /// Run only the jobs
    #[command(
        after_help = "Example:\n  insider-risk worker --database-url postgres://irm@localhost/irm"
    )]
    Worker(serve::Arguments),
    /// Listen at the edge and forward to a server
    Collect(collect::Arguments),
    /// Load history from a file and score it
    Import(import::Arguments),
    /// Run history through the scorer without a database
    Evaluate(evaluate::Arguments),
    /// Show what each line of a file would become, without a database
    Normalize(normalize::Arguments),
    /// Bring the database schema up to date
    Migrate(migrate::Arguments),
    /// Check configuration, database, keys, clock and ports
    Check(check::Arguments),
    /// Print a new one-time code for the first administrator
    SetupCode(user::SetupCodeArguments),
    /// Create, list and change users
    User(user::Arguments),
    /// Create, list and change sources and their keys
    Source(source::Arguments),
    /// Take in what is known about actors: departments, time zones, kinds
    Actors(actors::Arguments),
    /// Create personal API tokens
    Token(token::Arguments),
    /// Compute the scores of alerts again
    Scores(scores::Arguments),
    /// Make encryption keys and move stored secrets to a new one
    Keys(keys::Arguments),
    /// Print the OpenAPI document
    Openapi(openapi::Arguments),
}

/// Prints one line of JSON for scripts, or a text for people.
fn print_either(json: bool, value: &serde_json::Value, text: &str) {
    if json {
        println!("{value}");
    } else {
        println!("{text}");
    }
}

/// Parses, runs, and turns the result into an exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A message may repeat what a file or an argument says.
            eprintln!("insider-risk: {}", web::visible(&failure.to_string()));
            ExitCode::from(failure.code())
        }
    }
}

async fn run(arguments: Arguments) -> Outcome {
    let Arguments { flags, command } = arguments;
    match command {
        // What needs no settings must not fail because of them.
        Command::Demo(args) => demo::run(args).await,
        Command::Collect(args) => collect::run(args, &flags).await,
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Keys(args) if args.is_generate() => keys::generate(),
        Command::Normalize(args) => normalize::run(&args),
        Command::Openapi(args) => openapi::run(args),
        Command::Check(args) => check::run(args, &flags).await,
        command => {
            let config = Config::read(&flags)?;
            let serving = matches!(
                command,
                Command::Serve(_) | Command::Web(_) | Command::Worker(_)
            );
            let level = if serving { "info,sqlx=warn" } else { "warn" };
            telemetry::start(config.log_format, level);
            run_with(&config, command).await
        }
    }
}

async fn run_with(config: &Config, command: Command) -> Outcome {
    match command {
        Command::Serve(args) => serve::run(args, config, serve::BOTH).await,
        Command::Web(args) => serve::run(args, config, serve::WEB).await,
        Command::Worker(args) => serve::run(args, config, serve::WORKER).await,
        Command::Import(args) => import::run(args, config).await,
        Command::Migrate(args) => migrate::run(args, config).await,
        Command::SetupCode(args) => user::setup_code(args, config).await,
        Command::User(args) => user::run(args, config).await,
        Command::Source(args) => source::run(args, config).await,
        Command::Actors(args) => actors::run(args, config).await,
        Command::Token(args) => token::run(args, config).await,
        Command::Keys(args) => keys::run(args, config).await,
        Command::Scores(args) => scores::run(args, config).await,
        Command::Demo(_)
        | Command::Collect(_)
        | Command::Evaluate(_)
        | Command::Check(_)
        | Command::Normalize(_)
        | Command::Openapi(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn walk(command: &clap::Command, path: &str, seen: &mut usize) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            let help = sub
                .get_after_help()
                .map_or_else(String::new, ToString::to_string);
            assert!(
                help.contains("Example:\n") && help.contains(&path),
                "{path} --help has no example of its own: {help:?}"
            );
            *seen += 1;
            walk(sub, &path, seen);
        }
    }

    #[test]
    fn every_command_shows_an_example_of_itself() {
        let mut seen = 0;
        walk(&Arguments::command(), "insider-risk", &mut seen);
        assert!(seen > 20, "{seen} commands");
    }
}
