//! Starting the roles: database first, then listeners, then the worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use collectors::provider::Provider;
use domain::access::Role;
use domain::time::Clock;
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret;
use store::db::Durability;
use store::log::Appender;
use store::users::NewUser;
use store::{Db, Principal, Scope, Via, migrate, setup, tenants, users};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use web::{App, Hashing, Keys, accept, ops::Ops, router};
use worker::jobs::pull::Pulling;
use worker::{Intervals, Runner};

use crate::clock::SystemClock;
use crate::config::{Config, MasterKey};
use crate::failure::{Failure, Outcome};
use crate::listeners::Listeners;

/// bcrypt cost of passwords and API keys.
const BCRYPT_COST: u32 = 12;

/// The variable with which tests lower the cost of hashing; only builds with debug assertions
/// look at it.
fn bcrypt_cost() -> u32 {
    if cfg!(debug_assertions) {
        let wanted = std::env::var("IRM_TEST_BCRYPT_COST").ok();
        return wanted.and_then(|c| c.parse().ok()).unwrap_or(BCRYPT_COST);
    }
    BCRYPT_COST
}

/// Which parts run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    pub web: bool,
    pub worker: bool,
    /// Syslog listeners of the integrations that have one.
    pub listeners: bool,
}

/// Opens the database and brings its schema up to date.
pub(crate) async fn open(config: &Config, durability: Durability) -> Outcome<Db> {
    let db = Db::open(&config.database_url, durability).await?;
    let applied = migrate::run(&db, SystemClock.now()).await?;
    if applied > 0 {
        tracing::info!(applied, "the database schema was brought up to date");
    }
    tenants::first_or_create(&db, &config.first_tenant(), SystemClock.now()).await?;
    Ok(db)
}

/// A hasher with the cost of this build.
pub(crate) fn hashing() -> Hashing {
    Hashing::new(bcrypt_cost())
}

/// The tenant a command means: the only one, or the one named.
pub(crate) async fn tenant(db: &Db, slug: Option<&str>) -> Outcome<domain::tenant::Tenant> {
    let all = tenants::list(db).await?;
    let named = |slug: &str| all.iter().find(|t| t.slug.as_str() == slug).cloned();
    match (slug, all.as_slice()) {
        (Some(slug), _) => named(slug).ok_or_else(|| {
            Failure::configuration(format!("--tenant {slug}: there is no such tenant"))
        }),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Failure::configuration(
            "several tenants exist: name one with --tenant SLUG",
        )),
    }
}

/// The scope of a command.
pub(crate) async fn command_scope(db: &Db, slug: Option<&str>) -> Outcome<Scope> {
    let tenant = tenant(db, slug).await?;
    let now = SystemClock.now();
    Ok(Scope::new(
        db.clone(),
        tenant,
        Principal::CommandLine,
        Via::CommandLine,
        now,
    ))
}

/// Creates the configured administrator, once; else prints a setup code while nobody exists.
pub(crate) async fn first_run(config: &Config, db: &Db) -> Outcome {
    if let Some(admin) = &config.admin {
        if users::count(db).await? == 0 {
            let now = SystemClock.now();
            let tenant = tenants::first_or_create(db, &config.first_tenant(), now).await?;
            let principal = Principal::System("configuration");
            let scope = Scope::new(db.clone(), tenant, principal, Via::CommandLine, now);
            let hash = hashing()
                .hash_password(admin.password.expose_secret())
                .await;
            let hash = hash.map_err(|e| Failure::Failed(e.title))?;
            let new = NewUser {
                email: &admin.email,
                name: &admin.name,
                password_hash: &hash,
                role: Role::Admin,
                must_change_password: false,
            };
            setup::create_first(&scope, &new).await?;
            tracing::info!("the first administrator was created from the configuration");
        }
        return Ok(());
    }
    let (code, hash) = setup_code();
    let origin = config.base_url.origin();
    if setup::issue_first(db, &hash, SystemClock.now()).await? {
        // Not through the log, which may be shipped to places where secrets do not belong.
        eprintln!("first run: open {origin}/setup and use the setup code {code}");
    } else if setup::is_pending(db).await? {
        tracing::warn!(
            "nobody is set up: open {origin}/setup; 'insider-risk setup-code' prints a new code"
        );
    }
    Ok(())
}

fn setup_code() -> (String, Vec<u8>) {
    let number = u64::from_le_bytes(web::hidden::random::<8>());
    let code = domain::id::crockford(number, 10);
    let hash = web::hidden::hash(&code);
    (code, hash)
}

/// A fresh setup code; `None` once somebody exists.
pub(crate) async fn issue_setup_code(db: &Db) -> Outcome<Option<String>> {
    let (code, hash) = setup_code();
    let issued = setup::issue(db, &hash, SystemClock.now()).await?;
    Ok(issued.then_some(code))
}

