//! `source`: who may send events.

use clap::{Args, Subcommand};
use domain::source::SourceSettings;
use domain::tenant::Slug;
use domain::time::DAY_US;
use store::api_keys::{self, NewKey};
use store::db::Durability;
use store::{Scope, sources};
use web::keys::{Key, Kind};

use super::print_either;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::start;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  API_KEY=\"$(insider-risk source create vpn | tail -n 1)\"\n\nThe last line printed by create and rotate-key is the key alone."
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
    /// Create a source and print its key once
    #[command(after_help = "Example:\n  insider-risk source create vpn --name 'VPN gateway'")]
    Create {
        /// Short name: lower-case letters, digits and hyphens
        source: String,
        /// Name for people; default: the short name
        #[arg(long)]
        name: Option<String>,
    },
    /// List sources
    #[command(after_help = "Example:\n  insider-risk source list --json")]
    List,
    /// Print a new key; the old ones stay valid for 24 hours
    #[command(after_help = "Example:\n  insider-risk source rotate-key vpn --now")]
    RotateKey {
        /// Short name
        source: String,
        /// End the old keys at once
        #[arg(long)]
        now: bool,
    },
    /// Refuse the source's keys until it is enabled again
    #[command(after_help = "Example:\n  insider-risk source disable vpn")]
    Disable {
        /// Short name
        source: String,
    },
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let db = start::open(config, Durability::Full).await?;
    let scope = start::command_scope(&db, arguments.tenant.as_deref()).await?;
    let json = arguments.json;
    match arguments.command {
        Command::Create { source, name } => create(&scope, &source, name, config, json).await?,
        Command::List => list(&scope, json).await?,
        Command::RotateKey { source, now } => rotate(&scope, &source, now, json).await?,
        Command::Disable { source } => {
            let found = sources::find(&scope, &source)
                .await
                .map_err(|e| named(e, &source))?;
            let settings = SourceSettings {
                enabled: false,
                ..found.settings
            };
            sources::update(&scope, &source, &settings, None).await?;
            print_either(
                json,
                &serde_json::json!({"source": source, "enabled": false}),
                &format!("{source} is disabled"),
            );
        }
    }
    db.close().await;
    Ok(())
}

/// Reads a short name, with the rule in the message when it is none.
pub(super) fn slug(text: &str) -> Outcome<Slug> {
    text.parse()
        .map_err(|e| Failure::configuration(format!("{text:?} is no short name: {e}")))
}

async fn create(
    scope: &Scope,
    source: &str,
    name: Option<String>,
    config: &Config,
    json: bool,
) -> Outcome {
    let slug = slug(source)?;
    let settings = SourceSettings::named(name.as_deref().unwrap_or(source));
    if let Some((field, message)) = settings.problem() {
        return Err(Failure::configuration(format!("--{field}: {message}")));
    }
    let (key, hash) = new_key().await?;
    let new = NewKey {
        public_id: &key.public_id,
        secret_hash: &hash,
    };
    sources::create(scope, &slug, &settings, Some(&new))
        .await
        .map_err(|e| named(e, source))?;
    let url = format!("{}/api/ingest/{source}", config.base_url.origin());
    let key = key.reveal();
    print_either(
        json,
        &serde_json::json!({"source": source, "name": settings.name, "url": url, "key": key}),
        &format!(
            "{source} is created. Post to {url} with the header x-api-key. The key, shown once:\n{key}"
        ),
    );
    Ok(())
}

async fn rotate(scope: &Scope, source: &str, now: bool, json: bool) -> Outcome {
    let (key, hash) = new_key().await?;
    let new = NewKey {
        public_id: &key.public_id,
        secret_hash: &hash,
    };
    let overlap = if now { 0 } else { DAY_US };
    api_keys::rotate(scope, source, &new, overlap)
        .await
        .map_err(|e| named(e, source))?;
    let old = if now {
        "are refused from now on"
    } else {
        "stay valid for 24 hours"
    };
    let key = key.reveal();
    print_either(
        json,
        &serde_json::json!({"source": source, "key": key, "oldKeysEndAtOnce": now}),
        &format!("{source} has a new key; the old ones {old}. The key, shown once:\n{key}"),
    );
    Ok(())
}

async fn new_key() -> Outcome<(Key, String)> {
    let key = Key::generate(Kind::Source);
    let hash = start::hashing().hash_secret(key.secret()).await;
    Ok((key, hash.map_err(|e| Failure::Failed(e.title))?))
}

async fn list(scope: &Scope, json: bool) -> Outcome {
    let all = sources::list(scope).await?;
    if json {
        let rows: Vec<_> = all
            .iter()
            .map(|s| serde_json::json!({"source": s.slug, "name": s.settings.name, "enabled": s.settings.enabled}))
            .collect();
        println!("{}", serde_json::Value::Array(rows));
        return Ok(());
    }
    for source in all {
        let state = if source.settings.enabled {
            "enabled"
        } else {
            "disabled"
        };
        let name = web::visible(&source.settings.name);
        println!("{}\t{name}\t{state}", source.slug);
    }
    Ok(())
}

fn named(error: store::Error, source: &str) -> Failure {
    match error {
        store::Error::NotFound => Failure::Failed(format!("there is no source {source}")),
        store::Error::Exists(what) => Failure::Failed(format!("{source}: {what} exists already")),
        other => other.into(),
    }
}
