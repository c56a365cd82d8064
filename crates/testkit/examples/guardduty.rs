//! The GuardDuty and STS fixture for scripts: `guardduty [ADDRESS] [COUNT]`.
//!
//! Prints its address and serves COUNT findings of the last hours in eu-central-1 and eu-west-1
//! until it is ended. `PUT /_fixture/external-id` sets the external id of the role.
#![allow(clippy::unwrap_used, reason = "a test support fails by panicking")]

use domain::time::{HOUR_US, Timestamp};
use testkit::guardduty::{EXTERNAL_ID, Fixture, OWN_KEY, ROLE, finding};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let count: usize = arguments.next().map_or(120, |n| n.parse().unwrap());
    let fixture = Fixture::listen(&address).await;
    #[allow(
        clippy::disallowed_methods,
        reason = "findings of the last hours need the time"
    )]
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = Timestamp::from_micros(i64::try_from(now.as_millis()).unwrap() * 1000);
    for region in ["eu-central-1", "eu-west-1"] {
        let step = 6 * HOUR_US / i64::try_from(count.max(1)).unwrap();
        let at = |number: usize| now.plus(-step * i64::try_from(number).unwrap());
        let all = (0..count).map(|number| finding(region, number, &at(number).to_string()));
        let all = all.collect();
        fixture.state().regions.insert(region.to_owned(), all);
    }
    println!(
        "{} role={ROLE} external-id={EXTERNAL_ID} access-key={OWN_KEY}",
        fixture.url()
    );
    std::future::pending::<()>().await;
}
