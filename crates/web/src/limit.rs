//! Rate limits. They are decided before anything expensive is done.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use domain::id::SourceId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// All limits of this process.
#[derive(Debug)]
pub(crate) struct Limits {
    sign_in_account: Keyed<String>,
    sign_in_network: Keyed<IpAddr>,
    setup: Keyed<()>,
    look_up: Keyed<Option<IpAddr>>,
    key_network: Keyed<IpAddr>,
    key_id: Keyed<String>,
    sources: Mutex<HashMap<u32, std::sync::Arc<Keyed<SourceId>>>>,
}

/// What a limit said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on; so many more fit now.
    Pass {
        /// Requests left in the burst.
        remaining: u32,
    },
    /// Come back later.
    Wait {
        /// Seconds.
        seconds: u64,
    },
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            // Ten wrong passwords at once, then one every twelve seconds: slow, never locked.
            sign_in_account: keyed(Duration::from_secs(12), 10),
            sign_in_network: keyed(Duration::from_secs(2), 30),
            setup: keyed(Duration::from_secs(10), 5),
            // Only public ids that were never seen to exist reach this.
            look_up: keyed(Duration::from_millis(100), 200),
            // Only secrets that were never verified reach these.
            key_network: keyed(Duration::from_secs(2), 20),
            key_id: keyed(Duration::from_secs(5), 5),
            sources: Mutex::new(HashMap::new()),
        }
    }

    /// May somebody try to sign in as this account, from this network?
    pub(crate) fn sign_in(&self, account: &str, network: Option<IpAddr>) -> Verdict {
        let by_network = network.map(|n| check(&self.sign_in_network, &n));
        match by_network {
            Some(wait @ Verdict::Wait { .. }) => wait,
            _ => check(&self.sign_in_account, &account.to_owned()),
        }
    }

    /// May somebody try a setup code?
    pub(crate) fn setup(&self) -> Verdict {
        check(&self.setup, &())
    }

    /// May a public id of an API key that was never seen be looked up?
    pub(crate) fn look_up(&self, network: Option<IpAddr>) -> Verdict {
        check(&self.look_up, &network)
    }

    /// May an API key that was never seen be checked against its slow hash?
    pub(crate) fn unknown_key(&self, public_id: &str, network: Option<IpAddr>) -> Verdict {
        let by_network = network.map(|n| check(&self.key_network, &n));
        match by_network {
            Some(wait @ Verdict::Wait { .. }) => wait,
            _ => check(&self.key_id, &public_id.to_owned()),
        }
    }

    /// May a source send another request? `per_minute` 0 means always.
    pub(crate) fn source(&self, source: SourceId, per_minute: u32) -> Option<Verdict> {
        let quota = NonZeroU32::new(per_minute)?;
        let limiter = {
            let mut sources = self
                .sources
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::sync::Arc::clone(sources.entry(per_minute).or_insert_with(|| {
                let limiter = RateLimiter::dashmap_with_clock(
                    Quota::per_minute(quota),
                    DefaultClock::default(),
                );
                std::sync::Arc::new(limiter.with_middleware())
            }))
        };
        Some(check(&limiter, &source))
    }
}

fn keyed<K: Hash + Eq + Clone>(every: Duration, burst: u32) -> Keyed<K> {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(every).unwrap_or(Quota::per_second(burst));
    let quota = quota.allow_burst(burst);
    RateLimiter::dashmap_with_clock(quota, DefaultClock::default()).with_middleware()
}

fn check<K: Hash + Eq + Clone>(limiter: &Keyed<K>, key: &K) -> Verdict {
    match limiter.check_key(key) {
        Ok(state) => Verdict::Pass {
            remaining: state.remaining_burst_capacity(),
        },
        Err(refused) => Verdict::Wait {
            seconds: refused
                .wait_time_from(DefaultClock::default().now())
                .as_secs_f64()
                .ceil()
                .max(1.0) as u64,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gets_its_burst_and_no_more() {
        let limits = Limits::new();
        assert_eq!(limits.source(SourceId(1), 0), None);
        for remaining in (0..5).rev() {
            assert_eq!(
                limits.source(SourceId(1), 5),
                Some(Verdict::Pass { remaining })
            );
        }
        assert!(matches!(
            limits.source(SourceId(1), 5),
            Some(Verdict::Wait { .. })
        ));
        assert!(matches!(
            limits.source(SourceId(2), 5),
            Some(Verdict::Pass { .. })
        ));
    }

    #[test]
    fn an_account_is_limited_whatever_the_network() {
        let limits = Limits::new();
        let passed = (0..30)
            .filter(|i| {
                let ip = IpAddr::from([10, 0, 0, *i]);
                matches!(limits.sign_in("jane", Some(ip)), Verdict::Pass { .. })
            })
            .count();
        assert_eq!(passed, 10);
        assert!(matches!(limits.sign_in("mia", None), Verdict::Pass { .. }));
    }
}
