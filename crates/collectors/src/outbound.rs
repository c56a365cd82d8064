//! The one client with which this service reaches addresses that somebody else wrote down:
//! webhook targets, custom endpoints, notifications.
//!
//! HTTPS only unless told otherwise. The host is resolved once, every address it has is checked,
//! and the connection goes to a checked address and nowhere else. Redirects are not followed,
//! proxies of the environment are not used, time and size are capped. What is not a public
//! address can be reached only by a network that the administrator of the platform allows.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use reqwest::{Method, StatusCode, Url};
use thiserror::Error;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole exchange may take.
const EXCHANGE: Duration = Duration::from_secs(15);
/// Most bytes of an answer.
pub const MAX_ANSWER: usize = 1024 * 1024;
/// Most addresses of a host that are looked at; a host with more is refused.
const MAX_ADDRESSES: usize = 32;
/// Names under which clouds hand out credentials.
const METADATA: [&str; 4] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
];

/// Why a request was not made, or brought no answer. The texts do not tell what listens where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// The address is not written in a form that is taken.
    #[error("the address must be {0}")]
    Form(&'static str),
    /// The host, or one of its addresses, may not be reached.
    #[error(
        "the address is not one this service may reach: it must be public, or in a network that the platform's administrator allows"
    )]
    Blocked,
    /// There is no such host, nothing answers, or not in time.
    #[error("the address does not answer")]
    Unreachable,
    /// The answer is larger than is taken.
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
}

/// Finds the addresses of a host.
pub trait Resolve: Debug + Send + Sync {
    /// Every address, with the port to connect to.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>>;
}

/// The resolver of the operating system.
#[derive(Debug)]
struct System;

impl Resolve for System {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// Headers, name and value.
    pub headers: Vec<(String, String)>,
    /// Posted when there is one; else the address is fetched.
    pub body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status; redirects are answers like any other.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// The client.
#[derive(Debug, Clone)]
pub struct Outbound {
    allowed: Vec<IpNet>,
    plain: bool,
    resolver: Arc<dyn Resolve>,
}

impl Outbound {
    /// Public addresses over HTTPS, and whatever is in `allowed`.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self {
            allowed,
            plain: false,
            resolver: Arc::new(System),
        }
    }

    /// The same, also without TLS.
    #[must_use]
    pub fn with_plain_http(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Makes a request and reads the answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, Refused> {
        let url = self.url(&request.url)?;
        let addresses = self.addresses(&url).await?;
        let client = self.client(&url, &addresses)?;
        let method = match request.body {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        let mut sent = client.request(method, url);
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let answer = sent.send().await.map_err(|_| Refused::Unreachable)?;
        read(answer).await
    }

    fn url(&self, text: &str) -> Result<Url, Refused> {
        let form = Refused::Form("https://HOST/PATH without user name or password");
        let url = Url::parse(text).map_err(|_| form.clone())?;
        let scheme = url.scheme() == "https" || (self.plain && url.scheme() == "http");
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !scheme || !anonymous || text.len() > 2048 {
            return Err(form);
        }
        let host = url.host_str().ok_or(form)?.trim_end_matches('.');
        if METADATA.contains(&host.to_ascii_lowercase().as_str()) {
            return Err(Refused::Blocked);
        }
        Ok(url)
    }

    /// The checked addresses of a host. One that may not be reached refuses them all: a host with
    /// both kinds is somebody's trick.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Refused> {
        let port = url.port_or_known_default().ok_or(Refused::Unreachable)?;
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let found = match literal {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => self
                .resolver
                .resolve(host, port)
                .await
                .map_err(|_| Refused::Unreachable)?,
        };
        if found.is_empty() || found.len() > MAX_ADDRESSES {
            return Err(Refused::Unreachable);
        }
        if found.iter().all(|a| self.may_reach(a.ip())) {
            return Ok(found);
        }
        Err(Refused::Blocked)
    }

    /// Whether an address may be reached.
    pub fn may_reach(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        is_public(ip) || self.allowed.iter().any(|network| network.contains(&ip))
    }

    /// A client that knows no other way to the host than the checked addresses.
    fn client(&self, url: &Url, addresses: &[SocketAddr]) -> Result<reqwest::Client, Refused> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!self.plain)
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            .pool_max_idle_per_host(0)
            .resolve_to_addrs(url.host_str().unwrap_or_default(), addresses)
            .user_agent("insider-risk")
            .build()
            .map_err(|_| Refused::Unreachable)
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Answer, Refused> {
    let status: StatusCode = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| Refused::Unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Refused::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: status.as_u16(),
        body,
    })
}

