//! `demo`: an embedded database, the demo organisation through the real pipeline, the dashboard.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use domain::access::Role;
use domain::alert::{Move, Status};
use domain::redaction::Redaction;
use domain::score::Points;
use domain::source::{Source, SourceSettings};
use domain::tenant::Slug;
use domain::time::{Clock, DAY_US, HOUR_US, MINUTE_US, Timestamp, Zone};
use normalize::{Copies, Intake, Verdict, accept};
use store::alerts::{self, Filter, Order};
use store::db::Durability;
use store::log::{Appender, Batch};
use store::tenants::NewTenant;
use store::users::{self, NewUser};
use store::{Db, Principal, Scope, Via, migrate, overview, quarantine, sources, tenants};
use tokio::sync::Notify;
use worker::jobs::{baseline, score::Scorer};

use super::import::alert_json;
use crate::clock::SystemClock;
use crate::config::{Config, MasterKey, generate_key};
use crate::demo::{self, DemoEvent};
use crate::failure::{Failure, Outcome};
use crate::shutdown;
use crate::start::{self, Roles};
use crate::telemetry;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  insider-risk demo --port 3001")]
pub(super) struct Arguments {
    /// Port on 127.0.0.1
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Folder of the embedded database
    #[arg(long, default_value = "data/demo")]
    data: PathBuf,
    /// Load, print a summary with the alerts, and end
    #[arg(long)]
    no_serve: bool,
    /// Print the summary as JSON
    #[arg(long, requires = "no_serve")]
    json: bool,
    /// Start over: delete the demo database first
    #[arg(long)]
    reset: bool,
}

/// The file that says that the first load is complete.
const LOADED: &str = "loaded";
/// Who signs in to the demo.
const EMAIL: &str = "analyst@harbourfinch.example";
/// Time of the organisation that passes between two scoring passes while it is loaded: short in
/// the last two weeks, where alerts must be detected when they happened, a day before that.
const STEP_US: i64 = 15 * MINUTE_US;
const RECENT_US: i64 = 14 * DAY_US;
/// How soon after an event it is scored.
const PROMPT_US: i64 = 5_000_000;
/// How long the analyst of the demo took to look at the alert that is closed already.
const UNTIL_CLOSED_US: i64 = 38 * MINUTE_US;

/// The clock of the time that is being loaded: what happened then was detected then.
#[derive(Debug)]
struct Then(Timestamp);

impl Clock for Then {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn step(event: &DemoEvent, now: Timestamp) -> i64 {
    let recent = now.micros() - event.at.micros() < RECENT_US;
    let length = if recent { STEP_US } else { DAY_US };
    event.at.micros().div_euclid(length) * length
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let folder = Folder::prepare(&arguments)?;
    let mut config = Config::demo(&folder.database(), arguments.port)?;
    telemetry::start(config.log_format, "warn");
    config.master_key = Some(folder.key()?);
    let stop = shutdown::on_signal()?;
    let db = Db::open(&config.database_url, Durability::Normal).await?;
    migrate::run(&db, SystemClock.now()).await?;
    let tenant = tenants::first_or_create(&db, &new_tenant(&config), SystemClock.now()).await?;
    let principal = Principal::System("demo");
    let scope = Scope::new(
        db.clone(),
        tenant,
        principal,
        Via::CommandLine,
        SystemClock.now(),
    );
    let password = folder.password()?;
    create_user(&scope, &password).await?;
    load(&db, &scope, &folder).await?;
    summary(&scope, arguments.json).await?;
    if arguments.no_serve {
        db.close().await;
        return Ok(());
    }
    let password = valid(&db, password).await?;
    let password = password.as_deref().unwrap_or("the one you have set");
    let roles = Roles {
        web: true,
        worker: true,
        listeners: true,
    };
    start::run(&config, db, roles, stop, |address| {
        println!("\n  Dashboard  http://{address}\n  E-mail     {EMAIL}\n  Password   {password}\n\nCtrl-C stops it.");
    })
    .await
}

/// The folder of the demo: database, key and password, readable by the owner only.
struct Folder(PathBuf);

impl Folder {
    fn prepare(arguments: &Arguments) -> Outcome<Self> {
        let folder = Self(arguments.data.clone());
        if arguments.reset {
            for name in ["demo.db", "demo.db-wal", "demo.db-shm", LOADED] {
                remove(&folder.0.join(name))?;
            }
        }
        std::fs::create_dir_all(&folder.0)
            .map_err(|e| Failure::Failed(format!("--data {}: {e}", folder.0.display())))?;
        Ok(folder)
    }

