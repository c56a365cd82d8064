//! Where pages go: judged like everything that arrives, then into the log.

use std::sync::Arc;

use collectors::provider::{Page, PageSink, Provider, PullFailure};
use domain::source::Source;
use domain::time::Clock;
use futures_util::future::BoxFuture;
use normalize::{Copies, Intake, RedactionKey, Verdict};
use store::log::{Appender, Batch};
use store::runs::{Advance, Claim};

/// The pages of one run.
pub(super) struct Sink<'a> {
    pub(super) claim: &'a Claim,
    pub(super) source: &'a Source,
    pub(super) provider: &'a dyn Provider,
    pub(super) appender: &'a Appender,
    pub(super) key: RedactionKey,
    pub(super) clock: &'a Arc<dyn Clock>,
}

impl PageSink for Sink<'_> {
    fn deliver(&self, page: Page) -> BoxFuture<'_, Result<(), PullFailure>> {
        Box::pin(self.store(page))
    }
}

impl Sink<'_> {
    async fn store(&self, page: Page) -> Result<(), PullFailure> {
        let (tenant, now) = (&self.claim.tenant, self.clock.now());
        let redaction = &self.source.settings.redaction;
        let intake = Intake::new(tenant.key, self.source.id, redaction, Some(&self.key), now)
            .map_err(failed)?;
        let (mut batch, mut copies) = (Batch::default(), Copies::default());
        let mut rejected = 0;
        for item in &page.items {
            match self.provider.normalise(item, &intake, &mut copies) {
                Verdict::Accepted(event, _) => batch.events.push(event),
                Verdict::Quarantined(event, reason) => batch.quarantined.push((event, reason)),
                Verdict::Rejected(problem) => {
                    rejected += 1;
                    tracing::warn!(
                        integration = self.claim.integration.slug.as_str(),
                        field = problem.field,
                        message = problem.message,
                        "a pulled item was rejected"
                    );
                }
            }
        }
        let advance = Advance {
            integration: self.claim.integration.id,
            number: self.claim.number,
            fence: self.claim.fence,
            cursor: page.cursor,
            fetched: i64::try_from(page.items.len()).unwrap_or(i64::MAX),
            rejected,
            attempts: i64::from(page.attempts),
            at: now,
        };
        let appended = self
            .appender
            .append_and_advance(tenant, self.source.id, batch, advance)
            .await;
        appended.map(drop).map_err(failed)
    }
}

/// Something on this side failed; the next run tries again.
pub(super) fn failed(error: impl std::fmt::Display) -> PullFailure {
    PullFailure::new(format!("what was fetched could not be stored: {error}"))
}
