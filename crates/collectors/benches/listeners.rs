//! Lines a second and CPU per line, from a socket to a file, beside the least a receiver can do.
//!
//! The sender is another process, so that its work is not counted. `floor` reads one connection
//! with blocking calls, splits at line feeds and parses with `syslog_loose`, and keeps nothing; its
//! CPU per line in the same run is the yardstick.
//!
//! ```sh
//! cargo bench -p collectors --bench listeners            # 1,000,000 lines over TCP, 10 s of UDP
//! LINES=5000000 UDP_RATE=50000 UDP_SECONDS=30 cargo bench -p collectors --bench listeners
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement fails by panicking"
)]

use std::hint::black_box;
use std::io::{BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collectors::forward::{self, BufferKey, Pauses, SMALLEST, Target, client};
use collectors::sink::{Delivery, NotDurable, Received, Sink};
use collectors::syslog::{self, Settings, Snapshot};
use domain::time::{Clock, Timestamp};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use syslog_loose::{Variant, parse_message};

/// The kernel's unit of CPU time, the same on every Linux (`man 5 proc`, USER_HZ).
const TICK: f64 = 0.01;

fn line(n: usize) -> String {
    format!(
        "<86>1 2026-02-04T10:01:{:02}.{:06}+00:00 fs{:02} sshd {} - - Accepted publickey for user{} from 203.0.113.{} port {} ssh2\n",
        n % 60,
        n % 1_000_000,
        n % 50,
        n % 30_000,
        n % 500,
        n % 254,
        1024 + n % 60_000
    )
}

fn setting(name: &str, default: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("send-tcp") => send_tcp(arguments[2].parse().unwrap(), arguments[3].parse().unwrap()),
        Some("send-udp") => send_udp(
            arguments[2].parse().unwrap(),
            arguments[3].parse().unwrap(),
            arguments[4].parse().unwrap(),
        ),
        _ => measure(),
    }
}

fn send_tcp(target: SocketAddr, lines: usize) {
    let text: String = (0..1000).map(line).collect();
    let mut stream = TcpStream::connect(target).unwrap();
    for _ in 0..lines / 1000 {
        stream.write_all(text.as_bytes()).unwrap();
    }
}

/// Sends evenly: a small burst every millisecond.
fn send_udp(target: SocketAddr, lines: u64, rate: u64) {
    let texts: Vec<String> = (0..1000).map(line).collect();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    for n in 0..lines {
        let due = Duration::from_micros(n * 1_000_000 / rate);
        if let Some(early) = due.checked_sub(started.elapsed())
            && early > Duration::from_millis(1)
        {
            std::thread::sleep(early);
        }
        let text = &texts[n as usize % texts.len()];
        while socket.send_to(text.as_bytes(), target).is_err() {}
    }
}

fn sender(arguments: &[String]) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).args(arguments).spawn().unwrap()
}

/// CPU seconds this process has used, all threads.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 * TICK
}

#[derive(Clone, Copy)]
struct Cost {
    per_line: f64,
}

fn report(name: &str, lines: u64, started: Instant, cpu_before: f64, floor: Option<Cost>) -> Cost {
    let seconds = started.elapsed().as_secs_f64();
    let per_line = (cpu() - cpu_before) / lines as f64 * 1e9;
    let rate = lines as f64 / seconds;
    let ratio = floor.map_or(String::new(), |f| {
        format!("{:.2} x floor", per_line / f.per_line)
    });
    println!("{name:<34}{rate:>12.0} lines/s {per_line:>8.0} ns CPU/line  {ratio}");
    Cost { per_line }
}

fn parse(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        black_box(parse_message(text, Variant::Either));
    }
}

fn floor(lines: usize) -> Cost {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let mut child = sender(&["send-tcp".into(), target, lines.to_string()]);
    let (mut stream, _) = listener.accept().unwrap();
    let (started, before) = (Instant::now(), cpu());
    let (mut buffer, mut kept, mut count) = (vec![0; 65_536], Vec::new(), 0);
    loop {
        let length = stream.read(&mut buffer).unwrap();
        if length == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..length]);
        let end = kept
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        for line in kept[..end].split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            parse(line);
            count += 1;
        }
        kept.drain(..end);
    }
    child.wait().unwrap();
    assert_eq!(count, lines as u64);
    report("floor: read, split, parse", count, started, before, None)
}

/// Writes lines to a file, as a store would: one flush for each batch.
struct FileSink {
    file: Mutex<BufWriter<std::fs::File>>,
    parses: bool,
    count: AtomicU64,
}

