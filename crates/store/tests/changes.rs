//! Changes: versions guard against overwriting, and every change leaves one audit entry.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use domain::access::Role;
use domain::rule::{RuleKey, RuleSettings};
use domain::score::Points;
use domain::source::SourceSettings;
use domain::suppression::{Aim, Attribute};
use domain::time::DAY_US;
use store::api_keys::{self, NewKey};
use store::sessions::{self, NewSession};
use store::users::{self, NewUser};
use store::{Error, Scope, audit, jobs, partitions, rules, setup, sources, suppressions, tenants};
use testkit::on_both;

const NOW: &str = "2026-03-02T12:00:00Z";

async fn last_audit(scope: &Scope) -> audit::Entry {
    audit::list(scope, &audit::Filter::default(), None, 1)
        .await
        .unwrap()
        .remove(0)
}

async fn person(scope: &Scope, email: &str, role: Role) -> domain::id::UserId {
    let new = NewUser {
        email,
        name: "x",
        password_hash: "old",
        role,
        must_change_password: false,
    };
    users::create(scope, &new).await.unwrap()
}

on_both!(a_rule_change_is_versioned_and_audited, |db| async move {
    let scope = db.acme(NOW);
    let base = RuleSettings::default_for(RuleKey::VolumeSpike);
    let changed = RuleSettings {
        threshold: 4.0,
        ..base
    };
    let after = rules::update(&scope, &[changed]).await.unwrap();
    let now = *after
        .iter()
        .find(|r| r.key == RuleKey::VolumeSpike)
        .unwrap();
    assert_eq!((now.threshold, now.version), (4.0, 2));
    assert!(
        matches!(rules::update(&scope, &[changed]).await, Err(Error::Stale)),
        "version 1 is gone"
    );
    let entry = last_audit(&scope).await;
    assert_eq!(
        (entry.action.as_str(), entry.object.as_str()),
        ("rule.update", "volume_spike")
    );
    assert!(entry.before.unwrap().contains("\"threshold\":3.0"));
    assert!(entry.after.unwrap().contains("\"threshold\":4.0"));
    // The same settings again are no change.
    rules::update(&scope, &[now]).await.unwrap();
    assert_eq!(
        rules::versions(&scope, RuleKey::VolumeSpike)
            .await
            .unwrap()
            .len(),
        1
    );
    // One stale rule of several changes none of them.
    let other = RuleSettings {
        weight: Points::whole(1),
        ..RuleSettings::default_for(RuleKey::NewIp)
    };
    assert!(rules::update(&scope, &[other, changed]).await.is_err());
    let untouched = rules::list(&scope).await.unwrap();
    assert!(
        untouched
            .iter()
            .any(|r| r.key == RuleKey::NewIp && r.weight == Points::whole(15))
    );
});

on_both!(the_audit_log_cannot_be_altered, |db| async move {
    let scope = db.acme(NOW);
    let slug = "vpn".parse().unwrap();
    sources::create(&scope, &slug, &SourceSettings::named("VPN"), None)
        .await
        .unwrap();
    for text in ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"] {
        let refused = match &db.db {
            store::Db::Sqlite { write, .. } => sqlx::query(text).execute(write).await.map(drop),
            store::Db::Postgres(pool) => sqlx::query(text).execute(pool).await.map(drop),
        };
        assert!(
            refused.unwrap_err().to_string().contains("append-only"),
            "{text}"
        );
    }
});

on_both!(sources_are_guarded_by_their_version, |db| async move {
    let scope = db.acme(NOW);
    let slug = "vpn".parse().unwrap();
    sources::create(&scope, &slug, &SourceSettings::named("VPN"), None)
        .await
        .unwrap();
    assert!(matches!(
        sources::create(&scope, &slug, &SourceSettings::named("VPN"), None).await,
        Err(Error::Exists(_))
    ));
    let renamed = SourceSettings {
        retention_days: Some(7),
        ..SourceSettings::named("Gateway")
    };
    let after = sources::update(&scope, "vpn", &renamed, Some(1))
        .await
        .unwrap();
    assert_eq!((after.version, after.settings), (2, renamed.clone()));
    assert!(matches!(
        sources::update(&scope, "vpn", &renamed, Some(1)).await,
        Err(Error::Stale)
    ));
    sources::delete(&scope, "vpn").await.unwrap();
    sources::create(&scope, &slug, &SourceSettings::named("again"), None)
        .await
        .unwrap();
});

