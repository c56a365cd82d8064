//! The client against a server of the API: signed under the role, bounded, told in words.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod support;

use std::collections::BTreeSet;

use collectors::guardduty::Limits;
use collectors::provider::{Provider, PullFailure, Pulled};
use domain::integration::Configuration;
use domain::integration::check::{Check, CheckName, CheckOutcome, Report};
use serde_json::Value;
use support::{Kept, REGIONS, client, client_within, configuration, fixture, task};
use testkit::guardduty::{EXTERNAL_ID, Fixture, Hostile, id};

async fn pulled(fixture: &Fixture, kept: &Kept) -> Result<Pulled, PullFailure> {
    client(fixture).pull(&task(kept.cursor()), kept).await
}

fn identities(items: &[String]) -> BTreeSet<(String, String)> {
    let text = |v: &Value, name: &str| v[name].as_str().unwrap_or("").to_owned();
    let parse = |item: &String| serde_json::from_str::<Value>(item).unwrap();
    let all = items.iter().map(parse);
    all.map(|f| (text(&f, "id"), text(&f, "updatedAt")))
        .collect()
}

/// SEC-41: three read actions, sessions that carry the integration.
#[tokio::test]
async fn every_region_is_read_under_the_role() {
    let (fixture, kept) = (fixture(120).await, Kept::default());
    assert_eq!(pulled(&fixture, &kept).await, Ok(Pulled { more: false }));
    let state = fixture.state();
    assert_eq!(identities(&kept.items()), state.identities());
    assert_eq!(state.complaints, Vec::<String>::new());
    let (name, policy) = &state.sessions[0];
    assert_eq!(name, "insider-risk-aws-prod");
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(
        policy["Statement"][0]["Action"].as_array().unwrap().len(),
        3
    );
    assert!(state.calls.iter().all(|(_, count)| *count <= 50));
    let attempts: u32 = kept.0.lock().unwrap().iter().map(|p| p.attempts).sum();
    assert_eq!(attempts as usize, state.calls.len() + state.sessions.len());
}

#[tokio::test]
async fn the_next_run_reads_only_what_changed() {
    let (fixture, kept) = (fixture(60).await, Kept::default());
    pulled(&fixture, &kept).await.unwrap();
    let (before, calls) = (kept.items().len(), fixture.state().calls.len());
    pulled(&fixture, &kept).await.unwrap();
    assert_eq!(kept.items().len(), before);
    assert_eq!(fixture.state().calls.len() - calls, 2 * REGIONS.len());
    let changed = "2026-03-14T11:59:00.000Z";
    fixture.state().regions.get_mut("eu-west-1").unwrap()[7]["updatedAt"] = changed.into();
    pulled(&fixture, &kept).await.unwrap();
    assert_eq!(kept.items().len(), before + 1);
    assert!(kept.items().last().unwrap().contains(changed));
}

/// REL-20: updates that travel in time.
#[tokio::test]
async fn findings_that_move_and_repeat_during_a_run_are_neither_lost_nor_double() {
    let (fixture, kept) = (fixture(180).await, Kept::default());
    {
        let mut state = fixture.state();
        state.overlapping = true;
        let moved = |call: usize, n: usize, at: &str| (call, id(REGIONS[0], n), at.to_owned());
        state.moves = vec![
            // Updated while the run is under way: before it is fetched, after it was, between.
            moved(2, 178, "2026-03-14T12:00:01Z"),
            moved(4, 179, "2026-03-14T12:00:02Z"),
            moved(5, 90, "2026-03-14T11:59:59Z"),
            // And one that goes back in time, within the page it stands on.
            moved(6, 60, "2026-03-14T09:55:00Z"),
        ];
    }
    pulled(&fixture, &kept).await.unwrap();
    pulled(&fixture, &kept).await.unwrap();
    let seen = identities(&kept.items());
    let missing: Vec<_> = fixture
        .state()
        .identities()
        .difference(&seen)
        .cloned()
        .collect();
    assert_eq!(missing, Vec::new());
}

