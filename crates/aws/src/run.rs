//! One run: every region in turn, each by its own state machine.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_guardduty::Client;
use collectors::guardduty::{
    Backoff, Cursor, Ended, Failure, LONGEST_WAIT, Limits, Pull, Reaction, Step,
};
use collectors::provider::{Page, PageSink, PullFailure, Pulled, Task};
use domain::integration::config::GuarddutyPull;
use domain::time::Timestamp;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::connection::{Network, Session};
use crate::findings::{self, Finding};
use crate::refusal::Refusal;

/// How long a run may take, a little less than its caller allows. Whatever is left is fetched by
/// the next one.
const LONGEST_RUN: Duration = Duration::from_mins(9);

/// Where each detector's run goes on, by `region/detector`: what the integration's cursor holds.
type Cursors = BTreeMap<String, Cursor>;

/// Why a region ended before its end.
enum Stopped {
    /// The region failed; others may still succeed.
    Region(PullFailure),
    /// What was fetched could not be stored: nothing more is fetched.
    Sink(PullFailure),
}

/// A run under way.
pub(crate) struct Run<'a> {
    task: &'a Task,
    pull: &'a GuarddutyPull,
    sink: &'a dyn PageSink,
    limits: Limits,
    backoff: Backoff,
    cursors: Cursors,
    /// Requests since the last page.
    attempts: u32,
    deadline: Instant,
    /// The latest error, for the words of a run that failed.
    refusal: Option<Refusal>,
}

impl<'a> Run<'a> {
    /// Prepares a run from the stored cursor. One that cannot be read is no reason to stop: what
    /// is read twice is stored once.
    pub(crate) fn new(
        task: &'a Task,
        pull: &'a GuarddutyPull,
        sink: &'a dyn PageSink,
        (limits, backoff): (Limits, Backoff),
    ) -> Self {
        let cursors = task.cursor.as_deref().map(serde_json::from_str::<Cursors>);
        let cursors = cursors.unwrap_or_else(|| Ok(Cursors::new()));
        Self {
            task,
            pull,
            sink,
            limits,
            backoff,
            cursors: cursors.unwrap_or_else(|error| {
                tracing::warn!(%error, integration = task.slug, "the cursor cannot be read; beginning anew");
                Cursors::new()
            }),
            attempts: 0,
            deadline: Instant::now() + LONGEST_RUN,
            refusal: None,
        }
    }

    /// Asks every region and says what is left.
    pub(crate) async fn all(mut self, network: &Network) -> Result<Pulled, PullFailure> {
        let session = match self.session(network).await {
            Ok(session) => session,
            Err(failure) => {
                self.deliver(Vec::new()).await?;
                return Err(failure);
            }
        };
        let (mut failures, mut more) = (Vec::new(), false);
        for region in self.regions() {
            match self.region(&session, &region).await {
                Ok(left) => more |= left,
                Err(Stopped::Sink(failure)) => return Err(failure),
                Err(Stopped::Region(failure)) => {
                    self.deliver(Vec::new()).await?;
                    failures.push(failure);
                }
            }
        }
        match told(failures, self.pull.regions.len()) {
            Some(failure) => Err(failure),
            None => Ok(Pulled { more }),
        }
    }

    /// The regions, those furthest behind first, so that a run that ends early starves none.
    fn regions(&self) -> Vec<String> {
        let reached = |region: &String| {
            let prefix = format!("{region}/");
            let own = self
                .cursors
                .iter()
                .filter(|(key, _)| key.starts_with(&prefix));
            own.filter_map(|(_, cursor)| cursor.updated_at).max()
        };
        let mut regions = self.pull.regions.clone();
        regions.sort_by_key(reached);
        regions
    }

    async fn session(&mut self, network: &Network) -> Result<Session, PullFailure> {
        let own = network.own(self.task, self.pull).await;
        let (task, pull) = (self.task, self.pull);
        self.persist(|| network.assume(&own, task, pull, &task.external_id).boxed())
            .await
    }

