//! The forwarder against a server that is away, busy, strict or gone in the middle.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use collectors::forward::{
    self, BufferError, BufferKey, ForwardError, Forwarder, Heart, Pauses, SMALLEST, Target,
    ToEvent, client, read_dead,
};
use collectors::sink::Received;
use collectors::syslog::Settings as ListenerSettings;
use common::{PATIENCE, listen_to, quick, socket, until};
use domain::time::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const KEY: &str = "irk_test_0123456789";

/// What the central server does with the next requests; afterwards it takes everything.
#[derive(Debug, Clone)]
enum Mood {
    Busy(u64),
    Broken,
    TooLarge(usize),
    Proxy400,
    Forbidden,
    /// Commits, and the answer is lost.
    Forgets,
}

/// A central server that knows events by their id.
#[derive(Debug, Default)]
struct Central {
    stored: Mutex<BTreeMap<String, Value>>,
    order: Mutex<Vec<String>>,
    moods: Mutex<VecDeque<Mood>>,
    requests: Mutex<Vec<(Instant, usize)>>,
    heartbeats: Mutex<Vec<Value>>,
}

impl Central {
    async fn start() -> (Arc<Self>, SocketAddr) {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    async fn start_at(address: SocketAddr) -> (Arc<Self>, SocketAddr) {
        let central = Arc::new(Self::default());
        let router = Router::new()
            .route("/api/ingest/edge", post(ingest))
            .route("/beat", post(beat))
            .with_state(Arc::clone(&central));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (central, address)
    }

    fn feel(&self, moods: &[Mood]) {
        self.moods.lock().unwrap().extend(moods.iter().cloned());
    }

    fn messages(&self) -> Vec<String> {
        self.order.lock().unwrap().clone()
    }
}

async fn beat(State(central): State<Arc<Central>>, body: Bytes) {
    let beat = serde_json::from_slice(&body).unwrap();
    central.heartbeats.lock().unwrap().push(beat);
}

fn problem(status: StatusCode) -> Response {
    let kind = [("content-type", "application/problem+json")];
    (status, kind, r#"{"title":"no"}"#).into_response()
}

async fn ingest(State(central): State<Arc<Central>>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["x-api-key"], KEY);
    assert_eq!(headers["content-type"], "application/x-ndjson");
    let lines: Vec<&[u8]> = body
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .collect();
    central
        .requests
        .lock()
        .unwrap()
        .push((Instant::now(), lines.len()));
    let mood = central.moods.lock().unwrap().pop_front();
    match mood {
        Some(Mood::Busy(seconds)) => {
            let wait = [("retry-after", seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, wait).into_response();
        }
        Some(Mood::Broken) => return StatusCode::BAD_GATEWAY.into_response(),
        Some(Mood::Forbidden) => return StatusCode::FORBIDDEN.into_response(),
        Some(Mood::Proxy400) => return StatusCode::BAD_REQUEST.into_response(),
        Some(Mood::TooLarge(most)) if lines.len() > most => {
            central.feel(&[Mood::TooLarge(most)]);
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        _ => {}
    }
    // A body with this word cannot be read at all.
    if body.windows(6).any(|w| w == b"POISON") {
        return problem(StatusCode::BAD_REQUEST);
    }
    let answer = central.store(&lines);
    if matches!(mood, Some(Mood::Forgets)) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    (StatusCode::ACCEPTED, axum::Json(answer)).into_response()
}

impl Central {
    fn store(&self, lines: &[&[u8]]) -> Value {
        let (mut accepted, mut duplicates, mut results) = (0, 0, Vec::new());
        for (index, line) in lines.iter().enumerate() {
            let event: Value = serde_json::from_slice(line).unwrap();
            let id = event["id"].as_str().unwrap().to_owned();
            let message = event["message"].as_str().unwrap().to_owned();
            if message.contains("BAD") {
                let error = json!({"field": "timestamp", "message": "missing"});
                results.push(json!({"index": index, "error": error}));
            } else if self.stored.lock().unwrap().insert(id, event).is_some() {
                duplicates += 1;
            } else {
                accepted += 1;
                self.order.lock().unwrap().push(message);
            }
        }
        json!({"accepted": accepted, "duplicates": duplicates, "rejected": results.len(),
               "quarantined": 0, "results": results})
    }
}

fn to_event() -> ToEvent {
    Arc::new(|message: &Received| {
        let text = String::from_utf8_lossy(&message.bytes);
        if text.contains("unreadable") {
            return Err("unreadable".to_owned());
        }
        let event = json!({"timestamp": message.received_at, "message": text});
        Ok(event.as_object().unwrap().clone())
    })
}

fn key() -> BufferKey {
    BufferKey::derive(&SecretString::from(KEY))
}

fn settings(folder: &Path, server: SocketAddr, limit: u64) -> forward::Settings {
    let url = format!("http://{server}/api/ingest/edge");
    forward::Settings {
        target: Target::new(&url, SecretString::from(KEY), false).unwrap(),
        client: client(None).unwrap(),
        folder: folder.to_owned(),
        limit,
        keys: vec![key()],
        pauses: Pauses::new(Duration::from_millis(5), Duration::from_millis(50)),
    }
}

async fn forwarder(folder: &Path, server: SocketAddr) -> Forwarder {
    let settings = settings(folder, server, 64 * SMALLEST);
    forward::start(settings, to_event()).await.unwrap()
}

fn message(sequence: u64, text: &str) -> Received {
    Received {
        bytes: text.as_bytes().to_vec().into(),
        peer: "192.0.2.1:514".parse().unwrap(),
        received_at: Timestamp::from_micros(1_795_000_000_000_000),
        listener: "udp://0.0.0.0:514".into(),
        sequence,
        cut: false,
    }
}

fn messages(range: std::ops::Range<u64>) -> Vec<Received> {
    range.map(|n| message(n, &format!("message {n}"))).collect()
}

fn expected(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| format!("message {n}")).collect()
}

/// An address at which nobody answers.
fn nowhere() -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

#[tokio::test]
async fn events_arrive_in_order_with_ids_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    let forwarder = forwarder(folder.path(), address).await;
    let mut batch = messages(0..100);
    batch.push(message(100, "unreadable"));
    let delivery = forwarder.sink().deliver(&batch).await.unwrap();
    assert_eq!((delivery.parsed, delivery.rejected), (100, 1));
    let snapshot = forwarder.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..100));
    assert_eq!(
        (snapshot.accepted, snapshot.buffer.lines, snapshot.retries),
        (100, 0, 0)
    );
}