/// Whether an address is one of the public internet: none of the blocks of the IANA registries of
/// special-purpose addresses (RFC 6890 and its updates), no multicast, nothing that carries
/// another address inside it.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        // This network, private use, loopback, multicast and reserved.
        (0 | 10 | 127 | 224..=255, _, _)
            // Shared by carriers, link-local, private use.
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            // Protocol assignments, documentation, 6to4 relays, benchmarks.
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Only global unicast; this leaves out loopback, mapped and translated IPv4, unique-local,
    // link-local and multicast.
    let global = a & 0xe000 == 0x2000;
    let special = matches!(
        (a, b),
        // Protocol assignments with Teredo; 6to4; documentation.
        (0x2001, ..0x0200 | 0x0db8) | (0x2002, _) | (0x3fff, ..0x1000)
    );
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A listener that counts connections and answers each with the same bytes.
    async fn server(at: &str, answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(at).await.unwrap();
        let (address, count) = (
            listener.local_addr().unwrap(),
            Arc::new(AtomicUsize::new(0)),
        );
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(&answer).await;
            }
        });
        (address, count)
    }

    fn ok(body: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Answers from a list, one after the other, and counts.
    #[derive(Debug, Default)]
    struct Scripted {
        answers: Mutex<Vec<Vec<SocketAddr>>>,
        asked: AtomicUsize,
    }

    impl Resolve for Scripted {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
            _: u16,
        ) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let mut answers = self.answers.lock().unwrap();
            let answer = if answers.is_empty() {
                Vec::new()
            } else {
                answers.remove(0)
            };
            Box::pin(async move { Ok(answer) })
        }
    }

    async fn get(client: &Outbound, url: &str) -> Result<Answer, Refused> {
        client
            .send(&Request {
                url: url.to_owned(),
                ..Request::default()
            })
            .await
    }

    /// SEC-40.
    #[tokio::test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    async fn no_spelling_of_an_inner_address_is_reached() {
        let (canary, count) = server("127.0.0.1:0", ok("secret")).await;
        let port = canary.port();
        let client = Outbound::new(Vec::new()).with_plain_http();
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "0x7f.1",
            "127.0.0.1.",
            "0",
            "0.0.0.0",
            "127.127.127.127",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:7f00:0001]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "①②⑦.⓪.⓪.①",
            "１２７.0.0.1",
            "%31%32%37.0.0.1",
            "localhost",
            "LOCALHOST",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "224.0.0.1",
            "255.255.255.255",
            "[ff02::1]",
            "metadata.google.internal",
            "metadata",
        ] {
            let refused = get(&client, &format!("http://{host}:{port}/")).await;
            assert_eq!(refused, Err(Refused::Blocked), "{host}");
        }
        for url in [
            "http://user@example.org/",
            "http://user:pass@127.0.0.1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "127.0.0.1",
            "//127.0.0.1/",
            "",
            "http://",
            "http://[::1",
            "http://1.2.3.4.5/",
        ] {
            assert!(get(&client, url).await.is_err(), "{url}");
        }
        assert_eq!(count.load(Ordering::SeqCst), 0);
        let strict = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(
            matches!(
                get(&strict, &format!("http://127.0.0.1:{port}/")).await,
                Err(Refused::Form(_))
            ),
            "https only by default"
        );
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }

    /// SEC-40.
    #[tokio::test]
    async fn a_host_is_resolved_once_and_all_its_addresses_must_pass() {
        let (inner, stolen) = server("127.0.0.1:0", ok("secret")).await;
        let (allowed, reached) = server("127.0.0.2:0", ok("public")).await;
        let resolver = Arc::new(Scripted::default());
        let client = Outbound::new(vec!["127.0.0.2/32".parse().unwrap()]).with_plain_http();
        let client = client.with_resolver(Arc::clone(&resolver) as Arc<dyn Resolve>);
        let url = format!("http://rebind.example:{}/", allowed.port());
        // The second answer would lead inside; nobody asks a second time.
        resolver
            .answers
            .lock()
            .unwrap()
            .extend([vec![allowed], vec![inner]]);
        assert_eq!(get(&client, &url).await.unwrap().body, b"public");
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
        assert_eq!(get(&client, &url).await, Err(Refused::Blocked));
        resolver.answers.lock().unwrap().push(vec![allowed, inner]);
        assert_eq!(
            get(&client, &url).await,
            Err(Refused::Blocked),
            "one inner address is enough"
        );
        resolver.answers.lock().unwrap().push(vec![]);
        assert_eq!(get(&client, &url).await, Err(Refused::Unreachable));
        assert_eq!(
            (
                stolen.load(Ordering::SeqCst),
                reached.load(Ordering::SeqCst)
            ),
            (0, 1)
        );
    }

    /// SEC-40.
    #[tokio::test]
    async fn redirects_are_answers_and_sizes_are_capped() {
        let (inner, stolen) = server("127.0.0.1:0", ok("secret")).await;
        let moved = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{inner}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let (outer, _) = server("127.0.0.2:0", moved.into_bytes()).await;
        let client = Outbound::new(vec!["127.0.0.2/32".parse().unwrap()]).with_plain_http();
        assert_eq!(
            get(&client, &format!("http://{outer}/"))
                .await
                .unwrap()
                .status,
            302
        );
        assert_eq!(stolen.load(Ordering::SeqCst), 0);
        let (large, _) = server("127.0.0.2:0", ok(&"x".repeat(MAX_ANSWER + 1))).await;
        assert_eq!(
            get(&client, &format!("http://{large}/")).await,
            Err(Refused::TooLarge)
        );
        let text = Refused::Blocked.to_string() + &Refused::Unreachable.to_string();
        assert!(!text.contains("refused") && !text.contains("closed") && !text.contains("127"));
    }

    #[test]
    fn public_addresses_are_public() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "198.19.0.1",
            "240.0.0.1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "64:ff9b:1::1",
            "::",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