    /// Asks once, and again while the failure may pass.
    async fn persist<'b, T>(
        &mut self,
        ask: impl Fn() -> BoxFuture<'b, Result<T, Refusal>> + Send,
    ) -> Result<T, PullFailure> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.attempts += 1;
            let refusal = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let asked = match &refusal.failure {
                Failure::Lasting(_) => return Err(self.failure(&refusal)),
                Failure::Throttled(asked) => *asked,
                Failure::Passing => None,
            };
            let wait = self.backoff.wait(attempt, asked, random());
            match wait.filter(|wait| Instant::now() + *wait < self.deadline) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(self.failure(&refusal)),
            }
        }
    }

    /// Pulls one region; true when the next run has more to fetch there.
    async fn region(&mut self, session: &Session, region: &str) -> Result<bool, Stopped> {
        let client = session.guardduty(region);
        let found = self
            .persist(|| findings::detector(&client, region).boxed())
            .await;
        let detector = found.map_err(Stopped::Region)?.ok_or_else(|| {
            Stopped::Region(PullFailure {
                remedy: Some("enable GuardDuty there or take the region out".to_owned()),
                ..PullFailure::new(format!("GuardDuty is not enabled in {region}"))
            })
        })?;
        let place = format!("{region}/{detector}");
        let cursor = self.cursors.get(&place).copied().unwrap_or_default();
        let now = self.task.clock.now();
        let mut pull = Pull::new(cursor, self.limits, self.backoff, now);
        let ended = self
            .steps(&mut pull, &client, (region, &detector), &place)
            .await?;
        self.cursors.insert(place, pull.cursor());
        match ended {
            Some(Ended::Failed(remedy)) => Err(Stopped::Region(self.gave_up(region, remedy))),
            Some(Ended::Looping) => Err(Stopped::Region(PullFailure {
                remedy: Some("the next run asks again; when it lasts, check what answers in place of GuardDuty".to_owned()),
                ..PullFailure::new(format!("the pages of guardduty:ListFindings in {region} repeat"))
            })),
            Some(Ended::Complete) => {
                self.deliver(Vec::new()).await.map_err(Stopped::Sink)?;
                Ok(false)
            }
            Some(Ended::OutOfBudget(_)) | None => {
                self.deliver(Vec::new()).await.map_err(Stopped::Sink)?;
                Ok(true)
            }
        }
    }

    /// Does what the state machine says; `None` when the time of the run is used up.
    async fn steps(
        &mut self,
        pull: &mut Pull,
        client: &Client,
        (region, detector): (&str, &str),
        place: &str,
    ) -> Result<Option<Ended>, Stopped> {
        let at = (region, detector);
        loop {
            if Instant::now() >= self.deadline {
                return Ok(None);
            }
            let failed = match pull.step() {
                Step::End(ended) => return Ok(Some(ended)),
                Step::List { since, token } => {
                    self.attempts += 1;
                    let asked = (since, token);
                    let listed = findings::list(client, at, asked, self.pull.min_severity).await;
                    listed.map(|page| pull.listed(page)).err()
                }
                Step::Fetch(ids) => {
                    self.attempts += 1;
                    match findings::fetch(client, at, ids).await {
                        Err(refusal) => Some(refusal),
                        Ok(found) => {
                            pull.fetched(found.iter().filter_map(|f| f.fetched.clone()).collect());
                            self.cursors.insert(place.to_owned(), pull.cursor());
                            self.deliver(found).await.map_err(Stopped::Sink)?;
                            None
                        }
                    }
                }
            };
            let Some(refusal) = failed else { continue };
            let reaction = pull.failed(refusal.failure.clone(), random());
            self.refusal = Some(refusal);
            if let Reaction::Retry(wait) = reaction {
                tokio::time::sleep_until(self.deadline.min(Instant::now() + wait)).await;
            }
        }
    }

    /// Hands a page on with the cursors that hold once it is stored.
    async fn deliver(&mut self, found: Vec<Finding>) -> Result<(), PullFailure> {
        let least = self.pull.min_severity;
        let wanted = |f: &Finding| f.severity.is_none_or(|severity| severity >= least);
        let page = Page {
            items: found.into_iter().filter(wanted).map(|f| f.raw).collect(),
            cursor: serde_json::to_string(&self.cursors).unwrap_or_default(),
            attempts: std::mem::take(&mut self.attempts),
        };
        self.sink.deliver(page).await
    }

    fn failure(&self, refusal: &Refusal) -> PullFailure {
        PullFailure {
            remedy: refusal.remedy().map(str::to_owned),
            not_before: not_before(refusal, self.task.clock.now()),
            ..PullFailure::new(refusal.what())
        }
    }

    /// The state machine gave up: its remedy, and the error it gave up on.
    fn gave_up(&mut self, region: &str, remedy: String) -> PullFailure {
        match self.refusal.take() {
            Some(refusal) => PullFailure {
                remedy: Some(remedy),
                ..self.failure(&refusal)
            },
            None => PullFailure::new(format!("guardduty:ListFindings in {region}: {remedy}")),
        }
    }
}

/// A service that throttled to the last is left alone for a while.
fn not_before(refusal: &Refusal, now: Timestamp) -> Option<Timestamp> {
    let Failure::Throttled(asked) = &refusal.failure else {
        return None;
    };
    let wait = asked
        .unwrap_or_default()
        .clamp(Duration::from_mins(1), LONGEST_WAIT);
    Some(now.plus(i64::try_from(wait.as_micros()).unwrap_or(0)))
}

/// What is said of a run in which some of the regions failed: the first failure, and how many.
fn told(failures: Vec<PullFailure>, regions: usize) -> Option<PullFailure> {
    let (count, latest) = (
        failures.len(),
        failures.iter().filter_map(|f| f.not_before).max(),
    );
    let mut first = failures.into_iter().next()?;
    first.partial = count < regions;
    first.not_before = latest.filter(|_| count == regions);
    if count > 1 {
        first.what = format!("{} (and {} more regions failed)", first.what, count - 1);
    }
    Some(first)
}

/// Random bits for the jitter; without a source of them every wait is its longest.
fn random() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX)
}
