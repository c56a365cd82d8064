//! A fresh, migrated database per test, with two tenants that must never see each other.

use domain::score::Points;
use domain::tenant::{RuleSetName, Tenant};
use domain::time::{Timestamp, Zone};
use sqlx::{Connection, Executor};
use store::db::Durability;
use store::tenants::{self, NewTenant};
use store::{Db, Principal, Scope, Via, migrate};
use tempfile::TempDir;
use uuid::Uuid;

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own on the server of `TEST_DATABASE_URL`.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// The instant at which test fixtures were made.
pub const BEGAN: &str = "2026-03-01T00:00:00Z";

/// A database with the tenants acme and globex.
#[derive(Debug)]
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// One organisation.
    pub acme: Tenant,
    /// Another organisation.
    pub globex: Tenant,
    /// Its address, for the real binary.
    pub address: String,
    _folder: Option<TempDir>,
}

/// The address of a new, empty database, and the folder that holds it.
pub async fn empty(engine: Engine) -> (String, Option<TempDir>) {
    match engine {
        Engine::Sqlite => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.db");
            (format!("sqlite://{}", path.display()), Some(folder))
        }
        Engine::Postgres => {
            let server = std::env::var("TEST_DATABASE_URL").expect(
                "TEST_DATABASE_URL is not set: run scripts/test, or start a server with \
                 scripts/postgres and set what it prints",
            );
            let name = format!("irm_{}", Uuid::now_v7().simple());
            let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
            let create = format!("CREATE DATABASE {name}");
            connection
                .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(create)))
                .await
                .unwrap();
            let base = server
                .rsplit_once('/')
                .map_or(server.as_str(), |(base, _)| base);
            (format!("{base}/{name}"), None)
        }
    }
}

/// Changes a database behind the program's back.
pub async fn tamper(address: &str, text: &'static str) {
    let db = Db::open(address, Durability::Normal).await.unwrap();
    match &db {
        Db::Sqlite { write, .. } => write.execute(text).await.map(drop),
        Db::Postgres(pool) => pool.execute(text).await.map(drop),
    }
    .unwrap();
    db.close().await;
}

impl TestDb {
    /// Makes and migrates a database.
    pub async fn new(engine: Engine) -> Self {
        let (address, folder) = empty(engine).await;
        let db = Db::open(&address, Durability::Normal).await.unwrap();
        let began: Timestamp = BEGAN.parse().unwrap();
        migrate::run(&db, began).await.unwrap();
        let acme = tenants::create(&db, &tenant("acme"), began).await.unwrap();
        let globex = tenants::create(&db, &tenant("globex"), began)
            .await
            .unwrap();
        Self {
            db,
            acme,
            globex,
            address,
            _folder: folder,
        }
    }

    /// A scope of the command line on acme at an instant.
    pub fn acme(&self, now: &str) -> Scope {
        self.scope(&self.acme, now)
    }

    /// A scope of the command line on globex at an instant.
    pub fn globex(&self, now: &str) -> Scope {
        self.scope(&self.globex, now)
    }

    fn scope(&self, tenant: &Tenant, now: &str) -> Scope {
        let now = now.parse().unwrap();
        Scope::new(
            self.db.clone(),
            tenant.clone(),
            Principal::CommandLine,
            Via::CommandLine,
            now,
        )
    }
}

fn tenant(slug: &str) -> NewTenant {
    NewTenant {
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        zone: Zone::utc(),
        ruleset: RuleSetName::Classic,
        alert_threshold: Points::whole(60),
        retention_days: 90,
        demo: false,
    }
}
