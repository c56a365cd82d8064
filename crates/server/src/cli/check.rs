//! `check`: everything a start needs, each with its remedy.

use std::time::Duration;

use clap::Args;
use domain::time::Clock;
use store::db::{Durability, postgres_only};
use store::{Db, migrate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::accept;

use crate::clock::SystemClock;
use crate::config::{Config, Flags};
use crate::failure::{Failure, Outcome};
use crate::telemetry;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  insider-risk check\n\nExit code 1 when something must be fixed."
)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only ask the running service on OPS_LISTEN_ADDR whether it is ready
    #[arg(long)]
    ready: bool,
}

/// How long a running service may take to say whether it is ready.
const PATIENCE: Duration = Duration::from_secs(4);

/// One line of the report.
struct Finding {
    what: &'static str,
    ok: bool,
    text: String,
}

impl Finding {
    fn problem(text: &str) -> Self {
        Self {
            what: "configuration",
            ok: false,
            text: text.to_owned(),
        }
    }
}

pub(super) async fn run(arguments: Arguments, flags: &Flags) -> Outcome {
    let (config, problems) = Config::examine(flags)?;
    telemetry::start(config.log_format, "warn");
    report(arguments, &config, &problems).await
}

async fn report(arguments: Arguments, config: &Config, problems: &[String]) -> Outcome {
    let running = probe(&config.ops_listen_addr).await;
    if arguments.ready {
        return match running {
            Some(answer) if answer.ready => {
                println!("{}", answer.text);
                Ok(())
            }
            Some(answer) => Err(Failure::Failed(answer.text)),
            None => Err(Failure::Failed(format!(
                "nothing answers on OPS_LISTEN_ADDR={}",
                config.ops_listen_addr
            ))),
        };
    }
    let mut findings: Vec<_> = problems.iter().map(|p| Finding::problem(p)).collect();
    let told = |variable: &str| problems.iter().any(|p| p.starts_with(variable));
    if !told("INTEGRATION_ENCRYPTION_KEY") {
        findings.push(key(config));
    }
    findings.extend(database(config).await);
    for (what, address) in [
        ("LISTEN_ADDR", &config.listen_addr),
        ("OPS_LISTEN_ADDR", &config.ops_listen_addr),
    ] {
        if !told(what) {
            findings.push(port(what, address, running.is_some()).await);
        }
    }
    let bad = findings.iter().filter(|f| !f.ok).count();
    if arguments.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|f| serde_json::json!({"check": f.what, "ok": f.ok, "message": f.text}))
            .collect();
        println!("{}", serde_json::Value::Array(rows));
    } else {
        for finding in &findings {
            println!(
                "{} {}: {}",
                if finding.ok { "ok  " } else { "FAIL" },
                finding.what,
                finding.text
            );
        }
    }
    if bad > 0 {
        return Err(Failure::Failed(format!("{bad} checks failed")));
    }
    Ok(())
}

fn key(config: &Config) -> Finding {
    let ok = config.master_key.is_some();
    Finding {
        what: "encryption key",
        ok,
        text: if ok {
            "set and strong".to_owned()
        } else {
            "INTEGRATION_ENCRYPTION_KEY is not set: make one with 'insider-risk keys generate'"
                .to_owned()
        },
    }
}

async fn database(config: &Config) -> Vec<Finding> {
    let finding = |what, ok, text: String| Finding { what, ok, text };
    let db = match Db::open(&config.database_url, Durability::Full).await {
        Ok(db) => db,
        Err(error) => {
            return vec![finding(
                "database",
                false,
                format!("DATABASE_URL: {error}; is the server running and the address right?"),
            )];
        }
    };
    let mut findings = vec![finding(
        "database",
        true,
        format!("{} answers", db.engine()),
    )];
    findings.push(match migrate::version(&db).await {
        Ok(version) if version == migrate::known_version() => {
            finding("schema", true, format!("version {version}"))
        }
        Ok(0) => finding(
            "schema",
            true,
            "empty; the first start creates it".to_owned(),
        ),
        Ok(version) if version > migrate::known_version() => finding(
            "schema",
            false,
            format!("version {version} is newer than this program knows: start the newer program"),
        ),
        Ok(version) => finding(
            "schema",
            true,
            format!("version {version}; the next start brings it up to date"),
        ),
        Err(error) => finding("schema", false, error.to_string()),
    });
    findings.push(durability(&db).await);
    findings.push(clock(&db).await);
    db.close().await;
    findings
}

async fn durability(db: &Db) -> Finding {
    let unsafe_settings = match db {
        Db::Sqlite { .. } => Ok(Vec::new()),
        Db::Postgres(pool) => postgres_only::unsafe_settings(pool).await,
    };
    match unsafe_settings {
        Ok(settings) if settings.is_empty() => Finding {
            what: "durability",
            ok: true,
            text: "every commit reaches the disk".to_owned(),
        },
        Ok(settings) => Finding {
            what: "durability",
            ok: false,
            text: format!(
                "{}: a crash can lose acknowledged events; switch on",
                settings.join(", ")
            ),
        },
        Err(error) => Finding {
            what: "durability",
            ok: false,
            text: error.to_string(),
        },
    }
}

async fn clock(db: &Db) -> Finding {
    let now = SystemClock.now();
    let skew = db
        .clock(now)
        .await
        .map(|db| (db.micros() - now.micros()).abs());
    let (ok, text) = match skew {
        Ok(skew) if skew <= 2_000_000 => (true, format!("{} ms from the database", skew / 1000)),
        Ok(skew) => (
            false,
            format!(
                "{} s from the database: run a time service on both machines",
                skew / 1_000_000
            ),
        ),
        Err(error) => (false, error.to_string()),
    };
    Finding {
        what: "clock",
        ok,
        text,
    }
}

async fn port(what: &'static str, address: &str, running: bool) -> Finding {
    let (ok, text) = match accept::listen(address).await {
        Ok(_) => (true, format!("{address} is free")),
        Err(_) if running => (true, format!("{address} is used by the running service")),
        Err(error) => (false, error),
    };
    Finding { what, ok, text }
}

/// What a running service says about itself.
struct Answer {
    ready: bool,
    text: String,
}

/// Asks the operations listener of a running service; `None` when nothing answers like one.
async fn probe(address: &str) -> Option<Answer> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request =
            format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some(Answer {
            ready: head.starts_with("HTTP/1.1 200"),
            text: body.trim().to_owned(),
        })
    };
    tokio::time::timeout(PATIENCE, asked).await.ok()?
}
