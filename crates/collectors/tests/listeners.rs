//! Listeners over real sockets: nothing is lost without a number.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use collectors::sink::{Delivery, ListSink, NotDurable, Received, Sink};
use collectors::syslog::tls::{TlsFiles, acceptor};
use collectors::syslog::{Settings, StartError, start};
use common::{
    Authority, Gate, PATIENCE, Ticking, assert_balanced, listen, listen_to, port, quick, socket,
    texts, until,
};
use futures_util::future::BoxFuture;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

#[tokio::test]
async fn datagrams_are_messages_with_peer_time_and_number() {
    let (listener, sink) = listen("udp://127.0.0.1:0", quick());
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(socket(&listener)).await.unwrap();
    for message in [
        &b"<13>a\n"[..],
        b"<12>from python\0",
        b"two\nlines",
        b"\xff\xfe",
    ] {
        client.send(message).await.unwrap();
    }
    client.send(b"").await.unwrap();
    until("all counted", || {
        listener.counters().snapshot().received == 5
    })
    .await;
    let name = listener.address().to_string();
    let snapshot = listener.stop(PATIENCE).await;
    let messages = sink.messages();
    let bytes: Vec<&[u8]> = messages.iter().map(|m| m.bytes.as_ref()).collect();
    assert_eq!(
        bytes,
        [
            &b"<13>a"[..],
            b"<12>from python",
            b"two\nlines",
            b"\xff\xfe"
        ]
    );
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(message.peer, client.local_addr().unwrap());
        assert_eq!(message.sequence, number as u64);
        assert_eq!(message.listener.as_ref(), name);
    }
    assert_eq!(
        (snapshot.parsed, snapshot.rejected.empty, snapshot.waiting),
        (4, 1, 0)
    );
    assert_eq!(snapshot.bytes, 6 + 16 + 9 + 2);
}

#[tokio::test]
async fn streams_of_both_address_families_and_their_last_words() {
    let (listener, sink) = listen("tcp://[::]:0", quick());
    for host in ["127.0.0.1", "::1"] {
        let mut stream = TcpStream::connect((host, port(&listener))).await.unwrap();
        stream.write_all(b"<13>a\n5 <13>b<13>no end").await.unwrap();
    }
    until("six messages", || sink.len() == 6).await;
    let snapshot = listener.stop(PATIENCE).await;
    let mut found = texts(&sink);
    found.sort();
    let expected = [
        "<13>a",
        "<13>a",
        "<13>b",
        "<13>b",
        "<13>no end",
        "<13>no end",
    ];
    assert_eq!(found, expected);
    assert_eq!((snapshot.partial, snapshot.connections.accepted), (2, 2));
    assert_eq!(snapshot.connections.open, 0);
}

/// SEC-25: limits of a listener.
#[tokio::test]
async fn silence_ends_a_message_and_then_the_connection() {
    let settings = Settings {
        quiet: Duration::from_millis(50),
        idle: Duration::from_millis(100),
        ..quick()
    };
    let (listener, sink) = listen("tcp://127.0.0.1:0", settings);
    let mut stream = TcpStream::connect(socket(&listener)).await.unwrap();
    for message in ["<13>one", "<13>two"] {
        stream.write_all(message.as_bytes()).await.unwrap();
        until(message, || {
            texts(&sink).last().is_some_and(|t| t == message)
        })
        .await;
    }
    let closed = stream.read(&mut [0; 1]).await.unwrap();
    assert_eq!(closed, 0, "the idle connection is closed");
    let snapshot = listener.stop(PATIENCE).await;
    assert_eq!((snapshot.connections.idle, snapshot.partial), (1, 0));
}

#[tokio::test]
async fn a_connection_that_never_speaks_is_closed() {
    let settings = Settings {
        first_byte: Duration::from_millis(50),
        ..quick()
    };
    let (listener, _) = listen("tcp://127.0.0.1:0", settings);
    let mut stream = TcpStream::connect(socket(&listener)).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(listener.counters().snapshot().connections.idle, 1);
}

