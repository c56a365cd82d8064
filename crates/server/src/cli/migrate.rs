//! `migrate`: brings the schema up to date and says so.

use clap::Args;
use domain::time::Clock;
use store::db::Durability;
use store::{Db, migrate};

use super::print_either;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::Outcome;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk migrate --database-url postgres://irm@localhost/irm"
)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let db = Db::open(&config.database_url, Durability::Full).await?;
    let applied = migrate::run(&db, SystemClock.now()).await?;
    let (engine, version) = (db.engine(), migrate::version(&db).await?);
    print_either(
        arguments.json,
        &serde_json::json!({"engine": engine, "applied": applied, "schemaVersion": version}),
        &format!("{engine}: {applied} migrations applied, schema version {version}"),
    );
    db.close().await;
    Ok(())
}
