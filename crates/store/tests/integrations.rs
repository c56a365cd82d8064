//! Integrations, drafts, runs and sealed secrets on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use domain::integration::check::{Check, CheckName, Report};
use domain::integration::config::{Credentials, GuarddutyPull, Webhook};
use domain::integration::health::State;
use domain::integration::{
    Configuration, Integration, Mode, Provider, RunOutcome, Schedule, Settings,
};
use domain::secret::{ExposeSecret, SecretString};
use domain::source::SourceSettings;
use domain::time::{DAY_US, MINUTE_US};
use store::api_keys::{self, NewKey};
use store::integrations::{self, NewIntegration, Replacement};
use store::log::{Appender, Batch};
use store::runs::{self, Advance, Ended};
use store::seal::KeyRing;
use store::secrets::{self, Owner};
use store::{Db, Error, Scope, audit, drafts, events, sources};
use testkit::events::{login, normalised};
use testkit::on_both;
use tokio::sync::Notify;

const NOW: &str = "2026-03-02T12:00:00Z";

static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new(&[7; 32], &[]));

fn guardduty() -> Settings {
    Settings {
        name: "GuardDuty".to_owned(),
        configuration: Configuration::GuarddutyPull(GuarddutyPull {
            role_arn: "arn:aws:iam::123456789012:role/read".to_owned(),
            regions: vec!["eu-central-1".to_owned()],
            min_severity: 4.0,
            credentials: Credentials::Instance,
            access_key_id: None,
        }),
        schedule: Some(Schedule::EveryMinutes(10)),
        cadence_minutes: None,
    }
}

fn hook() -> Settings {
    Settings {
        name: "Hook".to_owned(),
        configuration: Configuration::Webhook(Webhook::default()),
        schedule: None,
        cadence_minutes: Some(10),
    }
}

async fn pull(scope: &Scope) -> Integration {
    create(
        scope,
        "guardduty",
        Provider::AwsGuardduty,
        Mode::Pull,
        &guardduty(),
        None,
    )
    .await
}

