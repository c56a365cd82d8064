//! Lines a second from a TCP socket to committed rows: this service beside rsyslog into the same
//! PostgreSQL, and into SQLite alone. The service also parses, makes events, judges and keeps
//! them; rsyslog keeps the parts of the header and the text.
//!
//! ```sh
//! TEST_DATABASE_URL=$(scripts/postgres start /tmp/pg) cargo bench -p server --bench intake
//! LINES=500000 cargo bench -p server --bench intake
//! ```
//! rsyslog needs `rsyslog-pgsql`; without it, that part is left out and named.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement fails by panicking"
)]

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, PgConnection, SqliteConnection};
use testkit::Engine;
use testkit::binary::{Installation, Server, eventually, free_port};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");
/// Lines before the measurement, so that both sides are warm.
const WARM: usize = 1000;
const RSYSLOG_MODULE: &str = "/usr/lib/x86_64-linux-gnu/rsyslog/ompgsql.so";

fn line(n: usize) -> String {
    format!(
        "<86>1 2026-02-04T10:{:02}:{:02}.{:06}Z fs{:02} sshd {} - - Accepted publickey for user{} from 203.0.113.{} port {} ssh2\n",
        n / 60_000 % 60,
        n / 1000 % 60,
        n % 1_000_000,
        n % 50,
        n % 30_000,
        n % 500,
        n % 254,
        1024 + n % 60_000
    )
}

/// CPU seconds of a process, all threads (`man 5 proc`, USER_HZ 100).
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 0.01
}

async fn count(database: &str, table: &str) -> usize {
    let text = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let counted: i64 = if database.starts_with("sqlite") {
        let mut db = <SqliteConnection as sqlx::Connection>::connect(database)
            .await
            .unwrap();
        sqlx::query_scalar(text).fetch_one(&mut db).await.unwrap()
    } else {
        let mut db = <PgConnection as sqlx::Connection>::connect(database)
            .await
            .unwrap();
        sqlx::query_scalar(text).fetch_one(&mut db).await.unwrap()
    };
    usize::try_from(counted).unwrap()
}

/// Sends to a receiver and waits until every line is a committed row.
async fn measure(name: &str, port: u16, pid: u32, (database, table): (&str, &str)) -> f64 {
    let lines: usize = std::env::var("LINES").map_or(100_000, |n| n.parse().unwrap());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let warm: String = (0..WARM).map(line).collect();
    stream.write_all(warm.as_bytes()).unwrap();
    eventually("warm", async || count(database, table).await >= WARM).await;
    let (started, before) = (Instant::now(), cpu(pid));
    let sender = std::thread::spawn(move || {
        for thousand in 0..lines / 1000 {
            let text: String = (0..1000).map(|n| line(thousand * 1000 + n)).collect();
            stream.write_all(text.as_bytes()).unwrap();
        }
        stream
    });
    while count(database, table).await < WARM + lines / 1000 * 1000 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    drop(sender.join().unwrap());
    let rate = lines as f64 / seconds;
    let each = (cpu(pid) - before) / lines as f64 * 1e6;
    println!("{name:<34}{rate:>10.0} lines/s {each:>8.1} us CPU/line (without the database's)");
    rate
}

async fn service(engine: Engine) -> f64 {
    let installation = Installation::new(BINARY, engine).await;
    installation.run(&["user", "create", "admin@example.org", "--role", "admin"]);
    let token = installation.last_line(&["token", "create", "--user", "admin@example.org"]);
    let server = installation.serve().await;
    let port = free_port();
    let new = json!({
        "name": "Hosts", "provider": "syslog", "mode": "listener",
        "configuration": {
            "listen": [format!("tcp://127.0.0.1:{port}")], "allow": ["127.0.0.0/8"], "zone": "UTC",
        },
    });
    let request = reqwest::Client::new().post(format!("{}/api/integrations", server.origin));
    let answer = request.bearer_auth(token).json(&new).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    up(port).await;
    let name = format!("insider-risk serve, {engine:?}");
    let into = (installation.database.as_str(), "events");
    let rate = measure(&name, port, server.pid(), into).await;
    end(server);
    rate
}

fn end(server: Server) {
    assert_eq!(server.stop(), 0);
}

async fn up(port: u16) {
    eventually("listening", async || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
}

struct Rsyslog(Child);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The table of rsyslog's own default template.
const TABLE: &str = "CREATE TABLE systemevents (id BIGSERIAL PRIMARY KEY, message TEXT,
    facility INTEGER, fromhost TEXT, priority INTEGER, devicereportedtime TIMESTAMP,
    receivedat TIMESTAMP, infounitid INTEGER, syslogtag TEXT)";

async fn rsyslog() -> Option<f64> {
    if !Path::new(RSYSLOG_MODULE).exists() {
        println!("LEFT OUT: rsyslog-pgsql is not installed");
        return None;
    }
    let installation = Installation::new(BINARY, Engine::Postgres).await;
    let database = installation.database.clone();
    let mut db = <PgConnection as sqlx::Connection>::connect(&database)
        .await
        .unwrap();
    db.execute(TABLE).await.unwrap();
    let address = url(&database);
    let (folder, port) = (installation.folder.path(), free_port());
    let configuration = format!(
        "global(workDirectory=\"{folder}\")\n\
         module(load=\"imtcp\")\nmodule(load=\"ompgsql\")\n\
         input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n\
         action(type=\"ompgsql\" server=\"{host}\" port=\"{db_port}\" user=\"{user}\" pass=\"\"\n\
                db=\"{name}\" queue.type=\"LinkedList\" queue.size=\"100000\"\n\
                queue.dequeueBatchSize=\"1000\" queue.timeoutEnqueue=\"600000\")\n",
        folder = folder.display(),
        host = address.0,
        db_port = address.1,
        user = address.2,
        name = address.3,
    );
    let file = folder.join("rsyslog.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new("rsyslogd");
    let command = command.args(["-n", "-iNONE", "-f"]).arg(&file);
    let running = Rsyslog(command.spawn().unwrap());
    up(port).await;
    let into = (database.as_str(), "systemevents");
    Some(measure("rsyslog imtcp, ompgsql", port, running.0.id(), into).await)
}

/// Host, port, user and database of an address.
fn url(database: &str) -> (String, u16, String, String) {
    let url = reqwest::Url::parse(database).unwrap();
    (
        url.host_str().unwrap().to_owned(),
        url.port().unwrap_or(5432),
        url.username().to_owned(),
        url.path().trim_start_matches('/').to_owned(),
    )
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ours = service(Engine::Postgres).await;
        if let Some(theirs) = rsyslog().await {
            println!("  into PostgreSQL: {:.1} x rsyslog", ours / theirs);
        }
        service(Engine::Sqlite).await;
    });
}