/// SEC-25: limits of a listener.
#[tokio::test]
async fn strangers_are_refused_and_counted() {
    let settings = Settings {
        allow: vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ],
        ..quick()
    };
    let (udp, heard) = listen("udp://127.0.0.1:0", settings.clone());
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // What a message says about its origin does not matter.
    let spoofed = b"<13>1 2026-01-01T00:00:00Z 192.0.2.7 app - - - hello";
    client.send_to(spoofed, socket(&udp)).await.unwrap();
    until("rejected", || {
        udp.counters().snapshot().rejected.source == 1
    })
    .await;
    let (tcp, _) = listen("tcp://127.0.0.1:0", settings);
    let mut stream = TcpStream::connect(socket(&tcp)).await.unwrap();
    assert!(!matches!(stream.read(&mut [0; 1]).await, Ok(1..)));
    assert_eq!(tcp.counters().snapshot().connections.refused_source, 1);
    assert!(heard.is_empty());
    assert_balanced(udp.counters());
}

/// SEC-25: limits of a listener.
#[tokio::test]
async fn connections_are_capped_at_all_and_per_address() {
    let settings = Settings {
        connections: 3,
        connections_per_address: 2,
        ..quick()
    };
    let (listener, sink) = listen("tcp://[::]:0", settings);
    let mut open = Vec::new();
    for (host, refused) in [
        ("127.0.0.1", 0),
        ("127.0.0.1", 0),
        ("127.0.0.1", 1),
        ("::1", 1),
        ("::1", 2),
    ] {
        let stream = TcpStream::connect((host, port(&listener))).await.unwrap();
        open.push(stream);
        let all = open.len() as u64;
        until("decided", || {
            let c = listener.counters().snapshot().connections;
            c.accepted + c.refused_full == all && c.refused_full == refused
        })
        .await;
    }
    open.clear();
    until("closed", || {
        listener.counters().snapshot().connections.open == 0
    })
    .await;
    let mut again = TcpStream::connect(("127.0.0.1", port(&listener)))
        .await
        .unwrap();
    again.write_all(b"<13>room again\n").await.unwrap();
    until("heard", || sink.len() == 1).await;
}

/// SEC-25: limits of a listener.
#[tokio::test]
async fn a_crowd_of_connections_does_not_silence_an_open_one() {
    let settings = Settings {
        connections: 20,
        connections_per_address: 20,
        ..quick()
    };
    let (listener, sink) = listen("tcp://127.0.0.1:0", settings);
    let mut first = TcpStream::connect(socket(&listener)).await.unwrap();
    first.write_all(b"<13>before\n").await.unwrap();
    until("heard", || sink.len() == 1).await;
    let mut crowd = Vec::new();
    for _ in 0..19 {
        crowd.push(TcpStream::connect(socket(&listener)).await.unwrap());
    }
    until("the caps are reached", || {
        listener.counters().snapshot().connections.open == 20
    })
    .await;
    for _ in 0..10_000 {
        drop(TcpStream::connect(socket(&listener)).await.unwrap());
    }
    until("refused", || {
        listener.counters().snapshot().connections.refused_full == 10_000
    })
    .await;
    first.write_all(b"<13>after\n").await.unwrap();
    until("heard", || sink.len() == 2).await;
}

/// SEC-25: limits of a listener.
#[tokio::test]
async fn a_sender_beyond_its_rate_is_dropped_or_slowed() {
    let settings = Settings {
        rate_per_sender: NonZeroU32::new(100),
        ..quick()
    };
    let (udp, heard) = listen("udp://127.0.0.1:0", settings.clone());
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..300 {
        client.send_to(b"<13>flood", socket(&udp)).await.unwrap();
    }
    until("all counted", || udp.counters().snapshot().received == 300).await;
    let snapshot = udp.stop(PATIENCE).await;
    assert!(snapshot.dropped.rate >= 100, "{snapshot:?}");
    assert_eq!(heard.len() as u64 + snapshot.dropped.rate, 300);

    let (tcp, heard) = listen("tcp://127.0.0.1:0", settings);
    let started = std::time::Instant::now();
    let mut stream = TcpStream::connect(socket(&tcp)).await.unwrap();
    stream.write_all(&b"<13>x\n".repeat(150)).await.unwrap();
    until("first", || heard.len() == 150).await;
    stream.write_all(b"<13>later\n").await.unwrap();
    until("all of a stream", || heard.len() == 151).await;
    assert!(
        started.elapsed() >= Duration::from_millis(450),
        "it was slowed down"
    );
    assert_eq!(tcp.stop(PATIENCE).await.dropped.total(), 0);
}