async fn create(
    scope: &Scope,
    slug: &str,
    provider: Provider,
    mode: Mode,
    settings: &Settings,
    secret: Option<(&'static str, &SecretString)>,
) -> Integration {
    let key = format!("{slug}-{}", scope.tenant.slug);
    let key = NewKey {
        public_id: &key,
        secret_hash: "hash",
    };
    let new = NewIntegration {
        slug: &slug.parse().unwrap(),
        provider,
        mode,
        settings,
        source: &SourceSettings::named(&settings.name),
        external_id: "irm-a-b",
        key: Some(&key),
        secret,
        paused: None,
        draft: None,
    };
    integrations::create(scope, &RING, &new).await.unwrap()
}

async fn actions(scope: &Scope) -> Vec<String> {
    let entries = audit::list(scope, &audit::Filter::default(), None, 100)
        .await
        .unwrap();
    entries.into_iter().map(|e| e.action).collect()
}

async fn execute(db: &Db, text: &'static str) {
    match db {
        Db::Sqlite { write, .. } => sqlx::query(text).execute(write).await.map(drop),
        Db::Postgres(pool) => sqlx::query(text).execute(pool).await.map(drop),
    }
    .unwrap();
}

on_both!(an_integration_lives_with_its_source, |db| async move {
    let scope = db.acme(NOW);
    let made = pull(&scope).await;
    assert_eq!((made.version, made.settings.clone()), (1, guardduty()));
    assert_eq!(
        made.next_run_at,
        Some(scope.now),
        "the first pull is due at once"
    );
    let source = sources::find(&scope, "guardduty").await.unwrap();
    assert_eq!(source.id, made.source);
    assert_eq!(
        actions(&scope).await[..3],
        ["integration.create", "key.create", "source.create"]
    );
    assert!(
        matches!(sources::delete(&scope, "guardduty").await, Err(Error::OwnedBy(by)) if by == "guardduty")
    );

    let mut changed = guardduty();
    changed.schedule = Some(Schedule::Cron("0 * * * *".to_owned()));
    let stored = SourceSettings {
        retention_days: Some(7),
        ..SourceSettings::named("x")
    };
    let update = integrations::update(
        &scope,
        &RING,
        "guardduty",
        (&changed, Some(&stored)),
        None,
        Some(1),
    );
    let after = update.await.unwrap();
    assert_eq!(
        (after.version, after.settings.clone()),
        (2, changed.clone())
    );
    assert_eq!(
        after.next_run_at.unwrap().to_string(),
        "2026-03-02T13:00:00Z"
    );
    assert_eq!(
        sources::find(&scope, "guardduty").await.unwrap().settings,
        stored
    );
    let stale = integrations::update(&scope, &RING, "guardduty", (&changed, None), None, Some(1));
    assert!(matches!(stale.await, Err(Error::Stale)));

    let paused = integrations::pause(&scope, "guardduty", "maintenance")
        .await
        .unwrap();
    assert_eq!(
        (paused.paused.as_deref(), paused.next_run_at),
        (Some("maintenance"), None)
    );
    assert!(
        !sources::find(&scope, "guardduty")
            .await
            .unwrap()
            .settings
            .enabled
    );
    let watched = integrations::watch(&scope, "guardduty").await.unwrap();
    assert_eq!(watched.health.state, State::Paused);
    let resumed = integrations::resume(&scope, "guardduty").await.unwrap();
    assert_eq!(
        (resumed.paused, resumed.next_run_at),
        (None, Some(scope.now))
    );
    assert!(
        sources::find(&scope, "guardduty")
            .await
            .unwrap()
            .settings
            .enabled
    );

    integrations::delete(&scope, "guardduty").await.unwrap();
    assert!(integrations::list(&scope).await.unwrap().is_empty());
    assert!(matches!(
        sources::find(&scope, "guardduty").await,
        Err(Error::NotFound)
    ));
    assert!(
        api_keys::find(&db.db, "guardduty-acme")
            .await
            .unwrap()
            .is_none()
    );
    let done = actions(&scope).await;
    for action in [
        "integration.update",
        "integration.pause",
        "integration.resume",
        "integration.delete",
    ] {
        assert!(done.iter().any(|a| a == action), "{action}");
    }
    pull_again(&scope).await;
});

/// The name is free again after a deletion.
async fn pull_again(scope: &Scope) {
    let key = NewKey {
        public_id: "again",
        secret_hash: "hash",
    };
    let settings = guardduty();
    let new = NewIntegration {
        slug: &"guardduty".parse().unwrap(),
        provider: Provider::AwsGuardduty,
        mode: Mode::Pull,
        settings: &settings,
        source: &SourceSettings::named("x"),
        external_id: "irm",
        key: Some(&key),
        secret: None,
        paused: Some("test skipped"),
        draft: None,
    };
    let again = integrations::create(scope, &RING, &new).await.unwrap();
    assert_eq!(again.next_run_at, None, "it starts paused");
    assert!(
        !sources::find(scope, "guardduty")
            .await
            .unwrap()
            .settings
            .enabled
    );
    let twice = integrations::create(scope, &RING, &new).await;
    assert!(matches!(twice, Err(Error::Exists(_))));
}

// SEC-43: ciphertext moved in the database does not open, and that is audited.
on_both!(secrets_open_only_where_they_belong, |db| async move {
    let (acme, globex) = (db.acme(NOW), db.globex(NOW));
    let secret = SecretString::from("whsec_canary_of_acme_0123456789");
    let field = Some((integrations::SIGNING, &secret));
    let mine = create(&acme, "hook", Provider::Webhook, Mode::Push, &hook(), field).await;
    let other = SecretString::from("whsec_of_globex_0123456789abcdef");
    let field = Some((integrations::SIGNING, &other));
    let theirs = create(
        &globex,
        "hook",
        Provider::Webhook,
        Mode::Push,
        &hook(),
        field,
    )
    .await;
    let owner = Owner::Integration(mine.id);
    let stored = secrets::list(&acme, &owner).await.unwrap();
    assert_eq!(
        (stored[0].field.as_str(), stored[0].hint.as_str()),
        ("signing", "6789")
    );

    // Ciphertext, key id and all, of one tenant put into the other's row.
    execute(
        &db.db,
        "UPDATE sealed_secrets SET sealed = (SELECT s.sealed FROM sealed_secrets s
            WHERE s.tenant_id > sealed_secrets.tenant_id)
         WHERE tenant_id = (SELECT MIN(tenant_id) FROM sealed_secrets)",
    )
    .await;
    let opened = secrets::open(&acme, &RING, &owner, integrations::SIGNING).await;
    assert!(matches!(opened, Err(Error::Unsealable(_))), "{opened:?}");
    assert_eq!(actions(&acme).await[0], "secret.unreadable");
    let owner = Owner::Integration(theirs.id);
    let opened = secrets::open(&globex, &RING, &owner, integrations::SIGNING).await;
    assert!(
        opened.unwrap().is_some(),
        "the row it was taken from is unharmed"
    );
    let entries = format!(
        "{:?}",
        audit::list(&acme, &audit::Filter::default(), None, 100)
            .await
            .unwrap()
    );
    assert!(!entries.contains("canary"), "secrets are not audited");
});

