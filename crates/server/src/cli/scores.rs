//! `scores`: computing the scores of alerts again from what they were computed from.

use clap::{Args, Subcommand};
use domain::severity::Severity;
use scoring::calibrated::{Organisation, stored};
use scoring::receipt::{self, Inputs, differences, recompute, seal};
use store::Scope;
use store::db::Durability;
use store::receipts::{self, Receipted};

use super::print_either;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::start;

/// Alerts read at once.
const PAGE: u32 = 100;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  insider-risk scores verify")]
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
    /// Compute every alert's score again from its stored inputs and name every difference
    #[command(after_help = "Example:\n  insider-risk scores verify --json")]
    Verify,
}

/// What was found.
#[derive(Debug, Default)]
struct Verified {
    same: usize,
    without: usize,
    problems: Vec<String>,
    differing: usize,
}

pub(super) async fn run(arguments: Arguments, config: &Config) -> Outcome {
    let Command::Verify = arguments.command;
    let db = start::open(config, Durability::Full).await?;
    let scope = start::command_scope(&db, arguments.tenant.as_deref()).await?;
    let found = verify(&scope).await?;
    db.close().await;
    for problem in &found.problems {
        eprintln!("{}", web::visible(problem));
    }
    print_either(
        arguments.json,
        &serde_json::json!({
            "same": found.same, "differing": found.differing,
            "withoutReceipt": found.without, "problems": found.problems,
        }),
        &format!(
            "{} alerts come to the same again, {} differ, {} were raised before receipts were kept",
            found.same, found.differing, found.without
        ),
    );
    if found.differing > 0 {
        return Err(Failure::Failed(format!(
            "{} alerts are not what they were computed from",
            found.differing
        )));
    }
    Ok(())
}

async fn verify(scope: &Scope) -> Outcome<Verified> {
    let mut found = Verified::default();
    let mut after = 0;
    loop {
        let page = receipts::after(scope, after, PAGE).await?;
        let Some(last) = page.last().map(|alert| alert.id) else {
            return Ok(found);
        };
        after = last;
        for alert in &page {
            let problems = check(scope, alert).await?;
            match problems {
                None => found.without += 1,
                Some(problems) if problems.is_empty() => found.same += 1,
                Some(problems) => {
                    found.differing += 1;
                    let line = |problem| format!("{}: {problem}", alert.code);
                    found.problems.extend(problems.into_iter().map(line));
                }
            }
        }
    }
}

/// What is wrong with one alert; `None` when it has no receipt.
async fn check(scope: &Scope, alert: &Receipted) -> Outcome<Option<Vec<String>>> {
    let Some(kept) = &alert.receipt else {
        return Ok(None);
    };
    let snapshot = match &alert.snapshot {
        Ok(snapshot) => snapshot,
        Err(why) => return Ok(Some(vec![format!("the snapshot cannot be read: {why}")])),
    };
    let mut problems = Vec::new();
    let hash = seal(
        snapshot,
        &alert.sentence,
        &kept.inputs,
        kept.reference.as_deref(),
    );
    if hash.as_deref() != Some(kept.sha256.as_str()) {
        let hash = hash.unwrap_or_default();
        problems.push(format!("the receipt is {}, recomputed {hash}", kept.sha256));
    }
    if alert.score != snapshot.score() {
        let rows = snapshot.score();
        problems.push(format!(
            "the score is {}, its rows sum to {rows}",
            alert.score
        ));
    }
    let severity = Severity::of_score(alert.score);
    if alert.severity != Some(severity) {
        problems.push(format!(
            "the severity does not fit the score {}",
            alert.score
        ));
    }
    let Ok(inputs) = stored::from_bytes::<Inputs>(&kept.inputs) else {
        problems.push("the inputs cannot be read".to_owned());
        return Ok(Some(problems));
    };
    let organisation = match &kept.reference {
        Some(hash) => reference(scope, hash, &mut problems).await?,
        None => None,
    };
    match recompute(snapshot, &inputs, organisation.as_ref()) {
        Ok(again) => problems.extend(differences(snapshot, &again)),
        Err(why) => problems.push(format!("cannot be recomputed: {why}")),
    }
    Ok(Some(problems))
}

async fn reference(
    scope: &Scope,
    hash: &str,
    problems: &mut Vec<String>,
) -> Outcome<Option<Organisation>> {
    let Some(bytes) = receipts::reference(scope, hash).await? else {
        return Ok(None);
    };
    if receipt::sha256(&bytes) != hash {
        problems.push("the organisation's numbers are not those of the receipt".to_owned());
    }
    Ok(stored::from_bytes::<Organisation>(&bytes).ok())
}
