//! What the tests of listeners share.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use collectors::sink::{Delivery, ListSink, NotDurable, Received, Sink};
use collectors::syslog::{self, Counters, ListenAddress, Listener, Settings};
use domain::time::{Clock, Timestamp};
use futures_util::future::BoxFuture;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

pub const PATIENCE: Duration = Duration::from_mins(1);

/// A clock that moves by a microsecond whenever it is asked.
#[derive(Debug, Default)]
pub struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_795_000_000_000_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Waits until something is true.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn quick() -> Settings {
    Settings {
        linger: Duration::from_millis(5),
        ..Settings::default()
    }
}

pub fn listen_to(
    address: &str,
    settings: Settings,
    tls: Option<TlsAcceptor>,
    sink: Arc<dyn Sink>,
) -> Listener {
    let address: ListenAddress = address.parse().unwrap();
    syslog::start(address, settings, tls, sink, Arc::new(Ticking::default())).unwrap()
}

pub fn listen(address: &str, settings: Settings) -> (Listener, Arc<ListSink>) {
    let sink = Arc::new(ListSink::default());
    let listener = listen_to(address, settings, None, Arc::clone(&sink) as Arc<dyn Sink>);
    (listener, sink)
}

pub fn port(listener: &Listener) -> u16 {
    listener.address().socket.port()
}

pub fn socket(listener: &Listener) -> SocketAddr {
    listener.address().socket
}

pub fn texts(sink: &ListSink) -> Vec<String> {
    sink.messages()
        .iter()
        .map(|m| String::from_utf8_lossy(&m.bytes).into_owned())
        .collect()
}

/// Everything received is accounted for, now.
pub fn assert_balanced(counters: &Counters) {
    let s = counters.snapshot();
    let settled = s.parsed + s.rejected.total() + s.dropped.total() + s.waiting;
    assert_eq!(s.received, settled, "{s:?}");
}

/// A sink that takes nothing until it is opened.
#[derive(Debug)]
pub struct Gate {
    pub list: ListSink,
    open: Semaphore,
}

impl Gate {
    pub fn closed() -> Arc<Self> {
        Arc::new(Self {
            list: ListSink::default(),
            open: Semaphore::new(0),
        })
    }

    pub fn open(&self) {
        self.open.close();
    }
}

impl Sink for Gate {
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>> {
        Box::pin(async move {
            // Closing the semaphore lets everybody through.
            let _ = self.open.acquire().await;
            self.list.deliver(batch).await
        })
    }
}

/// A certificate authority, and files of a server or client it has certified.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), issuer.pem()).unwrap();
        Self(issuer)
    }

    pub fn certify(&self, folder: &Path, name: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}