/// REL-20: throttling.
#[tokio::test]
async fn throttling_is_waited_for_and_then_told() {
    let (fixture, kept) = (fixture(10).await, Kept::default());
    fixture.state().throttled = 2;
    assert_eq!(pulled(&fixture, &kept).await, Ok(Pulled { more: false }));
    assert_eq!(kept.items().len(), 20);
    fixture.state().throttled = 1000;
    let failure = pulled(&fixture, &kept).await.unwrap_err();
    assert!(
        failure
            .what
            .starts_with("TooManyRequestsException on guardduty:ListDetectors in ")
    );
    assert!(failure.not_before.is_some());
    assert!(!failure.partial);
}

#[tokio::test]
async fn one_region_does_not_stop_the_others() {
    let (fixture, kept) = (fixture(10).await, Kept::default());
    fixture.state().regions.remove("eu-central-1");
    let failure = pulled(&fixture, &kept).await.unwrap_err();
    assert_eq!(failure.what, "GuardDuty is not enabled in eu-central-1");
    assert!(failure.partial && failure.remedy.is_some());
    assert_eq!(kept.items().len(), 10);
}

/// REL-20: a budget for each run.
#[tokio::test]
async fn a_budget_ends_a_run_and_the_next_goes_on() {
    let (fixture, kept) = (fixture(180).await, Kept::default());
    let limits = Limits {
        findings: 60,
        ..Limits::default()
    };
    let client = client_within(&fixture, limits);
    let mut runs = 0;
    while client.pull(&task(kept.cursor()), &kept).await.unwrap().more {
        runs += 1;
        assert!(runs < 20, "does not end");
    }
    assert!(runs >= 2, "{runs}");
    assert_eq!(identities(&kept.items()), fixture.state().identities());
}

#[tokio::test]
async fn severities_below_the_wanted_are_left_out() {
    let (fixture, kept) = (fixture(30).await, Kept::default());
    fixture.state().regions.get_mut("eu-west-1").unwrap()[1]["severity"] = 4.2.into();
    let pull = domain::integration::config::GuarddutyPull {
        min_severity: 4.5,
        ..configuration()
    };
    let mut task = task(None);
    task.configuration = Configuration::GuarddutyPull(pull);
    client(&fixture).pull(&task, &kept).await.unwrap();
    let severity =
        |item: &String| serde_json::from_str::<Value>(item).unwrap()["severity"].as_f64();
    assert_eq!(kept.items().len(), 39);
    assert!(kept.items().iter().all(|i| severity(i).unwrap() >= 4.5));
}

