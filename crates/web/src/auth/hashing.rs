//! Slow hashes, on threads of their own and never more than a few at once.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha384};
use tokio::sync::Semaphore;

use crate::error::WebError;
use crate::hidden;

/// bcrypt in bounded pools: people signing in and sources with new keys do not wait for each
/// other.
#[derive(Debug, Clone)]
pub struct Hashing {
    cost: u32,
    people: Arc<Semaphore>,
    sources: Arc<Semaphore>,
    /// A hash no password has, of the same cost as real ones, made when first needed.
    nobody: Arc<OnceLock<String>>,
}

/// Hashes that may wait for their turn; beyond it the answer is "try later".
const QUEUE: usize = 16;

impl Hashing {
    /// With the given bcrypt cost: at least 12 in service.
    pub fn new(cost: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let half = (cores / 2).max(1);
        Self {
            cost,
            people: Arc::new(Semaphore::new(half)),
            sources: Arc::new(Semaphore::new(half)),
            nobody: Arc::new(OnceLock::new()),
        }
    }

    /// Hashes a password. Passwords are first hashed with SHA-384, because bcrypt reads 72 bytes
    /// only.
    pub async fn hash_password(&self, password: &str) -> Result<String, WebError> {
        let (cost, folded) = (self.cost, fold(password));
        run(&self.people, move || {
            bcrypt::non_truncating_hash(folded, cost)
        })
        .await?
        .map_err(failed)
    }

    /// Checks a password; `None` takes the same time and is wrong.
    pub async fn verify_password(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, WebError> {
        let (cost, nobody, folded) = (self.cost, Arc::clone(&self.nobody), fold(password));
        let verified = run(&self.people, move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| {
                let make = || bcrypt::non_truncating_hash(hidden::random_text(), cost);
                nobody.get_or_init(|| make().unwrap_or_default()).clone()
            });
            bcrypt::non_truncating_verify(folded, &hash).unwrap_or(false) && known
        });
        verified.await
    }

    /// Hashes the secret of an API key: 43 characters, so bcrypt reads all of it.
    pub async fn hash_secret(&self, secret: &str) -> Result<String, WebError> {
        let (cost, secret) = (self.cost, secret.to_owned());
        run(&self.sources, move || {
            bcrypt::non_truncating_hash(secret, cost)
        })
        .await?
        .map_err(failed)
    }

    /// Checks the secret of an API key.
    pub async fn verify_secret(&self, secret: &str, hash: &str) -> Result<bool, WebError> {
        let (secret, hash) = (secret.to_owned(), hash.to_owned());
        metrics::counter!("irm_key_hashes_total").increment(1);
        let verified = run(&self.sources, move || {
            bcrypt::non_truncating_verify(secret, &hash)
        })
        .await?;
        Ok(verified.unwrap_or(false))
    }
}

fn fold(password: &str) -> String {
    STANDARD.encode(Sha384::digest(password.as_bytes()))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn failed(error: bcrypt::BcryptError) -> WebError {
    tracing::error!(%error, "hashing failed");
    WebError::internal()
}

async fn run<T: Send + 'static>(
    pool: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WebError> {
    let waiting = tokio::time::timeout(
        std::time::Duration::from_secs(QUEUE as u64),
        Arc::clone(pool).acquire_owned(),
    );
    let Ok(Ok(place)) = waiting.await else {
        return Err(WebError::unavailable());
    };
    tokio::task::spawn_blocking(move || {
        let result = work();
        drop(place);
        result
    })
    .await
    .map_err(|_| WebError::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_byte_of_a_long_password_counts() {
        let hashing = Hashing::new(4);
        let long = "p".repeat(99);
        let hash = hashing.hash_password(&format!("{long}a")).await.unwrap();
        let verify = async |tail| {
            let password = format!("{long}{tail}");
            hashing
                .verify_password(&password, Some(hash.clone()))
                .await
                .unwrap()
        };
        assert!(verify("a").await);
        assert!(
            !verify("b").await,
            "bcrypt alone ignores what follows 72 bytes"
        );
        assert!(!hashing.verify_password("anything", None).await.unwrap());
    }
}