impl FileSink {
    fn new(parses: bool) -> Arc<Self> {
        let file = Mutex::new(BufWriter::new(tempfile::tempfile().unwrap()));
        let count = AtomicU64::new(0);
        Arc::new(Self {
            file,
            parses,
            count,
        })
    }
}

impl Sink for FileSink {
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>> {
        let mut file = self.file.lock().unwrap();
        for message in batch {
            if self.parses {
                parse(&message.bytes);
            }
            file.write_all(&message.bytes).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.flush().unwrap();
        let parsed = batch.len() as u64;
        self.count.fetch_add(parsed, Ordering::Relaxed);
        Box::pin(async move {
            Ok(Delivery {
                parsed,
                rejected: 0,
            })
        })
    }
}

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "what it costs belongs to the measurement"
    )]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(since.as_micros() as i64)
    }
}

async fn receive(
    address: &str,
    sink: Arc<dyn Sink>,
    send: impl Fn(SocketAddr) -> Child,
) -> Snapshot {
    let settings = Settings::default();
    let clock = Arc::new(SystemClock);
    let listener = syslog::start(address.parse().unwrap(), settings, None, sink, clock).unwrap();
    let mut child = send(listener.address().socket);
    tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    listener.stop(Duration::from_mins(5)).await
}

fn tcp(name: &str, lines: usize, sink: Arc<dyn Sink>, floor: Cost) {
    let runtime = runtime();
    let (started, before) = (Instant::now(), cpu());
    let snapshot = runtime.block_on(receive("tcp://127.0.0.1:0", sink, |target| {
        sender(&["send-tcp".into(), target.to_string(), lines.to_string()])
    }));
    assert_eq!(snapshot.parsed, lines as u64, "{snapshot:?}");
    report(name, snapshot.parsed, started, before, Some(floor));
}

fn udp(rate: u64, seconds: u64, sink: Arc<dyn Sink>, floor: Cost) {
    let (runtime, lines) = (runtime(), rate * seconds);
    let (started, before) = (Instant::now(), cpu());
    let snapshot = runtime.block_on(receive("udp://127.0.0.1:0", sink, |target| {
        let numbers = [lines.to_string(), rate.to_string()];
        sender(&[
            "send-udp".into(),
            target.to_string(),
            numbers[0].clone(),
            numbers[1].clone(),
        ])
    }));
    let name = format!("UDP at {rate}/s, parse, file");
    report(&name, snapshot.received, started, before, Some(floor));
    println!(
        "  sent {lines}, received {}, kernel drops {}, queue drops {}",
        snapshot.received, snapshot.kernel_drops, snapshot.dropped.queue
    );
    assert_eq!(snapshot.received + snapshot.kernel_drops, lines);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Lines into the sealed buffer, while nobody takes them away.
fn buffered(lines: usize, floor: Cost) {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let key = SecretString::from("irk_measurement");
    let settings = forward::Settings {
        target: Target::new("http://127.0.0.1:9/api/ingest/x", key.clone(), false).unwrap(),
        client: client(None).unwrap(),
        folder: folder.path().to_owned(),
        limit: 16 * 1024 * SMALLEST,
        keys: vec![BufferKey::derive(&key)],
        pauses: Pauses::new(Duration::from_mins(1), Duration::from_mins(1)),
    };
    let to_event: forward::ToEvent = Arc::new(|message: &Received| {
        let text = String::from_utf8_lossy(&message.bytes);
        let event = serde_json::json!({"timestamp": message.received_at, "message": text});
        event.as_object().cloned().ok_or_else(String::new)
    });
    let forwarder = runtime
        .block_on(forward::start(settings, to_event))
        .unwrap();
    tcp(
        "TCP, event, sealed buffer, fsync",
        lines,
        forwarder.sink(),
        floor,
    );
    runtime.block_on(forwarder.stop(Duration::ZERO));
}

fn measure() {
    let lines = setting("LINES", 1_000_000) as usize / 1000 * 1000;
    floor(lines / 10);
    let floor = floor(lines);
    tcp("TCP, file", lines, FileSink::new(false), floor);
    tcp("TCP, parse, file", lines, FileSink::new(true), floor);
    buffered(lines / 5, floor);
    let (rate, seconds) = (setting("UDP_RATE", 50_000), setting("UDP_SECONDS", 10));
    udp(rate, seconds, FileSink::new(true), floor);
}