/// SEC-25: limits of a listener.
#[tokio::test]
async fn what_is_too_long_is_cut_and_counted() {
    let settings = Settings {
        max_message: 1000,
        ..quick()
    };
    let (udp, datagrams) = listen("udp://127.0.0.1:0", settings.clone());
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(&[b'x'; 1500], socket(&udp)).await.unwrap();
    let (tcp, lines) = listen("tcp://127.0.0.1:0", settings);
    let mut stream = TcpStream::connect(socket(&tcp)).await.unwrap();
    stream.write_all(&vec![b'y'; 100_000]).await.unwrap();
    stream.write_all(b"\n99999999999 <13>z\n").await.unwrap();
    until("both", || datagrams.len() == 1 && lines.len() == 2).await;
    assert_eq!(datagrams.messages()[0].bytes.len(), 1000);
    assert!(datagrams.messages()[0].cut && lines.messages()[0].cut);
    assert_eq!(texts(&lines)[1], "99999999999 <13>z");
    assert_eq!(udp.counters().snapshot().cut, 1);
    let snapshot = tcp.counters().snapshot();
    assert_eq!((snapshot.cut, snapshot.refused_counts), (1, 1));
}

/// REL-07: As if the process had been stopped for a while: the sink takes nothing, the queue and then the
/// kernel's buffer fill up, and every datagram is found again in some number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_during_a_stall_are_all_accounted_for() {
    const SENT: u64 = 10_000;
    let gate = Gate::closed();
    let settings = Settings {
        receive_buffer: 64 * 1024,
        queue_bytes: 256 * 1024,
        ..quick()
    };
    let sink = Arc::clone(&gate) as Arc<dyn Sink>;
    let listener = listen_to("udp://127.0.0.1:0", settings, None, sink);
    let target = socket(&listener);
    // Sent without a pause from another thread, so that the kernel has to drop as well.
    tokio::task::spawn_blocking(move || {
        let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..SENT {
            let text = format!("<13>message {n}");
            while client.send_to(text.as_bytes(), target).is_err() {}
        }
    })
    .await
    .unwrap();
    let counters = Arc::clone(listener.counters());
    until("sent = received + kernel drops", || {
        let s = counters.snapshot();
        s.received + s.kernel_drops == SENT
    })
    .await;
    assert!(
        counters.snapshot().dropped.queue > 0,
        "{:?}",
        counters.snapshot()
    );
    assert_balanced(&counters);
    gate.open();
    let snapshot = listener.stop(PATIENCE).await;
    assert_eq!(snapshot.received + snapshot.kernel_drops, SENT);
    assert_eq!(
        snapshot.parsed + snapshot.dropped.total(),
        snapshot.received
    );
    assert_eq!(gate.list.len() as u64, snapshot.parsed);
    assert_eq!((snapshot.waiting, snapshot.dropped.stop), (0, 0));
}

/// REL-07: The kernel's own account, provoked by not reading at all.
#[tokio::test]
async fn kernel_drops_are_seen_per_socket() {
    let settings = Settings {
        receive_buffer: 4096,
        ..quick()
    };
    let (listener, sink) = listen("udp://127.0.0.1:0", settings.clone());
    let (other, _) = listen("udp://127.0.0.1:0", settings);
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // The single thread of this test sends, so nobody reads meanwhile.
    for _ in 0..1000 {
        client
            .send_to(b"<13>while nobody reads", socket(&listener))
            .unwrap();
    }
    let snapshot = listener.stop(PATIENCE).await;
    assert!(snapshot.kernel_drops > 0, "{snapshot:?}");
    assert_eq!(snapshot.received + snapshot.kernel_drops, 1000);
    assert_eq!(sink.len() as u64, snapshot.received);
    assert_eq!(other.stop(PATIENCE).await.kernel_drops, 0);
}