on_both!(rotated_keys_overlap_and_revoked_ones_end, |db| async move {
    let scope = db.acme(NOW);
    let slug = "vpn".parse().unwrap();
    let first = NewKey {
        public_id: "FIRST",
        secret_hash: "h1",
    };
    let source = sources::create(&scope, &slug, &SourceSettings::named("VPN"), Some(&first))
        .await
        .unwrap();
    let second = NewKey {
        public_id: "SECOND",
        secret_hash: "h2",
    };
    api_keys::rotate(&scope, "vpn", &second, DAY_US)
        .await
        .unwrap();
    let old = api_keys::find(&db.db, "FIRST").await.unwrap().unwrap();
    assert_eq!(old.expires_at, Some(scope.now.plus(DAY_US)));
    assert_eq!(api_keys::list(&scope, source.id).await.unwrap().len(), 2);
    api_keys::revoke(&scope, "vpn", "SECOND").await.unwrap();
    assert!(api_keys::find(&db.db, "SECOND").await.unwrap().is_none());
    let entries = audit::list(&scope, &audit::Filter::default(), None, 50)
        .await
        .unwrap();
    let dump = format!("{entries:?}");
    assert!(
        !dump.contains("h1") && !dump.contains("h2"),
        "hashes are not audited"
    );
});

on_both!(
    sessions_end_on_idleness_age_and_password_change,
    |db| async move {
        let scope = db.acme("2026-03-02T08:00:00Z");
        let user = person(&scope, "Jane@Example.org", Role::AnalystL1).await;
        let begin = async |id: &[u8]| {
            let new = NewSession {
                id_hash: id,
                csrf: "t",
                user,
                tenant: db.acme.id,
                ip: None,
                user_agent: None,
            };
            sessions::create(&db.db, &new, scope.now).await.unwrap();
        };
        begin(b"one").await;
        begin(b"two").await;
        let at = |minutes: i64| scope.now.plus(minutes * 60_000_000);
        let alive = async |id: &[u8], minutes| {
            sessions::find(&db.db, id, at(minutes))
                .await
                .unwrap()
                .is_some()
        };
        assert!(alive(b"one", 29).await);
        assert!(alive(b"one", 58).await, "a request keeps it alive");
        assert!(!alive(b"two", 31).await, "idle for 30 minutes");
        for minutes in (58..730).step_by(20) {
            alive(b"one", minutes).await;
        }
        assert!(!alive(b"one", 721).await, "12 hours are the end");
        begin(b"three").await;
        begin(b"four").await;
        users::set_password(&scope, "jane@example.org", "new", false, Some(b"three"))
            .await
            .unwrap();
        assert!(alive(b"three", 1).await);
        assert!(!alive(b"four", 1).await);
        users::disable(&scope, "jane@example.org").await.unwrap();
        assert!(!alive(b"three", 1).await);
    }
);

on_both!(the_last_administrator_stays, |db| async move {
    let scope = db.acme(NOW);
    person(&scope, "a@example.org", Role::Admin).await;
    assert!(users::disable(&scope, "a@example.org").await.is_err());
    person(&scope, "b@example.org", Role::Admin).await;
    users::disable(&scope, "a@example.org").await.unwrap();
    assert!(users::disable(&scope, "b@example.org").await.is_err());
});

on_both!(setup_has_one_winner, |db| async move {
    assert!(
        setup::issue(&db.db, b"code", NOW.parse().unwrap())
            .await
            .unwrap()
    );
    let mut racers = Vec::new();
    for racer in 0..50 {
        let scope = db.acme(NOW);
        racers.push(tokio::spawn(async move {
            let email = format!("admin{racer}@example.org");
            let admin = NewUser {
                email: &email,
                name: "x",
                password_hash: "x",
                role: Role::Admin,
                must_change_password: false,
            };
            setup::claim(&scope, b"code", &admin).await.is_ok()
        }));
    }
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(users::count(&db.db).await.unwrap(), 1);
    assert!(
        !setup::issue(&db.db, b"new", NOW.parse().unwrap())
            .await
            .unwrap()
    );
});

on_both!(
    a_job_has_one_runner_and_missed_times_coalesce,
    |db| async move {
        let at = |text: &str| text.parse::<domain::time::Timestamp>().unwrap();
        jobs::ensure(&db.db, "nightly", at("2026-03-02T00:00:00Z"))
            .await
            .unwrap();
        let now = at("2026-03-05T00:00:00Z");
        let first = jobs::claim(&db.db, "nightly", "a", now)
            .await
            .unwrap()
            .unwrap();
        assert!(
            jobs::claim(&db.db, "nightly", "b", now)
                .await
                .unwrap()
                .is_none(),
            "it is running"
        );
        // Renewed, it stays taken beyond its first lease.
        let later = now.plus(jobs::LEASE_US + 1);
        jobs::renew(&db.db, &first, now.plus(jobs::LEASE_US / 2))
            .await
            .unwrap();
        assert!(
            jobs::claim(&db.db, "nightly", "b", later)
                .await
                .unwrap()
                .is_none()
        );
        // PostgreSQL judges leases by its own clock; giving it back stands for its end.
        jobs::give_back(&db.db, &first).await.unwrap();
        let second = jobs::claim(&db.db, "nightly", "b", later)
            .await
            .unwrap()
            .unwrap();
        assert!(second.fence > first.fence);
        let stale = jobs::finish(&db.db, &first, Ok("late".to_owned()), later, later).await;
        assert!(matches!(stale, Err(Error::LeaseLost)));
        let stale = jobs::renew(&db.db, &first, later).await;
        assert!(matches!(stale, Err(Error::LeaseLost)));
        let mut tx = db.db.begin().await.unwrap();
        let stale = jobs::hold(&mut tx, Some(&first)).await;
        assert!(matches!(stale, Err(Error::LeaseLost)));
        jobs::hold(&mut tx, Some(&second)).await.unwrap();
        drop(tx);
        jobs::finish(
            &db.db,
            &second,
            Ok("done".to_owned()),
            later.plus(DAY_US),
            later,
        )
        .await
        .unwrap();
        let job = jobs::list(&db.db).await.unwrap().remove(0);
        assert_eq!(
            (job.outcome.as_deref(), job.message.as_deref()),
            (Some("ok"), Some("done"))
        );
        assert!(
            jobs::claim(&db.db, "nightly", "a", later)
                .await
                .unwrap()
                .is_none(),
            "not due"
        );
    }
);

