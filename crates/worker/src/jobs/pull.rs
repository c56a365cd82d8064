//! Runs what is pulled: claims what is due, stores page by page with the cursor, records the end.

use std::sync::Arc;
use std::time::Duration;

use collectors::formats;
use collectors::provider::{self, Page, PageSink, Provider, PullFailure, Pulled, Task};
use domain::id::TenantKey;
use domain::integration::{RunOutcome, schedule};
use domain::source::Source;
use domain::time::{Clock, MINUTE_US, Timestamp, Zone};
use futures_util::future::BoxFuture;
use normalize::{Copies, Intake, RedactionKey, Verdict};
use store::log::{Appender, Batch};
use store::runs::{self, Advance, Claim, Ended};
use store::seal::KeyRing;
use store::secrets::{self, Owner};
use store::{Db, Principal, Scope, Via, integrations, sources};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// Longest time of one run; the next goes on from the last cursor.
const RUN: Duration = Duration::from_mins(10);
/// How often a run gives a sign of life; a fraction of [`runs::LEASE_US`], for between two pages a
/// provider may ask to be left alone for longer than that.
const BEAT: Duration = Duration::from_secs(20);
/// When a run that left something behind is continued, where the schedule is not sooner.
const SOON_US: i64 = MINUTE_US / 6;

/// What pulling needs beyond the database.
#[derive(Clone)]
pub struct Pulling {
    /// Where events go.
    pub appender: Appender,
    /// Opens the secrets.
    pub ring: Arc<KeyRing>,
    /// The key that hashes redacted values of a tenant.
    pub redaction: Arc<dyn Fn(TenantKey) -> RedactionKey + Send + Sync>,
    /// Who can be asked.
    pub providers: Vec<Arc<dyn Provider>>,
}

impl std::fmt::Debug for Pulling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pulling")
            .field("providers", &self.providers)
            .finish_non_exhaustive()
    }
}

/// Runs the pull that has been due longest, if one is, and says whether there was one.
pub async fn run_next(
    db: &Db,
    clock: &Arc<dyn Clock>,
    owner: &str,
    pulling: &Pulling,
) -> Result<bool> {
    match runs::claim(db, owner, clock.now()).await? {
        None => Ok(false),
        Some(claim) => {
            run(db, clock, pulling, &claim, &CancellationToken::new()).await?;
            Ok(true)
        }
    }
}

/// Makes a claimed run and records how it ended. At `stop` it ends where it is; the next one goes
/// on there.
pub async fn run(
    db: &Db,
    clock: &Arc<dyn Clock>,
    pulling: &Pulling,
    claim: &Claim,
    stop: &CancellationToken,
) -> Result<()> {
    let result = tokio::select! {
        result = pull(db, clock, pulling, claim) => result,
        () = tokio::time::sleep(RUN) => Err(PullFailure::new(
            "the run took longer than 10 minutes and was stopped",
        )),
        () = stop.cancelled() => Ok(Pulled { more: true }),
        () = held(db, clock, claim) => Err(PullFailure::new(
            "the integration was paused, deleted or taken over by another worker during the run",
        )),
    };
    let now = clock.now();
    let ended = ended(claim, result, now);
    Ok(runs::finish(db, claim, &ended, now).await?)
}

/// Gives signs of life; returns when the run is not this worker's any more, or not wanted.
async fn held(db: &Db, clock: &Arc<dyn Clock>, claim: &Claim) {
    loop {
        tokio::time::sleep(BEAT).await;
        match runs::hold(db, claim, clock.now()).await {
            Err(store::Error::LeaseLost) => return,
            // The database may be back before the lease ends.
            Err(error) => tracing::warn!(%error, "a pull could not give a sign of life"),
            Ok(()) => {}
        }
    }
}