/// REL-06, REL-08: streams wait.
#[tokio::test]
async fn a_stream_is_not_read_while_the_sink_is_slow() {
    let gate = Gate::closed();
    let settings = Settings {
        queue_bytes: 64 * 1024,
        ..quick()
    };
    let sink = Arc::clone(&gate) as Arc<dyn Sink>;
    let listener = listen_to("tcp://127.0.0.1:0", settings, None, sink);
    let mut stream = TcpStream::connect(socket(&listener)).await.unwrap();
    let sending = tokio::spawn(async move {
        for n in 0..200_000 {
            stream
                .write_all(format!("<13>line {n}\n").as_bytes())
                .await
                .unwrap();
        }
    });
    let counters = Arc::clone(listener.counters());
    until("the queue is full", || counters.snapshot().waiting > 100).await;
    let mut before = u64::MAX;
    until("reading has stopped", || {
        let now = counters.snapshot().received;
        std::mem::replace(&mut before, now) == now
    })
    .await;
    assert!(counters.snapshot().received < 10_000 && !sending.is_finished());
    gate.open();
    sending.await.unwrap();
    until("all lines", || gate.list.len() == 200_000).await;
    let snapshot = listener.stop(PATIENCE).await;
    assert_eq!((snapshot.parsed, snapshot.dropped.total()), (200_000, 0));
    for (n, message) in gate.list.messages().iter().enumerate() {
        assert_eq!(message.bytes.as_ref(), format!("<13>line {n}").as_bytes());
    }
}

/// REL-05, REL-08: what is half there counts.
#[tokio::test]
async fn stopping_delivers_what_has_come() {
    let gate = Gate::closed();
    let sink = Arc::clone(&gate) as Arc<dyn Sink>;
    let listener = listen_to("tcp://127.0.0.1:0", quick(), None, sink);
    let mut stream = TcpStream::connect(socket(&listener)).await.unwrap();
    stream.write_all(b"<13>a\n<13>b\n<13>half").await.unwrap();
    let counters = Arc::clone(listener.counters());
    until("read", || counters.snapshot().received == 2).await;
    let (address, opened) = (socket(&listener), Arc::clone(&gate));
    let (snapshot, ()) = tokio::join!(listener.stop(PATIENCE), async {
        until("no new connections", || {
            std::net::TcpStream::connect(address).is_err()
        })
        .await;
        opened.open();
    });
    assert_eq!(texts(&gate.list), ["<13>a", "<13>b", "<13>half"]);
    assert_eq!(
        (snapshot.parsed, snapshot.partial, snapshot.waiting),
        (3, 1, 0)
    );
}

/// REL-05, REL-08: the rest has a number.
#[tokio::test]
async fn what_cannot_be_delivered_in_time_is_counted() {
    let gate = Gate::closed();
    let settings = Settings {
        queue_bytes: 16 * 1024,
        ..quick()
    };
    let sink = Arc::clone(&gate) as Arc<dyn Sink>;
    let listener = listen_to("tcp://127.0.0.1:0", settings, None, sink);
    let mut stream = TcpStream::connect(socket(&listener)).await.unwrap();
    stream.write_all(&b"<13>x\n".repeat(2000)).await.unwrap();
    let counters = Arc::clone(listener.counters());
    until("read", || counters.snapshot().received > 0).await;
    let snapshot = listener.stop(Duration::from_millis(50)).await;
    assert_eq!((snapshot.waiting, snapshot.parsed), (0, 0));
    assert_eq!(snapshot.dropped.stop, snapshot.received);
}

/// Fails a few times, then works; says of every third message that it is unreadable.
#[derive(Debug, Default)]
struct Flaky {
    attempts: AtomicUsize,
    list: ListSink,
}

impl Sink for Flaky {
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>> {
        Box::pin(async move {
            if self.attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                return Err(NotDurable("disk is full".to_owned()));
            }
            let delivery = self.list.deliver(batch).await?;
            let rejected = batch.iter().filter(|m| m.sequence % 3 == 0).count() as u64;
            Ok(Delivery {
                parsed: delivery.parsed - rejected,
                rejected,
            })
        })
    }
}

