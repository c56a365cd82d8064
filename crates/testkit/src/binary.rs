//! The real binary: commands that end, and a server that can be killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use domain::score::Points;
use domain::tenant::{RuleSetName, Slug};
use domain::time::{Timestamp, Zone};
use store::tenants::NewTenant;

use crate::database::{Engine, empty};

/// A key that is as good as any for a test installation.
pub const KEY: &str = "9ffqaI6AwiGKkhP2FTP5S316uzbYk8tD/dOmxwKLdKo=";

/// How long a condition may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// A command of the binary with a clean environment and its own working folder.
pub fn command(binary: &str, folder: &Path, database: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("DATABASE_URL", database)
        .env("INTEGRATION_ENCRYPTION_KEY", KEY)
        .env("IRM_TEST_BCRYPT_COST", "4");
    command
}

/// Runs a command to its end and returns standard output; fails when the command failed.
pub fn run(binary: &str, folder: &Path, database: &str, arguments: &[&str]) -> String {
    let output = try_run(binary, folder, database, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command to its end.
pub fn try_run(binary: &str, folder: &Path, database: &str, arguments: &[&str]) -> Output {
    command(binary, folder, database)
        .args(arguments)
        .output()
        .unwrap()
}

/// A folder with a database in which commands of the binary run.
#[derive(Debug)]
pub struct Installation {
    binary: &'static str,
    /// Where the commands run.
    pub folder: tempfile::TempDir,
    /// The database's address.
    pub database: String,
    _sqlite: Option<tempfile::TempDir>,
}

impl Installation {
    /// An empty database. `binary` is `env!("CARGO_BIN_EXE_insider-risk")`.
    pub async fn new(binary: &'static str, engine: Engine) -> Self {
        let (database, sqlite) = empty(engine).await;
        Self {
            binary,
            folder: tempfile::tempdir().unwrap(),
            database,
            _sqlite: sqlite,
        }
    }

    /// A command that has not been started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.binary, self.folder.path(), &self.database);
        command.args(arguments);
        command
    }

    /// Runs a command to its end and returns standard output; fails when the command failed.
    pub fn run(&self, arguments: &[&str]) -> String {
        run(self.binary, self.folder.path(), &self.database, arguments)
    }

    /// Runs a command that prints something once, and returns that: its last line.
    pub fn last_line(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        output.trim().lines().last().unwrap().to_owned()
    }

    /// Makes the first organisation with a rule set, before any command makes it with the default.
    pub async fn choose(&self, ruleset: RuleSetName) {
        self.run(&["migrate"]);
        let db = store::Db::open(&self.database, store::db::Durability::Full);
        let db = db.await.unwrap();
        let new = NewTenant {
            slug: Slug::first(),
            name: "My organisation".to_owned(),
            zone: Zone::utc(),
            ruleset,
            alert_threshold: Points::whole(60),
            retention_days: 90,
            demo: false,
        };
        let began: Timestamp = crate::database::BEGAN.parse().unwrap();
        store::tenants::first_or_create(&db, &new, began)
            .await
            .unwrap();
        db.close().await;
    }

    /// Starts `serve` and waits until it is ready.
    pub async fn serve(&self) -> Server {
        self.serve_with(&[]).await
    }

    /// The same with more settings.
    pub async fn serve_with(&self, settings: &[(&str, &str)]) -> Server {
        let (folder, database) = (self.folder.path(), &self.database);
        Server::start_with(self.binary, folder, database, "serve", settings).await
    }
}

/// A running `serve`.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub origin: String,
    folder: PathBuf,
}

impl Server {
    /// Starts a role (`serve`, `web` or `worker`) on free ports and waits until it is ready.
    pub async fn start(binary: &str, folder: &Path, database: &str, role: &str) -> Self {
        Self::start_with(binary, folder, database, role, &[]).await
    }

    async fn start_with(
        binary: &str,
        folder: &Path,
        database: &str,
        role: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let (port, ops) = (free_port(), free_port());
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("server.log"))
            .unwrap();
        let child = command(binary, folder, database)
            .arg(role)
            .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
            .env("OPS_LISTEN_ADDR", format!("127.0.0.1:{ops}"))
            .envs(settings.iter().copied())
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            origin: format!("http://127.0.0.1:{port}"),
            folder: folder.to_owned(),
        };
        server.wait_until_ready(ops).await;
        server
    }

    async fn wait_until_ready(&mut self, ops: u16) {
        let client = reqwest::Client::new();
        let address = format!("http://127.0.0.1:{ops}/readyz");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status}: {}", self.log());
            }
            if client
                .get(&address)
                .send()
                .await
                .is_ok_and(|r| r.status().is_success())
            {
                return;
            }
            assert!(Instant::now() < deadline, "not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// Ends it without any warning, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and returns its exit code.
    pub fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port nobody listens on now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Waits until a condition holds, with a limit.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(
            Instant::now() < deadline,
            "{what} did not happen within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
