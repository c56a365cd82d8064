//! First run, signing in and out, sessions and cookies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::access::Role;
use store::setup;
use testkit::app::{Answer, PASSWORD, cookie, hidden_field};
use testkit::{Engine, TestApp};
use web::hidden;

async fn get(app: &TestApp, path: &str, cookies: &str) -> Answer {
    app.send(
        Request::get(path)
            .header(header::COOKIE, cookies)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

async fn post(app: &TestApp, path: &str, cookies: &str, form: String) -> Answer {
    let request = Request::post(path)
        .header(header::COOKIE, cookies)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    app.send(request.body(Body::from(form)).unwrap()).await
}

/// An empty installation waiting for its first administrator.
async fn fresh(engine: Engine, code: &str) -> TestApp {
    let app = TestApp::new(engine).await;
    setup::issue(
        &app.db.db,
        &hidden::hash(code),
        "2026-03-14T12:00:00Z".parse().unwrap(),
    )
    .await
    .unwrap();
    app
}

async fn claim(app: &TestApp, code: &str, email: &str, password: &str) -> Answer {
    let page = get(app, "/setup", "").await;
    assert_eq!(page.status, StatusCode::OK);
    let (mark, csrf) = (cookie(&page, "irm_form"), hidden_field(&page.body, "csrf"));
    let form = format!(
        "csrf={csrf}&code={code}&name=Mia&email={email}&password={}&organisation=Acme+Ltd&zone=Europe%2FBerlin",
        password.replace(' ', "+")
    );
    post(app, "/setup", &mark, form).await
}

async fn first_run(engine: Engine) {
    let app = fresh(engine, "RIGHT").await;
    assert_eq!(get(&app, "/login", "").await.header("location"), "/setup");
    let wrong = claim(&app, "WRONG", "mia@example.org", PASSWORD).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("insider-risk setup-code") && wrong.body.contains("mia@example.org"),
        "what was typed is kept"
    );
    assert!(!wrong.body.contains(PASSWORD), "secrets are not given back");
    let weak = claim(&app, "RIGHT", "mia@example.org", "password1234").await;
    assert!(weak.body.contains("common passwords"));
    let done = claim(&app, "right", "mia@example.org", PASSWORD).await;
    assert_eq!(
        (done.status, done.header("location")),
        (StatusCode::SEE_OTHER, "/login?done=setup")
    );
    assert_eq!(get(&app, "/setup", "").await.status, StatusCode::NOT_FOUND);
    let session = app.sign_in("mia@example.org").await;
    let page = app.page(&session, "/sources").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Europe/Berlin") && page.body.contains("Acme Ltd"));
}

#[tokio::test]
async fn first_run_on_sqlite() {
    first_run(Engine::Sqlite).await;
}

#[tokio::test]
async fn first_run_on_postgres() {
    first_run(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_racing_setups_make_one_administrator() {
    let app = fresh(Engine::Sqlite, "RIGHT").await;
    let page = get(&app, "/setup", "").await;
    let (mark, csrf) = (cookie(&page, "irm_form"), hidden_field(&page.body, "csrf"));
    let app = std::sync::Arc::new(app);
    let racers = (0..50).map(|i| {
        let (app, mark, csrf) = (app.clone(), mark.clone(), csrf.clone());
        tokio::spawn(async move {
            let form = format!("csrf={csrf}&code=RIGHT&name=M&email=m{i}@example.org&password={}&organisation=A&zone=UTC", PASSWORD.replace(' ', "+"));
            post(&app, "/setup", &mark, form).await
        })
    });
    let mut winners = 0;
    for racer in racers.collect::<Vec<_>>() {
        let answer = racer.await.unwrap();
        let throttled = answer.status == StatusCode::UNPROCESSABLE_ENTITY
            && answer.body.contains("Too many attempts");
        assert!(
            throttled || [303, 404, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );
        winners += usize::from(answer.status == StatusCode::SEE_OTHER);
    }
    assert_eq!(winners, 1);
    assert_eq!(store::users::count(&app.db.db).await.unwrap(), 1);
}

#[tokio::test]
async fn ten_wrong_codes_are_throttled() {
    let app = fresh(Engine::Sqlite, "RIGHT").await;
    let mut throttled = false;
    for _ in 0..10 {
        throttled |= claim(&app, "WRONG", "m@example.org", PASSWORD)
            .await
            .body
            .contains("Too many attempts");
    }
    assert!(throttled);
}

async fn sign_in(app: &TestApp, email: &str, password: &str, next: &str) -> Answer {
    let page = get(app, "/login", "").await;
    let (mark, csrf) = (cookie(&page, "irm_form"), hidden_field(&page.body, "csrf"));
    let form = format!(
        "csrf={csrf}&email={email}&password={}&next={next}",
        password.replace(' ', "+")
    );
    post(app, "/login", &mark, form).await
}

#[tokio::test]
async fn failures_look_alike() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.person(&app.db.acme, Role::AnalystL1).await;
    app.person(&app.db.acme, Role::ReadOnly).await;
    store::users::disable(&app.scope(&app.db.acme), "read-only@acme.example")
        .await
        .unwrap();
    let mut bodies = Vec::new();
    for (email, password) in [
        ("nobody@acme.example", PASSWORD),
        ("analyst-l1@acme.example", "wrong password here"),
        ("read-only@acme.example", PASSWORD),
    ] {
        let answer = sign_in(&app, email, password, "").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            answer
                .headers
                .get_all(header::SET_COOKIE)
                .iter()
                .next()
                .is_none()
        );
        let csrf = hidden_field(&answer.body, "csrf");
        bodies.push(answer.body.replace(email, "EMAIL").replace(&csrf, "CSRF"));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn an_account_is_throttled_before_hashing_and_never_locked() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.person(&app.db.acme, Role::AnalystL1).await;
    app.person(&app.db.acme, Role::AnalystL2).await;
    let mut statuses = Vec::new();
    for _ in 0..15 {
        statuses.push(
            sign_in(&app, "analyst-l1@acme.example", "wrong password here", "")
                .await
                .status,
        );
    }
    let tried = statuses
        .iter()
        .filter(|s| **s == StatusCode::UNPROCESSABLE_ENTITY)
        .count();
    assert_eq!(tried, 10);
    assert_eq!(statuses[14], StatusCode::TOO_MANY_REQUESTS);
    let other = sign_in(&app, "analyst-l2@acme.example", PASSWORD, "").await;
    assert_eq!(
        other.status,
        StatusCode::SEE_OTHER,
        "others are not affected"
    );
}

#[tokio::test]
async fn cookies_and_session_ids() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.person(&app.db.acme, Role::AnalystL1).await;
    let first = sign_in(&app, "analyst-l1@acme.example", PASSWORD, "").await;
    for value in first.headers.get_all(header::SET_COOKIE) {
        let value = value.to_str().unwrap();
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
            assert!(value.contains(part), "{value}");
        }
    }
    let one = cookie(&first, "irm_session");
    let two = cookie(
        &sign_in(&app, "analyst-l1@acme.example", PASSWORD, "").await,
        "irm_session",
    );
    assert_ne!(one, two);
    assert!(one.len() >= "irm_session=".len() + 43, "256 bits");
    // A cookie the browser brought along is not adopted.
    let planted = "irm_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        get(&app, "/alerts", planted).await.status,
        StatusCode::SEE_OTHER
    );
    // Signing out ends it on the server.
    let page = app.page(&one, "/alerts").await;
    let out = app.post(&one, "/logout", &page, "").await;
    assert_eq!(out.header("location"), "/login?done=out");
    assert!(out.header("clear-site-data").contains("storage"));
    assert_eq!(
        app.page(&one, "/alerts").await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        app.page(&two, "/alerts").await.status,
        StatusCode::OK,
        "the other one stays"
    );
    app.clock.advance(31 * 60);
    assert_eq!(
        app.page(&two, "/alerts").await.status,
        StatusCode::SEE_OTHER,
        "idle"
    );
}

