//! Pulled integrations: whichever is due is claimed, asked, stored page by page, and recorded.
//!
//! Each page is stored in one transaction with the cursor that follows from it, so that a run
//! that ends anywhere, by a crash too, is continued by the next one without a gap; what is read
//! twice has the same identity and is stored once.

mod sink;

use std::sync::Arc;
use std::time::Duration;

use collectors::provider::{self, Provider, PullFailure, Pulled, Task};
use domain::id::TenantKey;
use domain::integration::RunOutcome;
use domain::time::{Clock, MINUTE_US, SECOND_US, Timestamp};
use normalize::RedactionKey;
use store::integrations::{self, ACCESS_KEY};
use store::log::Appender;
use store::runs::{self, Claim, Ended};
use store::seal::KeyRing;
use store::secrets::{self, Owner};
use store::{Db, Principal, Scope, Via, sources};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use sink::Sink;

/// Pulls that run at the same time in this process.
const AT_ONCE: usize = 4;
/// How often a run gives a sign of life; a fraction of [`runs::LEASE_US`].
const BEAT: Duration = Duration::from_secs(20);
/// The wait after the first failed run; it doubles with each further one.
const FIRST_WAIT_US: i64 = 30 * SECOND_US;
/// The longest wait after failed runs, where the schedule is not longer itself.
const LONGEST_WAIT_US: i64 = 60 * MINUTE_US;
/// When a run that left something for the next one is continued.
const SOON_US: i64 = 10 * SECOND_US;

/// The keys of the installation, as far as pulling needs them.
#[derive(Clone)]
pub struct Keys {
    /// Opens the sealed secrets of integrations.
    pub ring: Arc<KeyRing>,
    /// Derives the key that hashes redacted values of a tenant.
    pub redaction: Arc<dyn Fn(TenantKey) -> RedactionKey + Send + Sync>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What pulls, and through whom.
#[derive(Debug, Clone)]
pub struct Puller {
    db: Db,
    clock: Arc<dyn Clock>,
    appender: Appender,
    keys: Keys,
    providers: Vec<Arc<dyn Provider>>,
    owner: String,
}

impl Puller {
    /// A puller under the given name, which must be unique among all running processes.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        appender: Appender,
        keys: Keys,
        providers: Vec<Arc<dyn Provider>>,
        owner: String,
    ) -> Self {
        Self {
            db,
            clock,
            appender,
            keys,
            providers,
            owner,
        }
    }

    /// Starts what is due, up to the number that may run at the same time.
    pub(crate) async fn start_due(&self, running: &mut JoinSet<()>, stop: &CancellationToken) {
        while running.try_join_next().is_some() {}
        while running.len() < AT_ONCE {
            match runs::claim(&self.db, &self.owner, self.clock.now()).await {
                Ok(None) => break,
                Ok(Some(claim)) => {
                    let (puller, stop) = (self.clone(), stop.clone());
                    running.spawn(async move { puller.run(claim, &stop).await });
                }
                Err(error) => {
                    tracing::error!(%error, "due pulls cannot be read");
                    break;
                }
            }
        }
    }

    /// Makes every pull that is due now, one after the other, and says how many there were.
    pub async fn run_due(&self, stop: &CancellationToken) -> Result<usize> {
        let mut count = 0;
        while let Some(claim) = runs::claim(&self.db, &self.owner, self.clock.now()).await? {
            self.run(claim, stop).await;
            count += 1;
        }
        Ok(count)
    }

    /// Makes one run and records it. A run that is not this worker's any more records nothing.
    async fn run(&self, claim: Claim, stop: &CancellationToken) {
        let integration = claim.integration.slug.as_str();
        let pulled = tokio::select! {
            pulled = self.pull(&claim) => Some(pulled),
            () = self.hold(&claim) => {
                tracing::warn!(integration, "the pull was paused, deleted or taken over");
                Some(Err(PullFailure::new("the integration was paused during the run")))
            }
            () = stop.cancelled() => None,
        };
        if let Some(Err(failure)) = &pulled {
            tracing::warn!(integration, what = failure.what, "a pull failed");
        }
        metrics::counter!("irm_pull_runs_total", "outcome" => match &pulled {
            Some(Ok(_)) => "ok",
            Some(Err(_)) => "failed",
            None => "stopped",
        })
        .increment(1);
        let now = self.clock.now();
        let ended = self.ended(&claim, pulled, now).await;
        if let Err(error) = runs::finish(&self.db, &claim, &ended, now).await {
            tracing::warn!(%error, integration, "the result of a pull could not be recorded");
        }
    }