#[tokio::test]
async fn an_outage_loses_nothing_and_keeps_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let address = nowhere();
    let forwarder = forwarder(folder.path(), address).await;
    for start in (0..1000).step_by(100) {
        let batch = messages(start..start + 100);
        forwarder.sink().deliver(&batch).await.unwrap();
    }
    until("it was tried", || forwarder.snapshot().retries > 2).await;
    let waiting = forwarder.snapshot();
    assert_eq!((waiting.buffer.lines, waiting.accepted), (1000, 0));
    assert!(waiting.last_error.is_some());
    let (central, _) = Central::start_at(address).await;
    let snapshot = forwarder.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..1000));
    assert_eq!((snapshot.buffer.lines, snapshot.last_error), (0, None));
}

/// Everything that was delivered is on disk at that moment: a copy of the directory, taken without
/// any farewell, is what kill -9 leaves.
#[tokio::test]
async fn what_was_delivered_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let left = tempfile::tempdir().unwrap();
    let forwarder = forwarder(folder.path(), nowhere()).await;
    forwarder.sink().deliver(&messages(0..500)).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(7).any(|w| w == b"message"), "sealed on disk");
        std::fs::write(left.path().join(entry.file_name()), bytes).unwrap();
    }
    // The write that was under way is torn.
    let segment = left.path().join("00000000000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes.extend([200, 0, 0, 0, 1, 2, 3]);
    std::fs::write(&segment, bytes).unwrap();
    drop(forwarder);

    let (central, address) = Central::start().await;
    let second = self::forwarder(left.path(), address).await;
    second.sink().deliver(&messages(500..600)).await.unwrap();
    let snapshot = second.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..600));
    assert_eq!((snapshot.accepted, snapshot.buffer.damaged), (600, 0));
}

#[tokio::test]
async fn a_lost_answer_stores_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    central.feel(&[Mood::Forgets, Mood::Broken, Mood::Forgets]);
    let forwarder = forwarder(folder.path(), address).await;
    forwarder.sink().deliver(&messages(0..50)).await.unwrap();
    // The same batch offered again, as after a failed write.
    forwarder.sink().deliver(&messages(0..50)).await.unwrap();
    let snapshot = forwarder.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..50));
    assert_eq!(central.stored.lock().unwrap().len(), 50);
    assert_eq!(snapshot.accepted + snapshot.duplicates, 100);
}

