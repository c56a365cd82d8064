//! The fixture is a server of AWS's API and not of ours: AWS's Python SDK reads the same from it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use collectors::provider::Provider;
use serde_json::Value;
use support::{Kept, client, fixture, task};

/// Whether the Python SDK is there. `scripts/test` installs it; where it cannot, this says so.
fn has_boto3() -> bool {
    let asked = Command::new("python3")
        .args(["-c", "import boto3"])
        .output();
    asked.is_ok_and(|asked| asked.status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_reads_the_same() {
    if !has_boto3() {
        assert!(
            std::env::var("IRM_BOTO3").as_deref() != Ok("yes"),
            "boto3 was promised and cannot be imported"
        );
        eprintln!(
            "NOT CHECKED: boto3 is not installed (pip install boto3); the fixture was not \
             compared with an independent client"
        );
        return;
    }
    let fixture = fixture(120).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent_client.py");
    let mut command = Command::new("python3");
    command.args([script, &fixture.url()]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let theirs: BTreeSet<(String, String)> = serde_json::from_slice(&output.stdout).unwrap();

    let kept = Kept::default();
    client(&fixture).pull(&task(None), &kept).await.unwrap();
    let findings = kept
        .items()
        .into_iter()
        .map(|item| serde_json::from_str::<Value>(&item).unwrap());
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let ours: BTreeSet<(String, String)> = findings
        .filter(|finding| finding["region"] == "eu-west-1")
        .map(|finding| (text(&finding, "id"), text(&finding, "updatedAt")))
        .collect();
    assert_eq!(ours.len(), 120);
    assert_eq!(ours, theirs);
}
