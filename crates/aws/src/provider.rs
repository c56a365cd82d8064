//! GuardDuty as a provider that is pulled.

use collectors::guardduty::{Backoff, Limits};
use collectors::provider::{PageSink, Provider, PullFailure, Pulled, Task};
use domain::integration::check::Report;
use domain::integration::{Configuration, Provider as Kind};
use futures_util::future::BoxFuture;

use crate::checks;
use crate::connection::Network;
use crate::run::Run;

/// What is the same for every integration of this process.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Stands in for every address of AWS: an interface endpoint, or a server of the same API.
    pub endpoint: Option<String>,
    /// What a run may use in each region.
    pub limits: Limits,
    /// How failed calls are repeated.
    pub backoff: Backoff,
}

/// The client of GuardDuty.
#[derive(Debug, Clone)]
pub struct GuardDuty {
    network: Network,
    limits: Limits,
    backoff: Backoff,
}

impl GuardDuty {
    /// Connects to nothing yet.
    pub fn new(options: Options) -> Self {
        Self {
            network: Network::new(options.endpoint),
            limits: options.limits,
            backoff: options.backoff,
        }
    }
}

impl Provider for GuardDuty {
    fn kind(&self) -> Kind {
        Kind::AwsGuardduty
    }

    fn check<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let checks = match &task.configuration {
                Configuration::GuarddutyPull(pull) => checks::run(&self.network, task, pull).await,
                _ => Vec::new(),
            };
            Report {
                at: task.clock.now(),
                checks,
            }
        })
    }

    fn pull<'a>(
        &'a self,
        task: &'a Task,
        sink: &'a dyn PageSink,
    ) -> BoxFuture<'a, Result<Pulled, PullFailure>> {
        Box::pin(async move {
            let Configuration::GuarddutyPull(pull) = &task.configuration else {
                return Err(PullFailure::new(
                    "the integration is not one that is pulled",
                ));
            };
            let means = (self.limits, self.backoff);
            Run::new(task, pull, sink, means).all(&self.network).await
        })
    }
}