#[tokio::test]
async fn a_busy_server_gets_the_time_it_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    central.feel(&[Mood::Busy(1)]);
    let forwarder = forwarder(folder.path(), address).await;
    forwarder.sink().deliver(&messages(0..5)).await.unwrap();
    forwarder.stop(PATIENCE).await;
    let requests = central.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].0 - requests[0].0 >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    central.feel(&[Mood::TooLarge(10)]);
    let forwarder = forwarder(folder.path(), address).await;
    forwarder.sink().deliver(&messages(0..100)).await.unwrap();
    let snapshot = forwarder.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..100));
    assert_eq!(snapshot.parked, 0);
}

#[tokio::test]
async fn poison_is_put_aside_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    let forwarder = forwarder(folder.path(), address).await;
    let mut batch = messages(0..20);
    batch[7] = message(7, "POISON");
    batch[12] = message(12, "BAD");
    forwarder.sink().deliver(&batch).await.unwrap();
    let snapshot = forwarder.stop(PATIENCE).await;
    let mut good = expected(0..20);
    good.remove(12);
    good.remove(7);
    assert_eq!(central.messages(), good);
    assert_eq!((snapshot.parked, snapshot.parked_lost), (2, 0));
    let dead: Vec<Value> = read_dead(folder.path(), &[key()])
        .unwrap()
        .iter()
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert!(dead[0]["event"].as_str().unwrap().contains("POISON"));
    assert_eq!(dead[1]["reason"], "timestamp: missing");
}

/// A proxy in between, or a key that was changed, says nothing about the lines.
#[tokio::test]
async fn refusals_of_others_keep_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    central.feel(&[Mood::Proxy400, Mood::Forbidden, Mood::Proxy400]);
    let forwarder = forwarder(folder.path(), address).await;
    forwarder.sink().deliver(&messages(0..10)).await.unwrap();
    let snapshot = forwarder.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..10));
    assert_eq!((snapshot.parked, snapshot.retries), (0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::too_many_lines,
    reason = "one story of two listeners and one buffer"
)]
async fn a_full_buffer_stops_streams_and_drops_datagrams_with_a_count() {
    let folder = tempfile::tempdir().unwrap();
    let address = nowhere();
    let forwarder = forward::start(settings(folder.path(), address, SMALLEST), to_event())
        .await
        .unwrap();
    let small = ListenerSettings {
        queue_bytes: 256 * 1024,
        ..quick()
    };
    let udp = listen_to("udp://127.0.0.1:0", small.clone(), None, forwarder.sink());
    let tcp = listen_to("tcp://127.0.0.1:0", small, None, forwarder.sink());
    let (datagrams, stream) = (socket(&udp), socket(&tcp));
    let sending = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(stream).unwrap();
        for n in 0..8_000 {
            let line = format!("<13>line {n} {}\n", "x".repeat(200));
            std::io::Write::write_all(&mut stream, line.as_bytes()).unwrap();
        }
    });
    until("full", || {
        let fill = forwarder.snapshot().buffer;
        fill.bytes > fill.limit - fill.limit / 4 && tcp.counters().snapshot().waiting > 0
    })
    .await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    until("datagrams are dropped", || {
        for _ in 0..100 {
            client.send_to(&[b'u'; 500], datagrams).unwrap();
        }
        sent += 100;
        udp.counters().snapshot().dropped.queue > 0
    })
    .await;
    assert!(
        forwarder.snapshot().buffer.bytes <= SMALLEST,
        "never larger than its limit"
    );
    let read = tcp.counters().snapshot().received;
    assert!(read < 8_000, "the stream is not read: {read}");

    let (central, _) = Central::start_at(address).await;
    sending.await.unwrap();
    until("the stream is taken", || {
        tcp.counters().snapshot().parsed == 8_000
    })
    .await;
    let (udp, tcp) = (udp.stop(PATIENCE).await, tcp.stop(PATIENCE).await);
    assert_eq!(
        (tcp.received, tcp.parsed, tcp.dropped.total()),
        (8_000, 8_000, 0)
    );
    assert_eq!(udp.received + udp.kernel_drops, sent);
    assert_eq!(udp.parsed + udp.dropped.queue, udp.received);
    let snapshot = forwarder.stop(PATIENCE).await;
    assert_eq!(snapshot.accepted, tcp.parsed + udp.parsed);
    let lines: Vec<String> = central.messages();
    let numbers: Vec<u32> = lines
        .iter()
        .filter_map(|m| m.strip_prefix("<13>line ")?.split(' ').next()?.parse().ok())
        .collect();
    assert!(numbers.is_sorted() && numbers.len() == 8_000, "in order");
}

