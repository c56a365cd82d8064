//! An integration that reads the fixture.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::{GuardDuty, Options};
use collectors::guardduty::{Backoff, Limits};
use collectors::provider::{Page, PageSink, PullFailure, Task};
use domain::integration::Configuration;
use domain::integration::config::{Credentials, GuarddutyPull};
use domain::time::{Clock, MINUTE_US};
use futures_util::future::BoxFuture;
use testkit::FixedClock;
use testkit::guardduty::{EXTERNAL_ID, Fixture, OWN_KEY, ROLE, finding};

/// The instant of the tests.
pub const NOW: &str = "2026-03-14T12:00:00Z";
/// The regions of the integration.
pub const REGIONS: [&str; 2] = ["eu-central-1", "eu-west-1"];

/// A fixture with so many findings in each region, one a minute until an hour ago.
pub async fn fixture(count: usize) -> Fixture {
    let fixture = Fixture::start().await;
    let end = FixedClock::at(NOW).now().plus(-60 * MINUTE_US);
    for region in REGIONS {
        let at = |n: usize| end.plus(-MINUTE_US * n as i64).to_string();
        let all = (0..count).map(|n| finding(region, n, &at(n))).collect();
        fixture.state().regions.insert(region.to_owned(), all);
    }
    fixture
}

/// A client of the fixture that does not wait long.
pub fn client(fixture: &Fixture) -> GuardDuty {
    client_within(fixture, Limits::default())
}

/// The same with other limits.
pub fn client_within(fixture: &Fixture, limits: Limits) -> GuardDuty {
    GuardDuty::new(Options {
        endpoint: Some(fixture.url()),
        limits,
        backoff: Backoff {
            first: Duration::from_millis(2),
            longest: Duration::from_millis(5),
            attempts: 3,
        },
    })
}

/// The configuration of the integration.
pub fn configuration() -> GuarddutyPull {
    GuarddutyPull {
        role_arn: ROLE.to_owned(),
        regions: REGIONS.map(str::to_owned).to_vec(),
        min_severity: 1.0,
        credentials: Credentials::AccessKey,
        access_key_id: Some(OWN_KEY.to_owned()),
    }
}

/// What the client is told.
pub fn task(cursor: Option<String>) -> Task {
    Task {
        slug: "aws-prod".to_owned(),
        configuration: Configuration::GuarddutyPull(configuration()),
        external_id: EXTERNAL_ID.to_owned(),
        secret: Some("secret".into()),
        cursor,
        clock: Arc::new(FixedClock::at(NOW)),
    }
}

/// Keeps what is delivered.
#[derive(Debug, Default)]
pub struct Kept(pub Mutex<Vec<Page>>);

impl Kept {
    /// Every item.
    pub fn items(&self) -> Vec<String> {
        let pages = self.0.lock().unwrap();
        pages.iter().flat_map(|p| p.items.clone()).collect()
    }

    /// The last cursor.
    pub fn cursor(&self) -> Option<String> {
        self.0.lock().unwrap().last().map(|p| p.cursor.clone())
    }
}

impl PageSink for Kept {
    fn deliver(&self, page: Page) -> BoxFuture<'_, Result<(), PullFailure>> {
        self.0.lock().unwrap().push(page);
        Box::pin(std::future::ready(Ok(())))
    }
}
