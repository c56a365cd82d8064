//! `migrate`: brings the schema up to date and says so.

use clap::Args;
use domain::time::Clock;
use store::db::Durability;
use store::{Db, migrate};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::Outcome;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk migrate --database-url postgres://irm@localhost/irm"
)]
pub(super) struct Arguments {}

pub(super) async fn run(_: Arguments, config: &Config) -> Outcome {
    let db = Db::open(&config.database_url, Durability::Full).await?;
    let applied = migrate::run(&db, SystemClock.now()).await?;
    println!(
        "{}: {applied} migrations applied, schema version {}",
        db.engine(),
        migrate::version(&db).await?
    );
    db.close().await;
    Ok(())
}