// SEC-44: both keys open during a rotation.
on_both!(secrets_move_to_a_new_key_and_overlap, |db| async move {
    let scope = db.acme(NOW);
    let secret = SecretString::from("the first secret");
    let field = Some((integrations::SIGNING, &secret));
    let made = create(
        &scope,
        "hook",
        Provider::Webhook,
        Mode::Push,
        &hook(),
        field,
    )
    .await;
    let owner = Owner::Integration(made.id);
    let second = SecretString::from("the second secret");
    let replacement = Replacement::Secret(integrations::SIGNING, &second);
    integrations::rotate(&scope, &RING, "hook", &replacement, DAY_US)
        .await
        .unwrap();
    let open = async |scope: &Scope, ring: &KeyRing, field: &str| {
        let opened = secrets::open(scope, ring, &owner, field).await.unwrap();
        opened.map(|s| s.expose_secret().to_owned())
    };
    let old = secrets::previous(integrations::SIGNING);
    assert_eq!(
        open(&scope, &RING, "signing").await.as_deref(),
        Some("the second secret")
    );
    assert_eq!(
        open(&scope, &RING, old).await.as_deref(),
        Some("the first secret")
    );
    let later = db.acme("2026-03-03T12:00:01Z");
    assert_eq!(
        open(&later, &RING, old).await,
        None,
        "the overlap has ended"
    );

    let new = KeyRing::new(&[9; 32], &[[7; 32]]);
    let before = secrets::census(&db.db).await.unwrap();
    assert_eq!(before, [(RING.current_id().to_owned(), 2)]);
    let done = secrets::reseal(&scope, &new).await.unwrap();
    assert_eq!((done.moved, done.unreadable), (2, 0));
    assert_eq!(
        secrets::census(&db.db).await.unwrap(),
        [(new.current_id().to_owned(), 2)]
    );
    assert_eq!(
        secrets::reseal(&scope, &new).await.unwrap(),
        secrets::Resealed::default(),
        "it can be started again"
    );
    let alone = KeyRing::new(&[9; 32], &[]);
    assert_eq!(
        open(&scope, &alone, "signing").await.as_deref(),
        Some("the second secret")
    );

    // Without the key that sealed them nothing is lost, and it is named.
    let wrong = KeyRing::new(&[1; 32], &[]);
    let refused = secrets::open(&scope, &wrong, &owner, "signing")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains(new.current_id()), "{refused}");
    assert_eq!(secrets::reseal(&scope, &wrong).await.unwrap().unreadable, 2);
    assert_eq!(
        open(&scope, &alone, "signing").await.as_deref(),
        Some("the second secret")
    );
});

on_both!(
    a_draft_keeps_what_was_typed_and_becomes_an_integration,
    |db| async move {
        let scope = db.acme(NOW);
        let mut fields = BTreeMap::from([("provider".to_owned(), "webhook".to_owned())]);
        drafts::create(&scope, "D1", "irm-draft", &fields, 2)
            .await
            .unwrap();
        fields.insert("name".to_owned(), "typed, not yet valid\u{202E}".to_owned());
        let secret = SecretString::from("typed secret of the draft");
        let with_secret = Some((integrations::SIGNING, &secret));
        drafts::save(&scope, &RING, "D1", &fields, 4, with_secret)
            .await
            .unwrap();
        let report = Report {
            at: scope.now,
            checks: vec![Check::passed(CheckName::Key, "there")],
        };
        drafts::note_test(&scope, "D1", &report).await.unwrap();
        let draft = drafts::find(&scope, "D1").await.unwrap();
        assert_eq!(
            (draft.step, draft.fields.clone(), draft.last_test),
            (4, fields.clone(), Some(report.clone()))
        );
        let settings = hook();
        let new = NewIntegration {
            slug: &"hook".parse().unwrap(),
            provider: Provider::Webhook,
            mode: Mode::Push,
            settings: &settings,
            source: &SourceSettings::named("Hook"),
            external_id: &draft.external_id,
            key: None,
            secret: None,
            paused: None,
            draft: Some("D1"),
        };
        let made = integrations::create(&scope, &RING, &new).await.unwrap();
        assert_eq!(made.external_id, "irm-draft");
        assert_eq!(
            integrations::last_test(&scope, made.id).await.unwrap(),
            Some(report)
        );
        let owner = Owner::Integration(made.id);
        let held = secrets::open(&scope, &RING, &owner, integrations::SIGNING)
            .await
            .unwrap();
        assert_eq!(held.unwrap().expose_secret(), "typed secret of the draft");
        assert!(matches!(
            drafts::find(&scope, "D1").await,
            Err(Error::NotFound)
        ));
        assert_eq!(secrets::census(&db.db).await.unwrap().len(), 1);
    }
);