    /// Gives signs of life; returns when the run is not this worker's any more.
    async fn hold(&self, claim: &Claim) {
        loop {
            tokio::time::sleep(BEAT).await;
            match runs::hold(&self.db, claim, self.clock.now()).await {
                Err(store::Error::LeaseLost) => return,
                // The database may come back before the lease ends.
                Err(error) => tracing::warn!(%error, "a pull could not give a sign of life"),
                Ok(()) => {}
            }
        }
    }

    fn scope(&self, claim: &Claim) -> Scope {
        let principal = Principal::System("pull");
        let now = self.clock.now();
        Scope::new(self.db.clone(), claim.tenant.clone(), principal, Via::Job, now)
    }

    async fn pull(&self, claim: &Claim) -> std::result::Result<Pulled, PullFailure> {
        let integration = &claim.integration;
        let provider = provider::of(&self.providers, integration.provider)
            .ok_or_else(|| provider::missing(integration.provider))?;
        let scope = self.scope(claim);
        let source = sources::find(&scope, integration.source_slug.as_str())
            .await
            .map_err(sink::failed)?;
        let owner = Owner::Integration(integration.id);
        let secret = secrets::open(&scope, &self.keys.ring, &owner, ACCESS_KEY)
            .await
            .map_err(|error| PullFailure {
                remedy: Some("Rotate the credentials of the integration.".to_owned()),
                ..PullFailure::new(error.to_string())
            })?;
        let task = Task {
            slug: integration.slug.as_str().to_owned(),
            configuration: integration.settings.configuration.clone(),
            external_id: integration.external_id.clone(),
            secret,
            cursor: integration.cursor.clone(),
            clock: Arc::clone(&self.clock),
        };
        let sink = Sink {
            claim,
            source: &source,
            provider: provider.as_ref(),
            appender: &self.appender,
            key: (self.keys.redaction)(claim.tenant.key),
            clock: &self.clock,
        };
        provider.pull(&task, &sink).await
    }

    /// What a run is recorded as, and when the next is due. `None`: this service is stopping.
    async fn ended(
        &self,
        claim: &Claim,
        pulled: Option<std::result::Result<Pulled, PullFailure>>,
        now: Timestamp,
    ) -> Ended {
        // The schedule may have been changed during the run.
        let slug = claim.integration.slug.as_str();
        let latest = integrations::find(&self.scope(claim), slug).await;
        let integration = latest.as_ref().unwrap_or(&claim.integration);
        let schedule = integration.settings.schedule.as_ref();
        let due = schedule.and_then(|schedule| schedule.next(now));
        let part = |next_run_at| Ended {
            outcome: RunOutcome::Partial,
            error: None,
            remedy: None,
            next_run_at,
        };
        match pulled {
            None => part(Some(now)),
            Some(Ok(Pulled { more: true })) => part(due.map(|due| due.min(now.plus(SOON_US)))),
            Some(Ok(Pulled { more: false })) => Ended {
                outcome: RunOutcome::Ok,
                ..part(due)
            },
            Some(Err(failure)) => {
                let wait = wait(integration.errors_in_row, random());
                let earliest = failure.not_before.max(Some(now.plus(wait)));
                Ended {
                    outcome: match failure.partial {
                        true => RunOutcome::Partial,
                        false => RunOutcome::Failed,
                    },
                    error: Some(failure.what),
                    remedy: failure.remedy,
                    next_run_at: due.max(earliest),
                }
            }
        }
    }
}

/// How long to leave a provider alone after so many failed runs before this one: between half of
/// a time that doubles and the whole of it, so that many do not return at once.
fn wait(errors_before: u32, random: u64) -> i64 {
    let doubled = FIRST_WAIT_US.saturating_mul(1_i64 << errors_before.min(20));
    let whole = doubled.min(LONGEST_WAIT_US);
    let half = whole / 2;
    half + i64::try_from(random % (half as u64 + 1)).unwrap_or(half)
}

/// Random bits for the jitter; without a source of them every wait is its longest.
fn random() -> u64 {
    getrandom::u64().unwrap_or(FIRST_WAIT_US as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_runs_are_repeated_ever_more_seldom() {
        for (errors, longest) in [(0, 30), (1, 60), (3, 240), (7, 3600), (u32::MAX, 3600)] {
            for random in [0, 1, u64::MAX / 3, u64::MAX] {
                let wait = wait(errors, random);
                let longest = longest * SECOND_US;
                assert!((longest / 2..=longest).contains(&wait), "{errors}: {wait}");
            }
        }
        assert_ne!(wait(3, 0), wait(3, 1));
    }
}