async fn pull(
    db: &Db,
    clock: &Arc<dyn Clock>,
    pulling: &Pulling,
    claim: &Claim,
) -> std::result::Result<Pulled, PullFailure> {
    let integration = &claim.integration;
    let Some(provider) = provider::of(&pulling.providers, integration.provider) else {
        return Err(provider::missing(integration.provider));
    };
    let system = Principal::System("pull");
    let scope = Scope::new(
        db.clone(),
        claim.tenant.clone(),
        system,
        Via::Job,
        clock.now(),
    );
    let failed = |e: store::Error| PullFailure::new(e.to_string());
    let source = sources::find(&scope, integration.source_slug.as_str());
    let source = source.await.map_err(failed)?;
    let owner = Owner::Integration(integration.id);
    let secret = secrets::open(&scope, &pulling.ring, &owner, integrations::ACCESS_KEY);
    let task = Task {
        slug: integration.slug.to_string(),
        configuration: integration.settings.configuration.clone(),
        external_id: integration.external_id.clone(),
        secret: secret.await.map_err(failed)?,
        cursor: integration.cursor.clone(),
        clock: Arc::clone(clock),
    };
    let sink = Sink {
        pulling,
        claim,
        source: &source,
        clock,
    };
    provider.pull(&task, &sink).await
}

/// When the next run is due and what is remembered of this one.
fn ended(claim: &Claim, result: std::result::Result<Pulled, PullFailure>, now: Timestamp) -> Ended {
    let integration = &claim.integration;
    let planned = integration
        .settings
        .schedule
        .as_ref()
        .and_then(|s| s.next(now));
    let failure = match result {
        Err(failure) => failure,
        Ok(Pulled { more }) => {
            let soon = now.plus(SOON_US);
            let (outcome, next_run_at) = if more {
                (RunOutcome::Partial, planned.map(|p| p.min(soon)))
            } else {
                (RunOutcome::Ok, planned)
            };
            return Ended {
                outcome,
                error: None,
                remedy: None,
                next_run_at,
            };
        }
    };
    let failures = integration.errors_in_row + 1;
    // The fence is as good as random here: it only has to differ between integrations.
    let random = (claim.fence as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ integration.id.0 as u64;
    let retry = now.plus(schedule::retry_after(failures, random));
    let soonest = planned.map_or(retry, |planned| planned.min(retry));
    Ended {
        outcome: if failure.partial {
            RunOutcome::Partial
        } else {
            RunOutcome::Failed
        },
        next_run_at: Some(failure.not_before.map_or(soonest, |at| at.max(soonest))),
        error: Some(failure.what),
        remedy: failure.remedy,
    }
}

/// Stores pages of one run.
struct Sink<'a> {
    pulling: &'a Pulling,
    claim: &'a Claim,
    source: &'a Source,
    clock: &'a Arc<dyn Clock>,
}

impl PageSink for Sink<'_> {
    fn deliver(&self, page: Page) -> BoxFuture<'_, std::result::Result<(), PullFailure>> {
        Box::pin(async move {
            let stored = self.store(page).await;
            stored.map_err(|e| PullFailure::new(e.to_string()))
        })
    }
}

impl Sink<'_> {
    async fn store(&self, page: Page) -> Result<()> {
        let (claim, now) = (self.claim, self.clock.now());
        let key = (self.pulling.redaction)(claim.tenant.key);
        let redaction = &self.source.settings.redaction;
        let intake = Intake::new(claim.tenant.key, self.source.id, redaction, Some(&key), now)
            .map_err(|e| Error::Configuration(e.to_string()))?;
        let (mut copies, mut batch, mut rejected) = (Copies::default(), Batch::default(), 0);
        let kind = claim.integration.provider;
        for item in &page.items {
            match formats::accept(kind, item, &Zone::utc(), &intake, &mut copies) {
                Verdict::Accepted(event, _) => batch.events.push(event),
                Verdict::Quarantined(event, reason) => batch.quarantined.push((event, reason)),
                Verdict::Rejected(problem) => {
                    rejected += 1;
                    tracing::warn!(field = problem.field, "an item of a pull was rejected");
                }
            }
        }
        let advance = Advance {
            integration: claim.integration.id,
            number: claim.number,
            fence: claim.fence,
            cursor: page.cursor,
            fetched: page.items.len() as i64,
            rejected,
            attempts: i64::from(page.attempts),
            at: now,
        };
        let appender = &self.pulling.appender;
        appender
            .append_and_advance(&claim.tenant, self.source.id, batch, advance)
            .await?;
        Ok(())
    }
}