on_both!(
    a_change_of_a_draft_forgets_its_test_and_age_deletes_it,
    |db| async move {
        let scope = db.acme(NOW);
        let mut fields = BTreeMap::new();
        drafts::create(&scope, "D1", "irm", &fields, 1)
            .await
            .unwrap();
        drafts::create(&scope, "D2", "irm", &fields, 1)
            .await
            .unwrap();
        let report = Report {
            at: scope.now,
            checks: Vec::new(),
        };
        drafts::note_test(&scope, "D1", &report).await.unwrap();
        drafts::save(&scope, &RING, "D1", &fields, 3, None)
            .await
            .unwrap();
        assert!(
            drafts::find(&scope, "D1")
                .await
                .unwrap()
                .last_test
                .is_some(),
            "another step is no change"
        );
        fields.insert("name".to_owned(), "x".to_owned());
        let late = db.acme("2026-03-05T12:00:00Z");
        let secret = SecretString::from("s");
        drafts::save(&late, &RING, "D1", &fields, 3, Some(("signing", &secret)))
            .await
            .unwrap();
        assert!(
            drafts::find(&scope, "D1")
                .await
                .unwrap()
                .last_test
                .is_none()
        );
        assert_eq!(
            drafts::sweep(&db.db, scope.now.plus(13 * DAY_US))
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            drafts::sweep(&db.db, scope.now.plus(14 * DAY_US))
                .await
                .unwrap(),
            1
        );
        assert_eq!(drafts::list(&scope).await.unwrap()[0].code, "D1");
        assert_eq!(
            drafts::sweep(&db.db, scope.now.plus(17 * DAY_US))
                .await
                .unwrap(),
            1
        );
        assert!(
            secrets::census(&db.db).await.unwrap().is_empty(),
            "secrets go with the draft"
        );
    }
);

fn page(claim: &runs::Claim, cursor: &str, fetched: i64) -> Advance {
    Advance {
        integration: claim.integration.id,
        number: claim.number,
        fence: claim.fence,
        cursor: cursor.to_owned(),
        fetched,
        rejected: 0,
        attempts: 1,
        at: NOW.parse().unwrap(),
    }
}

on_both!(
    the_cursor_moves_with_the_events_or_not_at_all,
    |db| async move {
        let scope = db.acme(NOW);
        let made = pull(&scope).await;
        let appender = Appender::start(db.db.clone(), Arc::new(Notify::new()));
        let claim = runs::claim(&db.db, "a", scope.now).await.unwrap().unwrap();
        assert_eq!((claim.number, claim.integration.id), (1, made.id));
        assert!(
            runs::claim(&db.db, "b", scope.now).await.unwrap().is_none(),
            "one runner"
        );
        assert!(
            matches!(runs::ask(&scope, "guardduty").await, Err(Error::Running(by)) if by == "a")
        );
        let events = |minute: u32| {
            normalised(
                &db.acme,
                made.source,
                NOW,
                &[login("jane", &format!("2026-03-02T10:{minute:02}:00Z"))],
            )
        };
        let batch = |minute| Batch {
            events: events(minute),
            ..Batch::default()
        };
        appender
            .append_and_advance(&db.acme, made.source, batch(1), page(&claim, "c1", 1))
            .await
            .unwrap();
        appender
            .append_and_advance(&db.acme, made.source, batch(1), page(&claim, "c2", 1))
            .await
            .unwrap();
        let run = runs::find(&scope, made.id, 1).await.unwrap();
        assert_eq!(
            (run.fetched, run.stored, run.duplicates, run.attempts),
            (2, 1, 1, 2)
        );
        assert_eq!(
            (run.cursor_before, run.cursor_after.as_deref()),
            (None, Some("c2"))
        );

        // The worker stalls beyond its lease; another takes over and goes on from the cursor.
        let later = scope.now.plus(runs::LEASE_US);
        let second = runs::claim(&db.db, "b", later).await.unwrap().unwrap();
        assert_eq!(
            (second.number, second.integration.cursor.as_deref()),
            (2, Some("c2"))
        );
        let stale = appender
            .append_and_advance(&db.acme, made.source, batch(2), page(&claim, "old", 1))
            .await;
        assert!(matches!(stale, Err(Error::LeaseLost)), "{stale:?}");
        let stored = events::list(&scope, &events::Filter::default(), None, 10)
            .await
            .unwrap();
        assert_eq!(
            stored.len(),
            1,
            "what comes with a lost lease is not stored either"
        );
        assert_eq!(
            runs::find(&scope, made.id, 1).await.unwrap().outcome,
            RunOutcome::Failed
        );
        appender
            .append_and_advance(&db.acme, made.source, batch(2), page(&second, "c3", 1))
            .await
            .unwrap();
        let ended = Ended {
            outcome: RunOutcome::Ok,
            error: None,
            remedy: None,
            next_run_at: Some(later.plus(MINUTE_US)),
        };
        assert!(matches!(
            runs::finish(&db.db, &claim, &ended, later).await,
            Err(Error::LeaseLost)
        ));
        runs::finish(&db.db, &second, &ended, later).await.unwrap();
        let after = integrations::find(&scope, "guardduty").await.unwrap();
        assert_eq!(
            (
                after.cursor.as_deref(),
                after.last_ok_at,
                after.errors_in_row
            ),
            (Some("c3"), Some(later), 0)
        );
    }
);