/// Runs the roles until `stop`. `ready` learns the address of the web listener.
pub(crate) async fn run(
    config: &Config,
    db: Db,
    roles: Roles,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Outcome {
    let key = config.require_key()?;
    secrets_open(config, &db).await?;
    let draining = Arc::new(AtomicBool::new(false));
    let recorder = PrometheusBuilder::new().install_recorder();
    let metrics = recorder.map_err(|e| Failure::Failed(format!("metrics: {e}")))?;
    let ops_listener = listen(&config.ops_listen_addr, "OPS_LISTEN_ADDR").await?;
    let wake = Arc::new(Notify::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let providers = providers();
    let app = roles.web.then(|| {
        let settings = web_settings(config, key, providers.clone());
        App::start(db.clone(), Arc::clone(&clock), Arc::clone(&wake), settings)
    });
    let watched = app.clone();
    let overloaded = move || watched.as_ref().is_some_and(App::is_overloaded);
    let ops = Ops::new(db.clone(), Arc::clone(&draining), overloaded, move || {
        metrics.render()
    });
    let ops_stop = CancellationToken::new();
    let ops_task = tokio::spawn(accept::serve(ops_listener, ops.router(), ops_stop.clone()));
    let mut parts = tokio::task::JoinSet::new();
    if let Some(app) = app {
        let listener = listen(&config.listen_addr, "LISTEN_ADDR").await?;
        let address = accept::local_address(&listener);
        let stop = stop.clone();
        parts.spawn(async move {
            accept::serve(listener, router::build(app), stop).await;
            Ok(())
        });
        if let Some(address) = address {
            ready(address);
        }
    }
    if roles.listeners {
        let listeners = listeners(config, &db, &clock, &wake)?;
        let stop = stop.clone();
        parts.spawn(async move {
            listeners.run(stop).await;
            Ok(())
        });
    }
    if roles.worker {
        let pulling = pulling(config, &db, &wake, providers)?;
        let runner =
            Runner::new(db.clone(), clock, wake, intervals(config), worker_name()).pulling(pulling);
        let stop = stop.clone();
        parts.spawn(async move { runner.run(stop).await.map_err(Failure::from) });
    }
    let watched = stop.clone();
    tokio::spawn(async move {
        watched.cancelled().await;
        draining.store(true, Ordering::Relaxed);
    });
    let outcome = all_ended(parts, &stop).await;
    ops_stop.cancel();
    let _ = ops_task.await;
    db.close().await;
    outcome
}

fn intervals(config: &Config) -> Intervals {
    Intervals {
        score: config.scoring_interval,
        baseline: config.baseline_interval,
    }
}

/// What listens for the integrations that have a listener.
fn listeners(
    config: &Config,
    db: &Db,
    clock: &Arc<dyn Clock>,
    wake: &Arc<Notify>,
) -> Outcome<Listeners> {
    Ok(Listeners {
        db: db.clone(),
        clock: Arc::clone(clock),
        appender: Appender::start(db.clone(), Arc::clone(wake)),
        keys: Arc::new(Keys::new(config.require_key()?.bytes())),
        tls: config.syslog_tls.clone(),
    })
}

/// The address that stands in for those of AWS, in the SDKs' own variable: an interface endpoint,
/// or a server of the same API.
const AWS_ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Every provider this build can pull.
fn providers() -> Vec<Arc<dyn Provider>> {
    let endpoint = std::env::var(AWS_ENDPOINT).ok();
    let options = aws::Options {
        endpoint: endpoint.filter(|url| !url.is_empty()),
        ..aws::Options::default()
    };
    vec![Arc::new(aws::GuardDuty::new(options))]
}

/// What the worker needs to pull.
fn pulling(
    config: &Config,
    db: &Db,
    wake: &Arc<Notify>,
    providers: Vec<Arc<dyn Provider>>,
) -> Outcome<Pulling> {
    let keys = Keys::new(config.require_key()?.bytes());
    Ok(Pulling {
        appender: Appender::start(db.clone(), Arc::clone(wake)),
        ring: Arc::new(config.key_ring()?),
        redaction: Arc::new(move |tenant| keys.redaction(tenant)),
        providers,
    })
}

/// Makes sure that every stored secret has its key: without it nothing is started, and nothing is
/// lost.
async fn secrets_open(config: &Config, db: &Db) -> Outcome {
    let ring = config.key_ring()?;
    for (key, count) in store::secrets::census(db).await? {
        if !ring.holds(&key) {
            return Err(Failure::configuration(format!(
                "INTEGRATION_ENCRYPTION_KEY: {count} stored secrets are sealed with the key {key}, this one is {}: set the key of before, or put it into INTEGRATION_ENCRYPTION_KEY_PREVIOUS and run 'insider-risk keys rotate'",
                ring.current_id()
            )));
        }
    }
    Ok(())
}

/// Waits for every part. When one fails, the others are asked to end too.
async fn all_ended(mut parts: tokio::task::JoinSet<Outcome>, stop: &CancellationToken) -> Outcome {
    let mut outcome = Ok(());
    while let Some(ended) = parts.join_next().await {
        let ended =
            ended.map_err(|e| Failure::Failed(format!("a part of the service failed: {e}")));
        if let Err(failure) = ended.flatten() {
            outcome = Err(failure);
            stop.cancel();
        }
    }
    outcome
}

fn web_settings(
    config: &Config,
    key: &MasterKey,
    providers: Vec<Arc<dyn Provider>>,
) -> web::Settings {
    web::Settings {
        base_url: config.base_url.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        bcrypt_cost: bcrypt_cost(),
        keys: Keys::with_previous(
            key.bytes(),
            &config
                .previous_keys
                .iter()
                .map(MasterKey::bytes)
                .collect::<Vec<_>>(),
        ),
        providers,
    }
}

/// What this machine calls itself.
pub(crate) fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// A name no other process has.
pub(crate) fn worker_name() -> String {
    format!("{}-{}", std::process::id(), Uuid::now_v7().simple())
}

async fn listen(address: &str, name: &str) -> Outcome<tokio::net::TcpListener> {
    let listener = accept::listen(address).await;
    listener.map_err(|e| Failure::configuration(format!("{name}: {e}")))
}
