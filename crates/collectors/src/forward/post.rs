//! One request to the central server, and what its answer means for the lines in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

use crate::syslog::tls::{TlsError, authorities};

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_mins(1);
/// The longest pause a server can ask for.
const LONGEST_RETRY_AFTER: u64 = 3600;

/// Why requests cannot be made.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The address is not one.
    #[error("{0:?} is not an address such as https://siem.example.org/api/ingest/SOURCE")]
    Address(String),
    /// The API key would travel readable.
    #[error(
        "{0}: only https is allowed except to this machine, because the API key would travel readable"
    )]
    Readable(Url),
    /// The API key cannot be a header.
    #[error("the API key holds characters that no API key has")]
    Key,
    /// Authorities cannot be read.
    #[error(transparent)]
    Authorities(#[from] TlsError),
    /// The client cannot be built.
    #[error("HTTPS: {0}")]
    Tls(#[from] rustls::Error),
    /// The client cannot be built.
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Where and how to post.
#[derive(Debug, Clone)]
pub struct Target {
    url: Url,
    key: SecretString,
}

impl Target {
    /// Checks the address: https, or http to this machine. `readable` also allows http elsewhere,
    /// for networks that are private.
    pub fn new(url: &str, key: SecretString, readable: bool) -> Result<Self, ClientError> {
        let url: Url = url
            .parse()
            .map_err(|_| ClientError::Address(url.to_owned()))?;
        let local = match url.host_str() {
            Some(host) => {
                let address = host.trim_start_matches('[').trim_end_matches(']');
                host == "localhost"
                    || address
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|ip| ip.is_loopback())
            }
            None => return Err(ClientError::Address(url.to_string())),
        };
        let printable = key.expose_secret().bytes().all(|b| b.is_ascii_graphic());
        match url.scheme() {
            _ if !printable || key.expose_secret().is_empty() => Err(ClientError::Key),
            "https" => Ok(Self { url, key }),
            "http" if local || readable => Ok(Self { url, key }),
            "http" => Err(ClientError::Readable(url)),
            _ => Err(ClientError::Address(url.to_string())),
        }
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// A client that believes the system's certificate authorities and those in `extra` (a PEM file).
/// It follows no redirect: the key must not go where it was not meant to go.
pub fn client(extra: Option<&Path>) -> Result<Client, ClientError> {
    let mut roots = match extra {
        Some(path) => authorities(path)?,
        None => RootCertStore::empty(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder()
        .use_preconfigured_tls(tls)
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .user_agent(concat!("insider-risk/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

/// What the server did with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Committed, apart from the lines that are named.
    Taken(Taken),
    /// More than the server takes at once.
    TooLarge,
    /// The server cannot read the body.
    Unreadable(String),
    /// Later; with the pause it asks for.
    Busy(Option<Duration>),
    /// No answer, or a failure of the server.
    Failed(String),
    /// The key or the address is wrong: nothing changes until somebody acts.
    Refused(String),
}

/// Numbers of a batch answer.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Taken {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) quarantined: u64,
    pub(super) results: Vec<Item>,
}

/// A line the server has something to say about.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) error: Option<Problem>,
}

/// Why a line was rejected.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Problem {
    #[serde(default)]
    pub(super) field: String,
    #[serde(default)]
    pub(super) message: String,
}

/// Posts lines as NDJSON, which always gets the batch answer.
pub(super) async fn post(client: &Client, target: &Target, body: Vec<u8>) -> Answer {
    let request = client
        .post(target.url.clone())
        .header("x-api-key", target.key.expose_secret())
        .header(CONTENT_TYPE, "application/x-ndjson")
        .body(body);
    match request.send().await {
        Ok(response) => understand(response).await,
        // The cause says more than the outermost error; the address is known to the reader.
        Err(error) => Answer::Failed(innermost(&error.without_url())),
    }
}

/// Sends a JSON document, such as a heartbeat.
pub(super) async fn send_json(
    client: &Client,
    target: &Target,
    body: Vec<u8>,
) -> Result<(), String> {
    let request = client
        .post(target.url.clone())
        .header("x-api-key", target.key.expose_secret())
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    match request.send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(response.status().to_string()),
        Err(error) => Err(innermost(&error.without_url())),
    }
}

async fn understand(response: Response) -> Answer {
    let status = response.status();
    let retry_after = retry_after(&response);
    match status {
        StatusCode::ACCEPTED => match response.json::<Taken>().await {
            Ok(taken) => Answer::Taken(taken),
            Err(error) => Answer::Failed(format!("202 without a readable answer: {error}")),
        },
        StatusCode::PAYLOAD_TOO_LARGE => Answer::TooLarge,
        // Anything between here and the server may also answer 400, and says nothing about lines.
        StatusCode::BAD_REQUEST if is_problem(&response) => {
            let text = response.text().await.unwrap_or_default();
            Answer::Unreadable(text.chars().take(500).collect())
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Answer::Busy(retry_after)
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Answer::Failed(status.to_string()),
        _ if status.is_server_error() => Answer::Failed(status.to_string()),
        _ => Answer::Refused(status.to_string()),
    }
}

/// Is it the server's own answer (RFC 9457)?
fn is_problem(response: &Response) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/problem+json"))
}

/// Seconds only: the server never sends a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, readable: bool) -> Result<Target, ClientError> {
        Target::new(url, SecretString::from("irk_abc"), readable)
    }

    #[test]
    fn the_key_does_not_travel_readable() {
        for url in [
            "https://siem.example.org/api/ingest/fw",
            "http://127.0.0.1:3000/api/ingest/fw",
            "http://[::1]:3000/api/ingest/fw",
            "http://localhost:3000/api/ingest/fw",
        ] {
            assert!(target(url, false).is_ok(), "{url}");
        }
        let far = "http://siem.example.org/api/ingest/fw";
        assert!(matches!(target(far, false), Err(ClientError::Readable(_))));
        assert!(target(far, true).is_ok());
        for url in ["ftp://siem.example.org/", "siem.example.org", "https:"] {
            assert!(
                matches!(target(url, true), Err(ClientError::Address(_))),
                "{url}"
            );
        }
        let key = Target::new(
            "https://siem.example.org/",
            SecretString::from("a\nb"),
            false,
        );
        assert!(matches!(key, Err(ClientError::Key)));
    }
}
