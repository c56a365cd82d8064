//! Pages that tune and govern: rules, settings, audit, profile.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use axum::http::StatusCode;
use domain::access::Role;
use domain::actor::ActorKey;
use domain::alert::{Disposition, Move, Status};
use domain::rule::RuleKey;
use store::{alerts, rules, tenants};
use testkit::app::{Answer, PASSWORD, hidden_field};
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};

const ADMIN: &str = "admin@acme.example";

/// An app with an administrator who is signed in.
async fn signed_in(engine: Engine) -> (TestApp, String) {
    let app = TestApp::new(engine).await;
    app.person(&app.db.acme, Role::Admin).await;
    let session = app.sign_in(ADMIN).await;
    (app, session)
}

/// Posts the form of a page and returns the answer.
async fn save(app: &TestApp, session: &str, path: &str, fields: &str) -> Answer {
    let page = app.page(session, path).await;
    app.post(session, path, &page, fields).await
}

/// The page an answer leads to.
async fn followed(app: &TestApp, session: &str, answer: &Answer) -> Answer {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let to = answer.header("location").split('#').next().unwrap();
    app.page(session, to).await
}

async fn rules_say_what_they_did(engine: Engine) {
    let (app, session) = signed_in(engine).await;
    let empty = app.page(&session, "/rules").await;
    assert!(empty.body.contains("No pair of rules reaches 60"));
    assert!(empty.body.contains("0 verdicts"));
    let key = app.source(&app.db.acme, "files").await;
    let sent = [office_days("jane"), theft("jane")].concat();
    app.ingest(&key, "files", ndjson(&sent)).await;
    app.score().await;
    let scope = app.scope(&app.db.acme);
    let list = rules::records(&scope, domain::time::Minute(0), 10)
        .await
        .unwrap();
    assert_eq!(list.len(), 1);
    let wanted = Move {
        to: Status::Resolved,
        disposition: Some(Disposition::TruePositiveImpact),
        reason: Some("it was".to_owned()),
    };
    alerts::change_status(&scope, list[0].code, None, &wanted)
        .await
        .unwrap();
    let page = app.page(&session, "/rules/volume_spike").await;
    assert!(
        page.body.contains("took part in one alert"),
        "{}",
        page.body
    );
    assert!(page.body.contains("True positive, impact"));
    // Without the volume the alert falls below the threshold or stays: the page says which.
    let draft = app
        .page(&session, "/rules/volume_spike?threshold=900000&weight=0")
        .await;
    assert_eq!(draft.status, StatusCode::OK);
    assert!(draft.body.contains("Alerts under the draft"));
    assert!(draft.body.contains("class=\"line draft\""));
    let foreign = rules::records(&app.scope(&app.db.globex), domain::time::Minute(0), 10).await;
    assert!(foreign.unwrap().is_empty());
}

#[tokio::test]
async fn rules_say_what_they_did_on_sqlite() {
    rules_say_what_they_did(Engine::Sqlite).await;
}

#[tokio::test]
async fn rules_say_what_they_did_on_postgres() {
    rules_say_what_they_did(Engine::Postgres).await;
}

