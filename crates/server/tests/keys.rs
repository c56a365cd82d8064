//! Changing the master key with the real binary, killed again and again while it moves secrets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::secret::{ExposeSecret, SecretString};
use store::db::Durability;
use store::seal::KeyRing;
use store::secrets::{self, Owner};
use store::{Db, Principal, Scope, Via, drafts, tenants};
use testkit::Engine as Database;
use testkit::binary::Installation;

const DRAFTS: usize = 40;

fn key(seed: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = (index as u8)
            .wrapping_mul(37)
            .wrapping_add(seed)
            .rotate_left(3)
            ^ seed;
    }
    bytes
}

async fn scope(db: &Db) -> Scope {
    let tenant = tenants::list(db).await.unwrap().remove(0);
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    Scope::new(
        db.clone(),
        tenant,
        Principal::CommandLine,
        Via::CommandLine,
        now,
    )
}

/// SEC-44: killed ten times; the wrong key is named and nothing lost.
async fn rotates(engine: Database) {
    let place = Installation::new(env!("CARGO_BIN_EXE_insider-risk"), engine).await;
    place.run(&["migrate"]);
    place.run(&["source", "list"]);
    let (old, new) = (key(11), key(201));
    let db = Db::open(&place.database, Durability::Normal).await.unwrap();
    let scope = scope(&db).await;
    let ring = KeyRing::new(&old, &[]);
    for number in 0..DRAFTS {
        let code = format!("D{number}");
        let fields = BTreeMap::new();
        drafts::create(&scope, &code, "irm", &fields, 1)
            .await
            .unwrap();
        let secret = SecretString::from(format!("secret {number}"));
        drafts::save(&scope, &ring, &code, &fields, 1, Some(("signing", &secret)))
            .await
            .unwrap();
    }
    let rotate = || {
        let mut command = place.command(&["keys", "rotate", "--json"]);
        command
            .env("INTEGRATION_ENCRYPTION_KEY", STANDARD.encode(new))
            .env("INTEGRATION_ENCRYPTION_KEY_PREVIOUS", STANDARD.encode(old));
        command
    };
    // Without the key of before nothing starts, and nothing is lost.
    let mut wrong = place.command(&["serve"]);
    let refused = wrong
        .env("INTEGRATION_ENCRYPTION_KEY", STANDARD.encode(new))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains(ring.current_id()) && said.contains("_PREVIOUS"),
        "{said}"
    );

    for attempt in 0..10 {
        let mut child = rotate().spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(20 * attempt)).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    let done = rotate().output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let alone = KeyRing::new(&new, &[]);
    assert_eq!(told["keys"][0]["key"], alone.current_id());
    assert_eq!(
        told["keys"].as_array().unwrap().len(),
        1,
        "the old key has no record left"
    );
    for number in 0..DRAFTS {
        let owner = Owner::Draft(format!("D{number}"));
        let secret = secrets::open(&scope, &alone, &owner, "signing")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(secret.expose_secret(), format!("secret {number}"));
    }
    db.close().await;
}

#[tokio::test]
async fn a_rotation_survives_being_killed_sqlite() {
    rotates(Database::Sqlite).await;
}

#[tokio::test]
async fn a_rotation_survives_being_killed_postgres() {
    rotates(Database::Postgres).await;
}
