//! `token`: personal API tokens.

use clap::{Args, Subcommand};
use store::db::Durability;
use store::{tokens, users};
use web::hidden;
use web::keys::{Key, Kind};

use super::print_either;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::start;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  TOKEN=\"$(insider-risk token create --user mia@example.org --name nightly | tail -n 1)\"\n  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:3000/api/alerts"
)]
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
    /// Create a token that acts as a user; its last line of output is the token alone
    #[command(
        after_help = "Example:\n  insider-risk token create --user mia@example.org --name nightly"
    )]
    Create {
        /// E-mail address of the user
        #[arg(long)]
        user: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
    },
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let db = start::open(config, Durability::Full).await?;
    let scope = start::command_scope(&db, arguments.tenant.as_deref()).await?;
    let Command::Create { user, name } = arguments.command;
    let found = match users::find(&scope, &user).await {
        Err(store::Error::NotFound) => {
            return Err(Failure::Failed(format!("there is no user {user}")));
        }
        other => other?,
    };
    let key = Key::generate(Kind::Personal);
    tokens::create(
        &scope,
        &found,
        &name,
        &key.public_id,
        &hidden::hash(key.secret()),
    )
    .await?;
    let token = key.reveal();
    print_either(
        arguments.json,
        &serde_json::json!({"user": user, "name": name, "role": found.role.word(), "token": token}),
        &format!(
            "A token of {user} with the role {}. Shown once:\n{token}",
            found.role
        ),
    );
    db.close().await;
    Ok(())
}