    fn database(&self) -> String {
        format!("sqlite://{}", self.0.join("demo.db").display())
    }

    /// Whether the first load of this organisation has come to its end. The mark names the
    /// organisation, so that it says nothing about another database in the same folder.
    fn is_loaded(&self, scope: &Scope) -> bool {
        let mark = std::fs::read_to_string(self.0.join(LOADED));
        mark.is_ok_and(|mark| mark.trim() == scope.tenant.key.0.to_string())
    }

    fn mark_loaded(&self, scope: &Scope) -> Outcome {
        remove(&self.0.join(LOADED))?;
        write_private(&self.0.join(LOADED), &scope.tenant.key.0.to_string())
    }

    fn key(&self) -> Outcome<MasterKey> {
        MasterKey::parse(&self.secret("key", generate_key)?)
    }

    fn password(&self) -> Outcome<String> {
        self.secret("password", || {
            web::hidden::random_text().chars().take(20).collect()
        })
    }

    /// Reads a secret, or makes one that stays.
    fn secret(&self, name: &str, make: impl FnOnce() -> String) -> Outcome<String> {
        let path = self.0.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secret = make();
                write_private(&path, &secret)?;
                Ok(secret)
            }
            Err(error) => Err(Failure::Failed(format!("{}: {error}", path.display()))),
        }
    }
}

fn remove(path: &Path) -> Outcome {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::Failed(format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn write_private(path: &Path, text: &str) -> Outcome {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.map_err(|e| Failure::Failed(format!("{}: {e}", path.display())))?;
    Ok(writeln!(file, "{text}")?)
}

fn new_tenant(config: &Config) -> NewTenant {
    NewTenant {
        name: "Harbour & Finch".to_owned(),
        zone: Zone::named(demo::ZONE).unwrap_or_else(|_| Zone::utc()),
        demo: true,
        alert_threshold: Points::whole(60),
        ..config.first_tenant()
    }
}

async fn create_user(scope: &Scope, password: &str) -> Outcome {
    if users::count(scope.database()).await? > 0 {
        return Ok(());
    }
    let hash = start::hashing().hash_password(password).await;
    let hash = hash.map_err(|e| Failure::Failed(e.title))?;
    let new = NewUser {
        email: EMAIL,
        name: "Mia Okafor",
        password_hash: &hash,
        role: Role::Admin,
        must_change_password: false,
    };
    users::create(scope, &new).await?;
    Ok(())
}

/// The password, as long as it is the one that opens the demo.
async fn valid(db: &Db, password: String) -> Outcome<Option<String>> {
    let Some(known) = users::credentials(db, EMAIL).await? else {
        return Ok(None);
    };
    let hash = Some(known.password_hash);
    let right = start::hashing().verify_password(&password, hash).await;
    let right = right.map_err(|e| Failure::Failed(e.title))?;
    Ok((right && !known.user.disabled).then_some(password))
}

/// Loads what is missing: everything the first time, what an interrupted first time left out, the
/// time since the last event later.
async fn load(db: &Db, scope: &Scope, folder: &Folder) -> Outcome {
    let now = SystemClock.now();
    let complete = folder.is_loaded(scope);
    let all = demo_sources(scope, complete).await?;
    let anchor = all.iter().map(|s| s.created_at).min().unwrap_or(now);
    let newest = overview::arrivals(scope, 0).await?;
    let newest = newest
        .iter()
        .filter(|a| all.iter().any(|s| s.id == a.source));
    let newest = newest.map(|a| a.last_occurred_at).max();
    let from = match newest {
        None => demo::begin(anchor),
        // The step that was interrupted may lack sources; what is there already stays once.
        Some(at) if !complete => at.plus(-DAY_US - HOUR_US),
        Some(at) if now.micros() - at.micros() > DAY_US => at.plus(-HOUR_US),
        Some(_) => return Ok(()),
    };
    let events = tokio::task::spawn_blocking(move || demo::events(anchor, from, now)).await;
    let events = events.map_err(|e| Failure::Failed(e.to_string()))?;
    eprintln!("loading {} events of the demo organisation …", events.len());
    let appender = Appender::start(db.clone(), Arc::new(Notify::new()));
    let mut scorer = Scorer::new(start::worker_name());
    for step in events.chunk_by(|a, b| step(a, now) == step(b, now)) {
        let end = step.iter().map(|e| e.at).max().unwrap_or(now);
        let clock: Arc<dyn Clock> = Arc::new(Then(end.plus(PROMPT_US).min(now)));
        append(&appender, scope, &all, step, None).await?;
        scorer.catch_up_quietly(db, &clock).await?;
    }
    if !complete {
        close_false_positive(scope).await?;
        if quarantine::pending(scope).await? == 0 {
            append(&appender, scope, &all, &demo::clock_ahead(now), Some(now)).await?;
        }
    }
    scorer.release(db).await?;
    baseline::run(db, now).await?;
    folder.mark_loaded(scope)
}

/// The sources of the organisation. Those that are missing are made, unless the first load was
/// complete: then somebody has deleted them. Sources of somebody's own are left alone.
async fn demo_sources(scope: &Scope, complete: bool) -> Outcome<Vec<Source>> {
    let known = sources::list(scope).await?;
    let mut all = Vec::new();
    for (slug, name) in demo::SOURCES {
        if let Some(source) = known.iter().find(|s| s.slug.as_str() == *slug) {
            all.push(source.clone());
        } else if !complete {
            let slug: Slug = slug
                .parse()
                .map_err(|e| Failure::Failed(format!("{slug}: {e}")))?;
            all.push(sources::create(scope, &slug, &SourceSettings::named(name), None).await?);
        }
    }
    Ok(all)
}

/// Sends events through normalising and appending. `received_at` is just after each event unless
/// given, as it would have been had the sources been connected then.
async fn append(
    appender: &Appender,
    scope: &Scope,
    all: &[Source],
    events: &[DemoEvent],
    received_at: Option<Timestamp>,
) -> Outcome {
    let redaction = Redaction::default();
    let mut batches: BTreeMap<&str, Batch> = BTreeMap::new();
    for event in events {
        let Some(source) = find(all, event.source) else {
            continue;
        };
        let received = received_at.unwrap_or(event.at.plus(2_000_000));
        let intake = Intake::new(scope.tenant.key, source.id, &redaction, None, received);
        let intake = intake.map_err(|e| Failure::Failed(e.to_string()))?;
        let batch = batches.entry(event.source).or_default();
        match accept(&event.json, &intake, &mut Copies::default()) {
            Verdict::Accepted(event, _) => batch.events.push(event),
            Verdict::Quarantined(event, reason) => batch.quarantined.push((event, reason)),
            Verdict::Rejected(problem) => {
                return Err(Failure::Failed(format!(
                    "demo event: {}: {}",
                    problem.field, problem.message
                )));
            }
        }
    }
    for (slug, batch) in batches {
        if let Some(source) = find(all, slug) {
            appender.append(&scope.tenant, source.id, batch).await?;
        }
    }
    Ok(())
}

fn find<'s>(all: &'s [Source], slug: &str) -> Option<&'s Source> {
    all.iter().find(|s| s.slug.as_str() == slug)
}