#[tokio::test]
async fn after_signing_in_only_own_pages_are_gone_to() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.person(&app.db.acme, Role::AnalystL1).await;
    let asked = get(&app, "/alerts?sev=high", "").await;
    assert_eq!(
        asked.header("location"),
        "/login?next=%2Falerts%3Fsev%3Dhigh"
    );
    for (next, to) in [
        ("%2Falerts%3Fsev%3Dhigh", "/alerts?sev=high"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("https%3Aevil.example", "/"),
        ("%252f%252fevil.example", "/"),
        ("%2Fa%0D%0ASet-Cookie%3A+x%3Dy", "/"),
    ] {
        let answer = sign_in(&app, "analyst-l1@acme.example", PASSWORD, next).await;
        assert_eq!(answer.header("location"), to, "{next}");
    }
}

#[tokio::test]
async fn a_one_time_password_must_be_replaced() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.person(&app.db.acme, Role::AnalystL1).await;
    let hash = web::Hashing::new(4).hash_password(PASSWORD).await.unwrap();
    let scope = app.scope(&app.db.acme);
    store::users::set_password(&scope, "analyst-l1@acme.example", &hash, true, None)
        .await
        .unwrap();
    let session = app.sign_in("analyst-l1@acme.example").await;
    let sent = app.page(&session, "/alerts").await;
    assert_eq!(sent.header("location"), "/profile?must=1");
}
