//! What scripts read: every command that prints a result prints it as JSON when asked.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use serde_json::{Value, json};
use testkit::Engine;
use testkit::binary::Installation;

const EMAIL: &str = "ada@example.org";

#[tokio::test]
async fn commands_print_json_for_scripts() {
    let installation = Installation::new(env!("CARGO_BIN_EXE_insider-risk"), Engine::Sqlite).await;
    let run = |arguments: &[&str]| -> Value {
        let output = installation.run(&[arguments, &["--json"]].concat());
        assert_eq!(output.lines().count(), 1, "{arguments:?}: {output}");
        serde_json::from_str(&output).unwrap()
    };
    let migrated = run(&["migrate"]);
    assert_eq!(migrated["engine"], "SQLite");
    assert!(migrated["applied"].as_i64().unwrap() >= 1);
    assert_eq!(run(&["migrate"])["applied"], 0);
    let setup = run(&["setup-code"]);
    assert_eq!(setup["setupCode"].as_str().unwrap().len(), 10);

    let user = run(&["user", "create", EMAIL, "--role", "admin"]);
    assert_eq!(
        (&user["email"], &user["role"]),
        (&json!(EMAIL), &json!("admin"))
    );
    let reset = run(&["user", "reset-password", EMAIL]);
    assert_ne!(reset["oneTimePassword"], user["oneTimePassword"]);
    let token = run(&["token", "create", "--user", EMAIL, "--name", "nightly"]);
    assert!(token["token"].as_str().unwrap().starts_with("irt_"));
    run(&["user", "create", "mia@example.org", "--role", "read-only"]);
    assert_eq!(
        run(&["user", "disable", "mia@example.org"])["disabled"],
        true
    );
    let users = run(&["user", "list"]);
    let mia = users
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["email"] == "mia@example.org");
    assert_eq!(mia.unwrap()["disabled"], true);

    let source = run(&["source", "create", "vpn", "--name", "VPN gateway"]);
    assert!(source["key"].as_str().unwrap().starts_with("irk_"));
    assert_eq!(source["url"], "http://127.0.0.1:3000/api/ingest/vpn");
    let rotated = run(&["source", "rotate-key", "vpn", "--now"]);
    assert_ne!(rotated["key"], source["key"]);
    assert_eq!(run(&["source", "disable", "vpn"])["enabled"], false);
    assert_eq!(run(&["source", "list"])[0]["name"], "VPN gateway");

    let file = installation.folder.path().join("events.ndjson");
    let all = [
        testkit::events::office_days("jane"),
        testkit::events::theft("jane"),
    ]
    .concat();
    let lines = testkit::events::ndjson(&all) + "{\"actor\": 1}\n";
    std::fs::write(&file, lines).unwrap();
    let file = file.to_str().unwrap();
    let dry = run(&["import", "--source", "files", file, "--dry-run"]);
    assert_eq!(
        (&dry["dryRun"], &dry["counts"]["rejected"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(dry["examples"].as_array().unwrap().len(), 3);
    let stored = run(&["import", "--source", "files", file]);
    assert_eq!(stored["counts"]["accepted"], all.len());
    assert_eq!(stored["alerts"], 1, "{stored}");
    assert_eq!(stored["worst"][0]["actor"], "jane");
    let again = run(&["import", "--source", "files", file]);
    assert_eq!(again["counts"]["duplicates"], all.len());
}