/// The analyst of the demo has already closed one alert.
async fn close_false_positive(scope: &Scope) -> Outcome {
    let (actor, note) = demo::FALSE_POSITIVE;
    let filter = Filter {
        text: Some(actor.to_owned()),
        statuses: vec![Status::Open],
        ..Filter::default()
    };
    let mut scope = scope.clone();
    let user = users::find(&scope, EMAIL).await?;
    scope.principal = Principal::User {
        id: user.id,
        email: user.email,
    };
    for alert in alerts::list(&scope, &filter, Order::Newest, None, 10).await? {
        scope.now = alert
            .detected_at
            .plus(UNTIL_CLOSED_US)
            .min(SystemClock.now());
        let wanted = Move {
            to: Status::FalsePositive,
            disposition: None,
            reason: Some(note.to_owned()),
        };
        alerts::change_status(&scope, alert.code, Some(alert.version), &wanted).await?;
    }
    Ok(())
}

async fn summary(scope: &Scope, json: bool) -> Outcome {
    let arrivals = overview::arrivals(scope, 0).await?;
    let events: i64 = arrivals.iter().map(|a| a.total).sum();
    let actors = store::actors::count(scope).await?;
    let all = alerts::list(scope, &Filter::default(), Order::Worst, None, 50).await?;
    if json {
        let alerts: Vec<_> = all.iter().map(alert_json).collect();
        println!(
            "{}",
            serde_json::json!({
                "organisation": scope.tenant.name, "events": events, "actors": actors,
                "sources": arrivals.len(), "alerts": alerts,
            })
        );
        return Ok(());
    }
    println!(
        "{}: {events} events of {actors} actors from {} sources",
        scope.tenant.name,
        arrivals.len()
    );
    println!("{} alerts, raised by the scorer:", all.len());
    for alert in all {
        println!(
            "  {} {:>5} {:<8} {:<14} {}",
            alert.code,
            alert.score.to_string(),
            alert.severity.word(),
            alert.status.word(),
            alert.sentence
        );
    }
    Ok(())
}