/// SEC-42: endless tokens, 100 MB, wrong types.
#[tokio::test]
async fn hostile_answers_end_the_run() {
    for (hostile, expected) in [
        (Hostile::EndlessTokens, None),
        (
            Hostile::SameToken,
            Some(
                "the pages of guardduty:ListFindings in eu-central-1 repeat (and 1 more regions failed)",
            ),
        ),
        (
            Hostile::Huge,
            Some(
                "the answer has more than 12 MiB on guardduty:GetFindings in eu-central-1 (and 1 more regions failed)",
            ),
        ),
        (Hostile::WrongTypes, None),
    ] {
        let (fixture, kept) = (fixture(60).await, Kept::default());
        fixture.state().hostile = hostile;
        let result = pulled(&fixture, &kept).await;
        let what = result.as_ref().err().map(|f| f.what.as_str());
        if expected.is_some() {
            assert_eq!(what, expected, "{hostile:?}");
        }
        let calls = fixture.state().calls.len();
        assert!(calls < 2 * 500, "{hostile:?}: {calls}");
        if hostile == Hostile::WrongTypes {
            // Lists are lists of ids still; what is odd inside findings is left to whoever reads them.
            assert!(
                result.is_ok() || what.unwrap().contains("unreadable"),
                "{result:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_unreadable_cursor_begins_anew() {
    let (fixture, kept) = (fixture(5).await, Kept::default());
    let cursor = Some("{{nonsense".to_owned());
    client(&fixture).pull(&task(cursor), &kept).await.unwrap();
    assert_eq!(kept.items().len(), 10);
}

/// SEC-41: the chosen credentials or none.
#[tokio::test]
async fn a_missing_secret_uses_no_other_credentials() {
    let (fixture, kept) = (fixture(5).await, Kept::default());
    let mut task = task(None);
    task.secret = None;
    let failure = client(&fixture).pull(&task, &kept).await.unwrap_err();
    assert!(failure.remedy.is_some(), "{failure:?}");
    assert_eq!(fixture.state().calls.len(), 0);
}

async fn checked(fixture: &Fixture) -> Report {
    client(fixture).check(&task(None)).await
}

/// The check that decides, with the ones before it passed and the ones after it skipped.
fn only(report: &Report, name: CheckName) -> Check {
    let at = report.checks.iter().position(|c| c.name == name).unwrap();
    assert_eq!(report.checks.len(), 7, "{report:?}");
    let (before, after) = report.checks.split_at(at);
    assert!(
        before.iter().all(|c| c.outcome == CheckOutcome::Passed),
        "{report:?}"
    );
    assert!(
        after[1..]
            .iter()
            .all(|c| c.outcome == CheckOutcome::Skipped),
        "{report:?}"
    );
    assert_eq!(after[0].outcome, CheckOutcome::Failed, "{report:?}");
    assert!(after[0].remedy.is_some());
    after[0].clone()
}

fn snippet(check: &Check) -> &str {
    check.remedy.as_ref().unwrap().snippet.as_deref().unwrap()
}

#[tokio::test]
async fn a_good_connection_passes_every_check() {
    let fixture = fixture(3).await;
    let report = checked(&fixture).await;
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.checks.len(), 7);
    assert_eq!(
        report.checks[6].detail,
        "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B by user-2"
    );
    for region in REGIONS {
        fixture.state().regions.get_mut(region).unwrap().clear();
    }
    let report = checked(&fixture).await;
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.checks[5].outcome, CheckOutcome::Waiting);
    assert!(snippet(&report.checks[6]).starts_with("aws guardduty create-sample-findings"));
}

#[tokio::test]
async fn each_check_that_fails_says_what_to_do() {
    let fixture = fixture(3).await;
    fixture.state().external_id = "another".to_owned();
    let check = only(&checked(&fixture).await, CheckName::Authenticate);
    assert_eq!(
        check.detail,
        "AccessDenied on sts:AssumeRole in eu-central-1"
    );
    assert!(snippet(&check).contains(EXTERNAL_ID));
    assert!(snippet(&check).contains("arn:aws:iam::210987654321:role/collector"));

    fixture.state().external_id = String::new();
    let check = only(&checked(&fixture).await, CheckName::Authenticate);
    assert_eq!(check.detail, "the role can be assumed with any external id");

    fixture.state().external_id = EXTERNAL_ID.to_owned();
    for denied in ["ListDetectors", "ListFindings", "GetFindings"] {
        let call = format!("guardduty:{denied}");
        fixture.state().denied = BTreeSet::from([call.clone()]);
        let report = checked(&fixture).await;
        let name = match denied {
            "GetFindings" => CheckName::Sample,
            _ => CheckName::Permission,
        };
        let check = only(&report, name);
        let expected = format!("AccessDeniedException on {call} in eu-central-1");
        assert!(check.detail.starts_with(&expected), "{}", check.detail);
        assert!(snippet(&check).contains(&call));
    }
    for region in REGIONS {
        fixture.state().regions.get_mut(region).unwrap().clear();
    }
    let check = only(&checked(&fixture).await, CheckName::Permission);
    assert!(
        check.detail.contains("guardduty:GetFindings"),
        "also without a finding"
    );

    fixture.state().denied.clear();
    fixture.state().regions.remove("eu-west-1");
    let check = only(&checked(&fixture).await, CheckName::List);
    assert_eq!(check.detail, "GuardDuty is not enabled in eu-west-1");
}

#[tokio::test]
async fn nobody_at_home_is_told_by_the_first_checks() {
    use aws::{GuardDuty, Options};
    let checked = async |endpoint: &str| {
        let options = Options {
            endpoint: Some(endpoint.to_owned()),
            ..Options::default()
        };
        GuardDuty::new(options).check(&task(None)).await
    };
    only(&checked("http://nowhere.invalid").await, CheckName::Resolve);
    only(&checked("http://127.0.0.1:1").await, CheckName::Connect);
}
