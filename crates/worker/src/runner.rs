//! The loop: a tick every second and a wake-up after every commit of events.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Clock;
use store::{Db, backtests, jobs as timetable_rows, partitions, runs};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job as TickJob, JobScheduler};
pub use tokio_util::sync::CancellationToken as Stop;

use crate::error::{Error, Result};
use crate::jobs::backtest;
use crate::jobs::pull::{self, Pulling};
use crate::jobs::score::Scorer;
use crate::timetable::{Intervals, Job};

/// Most pulls of one process at a time.
const PULLS: usize = 4;
/// Most backtests of one process at a time: they are there for the processor time that is left.
const BACKTESTS: usize = 1;

/// Runs the timetable until told to stop.
#[derive(Debug)]
pub struct Runner {
    db: Db,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    intervals: Intervals,
    owner: String,
    pulling: Option<Pulling>,
    pulls: Arc<Semaphore>,
    backtests: Arc<Semaphore>,
}

impl Runner {
    /// A worker under the given name, which must be unique among all running processes.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
        intervals: Intervals,
        owner: String,
    ) -> Self {
        Self {
            db,
            clock,
            wake,
            intervals,
            owner,
            pulling: None,
            pulls: Arc::new(Semaphore::new(PULLS)),
            backtests: Arc::new(Semaphore::new(BACKTESTS)),
        }
    }

    /// The same worker, also running what is pulled.
    #[must_use]
    pub fn pulling(mut self, pulling: Pulling) -> Self {
        self.pulling = Some(pulling);
        self
    }

    /// Works until `stop`, then finishes the scoring pass under way, gives other jobs back
    /// unfinished, and gives its leases back.
    pub async fn run(self, stop: Stop) -> Result<()> {
        for job in Job::ALL {
            timetable_rows::ensure(&self.db, job.name(), self.clock.now()).await?;
        }
        let mut ticks = tick_every_second(Arc::clone(&self.wake)).await?;
        let scorer = Arc::new(Mutex::new(
            Scorer::new(self.owner.clone()).until(stop.clone()),
        ));
        let mut background = tokio::task::JoinSet::new();
        while !stop.is_cancelled() {
            self.score(&scorer).await;
            if stop.is_cancelled() {
                break;
            }
            self.start_due_jobs(&scorer, &mut background, &stop).await;
            self.start_due_pulls(&mut background, &stop).await;
            self.start_backtest(&mut background, &stop).await;
            while background.try_join_next().is_some() {}
            tokio::select! {
                // The permit of a wake-up that came meanwhile is kept, so none is lost.
                () = self.wake.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        let _ = ticks.shutdown().await;
        background.join_all().await;
        partitions::release(&self.db, &self.owner).await?;
        Ok(())
    }

    async fn score(&self, scorer: &Mutex<Scorer>) {
        let result = scorer
            .lock()
            .await
            .catch_up_quietly(&self.db, &self.clock)
            .await;
        if let Err(error) = result {
            if error.is_lease_lost() {
                tracing::warn!("another worker has taken over scoring");
            } else {
                tracing::error!(%error, "scoring pass failed; it is repeated at the next tick");
                metrics::counter!("irm_score_pass_failures_total").increment(1);
            }
        }
    }

    async fn start_due_jobs(
        &self,
        scorer: &Arc<Mutex<Scorer>>,
        background: &mut tokio::task::JoinSet<()>,
        stop: &Stop,
    ) {
        for job in Job::ALL {
            let now = self.clock.now();
            match timetable_rows::claim(&self.db, job.name(), &self.owner, now).await {
                Ok(None) => {}
                Ok(Some(claim)) => {
                    let run = JobRun {
                        job,
                        claim,
                        db: self.db.clone(),
                        clock: Arc::clone(&self.clock),
                        scorer: Arc::clone(scorer),
                        intervals: self.intervals,
                        stop: stop.clone(),
                    };
                    background.spawn(run.run());
                }
                Err(error) => {
                    tracing::error!(%error, job = job.name(), "the timetable cannot be read");
                }
            }
        }
    }
}

impl Runner {
    /// Claims what is due to be pulled, as long as there is room for another run.
    async fn start_due_pulls(&self, background: &mut tokio::task::JoinSet<()>, stop: &Stop) {
        let Some(pulling) = &self.pulling else {
            return;
        };
        while let Ok(room) = Arc::clone(&self.pulls).try_acquire_owned() {
            match runs::claim(&self.db, &self.owner, self.clock.now()).await {
                Ok(None) => return,
                Ok(Some(claim)) => {
                    let (db, clock) = (self.db.clone(), Arc::clone(&self.clock));
                    let (pulling, stop) = (pulling.clone(), stop.clone());
                    background.spawn(async move {
                        let slug = &claim.integration.slug;
                        if let Err(error) = pull::run(&db, &clock, &pulling, &claim, &stop).await {
                            tracing::error!(%error, %slug, "the end of a pull could not be recorded");
                        }
                        drop(room);
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "due pulls cannot be read");
                    return;
                }
            }
        }
    }
}

impl Runner {
    /// Claims the backtest that has waited longest, when none is being made.
    async fn start_backtest(&self, background: &mut tokio::task::JoinSet<()>, stop: &Stop) {
        let Ok(room) = Arc::clone(&self.backtests).try_acquire_owned() else {
            return;
        };
        match backtests::claim(&self.db, &self.owner, self.clock.now()).await {
            Ok(None) => {}
            Ok(Some(claim)) => {
                let (db, clock, stop) = (self.db.clone(), Arc::clone(&self.clock), stop.clone());
                background.spawn(async move {
                    if let Err(error) = backtest::run(&db, &clock, &claim, &stop).await {
                        tracing::warn!(%error, number = claim.number, "a backtest was left");
                    }
                    drop(room);
                });
            }
            Err(error) => tracing::error!(%error, "waiting backtests cannot be read"),
        }
    }
}

/// One run of one job, with everything it needs.
struct JobRun {
    job: Job,
    claim: timetable_rows::Claim,
    db: Db,
    clock: Arc<dyn Clock>,
    scorer: Arc<Mutex<Scorer>>,
    intervals: Intervals,
    stop: Stop,
}

impl JobRun {
    /// Runs the job, catching panics, and records how it went.
    async fn run(self) {
        let job = self.job;
        let task = {
            let (db, clock) = (self.db.clone(), Arc::clone(&self.clock));
            let (scorer, claim) = (Arc::clone(&self.scorer), self.claim.clone());
            tokio::spawn(async move { job.run(&db, &clock, &scorer, &claim).await })
        };
        let outcome = match self.attend(task).await {
            None => return,
            Some(Ok(Ok(message))) => Ok(message),
            Some(Ok(Err(error))) => Err(error.to_string()),
            Some(Err(panic)) => Err(Error::from(panic).to_string()),
        };
        match &outcome {
            Ok(message) => tracing::debug!(job = job.name(), message, "job done"),
            Err(error) => tracing::error!(job = job.name(), error, "job failed"),
        }
        let now = self.clock.now();
        let next = job.next(self.intervals, self.claim.due_at, now);
        let finished = timetable_rows::finish(&self.db, &self.claim, outcome, next, now).await;
        if let Err(error) = finished {
            tracing::warn!(%error, job = job.name(), "the result of a job could not be recorded");
        }
    }

    /// Renews the lease while the job runs. Ends it, without a result, when another worker has
    /// taken it over or this one stops: whatever it has not committed is rolled back.
    async fn attend(&self, mut task: JoinHandle<Result<String>>) -> Option<Finished> {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                done = &mut task => return Some(done),
                _ = heartbeat.tick() => if !self.renew().await {
                    task.abort();
                    return None;
                },
                () = self.stop.cancelled() => {
                    task.abort();
                    if let Ok(done) = task.await {
                        return Some(Ok(done));
                    }
                    if let Err(error) = timetable_rows::give_back(&self.db, &self.claim).await {
                        tracing::warn!(%error, job = self.job.name(), "a job was not given back");
                    }
                    return None;
                }
            }
        }
    }

    /// False when another worker has taken the job over.
    async fn renew(&self) -> bool {
        match timetable_rows::renew(&self.db, &self.claim, self.clock.now()).await {
            Ok(()) => true,
            Err(store::Error::LeaseLost) => {
                tracing::warn!(job = self.job.name(), "another worker has taken a job over");
                false
            }
            Err(error) => {
                tracing::warn!(%error, job = self.job.name(), "a lease could not be renewed");
                true
            }
        }
    }
}

/// How a job's task ended.
type Finished = std::result::Result<Result<String>, tokio::task::JoinError>;

/// How often the lease of a running job is renewed: four times within it.
const HEARTBEAT: Duration = Duration::from_micros(timetable_rows::LEASE_US.unsigned_abs() / 4);

/// A tick that only wakes: what is due is decided from the database.
async fn tick_every_second(wake: Arc<Notify>) -> Result<JobScheduler> {
    let failed = |e: tokio_cron_scheduler::JobSchedulerError| Error::Tick(e.to_string());
    let scheduler = JobScheduler::new().await.map_err(failed)?;
    let tick = TickJob::new("* * * * * *", move |_, _| wake.notify_one()).map_err(failed)?;
    scheduler.add(tick).await.map_err(failed)?;
    scheduler.start().await.map_err(failed)?;
    Ok(scheduler)
}
