//! Two tenants with the same things: nothing of one is seen or changed by the other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use domain::access::Role;
use domain::actor::ActorKey;
use domain::rule::{RuleKey, RuleSettings};
use domain::score::Points;
use domain::source::SourceSettings;
use domain::tenant::Tenant;
use store::api_keys::{self, NewKey};
use store::log::{Appender, Batch};
use store::tenants::{self, Settings};
use store::users::{self, NewUser};
use store::{
    Error, Scope, actors, alerts, audit, events, overview, quarantine, rules, scores, sources,
};
use testkit::events::{login, normalised};
use testkit::{TestDb, on_both};
use tokio::sync::Notify;

const NOW: &str = "2026-03-02T12:00:00Z";

/// The same source, person, rule change and event in a tenant.
async fn fill(db: &TestDb, scope: &Scope, tenant: &Tenant) {
    let slug = "vpn".parse().unwrap();
    let public_id = format!("KEY{}", tenant.slug);
    let key = NewKey {
        public_id: &public_id,
        secret_hash: "hash",
    };
    let source = sources::create(scope, &slug, &SourceSettings::named("VPN"), Some(&key))
        .await
        .unwrap();
    let email = format!("jane@{}.example", tenant.slug);
    let user = NewUser {
        email: &email,
        name: "Jane",
        password_hash: "x",
        role: Role::Admin,
        must_change_password: false,
    };
    users::create(scope, &user).await.unwrap();
    let appender = Appender::start(db.db.clone(), Arc::new(Notify::new()));
    let events = normalised(
        tenant,
        source.id,
        NOW,
        &[login("jane", "2026-03-02T10:00:00Z")],
    );
    let aside = normalised(
        tenant,
        source.id,
        NOW,
        &[login("jane", "2026-03-02T11:00:00Z")],
    );
    let batch = Batch {
        events,
        quarantined: vec![(aside[0].clone(), "test".to_owned())],
    };
    appender.append(tenant, source.id, batch).await.unwrap();
}

fn not_found<T: std::fmt::Debug>(result: store::Result<T>) {
    let result = result.map(drop);
    assert!(matches!(result, Err(Error::NotFound)), "{result:?}");
}

on_both!(nothing_crosses, |db| async move {
    let (acme, globex) = (db.acme(NOW), db.globex(NOW));
    fill(&db, &acme, &db.acme).await;
    let (jane, _) = ActorKey::fold("jane").identify(db.acme.key);
    let everything = events::Filter::default();
    let event = events::list(&acme, &everything, None, 10)
        .await
        .unwrap()
        .remove(0);
    let item = quarantine::list(&acme, None, None, None, 10)
        .await
        .unwrap()
        .remove(0);
    let source = sources::find(&acme, "vpn").await.unwrap();
    assert!(actors::find(&acme, jane).await.is_ok());

    // The other tenant is empty, also when it knows every id.
    not_found(sources::find(&globex, "vpn").await);
    not_found(sources::update(&globex, "vpn", &SourceSettings::named("mine"), None).await);
    not_found(sources::delete(&globex, "vpn").await);
    not_found(api_keys::revoke(&globex, "vpn", "KEYacme").await);
    not_found(events::find(&globex, event.event.id).await);
    not_found(actors::find(&globex, jane).await);
    not_found(actors::baseline(&globex, jane).await);
    not_found(quarantine::find_pending(&globex, item.id).await);
    not_found(quarantine::decide(&globex, item.id, "discarded").await);
    not_found(users::find(&globex, "jane@acme.example").await);
    not_found(users::set_password(&globex, "jane@acme.example", "y", false, None).await);
    assert!(sources::list(&globex).await.unwrap().is_empty());
    assert!(api_keys::list(&globex, source.id).await.unwrap().is_empty());
    assert!(
        events::list(&globex, &everything, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(users::list(&globex).await.unwrap().is_empty());
    assert_eq!(actors::count(&globex).await.unwrap(), 0);
    assert_eq!(quarantine::pending(&globex).await.unwrap(), 0);
    assert!(
        alerts::list(
            &globex,
            &alerts::Filter::default(),
            alerts::Order::Newest,
            None,
            10
        )
        .await
        .unwrap()
        .is_empty()
    );
    assert!(scores::range(&globex).await.unwrap().is_none());
    assert!(overview::arrivals(&globex, 0).await.unwrap().is_empty());
    assert!(
        audit::list(&globex, &audit::Filter::default(), None, 10)
            .await
            .unwrap()
            .is_empty()
    );

    // The same names live side by side.
    fill(&db, &globex, &db.globex).await;
    let theirs = sources::find(&globex, "vpn").await.unwrap();
    assert_ne!(theirs.id, source.id);
    let (their_jane, _) = ActorKey::fold("jane").identify(db.globex.key);
    assert_ne!(their_jane, jane);

    // Changes of one leave the other as it was.
    let quieter = RuleSettings {
        weight: Points::whole(1),
        ..RuleSettings::default_for(RuleKey::NewIp)
    };
    rules::update(&globex, &[quieter]).await.unwrap();
    let weight = |set: domain::rule::RuleSet| {
        set.iter()
            .find(|r| r.key == RuleKey::NewIp)
            .map(|r| r.weight)
    };
    assert_eq!(
        weight(rules::list(&globex).await.unwrap()),
        Some(Points::whole(1))
    );
    assert_eq!(
        weight(rules::list(&acme).await.unwrap()),
        Some(Points::whole(15))
    );
    let mut settings = Settings::from(&db.globex);
    settings.scoring.alert_threshold = Points::whole(42);
    tenants::update(&globex, &settings).await.unwrap();
    let unchanged = tenants::find(&db.db, db.acme.id).await.unwrap();
    assert_eq!(unchanged.scoring.alert_threshold, Points::whole(60));
    sources::delete(&globex, "vpn").await.unwrap();
    assert!(sources::find(&acme, "vpn").await.is_ok());
    assert!(api_keys::find(&db.db, "KEYacme").await.unwrap().is_some());
    assert!(api_keys::find(&db.db, "KEYglobex").await.unwrap().is_none());
});
