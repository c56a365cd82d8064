//! `keys`: making the master key, and moving stored secrets to a new one.

use clap::{Args, Subcommand};
use domain::time::Clock;
use store::db::Durability;
use store::{Principal, Scope, Via, secrets, tenants};

use crate::clock::SystemClock;
use crate::config::{Config, generate_key};
use crate::failure::{Failure, Outcome};
use crate::start;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export INTEGRATION_ENCRYPTION_KEY=\"$(insider-risk keys generate)\"\n\nTo change the key: put the old one into INTEGRATION_ENCRYPTION_KEY_PREVIOUS and the new one into INTEGRATION_ENCRYPTION_KEY, restart, run 'insider-risk keys rotate', then remove the old one."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

impl Arguments {
    /// True when no settings are needed.
    pub(super) fn is_generate(&self) -> bool {
        matches!(self.command, Command::Generate)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a new key: 32 random bytes, base64
    #[command(after_help = "Example:\n  insider-risk keys generate")]
    Generate,
    /// Move stored secrets to the current key; can be stopped and started again, beside a running service
    #[command(after_help = "Example:\n  insider-risk keys rotate")]
    Rotate {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(super) fn generate() -> Outcome {
    println!("{}", generate_key());
    Ok(())
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let Command::Rotate { json } = arguments.command else {
        return generate();
    };
    let ring = config.key_ring()?;
    let db = start::open(config, Durability::Full).await?;
    let (mut moved, mut unreadable) = (0, 0);
    for tenant in tenants::list(&db).await? {
        let (who, via) = (Principal::CommandLine, Via::CommandLine);
        let scope = Scope::new(db.clone(), tenant, who, via, SystemClock.now());
        let done = secrets::reseal(&scope, &ring).await?;
        moved += done.moved;
        unreadable += done.unreadable;
    }
    let census = secrets::census(&db).await?;
    db.close().await;
    report(&census, ring.current_id(), moved, json);
    if unreadable > 0 {
        return Err(Failure::Failed(format!(
            "{unreadable} secrets could not be opened and stay as they are: add the key that sealed them to INTEGRATION_ENCRYPTION_KEY_PREVIOUS, or store them again"
        )));
    }
    Ok(())
}

/// Records per key; an old key can be removed once it has none.
fn report(census: &[(String, i64)], current: &str, moved: u64, json: bool) {
    if json {
        let keys: Vec<_> = census
            .iter()
            .map(|(id, n)| serde_json::json!({"key": id, "records": n, "current": id == current}))
            .collect();
        println!("{}", serde_json::json!({"moved": moved, "keys": keys}));
        return;
    }
    println!("{moved} secrets moved to the key {current}");
    if census.is_empty() {
        println!("no secret is stored");
    }
    for (id, records) in census {
        let state = if id == current {
            "current"
        } else {
            "still needed"
        };
        println!("{id}\t{records} records\t{state}");
    }
    println!(
        "Values that sources hash before storage are hashed with the current key from now on; they do not equal earlier hashes."
    );
}
