//! Checking API keys: checksum, row, cache, limit, and only then the slow hash.
//!
//! Every failure gets the same answer, so nothing is learnt from trying.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use domain::tenant::Tenant;
use moka::sync::Cache;
use store::api_keys::{self, Presented};
use store::tenants;

use crate::app::App;
use crate::auth::keys::{Key, Kind};
use crate::client;
use crate::error::{WebError, WebResult};
use crate::hidden;
use crate::limit::Verdict;

/// How long a verified (or failed) secret is remembered without hashing it again.
const REMEMBERED: Duration = Duration::from_mins(5);
/// How long a key's row is believed: a key revoked by another process dies within this time.
const FRESH: Duration = Duration::from_secs(2);

/// A source that has shown its key.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// Its tenant.
    pub tenant: Tenant,
    /// The key and its source.
    pub key: Presented,
}

/// The caches of one process.
#[derive(Debug)]
pub(crate) struct KeyCheck {
    process_key: [u8; 32],
    rows: Cache<String, Option<Sender>>,
    verified: Cache<[u8; 32], ()>,
    failed: Cache<[u8; 32], ()>,
}

impl KeyCheck {
    pub(crate) fn new() -> Self {
        Self {
            process_key: hidden::random(),
            rows: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(FRESH)
                .build(),
            verified: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(REMEMBERED)
                .build(),
            failed: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }

    /// Forgets every row, because a key or source was just changed in this process.
    pub(crate) fn forget(&self) {
        self.rows.invalidate_all();
    }

    /// Who presented the key of a request.
    pub(crate) async fn sender(
        &self,
        app: &App,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> WebResult<Sender> {
        let key = presented(headers)
            .and_then(|text| Key::parse(Kind::Source, text))
            .ok_or_else(refused)?;
        let sender = self.row(app, &key.public_id).await?.ok_or_else(refused)?;
        let expired = sender.key.expires_at.is_some_and(|at| at <= app.now());
        if expired || !sender.key.source.settings.enabled {
            return Err(refused());
        }
        self.verify(app, &key, &sender, address).await?;
        Ok(sender)
    }

    async fn row(&self, app: &App, public_id: &str) -> WebResult<Option<Sender>> {
        if let Some(known) = self.rows.get(public_id) {
            return Ok(known);
        }
        let sender = match api_keys::find(app.db(), public_id).await? {
            None => None,
            Some(key) => Some(Sender {
                tenant: tenants::find(app.db(), key.tenant).await?,
                key,
            }),
        };
        if let Some(sender) = &sender {
            api_keys::touch(app.db(), &sender.key, app.now()).await?;
        }
        self.rows.insert(public_id.to_owned(), sender.clone());
        Ok(sender)
    }

    async fn verify(
        &self,
        app: &App,
        key: &Key,
        sender: &Sender,
        address: Option<IpAddr>,
    ) -> WebResult<()> {
        let digest = self.digest(key, &sender.key.secret_hash);
        if self.verified.contains_key(&digest) {
            return Ok(());
        }
        if self.failed.contains_key(&digest) {
            return Err(refused());
        }
        let network = address.map(client::network);
        if let Verdict::Wait { seconds } = app.limits().unknown_key(&key.public_id, network) {
            return Err(WebError::too_many(seconds));
        }
        if app
            .hashing()
            .verify_secret(key.secret(), &sender.key.secret_hash)
            .await?
        {
            self.verified.insert(digest, ());
            Ok(())
        } else {
            self.failed.insert(digest, ());
            Err(refused())
        }
    }

    /// What is remembered of a secret: a hash under a key that dies with the process, bound to the
    /// stored hash, so that a rotated key is never taken for the old one.
    fn digest(&self, key: &Key, stored: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.process_key);
        for part in [key.public_id.as_str(), key.secret(), stored] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get("x-api-key") {
        return value.to_str().ok().map(str::trim);
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// One text for missing, unknown, wrong and disabled.
fn refused() -> WebError {
    WebError::new(
        StatusCode::UNAUTHORIZED,
        "The API key is not accepted",
        "Send the key of this source in the header x-api-key. A lost key is replaced on the source's page.",
    )
}
