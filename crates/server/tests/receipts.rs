//! `scores verify` with the real binary: alerts of either rule set come to the same again, and
//! whoever changes one behind the program's back is found out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use domain::tenant::RuleSetName;
use serde_json::Value;
use testkit::Engine;
use testkit::binary::{Installation, try_run};
use testkit::database::tamper;
use testkit::events::{ndjson, office_days, theft};

const BINARY: &str = env!("CARGO_BIN_EXE_insider-risk");

/// What each change must be called, and how it is undone.
const CHANGES: [(&str, &str, &str); 4] = [
    (
        "UPDATE alerts SET score = score - 50",
        "the score is",
        "UPDATE alerts SET score = score + 50",
    ),
    (
        "UPDATE alerts SET sentence = sentence || '!'",
        "the receipt is",
        "UPDATE alerts SET sentence = SUBSTR(sentence, 1, LENGTH(sentence) - 1)",
    ),
    (
        "UPDATE alerts SET snapshot = REPLACE(snapshot, '\"observed\":40', '\"observed\":41')",
        "contributions[",
        "UPDATE alerts SET snapshot = REPLACE(snapshot, '\"observed\":41', '\"observed\":40')",
    ),
    (
        "UPDATE alert_receipts SET sha256 = 'a' || sha256",
        "the receipt is a",
        "UPDATE alert_receipts SET sha256 = SUBSTR(sha256, 2)",
    ),
];

async fn tampering_is_found(engine: Engine, ruleset: RuleSetName) {
    let installation = Installation::new(BINARY, engine).await;
    installation.choose(ruleset).await;
    let people = (0..12).flat_map(|i| office_days(&format!("person-{i}")));
    let mut sent: Vec<Value> = people.collect();
    sent.extend(theft("person-3"));
    let file = installation.folder.path().join("history.ndjson");
    std::fs::write(&file, ndjson(&sent)).unwrap();
    installation.run(&["import", "--source", "files", file.to_str().unwrap()]);
    let verify = || {
        let arguments = ["scores", "verify", "--json"];
        let output = try_run(
            BINARY,
            installation.folder.path(),
            &installation.database,
            &arguments,
        );
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), found)
    };
    let (code, found) = verify();
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(found["same"], 1, "{found}");
    for (change, named, undo) in CHANGES {
        tamper(&installation.database, change).await;
        let (code, found) = verify();
        assert_eq!(code, Some(1), "{change}: {found}");
        assert!(
            found["problems"].to_string().contains(named),
            "{change}: {found}"
        );
        tamper(&installation.database, undo).await;
        assert_eq!(verify().0, Some(0), "{undo}");
    }
    tamper(
        &installation.database,
        "UPDATE alert_receipts SET inputs = NULL",
    )
    .await;
    let (code, found) = verify();
    assert_eq!(code, Some(1), "{found}");
    assert!(
        found["problems"]
            .to_string()
            .contains("the inputs cannot be read")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    tampering_is_found(Engine::Sqlite, RuleSetName::Classic).await;
    tampering_is_found(Engine::Sqlite, RuleSetName::Calibrated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    tampering_is_found(Engine::Postgres, RuleSetName::Classic).await;
    tampering_is_found(Engine::Postgres, RuleSetName::Calibrated).await;
}
