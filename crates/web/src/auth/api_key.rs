//! Checking API keys: checksum, cache, limit, and only then the row and the slow hash.
//!
//! Every failure gets the same answer, so nothing is learnt from trying. Requests that ask the
//! same thing at the same time share one answer: one look-up, one charge of a limit, one hash.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use domain::id::ApiKeyId;
use domain::tenant::Tenant;
use moka::future::Cache;
use store::api_keys::{self, Presented};
use store::tenants;

use crate::app::App;
use crate::auth::bearer::bearer;
use crate::auth::keys::{Key, Kind};
use crate::client;
use crate::error::{WebError, WebResult};
use crate::hidden;
use crate::limit::Verdict;

/// How long a verified (or failed) secret is remembered without hashing it again.
const REMEMBERED: Duration = Duration::from_mins(5);
/// How long a sender that was verified once is hashed again without being limited. The limits
/// are against guessing, and who holds the right secret does not guess.
const FAMILIAR: Duration = Duration::from_hours(24);
/// How long a key's row is believed: a key revoked by another process dies within this time.
const FRESH: Duration = Duration::from_secs(2);
/// How often the use of a key is noted.
const NOTED: Duration = Duration::from_mins(1);
/// Most entries of a cache.
const CAPACITY: u64 = 10_000;

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
    /// By public id; absent ids are remembered too.
    rows: Cache<String, Option<Sender>>,
    /// Public ids that exist, so that their rows are read again without a limit.
    existing: Cache<String, ()>,
    /// Whether the secret of a digest is right.
    verdicts: Cache<[u8; 32], bool>,
    familiar: Cache<[u8; 32], ()>,
    noted: Cache<ApiKeyId, ()>,
}

impl KeyCheck {
    pub(crate) fn new() -> Self {
        Self {
            process_key: hidden::random(),
            rows: remembering(FRESH),
            existing: remembering(FAMILIAR),
            verdicts: remembering(REMEMBERED),
            familiar: remembering(FAMILIAR),
            noted: remembering(NOTED),
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
        let network = address.map(client::network);
        let key = presented(headers)
            .and_then(|text| Key::parse(Kind::Source, text))
            .ok_or_else(refused)?;
        let sender = self.row(app, &key.public_id, network).await?;
        let sender = sender.ok_or_else(refused)?;
        let expired = sender.key.expires_at.is_some_and(|at| at <= app.now());
        if expired || !sender.key.source.settings.enabled {
            return Err(refused());
        }
        if !self.verify(app, &key, &sender, network).await? {
            return Err(refused());
        }
        self.note_use(app, &sender).await?;
        Ok(sender)
    }

    async fn row(
        &self,
        app: &App,
        public_id: &str,
        network: Option<IpAddr>,
    ) -> WebResult<Option<Sender>> {
        let find = async {
            if !self.existing.contains_key(public_id) {
                passed(app.limits().look_up(network))?;
            }
            let Some(key) = api_keys::find(app.db(), public_id).await? else {
                return Ok(None);
            };
            self.existing.insert(public_id.to_owned(), ()).await;
            let tenant = tenants::find(app.db(), key.tenant).await?;
            Ok(Some(Sender { tenant, key }))
        };
        let found = self.rows.try_get_with_by_ref(public_id, find).await;
        found.map_err(|error: std::sync::Arc<WebError>| (*error).clone())
    }

    async fn verify(
        &self,
        app: &App,
        key: &Key,
        sender: &Sender,
        network: Option<IpAddr>,
    ) -> WebResult<bool> {
        let digest = self.digest(key, &sender.key.secret_hash);
        let hash = async {
            if !self.familiar.contains_key(&digest) {
                passed(app.limits().unknown_key(&key.public_id, network))?;
            }
            let hashing = app.hashing();
            let right = hashing
                .verify_secret(key.secret(), &sender.key.secret_hash)
                .await?;
            if right {
                self.familiar.insert(digest, ()).await;
            }
            Ok(right)
        };
        let verdict = self.verdicts.try_get_with(digest, hash).await;
        verdict.map_err(|error: std::sync::Arc<WebError>| (*error).clone())
    }

    /// Notes a use of a key that was shown to be right, seldom enough to cost nothing.
    async fn note_use(&self, app: &App, sender: &Sender) -> WebResult<()> {
        let noted = self.noted.entry(sender.key.id).or_insert(()).await;
        if noted.is_fresh() {
            api_keys::touch(app.db(), &sender.key, app.now()).await?;
        }
        Ok(())
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

fn remembering<K, V>(time: Duration) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let cache = Cache::builder().max_capacity(CAPACITY);
    cache.time_to_live(time).build()
}

fn passed(verdict: Verdict) -> WebResult<()> {
    match verdict {
        Verdict::Pass { .. } => Ok(()),
        Verdict::Wait { seconds } => Err(WebError::too_many(seconds)),
    }
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get("x-api-key") {
        return value.to_str().ok().map(str::trim);
    }
    bearer(headers)
}

/// One text for missing, unknown, wrong and disabled.
fn refused() -> WebError {
    WebError::new(
        StatusCode::UNAUTHORIZED,
        "The API key is not accepted",
        "Send the key of this source in the header x-api-key. A lost key is replaced on the source's page.",
    )
}
