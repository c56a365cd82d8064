//! Two tenants with the same things: nothing of one is seen or changed by the other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access::Role;
use domain::actor::ActorKey;
use domain::integration::check::Report;
use domain::integration::config::Webhook;
use domain::integration::{Configuration, Mode, Provider, Settings};
use domain::rule::{RuleKey, RuleSettings};
use domain::score::Points;
use domain::secret::{ExposeSecret, SecretString};
use domain::source::SourceSettings;
use domain::suppression::Aim;
use domain::tenant::Tenant;
use domain::time::{DAY_US, Day};
use store::api_keys::{self, NewKey};
use store::collector_instances::{self, Beat};
use store::integrations::{self, NewIntegration};
use store::log::{Appender, Batch};
use store::seal::KeyRing;
use store::secrets::{self, Owner};
use store::tenants;
use store::users::{self, NewUser};
use store::{
    Error, Scope, actors, alerts, audit, backtests, drafts, events, overview, quarantine, rules,
    runs, scores, sources, suppressions,
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

/// An integration, a draft, a run and a secret of one tenant, and every operation of the other.
async fn integration_is_invisible(acme: &Scope, globex: &Scope) {
    let ring = KeyRing::new(&[7; 32], &[]);
    let settings = Settings {
        name: "Hook".to_owned(),
        configuration: Configuration::Webhook(Webhook::default()),
        schedule: None,
        cadence_minutes: None,
    };
    let secret = SecretString::from("a secret of acme");
    let new = NewIntegration {
        slug: &"hook".parse().unwrap(),
        provider: Provider::Webhook,
        mode: Mode::Push,
        settings: &settings,
        source: &SourceSettings::named("Hook"),
        external_id: "irm-x",
        key: None,
        secret: Some((integrations::SIGNING, &secret)),
        paused: None,
        draft: None,
    };
    let made = integrations::create(acme, &ring, &new).await.unwrap();
    let fields = BTreeMap::new();
    drafts::create(acme, "D1", "irm-y", &fields, 1)
        .await
        .unwrap();
    let report = Report {
        at: acme.now,
        checks: Vec::new(),
    };
    let owner = Owner::Integration(made.id);
    let beat = Beat {
        instance: "a".to_owned(),
        kind: "collector".to_owned(),
        host: "h".to_owned(),
        version: "1".to_owned(),
        started_at: acme.now,
        received: 1,
        parsed: 1,
        rejected: 0,
        dropped: 0,
        kernel_dropped: 0,
        buffered: 0,
    };
    collector_instances::note(acme, made.id, &beat)
        .await
        .unwrap();

    not_found(integrations::find(globex, "hook").await);
    not_found(integrations::watch(globex, "hook").await);
    not_found(integrations::update(globex, &ring, "hook", (&settings, None), None, None).await);
    not_found(integrations::pause(globex, "hook", "x").await);
    not_found(integrations::resume(globex, "hook").await);
    not_found(integrations::note_test(globex, "hook", &report).await);
    not_found(integrations::last_test(globex, made.id).await);
    not_found(integrations::delete(globex, "hook").await);
    let replacement = integrations::Replacement::Secret(integrations::SIGNING, &secret);
    not_found(integrations::rotate(globex, &ring, "hook", &replacement, 0).await);
    not_found(runs::ask(globex, "hook").await);
    not_found(runs::find(globex, made.id, 1).await);
    not_found(drafts::find(globex, "D1").await);
    not_found(drafts::save(globex, &ring, "D1", &fields, 2, None).await);
    not_found(drafts::note_test(globex, "D1", &report).await);
    not_found(drafts::delete(globex, "D1").await);
    assert!(integrations::list(globex).await.unwrap().is_empty());
    assert!(integrations::watch_all(globex).await.unwrap().is_empty());
    assert!(
        integrations::of_source(globex, made.source)
            .await
            .unwrap()
            .is_none()
    );
    assert!(drafts::list(globex).await.unwrap().is_empty());
    assert!(
        runs::list(globex, made.id, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(runs::owner(globex, made.id).await.unwrap().is_none());
    assert!(
        collector_instances::list(globex, made.id)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(secrets::list(globex, &owner).await.unwrap().is_empty());
    assert!(
        secrets::open(globex, &ring, &owner, integrations::SIGNING)
            .await
            .unwrap()
            .is_none()
    );
    let held = secrets::open(acme, &ring, &owner, integrations::SIGNING)
        .await
        .unwrap();
    assert_eq!(held.unwrap().expose_secret(), "a secret of acme");
    integrations::note_refused(globex, made.id, "forged")
        .await
        .unwrap();
    assert_eq!(
        integrations::find(acme, "hook").await.unwrap().refused,
        None
    );
    assert_eq!(
        secrets::reseal(globex, &KeyRing::new(&[8; 32], &[[7; 32]]))
            .await
            .unwrap(),
        secrets::Resealed::default()
    );
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
    integration_is_invisible(&acme, &globex).await;
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

    let draft = backtests::in_force(&acme).await.unwrap();
    let asked = backtests::start(&acme, 7, &draft, &draft).await.unwrap();
    not_found(backtests::find(&globex, asked.number).await);
    not_found(backtests::cancel(&globex, asked.number).await);
    assert_eq!(backtests::list(&globex, None, 9).await.unwrap(), []);
    let kept = backtests::find(&acme, asked.number).await.unwrap();
    assert!(!kept.cancelling);
    let past = backtests::past_alerts(&db.db, db.globex.id, domain::time::Minute(0)).await;
    assert_eq!(past.unwrap(), []);
    let new = suppressions::New {
        aim: Aim {
            actor: Some(jane),
            rule: RuleKey::NewIp.into(),
            attribute: None,
        },
        reason: "known".to_owned(),
        expires_at: acme.now.plus(DAY_US),
        alert: None,
    };
    let made = suppressions::create(&acme, &new).await.unwrap();
    not_found(suppressions::find(&globex, made.code).await);
    not_found(suppressions::revoke(&globex, made.code).await);
    assert!(suppressions::active(&globex).await.unwrap().is_empty());
    let all = suppressions::list(&globex, None, 9).await.unwrap();
    assert!(all.is_empty());
    let scored = suppressions::of_tenant(&db.db, db.globex.id).await.unwrap();
    assert!(scored.is_empty());
    let hit = suppressions::Hit {
        number: made.code.0,
        actor: jane,
        day: acme.now.utc_day(),
        points: Points::whole(15),
        alert_hidden: true,
    };
    let mut tx = db.db.begin().await.unwrap();
    suppressions::save_hits(&mut tx, db.acme.id, vec![hit])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(suppressions::hidden(&globex).await.unwrap().is_empty());
    let hits = suppressions::hits_of_actor(&globex, jane, Day(0)).await;
    assert!(hits.unwrap().is_empty());
    assert_eq!(suppressions::hidden(&acme).await.unwrap().len(), 1);

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
    let mut settings = tenants::Settings::from(&db.globex);
    settings.scoring.alert_threshold = Points::whole(42);
    tenants::update(&globex, &settings).await.unwrap();
    let unchanged = tenants::find(&db.db, db.acme.id).await.unwrap();
    assert_eq!(unchanged.scoring.alert_threshold, Points::whole(60));
    sources::delete(&globex, "vpn").await.unwrap();
    assert!(sources::find(&acme, "vpn").await.is_ok());
    assert!(api_keys::find(&db.db, "KEYacme").await.unwrap().is_some());
    assert!(api_keys::find(&db.db, "KEYglobex").await.unwrap().is_none());
});