#[tokio::test]
async fn a_failing_sink_is_asked_again_and_bad_lines_are_counted() {
    let sink = Arc::new(Flaky::default());
    let listener = listen_to(
        "tcp://127.0.0.1:0",
        quick(),
        None,
        Arc::clone(&sink) as Arc<dyn Sink>,
    );
    let mut stream = TcpStream::connect(socket(&listener)).await.unwrap();
    stream.write_all(&b"<13>x\n".repeat(9)).await.unwrap();
    until("delivered", || sink.list.len() == 9).await;
    let snapshot = listener.stop(PATIENCE).await;
    assert_eq!((snapshot.parsed, snapshot.rejected.unreadable), (6, 3));
    assert_eq!(snapshot.sink_retries, 2);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let (listener, _) = listen("tcp://127.0.0.1:0", quick());
    let sink = Arc::new(ListSink::default());
    let again = start(
        listener.address(),
        quick(),
        None,
        sink.clone(),
        Arc::new(Ticking::default()),
    );
    let error = again.unwrap_err().to_string();
    assert!(
        error.starts_with(&listener.address().to_string()),
        "{error}"
    );
    let tls = start(
        "tls://127.0.0.1:0".parse().unwrap(),
        quick(),
        None,
        sink,
        Arc::new(Ticking::default()),
    );
    assert!(matches!(tls, Err(StartError::NoCertificate(_))));
}

fn tls_client(folder: &Path, identity: Option<&str>) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(folder.join("authority.pem")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let chain = CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    Arc::new(config).into()
}

/// Sends a line over TLS; true when the server has taken the connection to its orderly end.
async fn say(folder: &Path, identity: Option<&str>, address: std::net::SocketAddr) -> bool {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let Ok(mut stream) = tls_client(folder, identity).connect(name, stream).await else {
        return false;
    };
    // With TLS 1.3 a client learns only now that its certificate was refused.
    let _ = stream.write_all(b"29 <13>1 - host app - - - inside").await;
    let _ = stream.shutdown().await;
    !matches!(stream.read(&mut [0; 1]).await, Err(e) if e.kind() == std::io::ErrorKind::InvalidData)
}

#[tokio::test]
async fn tls_with_and_without_client_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "authority");
    authority.certify(folder, "server");
    authority.certify(folder, "device");
    Authority::new(folder, "stranger-authority").certify(folder, "stranger");
    let mut files = TlsFiles {
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        client_authorities: None,
    };
    let sink = Arc::new(ListSink::default());
    let shared = Arc::clone(&sink) as Arc<dyn Sink>;
    let open = listen_to(
        "tls://127.0.0.1:0",
        quick(),
        Some(acceptor(&files).unwrap()),
        Arc::clone(&shared),
    );
    assert!(say(folder, None, socket(&open)).await);
    until("one line", || sink.len() == 1).await;
    assert_eq!(texts(&sink)[0], "<13>1 - host app - - - inside");

    files.client_authorities = Some(folder.join("authority.pem"));
    let strict = listen_to(
        "tls://127.0.0.1:0",
        quick(),
        Some(acceptor(&files).unwrap()),
        shared,
    );
    assert!(say(folder, Some("device"), socket(&strict)).await);
    until("another line", || sink.len() == 2).await;
    say(folder, None, socket(&strict)).await;
    say(folder, Some("stranger"), socket(&strict)).await;
    let mut plain = TcpStream::connect(socket(&strict)).await.unwrap();
    plain.write_all(b"<13>readable\n").await.unwrap();
    until("refused", || {
        strict.counters().snapshot().connections.refused_tls == 3
    })
    .await;
    assert_eq!(strict.stop(PATIENCE).await.received, 1);
    assert_eq!(sink.len(), 2);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    Authority::new(folder.path(), "authority").certify(folder.path(), "server");
    let files = TlsFiles {
        certificate: folder.path().join("server.pem"),
        key: folder.path().join("server.key"),
        client_authorities: None,
    };
    let settings = Settings {
        handshake: Duration::from_millis(50),
        ..quick()
    };
    let tls = Some(acceptor(&files).unwrap());
    let listener = listen_to(
        "tls://127.0.0.1:0",
        settings,
        tls,
        Arc::new(ListSink::default()),
    );
    let mut silent = TcpStream::connect(socket(&listener)).await.unwrap();
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(listener.counters().snapshot().connections.refused_tls, 1);
}

#[test]
fn certificate_files_that_are_wrong_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.pem");
    let files = TlsFiles {
        certificate: missing.clone(),
        key: missing.clone(),
        client_authorities: None,
    };
    let Err(error) = acceptor(&files) else {
        panic!("a missing file must be refused");
    };
    assert!(error.to_string().contains("none.pem"), "{error}");
    std::fs::write(&missing, "not PEM").unwrap();
    assert!(acceptor(&files).is_err());
}
