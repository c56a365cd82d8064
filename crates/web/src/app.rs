//! What every handler shares, and the settings it is built from.

use std::net::IpAddr;
use std::sync::Arc;

use domain::id::TenantKey;
use domain::tenant::Tenant;
use domain::time::{Clock, Timestamp};
use ipnet::IpNet;
use normalize::RedactionKey;
use store::log::Appender;
use store::seal::KeyRing;
use store::{Db, Principal, Scope, Via};
use tokio::sync::Notify;

use crate::auth::api_key::KeyCheck;
use crate::auth::hashing::Hashing;
use crate::connect::verify::Progresses;
use crate::ingest::webhook::Deliveries;
use crate::limit::Limits;

/// Keys derived from the installation's master key.
#[derive(Clone)]
pub struct Keys {
    master: Arc<[u8; 32]>,
    ring: Arc<KeyRing>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Derives everything from the master key.
    pub fn new(master: [u8; 32]) -> Self {
        Self::with_previous(master, &[])
    }

    /// The same, while secrets sealed under earlier master keys can still be opened.
    pub fn with_previous(master: [u8; 32], previous: &[[u8; 32]]) -> Self {
        Self {
            ring: Arc::new(KeyRing::new(&master, previous)),
            master: Arc::new(master),
        }
    }

    /// The keys that open sealed secrets.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The key that hashes redacted values of a tenant.
    pub fn redaction(&self, tenant: TenantKey) -> RedactionKey {
        RedactionKey::derive(&self.master, tenant)
    }

    /// The key that makes the numbers of verifications.
    pub(crate) fn verification(&self) -> [u8; 32] {
        blake3::derive_key("insider-risk 2026 verification", self.master.as_slice())
    }

    /// The key that signs forms of visitors without a session.
    pub(crate) fn form(&self) -> [u8; 32] {
        blake3::derive_key("insider-risk 2026 form token", self.master.as_slice())
    }
}

/// The address under which people reach the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    secure: bool,
}

impl BaseUrl {
    /// Reads `https://HOST` or, for this machine only, `http://127.0.0.1:PORT`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let origin = text.trim_end_matches('/');
        let (scheme, host) = origin
            .split_once("://")
            .ok_or("BASE_URL must begin with https:// or http://")?;
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return Err(
                "BASE_URL must be a scheme and a host only, such as https://irm.example.org"
                    .to_owned(),
            );
        }
        let secure = match scheme {
            "https" => true,
            "http" if is_loopback(host) => false,
            "http" => return Err("BASE_URL with http:// is only allowed for a loopback host: cookies would travel in the clear; put a TLS proxy in front and use https://".to_owned()),
            _ => return Err("BASE_URL must begin with https:// or http://".to_owned()),
        };
        Ok(Self {
            origin: origin.to_owned(),
            secure,
        })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies are marked Secure.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host
        .strip_prefix('[')
        .and_then(|h| h.split(']').next())
        .unwrap_or_else(|| host.split(':').next().unwrap_or(host));
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What the web part needs to be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address for people.
    pub base_url: BaseUrl,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// bcrypt cost: 12 or more in service, 4 in tests.
    pub bcrypt_cost: u32,
    /// Keys of the installation.
    pub keys: Keys,
    /// The providers that can be pulled, for the tests of their connections.
    pub providers: Vec<Arc<dyn collectors::provider::Provider>>,
}

/// What every handler shares.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    appender: Appender,
    settings: Settings,
    hashing: Hashing,
    limits: Limits,
    key_check: KeyCheck,
    deliveries: Deliveries,
    verifications: Progresses,
}

impl App {
    /// Starts what runs behind the handlers. `wake` is raised when events were stored.
    pub fn start(db: Db, clock: Arc<dyn Clock>, wake: Arc<Notify>, settings: Settings) -> Self {
        let inner = Inner {
            appender: Appender::start(db.clone(), wake),
            hashing: Hashing::new(settings.bcrypt_cost),
            limits: Limits::new(),
            key_check: KeyCheck::new(),
            deliveries: Deliveries::new(),
            verifications: Progresses::new(),
            db,
            clock,
            settings,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Whether events wait for room in the queue of the log's writer.
    pub fn is_overloaded(&self) -> bool {
        self.inner.appender.is_full()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn appender(&self) -> &Appender {
        &self.inner.appender
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn hashing(&self) -> &Hashing {
        &self.inner.hashing
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        self.inner.settings.keys.ring()
    }

    pub(crate) fn providers(&self) -> &[Arc<dyn collectors::provider::Provider>] {
        &self.inner.settings.providers
    }

    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.inner.deliveries
    }

    pub(crate) fn verifications(&self) -> &Progresses {
        &self.inner.verifications
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    pub(crate) fn key_check(&self) -> &KeyCheck {
        &self.inner.key_check
    }

    /// A scope for steps before anybody is signed in.
    pub(crate) fn system_scope(&self, tenant: Tenant, job: &'static str) -> Scope {
        let principal = Principal::System(job);
        Scope::new(self.db().clone(), tenant, principal, Via::Page, self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (text, secure) in [
            ("https://irm.example.org", true),
            ("https://irm.example.org:8443/", true),
            ("http://127.0.0.1:3000", false),
            ("http://localhost:3000", false),
            ("http://[::1]:3000", false),
        ] {
            assert_eq!(
                BaseUrl::parse(text).map(|u| u.is_secure()),
                Ok(secure),
                "{text}"
            );
        }
        for text in [
            "irm.example.org",
            "http://irm.example.org",
            "http://10.0.0.1",
            "ftp://x",
            "https://",
            "https://a/b",
            "https://user@host",
            "http://localhost.evil.example",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