on_both!(a_worker_that_lost_its_lease_cannot_write, |db| async move {
    // PostgreSQL judges leases by its own clock; giving them back stands for their end.
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    let held = partitions::acquire(&db.db, "first", now).await.unwrap();
    assert_eq!(held.len(), 64);
    assert!(
        partitions::acquire(&db.db, "second", now)
            .await
            .unwrap()
            .is_empty()
    );
    partitions::release(&db.db, "first").await.unwrap();
    let taken = partitions::acquire(&db.db, "second", now).await.unwrap();
    assert_eq!(taken.len(), 64);
    assert!(taken[0].fence > held[0].fence);
    let mut tx = db.db.begin().await.unwrap();
    let stale = partitions::advance(&mut tx, "first", &held, held[0].position).await;
    assert!(matches!(stale, Err(Error::LeaseLost)));
    drop(tx);
    let mut tx = db.db.begin().await.unwrap();
    partitions::advance(&mut tx, "second", &taken, taken[0].position)
        .await
        .unwrap();
    tx.commit().await.unwrap();
});

on_both!(a_suppression_is_made_ended_and_audited, |db| async move {
    let scope = db.acme(NOW);
    let slug = "vpn".parse().unwrap();
    let source = sources::create(&scope, &slug, &SourceSettings::named("VPN"), None)
        .await
        .unwrap();
    let attribute = Attribute::Source {
        id: source.id,
        slug: "vpn".to_owned(),
    };
    let new = |attribute: Option<Attribute>, days: i64| suppressions::New {
        aim: Aim {
            actor: None,
            rule: RuleKey::NewIp.into(),
            attribute,
        },
        reason: " a known scanner ".to_owned(),
        expires_at: scope.now.plus(days * DAY_US),
        alert: None,
    };
    let version = tenants::criteria_version(&db.db, db.acme.id).await.unwrap();
    let made = suppressions::create(&scope, &new(Some(attribute.clone()), 5))
        .await
        .unwrap();
    assert_eq!(made.code.to_string(), "SU-1");
    assert_eq!(made.aim.attribute, Some(attribute));
    assert_eq!(made.reason, "a known scanner");
    let entry = last_audit(&scope).await;
    assert_eq!(
        (entry.action.as_str(), entry.object.as_str()),
        ("suppression.create", "SU-1")
    );
    assert!(entry.after.unwrap().contains("a known scanner"));
    let after = tenants::criteria_version(&db.db, db.acme.id).await.unwrap();
    assert!(after > version, "scores are judged with it");
    let address = Attribute::Address("2001:db8::1".parse().unwrap());
    let second = suppressions::create(&scope, &new(Some(address), 2))
        .await
        .unwrap();
    let active = suppressions::active(&scope).await.unwrap();
    let codes: Vec<_> = active.iter().map(|s| s.code.to_string()).collect();
    assert_eq!(codes, ["SU-2", "SU-1"], "the soonest to end first");

    let later = db.acme("2026-03-03T12:00:00Z");
    let ended = suppressions::revoke(&later, second.code).await.unwrap();
    assert_eq!(ended.revoked_at, Some(later.now));
    assert_eq!(last_audit(&later).await.action, "suppression.revoke");
    let again = suppressions::revoke(&db.acme("2026-03-04T12:00:00Z"), second.code).await;
    assert_eq!(again.unwrap().revoked_at, Some(later.now), "once");
    let kept = suppressions::of_tenant(&db.db, db.acme.id).await.unwrap();
    assert_eq!(
        kept.len(),
        2,
        "old minutes are judged with what was in force then"
    );
    let over = db.acme("2026-03-08T12:00:00Z");
    assert!(suppressions::active(&over).await.unwrap().is_empty());
    let page = suppressions::list(&over, Some(second.code), 9)
        .await
        .unwrap();
    assert_eq!(page, [made], "newest first, after the second");
});
