//! `actors`: what an organisation says about its actors.

pub(super) mod file;

use clap::{Args, Subcommand};
use store::actor_facts::{self, Imported};
use store::db::Durability;

use super::print_either;
use crate::config::Config;
use crate::failure::Outcome;
use crate::start;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  insider-risk actors import people.csv")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The tenant, where several exist
    #[arg(long, global = true)]
    tenant: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in names, departments, time zones and kinds of actors from a CSV file
    #[command(
        after_help = "Example:\n  insider-risk actors import people.csv --dry-run\n\nThe header names the columns. actor is required: who acts, as events name it. Known are name (or\ndisplayName), zone (IANA, such as Europe/Berlin), kind (person, service or device); every other\ncolumn is kept as an attribute. department makes groups of peers, or the attribute named with\n--peer-attribute. Actors without events yet are kept for their first one; actors that are not in\nthe file stay as they are. What is new counts from the next day that is closed; no score is\nrewritten. Running it again changes nothing."
    )]
    Import {
        /// CSV with a header; - is standard input
        file: String,
        /// The column whose value is the actor's group of peers; default: department
        #[arg(long)]
        peer_attribute: Option<String>,
        /// Check the file and print what would change; store nothing
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let Command::Import {
        file,
        peer_attribute,
        dry_run,
    } = arguments.command;
    let said = file::read(&file, peer_attribute.as_deref())?;
    let db = start::open(config, Durability::Full).await?;
    let scope = start::command_scope(&db, arguments.tenant.as_deref()).await?;
    eprintln!("{} actors read", said.len());
    let done = actor_facts::import(&scope, &said, dry_run).await?;
    let mut json = serde_json::to_value(done).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.insert("dryRun".to_owned(), dry_run.into());
    }
    print_either(arguments.json, &json, &told(&done, dry_run));
    db.close().await;
    Ok(())
}

fn told(done: &Imported, dry_run: bool) -> String {
    let since = if done.since.0 == 0 {
        "for every day, as none is closed yet".to_owned()
    } else {
        format!("from {} on", done.since)
    };
    let would = if dry_run { "would be " } else { "" };
    format!(
        "{} new, {} {would}changed, {} as before; {} have no event yet and are kept for their first\n\
         what is new counts {since}",
        done.new, done.changed, done.unchanged, done.waiting
    )
}