on_both!(failures_count_until_a_run_is_good, |db| async move {
    let scope = db.acme(NOW);
    let made = pull(&scope).await;
    let mut now = scope.now;
    let run = async |outcome: RunOutcome, now| {
        let claim = runs::claim(&db.db, "a", now).await.unwrap().unwrap();
        let error = (outcome != RunOutcome::Ok).then(|| "AccessDenied".to_owned());
        let ended = Ended {
            outcome,
            error,
            remedy: Some("add the statement".to_owned()),
            next_run_at: Some(now),
        };
        runs::finish(&db.db, &claim, &ended, now).await.unwrap();
    };
    let state = async |now| {
        let mut scope = db.acme(NOW);
        scope.now = now;
        integrations::watch(&scope, "guardduty")
            .await
            .unwrap()
            .health
            .state
    };
    assert_eq!(state(now).await, State::NeverRan);
    for (outcome, expected) in [
        (RunOutcome::Failed, State::Degraded),
        (RunOutcome::Partial, State::Degraded),
        (RunOutcome::Failed, State::Failed),
        (RunOutcome::Ok, State::Healthy),
    ] {
        now = now.plus(MINUTE_US);
        run(outcome, now).await;
        assert_eq!(state(now).await, expected, "{outcome:?}");
    }
    assert_eq!(state(now.plus(30 * MINUTE_US)).await, State::Degraded);
    assert_eq!(state(now.plus(100 * MINUTE_US)).await, State::Failed);
    let listed = runs::list(&scope, made.id, None, 2).await.unwrap();
    assert_eq!(listed.iter().map(|r| r.number).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(
        runs::list(&scope, made.id, Some(3), 9).await.unwrap().len(),
        2
    );
    runs::ask(&scope, "guardduty").await.unwrap();
    assert_eq!(actions(&scope).await[0], "integration.run");
    let claim = runs::claim(&db.db, "a", now).await.unwrap().unwrap();
    let asked = runs::find(&scope, made.id, claim.number).await.unwrap();
    assert_eq!(
        (asked.cause.as_str(), asked.outcome),
        ("command line", RunOutcome::Running)
    );
});

on_both!(
    requests_find_their_integration_in_every_tenant,
    |db| async move {
        for scope in [db.acme(NOW), db.globex(NOW)] {
            create(&scope, "hook", Provider::Webhook, Mode::Push, &hook(), None).await;
        }
        let found = integrations::receivers(&db.db, "hook").await.unwrap();
        assert_eq!(found.len(), 2);
        for (tenant, integration, source) in found {
            assert_eq!(integration.source, source.id);
            assert_eq!(
                tenant.id == db.acme.id,
                integration.id == integrations::find(&db.acme(NOW), "hook").await.unwrap().id
            );
        }
        integrations::delete(&db.globex(NOW), "hook").await.unwrap();
        assert_eq!(
            integrations::receivers(&db.db, "hook").await.unwrap().len(),
            1
        );
        assert!(
            integrations::receivers(&db.db, "nothing")
                .await
                .unwrap()
                .is_empty()
        );
    }
);
