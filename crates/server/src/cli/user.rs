//! `user` and `setup-code`: who may sign in.

use clap::{Args, Subcommand};
use domain::access::Role;
use store::db::Durability;
use store::users::{self, NewUser};

use super::print_either;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::start;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk user create mia@example.org --role analyst-l1\n\nThe last line printed by create and reset-password is a one-time password."
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
    /// Create a user with a one-time password
    #[command(
        after_help = "Example:\n  insider-risk user create mia@example.org --role analyst-l1 --name 'Mia Okafor'"
    )]
    Create {
        /// E-mail address
        email: String,
        /// admin, detection-engineer, analyst-l2, analyst-l1, approver or read-only
        #[arg(long)]
        role: String,
        /// Name shown on pages; default: the part before the @
        #[arg(long)]
        name: Option<String>,
    },
    /// List users
    #[command(after_help = "Example:\n  insider-risk user list --json")]
    List,
    /// Replace a password by a one-time one and end all sessions
    #[command(after_help = "Example:\n  insider-risk user reset-password mia@example.org")]
    ResetPassword {
        /// E-mail address
        email: String,
    },
    /// Refuse sign-in and end all sessions and tokens
    #[command(after_help = "Example:\n  insider-risk user disable mia@example.org")]
    Disable {
        /// E-mail address
        email: String,
    },
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let db = start::open(config, Durability::Full).await?;
    let scope = start::command_scope(&db, arguments.tenant.as_deref()).await?;
    let json = arguments.json;
    match arguments.command {
        Command::Create { email, role, name } => create(&scope, &email, &role, name, json).await?,
        Command::List => list(&scope, json).await?,
        Command::ResetPassword { email } => {
            let password = one_time_password();
            let hash = hash(&password).await?;
            let done = users::set_password(&scope, &email, &hash, true, None).await;
            done.map_err(|e| named(e, &email))?;
            print_either(
                json,
                &serde_json::json!({"email": email, "oneTimePassword": password}),
                &format!(
                    "{email} must sign in with this one-time password and replace it:\n{password}"
                ),
            );
        }
        Command::Disable { email } => {
            users::disable(&scope, &email)
                .await
                .map_err(|e| named(e, &email))?;
            print_either(
                json,
                &serde_json::json!({"email": email, "disabled": true}),
                &format!("{email} is disabled; all sessions have ended"),
            );
        }
    }
    db.close().await;
    Ok(())
}

async fn create(
    scope: &store::Scope,
    email: &str,
    role: &str,
    name: Option<String>,
    json: bool,
) -> Outcome {
    let role = Role::from_word(role).ok_or_else(|| {
        let words: Vec<_> = Role::ALL.iter().map(|r| r.word()).collect();
        Failure::configuration(format!("--role {role}: choose one of {}", words.join(", ")))
    })?;
    let Some((local, _)) = email.split_once('@').filter(|_| web::is_email(email)) else {
        return Err(Failure::configuration(format!(
            "{email} is not an e-mail address"
        )));
    };
    let password = one_time_password();
    let hash = hash(&password).await?;
    let new = NewUser {
        email,
        name: name.as_deref().unwrap_or(local),
        password_hash: &hash,
        role,
        must_change_password: true,
    };
    users::create(scope, &new)
        .await
        .map_err(|e| named(e, email))?;
    print_either(
        json,
        &serde_json::json!({"email": email, "role": role.word(), "oneTimePassword": password}),
        &format!(
            "{email} is created as {role}. One-time password, to be replaced at the first sign-in:\n{password}"
        ),
    );
    Ok(())
}

async fn list(scope: &store::Scope, json: bool) -> Outcome {
    let users = users::list(scope).await?;
    if json {
        let rows: Vec<_> = users
            .iter()
            .map(|u| serde_json::json!({"email": u.email, "name": u.name, "role": u.role.word(), "disabled": u.disabled, "lastSignInAt": u.last_sign_in_at}))
            .collect();
        println!("{}", serde_json::Value::Array(rows));
        return Ok(());
    }
    for user in users {
        let state = if user.disabled { "disabled" } else { "active" };
        let (email, name) = (web::visible(&user.email), web::visible(&user.name));
        println!("{email}\t{name}\t{}\t{state}", user.role);
    }
    Ok(())
}

/// 120 random bits in groups that can be read aloud.
fn one_time_password() -> String {
    let bits = web::hidden::random::<16>();
    let (a, b) = bits.split_at(8);
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |v, b| (v << 8) | u64::from(*b));
    let text = domain::id::crockford(number(a), 12) + &domain::id::crockford(number(b), 12);
    let groups: Vec<String> = text
        .as_bytes()
        .chunks(6)
        .map(|c| String::from_utf8_lossy(c).into_owned())
        .collect();
    groups.join("-")
}

async fn hash(password: &str) -> Outcome<String> {
    let hash = start::hashing().hash_password(password).await;
    hash.map_err(|e| Failure::Failed(e.title))
}

fn named(error: store::Error, email: &str) -> Failure {
    match error {
        store::Error::NotFound => Failure::Failed(format!("there is no user {email}")),
        store::Error::Exists(what) => Failure::Failed(format!("{email}: {what} exists already")),
        other => other.into(),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  insider-risk setup-code")]
pub(super) struct SetupCodeArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn setup_code(arguments: SetupCodeArguments, config: &Config) -> Outcome {
    let db = start::open(config, Durability::Full).await?;
    let code = start::issue_setup_code(&db).await?;
    db.close().await;
    match code {
        Some(code) => {
            let url = format!("{}/setup", config.base_url.origin());
            print_either(
                arguments.json,
                &serde_json::json!({"url": url, "setupCode": code}),
                &format!("Open {url} and use this code. Earlier codes no longer work.\n{code}"),
            );
            Ok(())
        }
        None => Err(Failure::Failed(
            "an administrator exists already; use 'user create' or 'user reset-password'"
                .to_owned(),
        )),
    }
}