#[tokio::test]
async fn the_key_and_the_directory_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let address = nowhere();
    let first = forwarder(folder.path(), address).await;
    first.sink().deliver(&messages(0..3)).await.unwrap();
    let again = forward::start(settings(folder.path(), address, SMALLEST), to_event()).await;
    assert!(matches!(
        again,
        Err(ForwardError::Buffer(BufferError::InUse(_)))
    ));
    first.stop(Duration::ZERO).await;

    let (central, address) = Central::start().await;
    let other = BufferKey::derive(&SecretString::from("irk_new"));
    let mut rotated = settings(folder.path(), address, SMALLEST);
    rotated.keys = vec![other.clone()];
    let refused = forward::start(rotated.clone(), to_event()).await;
    assert!(matches!(
        refused,
        Err(ForwardError::Buffer(BufferError::OtherKey(_)))
    ));
    rotated.keys = vec![other, key()];
    let second = forward::start(rotated, to_event()).await.unwrap();
    second.sink().deliver(&messages(3..6)).await.unwrap();
    second.stop(PATIENCE).await;
    assert_eq!(central.messages(), expected(0..6));
    let tiny = forward::start(settings(folder.path(), address, SMALLEST - 1), to_event()).await;
    assert!(matches!(
        tiny,
        Err(ForwardError::Buffer(BufferError::TooSmall))
    ));
}

#[tokio::test]
async fn a_damaged_segment_is_counted_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let first = forwarder(folder.path(), nowhere()).await;
    first.sink().deliver(&messages(0..100)).await.unwrap();
    first.stop(Duration::ZERO).await;
    let segment = folder.path().join("00000000000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&segment, bytes).unwrap();
    let (central, address) = Central::start().await;
    let second = forwarder(folder.path(), address).await;
    second.sink().deliver(&messages(100..110)).await.unwrap();
    let snapshot = second.stop(PATIENCE).await;
    let found = central.messages();
    assert!(found.len() > 50 && found.len() < 110, "{}", found.len());
    assert_eq!(found[found.len() - 10..], expected(100..110));
    assert_eq!(snapshot.buffer.damaged, 110 - found.len() as u64);
}

#[tokio::test]
async fn a_heartbeat_tells_all_counters() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    let forwarder = forwarder(folder.path(), address).await;
    let listener = listen_to("udp://127.0.0.1:0", quick(), None, forwarder.sink());
    let client_socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client_socket.send_to(b"<13>x", socket(&listener)).unwrap();
    until("stored", || central.messages().len() == 1).await;
    let heart = Heart::new(
        vec![Arc::clone(listener.counters())],
        "branch-1".to_owned(),
        Timestamp::default(),
    );
    let target = format!("http://{address}/beat");
    let target = Target::new(&target, SecretString::from(KEY), false).unwrap();
    let http = client(None).unwrap();
    tokio::select! {
        () = heart.run(&forwarder, &http, &target, Duration::from_millis(20)) => {}
        () = until("two beats", || central.heartbeats.lock().unwrap().len() >= 2) => {}
    }
    let beats = central.heartbeats.lock().unwrap();
    let beat = beats.last().unwrap();
    assert_eq!((&beat["received"], &beat["parsed"]), (&1.into(), &1.into()));
    assert_eq!(
        (&beat["kernelDropped"], &beat["buffered"]),
        (&0.into(), &0.into())
    );
    assert_eq!(beat["host"], "branch-1");
    assert_eq!(beat["instance"], forwarder.instance().to_string());
    let started: Result<Timestamp, _> = beat["startedAt"].as_str().unwrap().parse();
    assert!(started.is_ok());
}

#[tokio::test]
async fn a_collector_is_the_same_after_a_restart_and_its_lines_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (central, address) = Central::start().await;
    let first = forwarder(folder.path(), address).await;
    let name = first.instance();
    first.sink().deliver(&messages(0..1)).await.unwrap();
    first.stop(PATIENCE).await;
    let second = forwarder(folder.path(), address).await;
    assert_eq!(second.instance(), name);
    // The numbers of lines begin again, and that is no reason to take one for another.
    second.sink().deliver(&messages(0..1)).await.unwrap();
    second.stop(PATIENCE).await;
    assert_eq!(central.messages().len(), 2);
    std::fs::write(folder.path().join("instance"), b"\xff").unwrap();
    let third = forwarder(folder.path(), address).await;
    assert_ne!(third.instance(), name, "an unreadable name is replaced");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = forwarder(elsewhere.path(), address).await;
    assert_ne!(other.instance(), third.instance());
}
