//! `serve`, `web`, `worker`: long-running roles.

use clap::Args;
use store::db::Durability;

use crate::config::Config;
use crate::failure::Outcome;
use crate::shutdown;
use crate::start::{self, Roles};

/// Everything in one process.
pub(super) const BOTH: Roles = Roles {
    web: true,
    worker: true,
    listeners: true,
};
/// Pages, API and ingest.
pub(super) const WEB: Roles = Roles {
    web: true,
    worker: false,
    listeners: false,
};
/// Jobs.
pub(super) const WORKER: Roles = Roles {
    web: false,
    worker: true,
    listeners: false,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export INTEGRATION_ENCRYPTION_KEY=\"$(insider-risk keys generate)\"\n  insider-risk serve --listen-addr 127.0.0.1:3000"
)]
pub(super) struct Arguments {}

pub(super) async fn run(_: Arguments, config: &Config, roles: Roles) -> Outcome {
    config.require_key()?;
    let stop = shutdown::on_signal()?;
    let db = start::open(config, Durability::Full).await?;
    if let store::Db::Postgres(pool) = &db {
        for setting in store::db::postgres_only::unsafe_settings(pool).await? {
            tracing::warn!(
                "PostgreSQL has {setting}: a crash can lose acknowledged events; switch it on"
            );
        }
    }
    if roles.web {
        start::first_run(config, &db).await?;
    }
    let origin = config.base_url.origin().to_owned();
    start::run(config, db, roles, stop, move |address| {
        tracing::info!(%address, "serving {origin}");
    })
    .await
}