#[tokio::test]
async fn a_rule_is_saved_with_the_version_that_was_opened() {
    let (app, session) = signed_in(Engine::Sqlite).await;
    let path = "/rules/failure_burst";
    let fields = |version: i64, weight: &str| {
        format!("version={version}&enabled=1&weight={weight}&threshold=5&window_minutes=10")
    };
    let wrong = save(&app, &session, path, &fields(1, "lots")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("value=\"lots\"") && wrong.body.contains("err-weight"));
    let saved = save(&app, &session, path, &fields(1, "30")).await;
    let page = followed(&app, &session, &saved).await;
    assert!(
        page.body
            .contains("Saved as version 2. The next scoring pass uses it.")
    );
    let stale = save(&app, &session, path, &fields(1, "35")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.body.contains("Not saved yet.") && stale.body.contains("value=\"35\""));
    assert_eq!(hidden_field(&stale.body, "version"), "2");
    let off = save(
        &app,
        &session,
        path,
        "version=2&weight=30&threshold=5&window_minutes=10",
    )
    .await;
    assert!(
        followed(&app, &session, &off)
            .await
            .body
            .contains("Switched off")
    );
    let set = rules::list(&app.scope(&app.db.acme)).await.unwrap();
    let rule = set.iter().find(|r| r.key == RuleKey::FailureBurst).unwrap();
    assert_eq!((rule.version, rule.enabled), (3, false));
    assert_eq!(
        app.page(&session, "/rules/nothing").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn sections_of_settings_save_alone_and_notice_each_other() {
    let (app, session) = signed_in(Engine::Sqlite).await;
    let general = "/settings/general";
    let saved = save(
        &app,
        &session,
        general,
        "was_name=acme&was_zone=UTC&name=Acme+Ltd&zone=europe/berlin",
    )
    .await;
    assert!(
        followed(&app, &session, &saved)
            .await
            .body
            .contains("Acme Ltd")
    );
    let late = save(
        &app,
        &session,
        general,
        "was_name=acme&was_zone=UTC&name=Mine&zone=UTC",
    )
    .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("Europe/Berlin") && late.body.contains("value=\"Mine\""));
    for (path, fields) in [
        ("/settings/scoring", "was_threshold=60&threshold=101"),
        ("/settings/retention", "was_days=90&days=0"),
        (general, "was_name=x&was_zone=x&name=&zone=Mars"),
    ] {
        let refused = save(&app, &session, path, fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    save(
        &app,
        &session,
        "/settings/scoring",
        "was_threshold=60&threshold=62.5",
    )
    .await;
    save(&app, &session, "/settings/retention", "was_days=90&days=30").await;
    let now = tenants::find(&app.db.db, app.db.acme.id).await.unwrap();
    assert_eq!((now.name.as_str(), now.retention_days), ("Acme Ltd", 30));
    assert_eq!(now.scoring.zone.name(), "Europe/Berlin");
    assert_eq!(now.scoring.alert_threshold.tenths(), 625);
}

async fn the_rule_set_is_a_setting(engine: Engine) {
    let (app, session) = signed_in(engine).await;
    let page = "/settings/scoring";
    let fields = "was_threshold=60&threshold=60&was_ruleset=classic&was_rate=5";
    for (more, status) in [
        ("&ruleset=best&rate=5", StatusCode::UNPROCESSABLE_ENTITY),
        (
            "&ruleset=calibrated&rate=0",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("&ruleset=calibrated&rate=8", StatusCode::SEE_OTHER),
        ("&ruleset=calibrated&rate=9", StatusCode::CONFLICT),
    ] {
        let answer = save(&app, &session, page, &format!("{fields}{more}")).await;
        assert_eq!(answer.status, status, "{more}");
    }
    let now = tenants::find(&app.db.db, app.db.acme.id).await.unwrap();
    assert_eq!(now.scoring.ruleset.word(), "calibrated");
    assert!((now.scoring.alert_rate - 8.0).abs() < f64::EPSILON);
    let rules = app.page(&session, "/rules").await;
    assert!(
        rules
            .body
            .contains("8 alerts per 1,000 actors a day asked for")
    );

    let key = app.source(&app.db.acme, "files").await;
    let mut sent: Vec<_> = (0..12)
        .flat_map(|i| office_days(&format!("person-{i}")))
        .collect();
    sent.extend(theft("person-3"));
    app.ingest(&key, "files", ndjson(&sent)).await;
    app.score().await;
    let rules = app.page(&session, "/rules").await;
    assert!(rules.body.contains("Actor-days judged"), "{}", rules.body);
    let alerts = app.page(&session, "/alerts?rule=scope").await;
    assert!(alerts.body.contains("/alerts/AL-1001"), "{}", alerts.body);
    let alert = app.page(&session, "/alerts/AL-1001").await;
    for part in [
        "Checked and normal",
        "Could not be judged",
        "Once in",
        "40 resources never used",
    ] {
        assert!(alert.body.contains(part), "{part}: {}", alert.body);
    }
    let actor = ActorKey::fold("person-3").identify(app.db.acme.key).0;
    let actor = app
        .page(&session, &format!("/actors/{}", actor.code()))
        .await;
    assert!(actor.body.contains("New objects"), "{}", actor.body);
}

async fn the_dry_run_counts(engine: Engine) {
    let (app, _) = signed_in(engine).await;
    let key = app.source(&app.db.acme, "files").await;
    app.ingest(&key, "files", ndjson(&office_days("jane")))
        .await;
    app.score().await;
    app.clock.set("2026-04-14T12:00:00Z");
    let session = app.sign_in(ADMIN).await;
    let kept = app.page(&session, "/settings/retention").await;
    assert!(kept.body.contains("<b>0 events</b>"), "{}", kept.body);
    let gone = app.page(&session, "/settings/retention?days=7").await;
    assert!(gone.body.contains("<b>104 events</b>"), "{}", gone.body);
}

#[tokio::test]
async fn the_rule_set_is_a_setting_on_sqlite() {
    the_rule_set_is_a_setting(Engine::Sqlite).await;
}

#[tokio::test]
async fn the_rule_set_is_a_setting_on_postgres() {
    the_rule_set_is_a_setting(Engine::Postgres).await;
}

#[tokio::test]
async fn the_dry_run_counts_on_sqlite() {
    the_dry_run_counts(Engine::Sqlite).await;
}

#[tokio::test]
async fn the_dry_run_counts_on_postgres() {
    the_dry_run_counts(Engine::Postgres).await;
}

#[tokio::test]
async fn the_audit_page_tells_changes_and_no_secrets() {
    let (app, session) = signed_in(Engine::Sqlite).await;
    let fields = "version=1&enabled=1&weight=30&threshold=5&window_minutes=10";
    save(&app, &session, "/rules/failure_burst", fields).await;
    let page = app.page(&session, "/profile").await;
    let shown = app
        .post(&session, "/profile/tokens", &page, "name=nightly+export")
        .await;
    let start = shown.body.find("irt_").unwrap();
    let token = &shown.body[start..start + 65];
    let log = app.page(&session, "/audit").await;
    assert!(log.body.contains("changed a rule") && log.body.contains("<ins><bdi>30</bdi></ins>"));
    assert!(log.body.contains("made a personal token") && log.body.contains("nightly export"));
    assert!(
        !log.body.contains(&token[15..58]),
        "the secret is in no page"
    );
    let only = app.page(&session, "/audit?kind=rule&q=failure").await;
    assert!(only.body.contains("1 entry") && !only.body.contains("personal token<"));
    let none = app.page(&session, "/audit?q=zzz").await;
    assert!(none.body.contains("No entry matches"));
    let odd = app.page(&session, "/audit?kind=%3Cb%3E&before=x").await;
    assert_eq!(odd.status, StatusCode::OK);
    assert!(odd.body.contains("is not known, ignored") && !odd.body.contains("<b>="));
}

#[tokio::test]
async fn only_the_present_password_opens_the_way_to_a_new_one() {
    let (app, session) = signed_in(Engine::Sqlite).await;
    let other = app.sign_in(ADMIN).await;
    let page = app.page(&session, "/profile").await;
    assert!(page.body.contains("End all other sessions"));
    let path = "/profile/password";
    let present = PASSWORD.replace(' ', "+");
    for (fields, told) in [
        ("current=wrong&new=a+better+sentence", "not your present"),
        ("current=x&new=short", "at least 12"),
        (
            &format!("current={present}&new={present}"),
            "another password",
        ),
    ] {
        let answer = app.post(&session, path, &page, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.body.contains(told), "{fields}");
    }
    let fields = format!("current={present}&new=a+better+sentence");
    let changed = app.post(&session, path, &page, &fields).await;
    let after = followed(&app, &session, &changed).await;
    assert!(after.body.contains("The password is changed."));
    let ended = app.page(&other, "/profile").await;
    assert!(ended.header("location").starts_with("/login"));
}

#[tokio::test]
async fn a_token_cannot_change_the_account_behind_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.person(&app.db.acme, Role::Admin).await;
    for (path, fields) in [
        ("/profile/tokens", "csrf=&name=another"),
        ("/profile/tokens/revoke", "csrf=&public_id=X"),
        ("/profile/sessions/end-others", "csrf="),
        ("/profile/password", "csrf=&current=a&new=b"),
    ] {
        let request = axum::http::Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/x-www-form-urlencoded");
        let body = axum::body::Body::from(fields);
        let answer = app.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn look_and_tokens_are_kept() {
    let (app, session) = signed_in(Engine::Sqlite).await;
    let page = app.page(&session, "/profile").await;
    let look = app
        .post(
            &session,
            "/profile/look",
            &page,
            "theme=dark&density=compact",
        )
        .await;
    let dark = followed(&app, &session, &look).await;
    assert!(
        dark.body
            .contains("data-theme=\"dark\" data-density=\"compact\"")
    );
    let shown = app
        .post(&session, "/profile/tokens", &page, "name=%E2%80%AEscript")
        .await;
    assert!(shown.body.contains("⟨U+202E⟩script"));
    let again = app.page(&session, "/profile").await;
    let id = hidden_field(&again.body, "public_id");
    let revoked = app
        .post(
            &session,
            "/profile/tokens/revoke",
            &page,
            &format!("public_id={id}"),
        )
        .await;
    let after = followed(&app, &session, &revoked).await;
    assert!(after.body.contains("The token is revoked"));
}
