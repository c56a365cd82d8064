//! Every route of the inventory: who may, who may not, what guards a change.
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
use domain::actor::ActorKey;
use domain::integration::config::Webhook;
use domain::integration::{Configuration, Mode, Provider, Settings};
use domain::rule::RuleName;
use domain::suppression::Aim;
use domain::time::DAY_US;
use store::integrations::{self, NewIntegration};
use store::{alerts, audit, backtests, drafts, events, quarantine, suppressions};
use testkit::app::Answer;
use testkit::events::{ndjson, office_days, theft};
use testkit::{Engine, TestApp};
use web::router::{ROUTES, Route};

#[test]
fn the_document_describes_every_route_for_programs() {
    let document: serde_json::Value = serde_json::from_str(&web::openapi().unwrap()).unwrap();
    for route in ROUTES.iter().filter(|r| r.path.starts_with("/api/")) {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        assert!(operation["responses"].is_object(), "{route:?}");
    }
}

/// An app with an alert, a source, a quarantined event in acme, and one person per role.
struct World {
    app: TestApp,
    paths: Vec<(&'static str, String)>,
}

impl World {
    async fn new(engine: Engine) -> Self {
        let app = TestApp::new(engine).await;
        let key = app.source(&app.db.acme, "files").await;
        let mut sent = [office_days("jane"), theft("jane")].concat();
        sent.push(serde_json::json!({"timestamp": "2026-03-15T12:00:00Z", "actor": "jane", "action": "ahead"}));
        assert_eq!(
            app.ingest(&key, "files", ndjson(&sent)).await.status,
            StatusCode::ACCEPTED
        );
        app.score().await;
        app.refresh_baselines().await;
        let scope = app.scope(&app.db.acme);
        let alert = alerts::list(
            &scope,
            &alerts::Filter::default(),
            alerts::Order::Newest,
            None,
            1,
        )
        .await
        .unwrap()
        .remove(0);
        let item = quarantine::list(&scope, None, None, None, 1)
            .await
            .unwrap()
            .remove(0);
        let event = events::list(&scope, &events::Filter::default(), None, 1)
            .await
            .unwrap()
            .remove(0);
        let (jane, _) = ActorKey::fold("jane").identify(app.db.acme.key);
        let _ = event;
        hook(&app).await;
        let fields = std::collections::BTreeMap::new();
        drafts::create(&scope, "D1", "irm-x", &fields, 1)
            .await
            .unwrap();
        let live = backtests::in_force(&scope).await.unwrap();
        backtests::start(&scope, 7, &live, &live).await.unwrap();
        app.run_backtests().await;
        let suppressed = suppressions::New {
            aim: Aim {
                actor: Some(jane),
                rule: RuleName::parse("new_ip").unwrap(),
                attribute: None,
            },
            reason: "known".to_owned(),
            expires_at: scope.now.plus(DAY_US),
            alert: None,
        };
        suppressions::create(&scope, &suppressed).await.unwrap();
        let paths = vec![
            ("/new/{draft}", "/new/D1".to_owned()),
            ("/step/{step}", "/step/1".to_owned()),
            ("/integrations/{slug}", "/integrations/hook".to_owned()),
            ("/alerts/{code}", format!("/alerts/{}", alert.code)),
            ("/actors/{code}", format!("/actors/{}", jane.code())),
            ("/sources/{source}", "/sources/files".to_owned()),
            ("/rules/{key}", "/rules/new_ip".to_owned()),
            ("/backtests/{id}", "/backtests/1".to_owned()),
            ("/suppressions/{id}", "/suppressions/SU-1".to_owned()),
            ("/quarantine/{id}", format!("/quarantine/{}", item.id)),
        ];
        Self { app, paths }
    }

    /// A route's path with things of acme in it.
    fn path(&self, route: &Route) -> String {
        let mut path = route.path.to_owned();
        for (pattern, real) in &self.paths {
            path = path.replace(pattern, real);
        }
        assert!(
            !path.contains('{'),
            "{path}: tell this test what to put there"
        );
        path
    }
}

/// A webhook of acme.
async fn hook(app: &TestApp) {
    let settings = Settings {
        name: "Hook".to_owned(),
        configuration: Configuration::Webhook(Webhook::default()),
        schedule: None,
        cadence_minutes: None,
    };
    let new = NewIntegration {
        slug: &"hook".parse().unwrap(),
        provider: Provider::Webhook,
        mode: Mode::Push,
        settings: &settings,
        source: &domain::source::SourceSettings::named("Hook"),
        external_id: "irm-x",
        key: None,
        secret: None,
        paused: None,
        draft: None,
    };
    let ring = store::seal::KeyRing::new(&[1; 32], &[]);
    let scope = app.scope(&app.db.acme);
    integrations::create(&scope, &ring, &new).await.unwrap();
}

fn guarded() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|r| r.permission.is_some())
}

fn is_api(route: &Route) -> bool {
    route.path.starts_with("/api/")
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path)
}

/// The state a refused request must not have changed.
async fn fingerprint(app: &TestApp) -> String {
    let scope = app.scope(&app.db.acme);
    let entries = audit::list(&scope, &audit::Filter::default(), None, 500)
        .await
        .unwrap();
    let rules = store::rules::list(&scope).await.unwrap();
    format!("{} {rules:?}", entries.len())
}

#[test]
fn the_inventory_names_each_route_once() {
    let mut seen: Vec<_> = ROUTES.iter().map(|r| (r.method, r.path)).collect();
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
    let open: Vec<_> = ROUTES
        .iter()
        .filter(|r| r.permission.is_none())
        .map(|r| r.path)
        .collect();
    assert_eq!(
        open,
        [
            "/assets/{name}",
            "/setup",
            "/setup",
            "/login",
            "/login",
            "/api/ingest/{source}",
            "/api/ingest/{source}/webhook",
            "/api/ingest/{source}/heartbeat",
            "/api/ingest/{source}/verifications/{number}"
        ]
    );
}

#[tokio::test]
async fn strangers_are_turned_away_everywhere() {
    let world = World::new(Engine::Sqlite).await;
    let before = fingerprint(&world.app).await;
    for route in guarded() {
        let answer = world
            .app
            .send(
                request(route.method, &world.path(route))
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        let expected = match (is_api(route), route.method) {
            (true, "GET") => StatusCode::UNAUTHORIZED,
            (false, "GET") => StatusCode::SEE_OTHER,
            // Without a session there is no token a form could carry.
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(answer.status, expected, "{route:?}");
        if expected == StatusCode::SEE_OTHER {
            assert!(answer.header("location").starts_with("/login"), "{route:?}");
        }
    }
    for token in [
        "irt_0000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_000000",
        "nonsense",
        "",
    ] {
        let wrong = world
            .app
            .send(
                request("GET", "/api/alerts")
                    .header("authorization", format!("Bearer {token}"))
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(
            wrong.status,
            StatusCode::UNAUTHORIZED,
            "an invalid token is never a guest"
        );
    }
    assert_eq!(before, fingerprint(&world.app).await);
}

#[tokio::test]
async fn roles_may_do_what_the_table_says_and_nothing_else() {
    let world = World::new(Engine::Sqlite).await;
    for role in Role::ALL {
        let token = world.app.person(&world.app.db.acme, role).await;
        for route in guarded() {
            let permission = route.permission.unwrap();
            // Bodies are left out: what is allowed then fails for another reason than permission.
            let answer = world
                .app
                .call(&token, route.method, &world.path(route), None)
                .await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            if role.allows(permission) {
                assert!(
                    !refused && answer.status != StatusCode::UNAUTHORIZED,
                    "{role} {route:?} {}",
                    answer.body
                );
                assert!(
                    !answer.status.is_server_error(),
                    "{role} {route:?} {}",
                    answer.body
                );
            } else {
                assert!(refused, "{role} {route:?} gave {}", answer.status);
                assert!(
                    answer.body.contains(permission.word()),
                    "names the permission: {}",
                    answer.body
                );
            }
            // What an allowed role deletes is put back for the next.
            if route.path == "/api/sources/{source}"
                && route.method == "DELETE"
                && role.allows(permission)
            {
                world.app.source(&world.app.db.acme, "files").await;
            }
            if route.path == "/api/integrations/{slug}"
                && route.method == "DELETE"
                && role.allows(permission)
            {
                hook(&world.app).await;
            }
        }
    }
}

#[tokio::test]
async fn another_tenants_things_do_not_exist() {
    let world = World::new(Engine::Sqlite).await;
    let token = world.app.person(&world.app.db.globex, Role::Admin).await;
    for route in guarded().filter(|r| r.path.contains('{') && !r.path.contains("{key}")) {
        let mut foreign = world.path(route);
        if route.path.ends_with("/excluded-days") && route.method == "DELETE" {
            foreign.push_str("?from=2026-03-05");
        }
        let body = match route.path {
            p if p.ends_with("/excluded-days") && route.method == "POST" => {
                Some(serde_json::json!({"from": "2026-03-05", "reason": "theirs"}))
            }
            p if p.ends_with("/status") => {
                Some(serde_json::json!({"status": "acknowledged", "version": 1}))
            }
            "/api/sources/{source}" if route.method == "PUT" => {
                Some(serde_json::json!({"name": "mine"}))
            }
            _ => None,
        };
        if !is_api(route) && route.method != "GET" {
            continue; // Forms need fields; the API routes ask the same store operations.
        }
        let answer = world
            .app
            .call(&token, route.method, &foreign, body.as_ref())
            .await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{route:?}: {}",
            answer.body
        );
        let random = foreign
            .replace("AL-1001", "AL-999999")
            .replace("/sources/files", "/sources/nothing-here");
        let random = world
            .app
            .call(&token, route.method, &random, body.as_ref())
            .await;
        let without_id = |a: &Answer| {
            a.body
                .split("requestId")
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        if random.status == StatusCode::NOT_FOUND && is_api(route) {
            assert_eq!(without_id(&answer), without_id(&random), "{route:?}");
        }
    }
    let asked = request("GET", "/api/alerts")
        .header("authorization", format!("Bearer {token}"))
        .header("x-tenant", "acme");
    let asked = world.app.send(asked.body(Body::empty()).unwrap()).await;
    assert_eq!(
        asked.status,
        StatusCode::NOT_FOUND,
        "X-Tenant is checked against membership"
    );
}

#[tokio::test]
async fn every_change_needs_origin_and_token() {
    let world = World::new(Engine::Sqlite).await;
    world.app.person(&world.app.db.acme, Role::Admin).await;
    world.app.person(&world.app.db.globex, Role::Admin).await;
    let session = world.app.sign_in("admin@acme.example").await;
    let other = world.app.sign_in("admin@globex.example").await;
    let token_of = async |session: &str| {
        testkit::app::hidden_field(&world.app.page(session, "/alerts").await.body, "csrf")
    };
    let (token, others_token) = (token_of(&session).await, token_of(&other).await);
    assert_ne!(token, others_token);
    let before = fingerprint(&world.app).await;
    let changes: Vec<_> = guarded().filter(|r| r.method != "GET").collect();
    assert!(changes.len() > 15);
    for route in changes {
        let path = world.path(route);
        let send = async |headers: &[(&str, &str)], body: &str| {
            let mut builder = request(route.method, &path)
                .header(header::COOKIE, &session)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            for (name, value) in headers {
                builder = builder.header(*name, *value);
            }
            world
                .app
                .send(builder.body(Body::from(body.to_owned())).unwrap())
                .await
                .status
        };
        let form = format!("csrf={token}");
        for (headers, body) in [
            (&[][..], String::new()),
            (&[], "csrf=".to_owned()),
            (&[], format!("csrf={others_token}")),
            (&[], format!("csrf={token}&csrf={token}")),
            (&[("sec-fetch-site", "cross-site")], form.clone()),
            (&[("sec-fetch-site", "same-site")], form.clone()),
            (&[("origin", "https://evil.example")], form.clone()),
            // Only a bearer token stands for a program: a browser sends the rest on its own.
            (&[("authorization", "Basic YTpi")], String::new()),
            (
                &[
                    ("authorization", "Basic YTpi"),
                    ("sec-fetch-site", "cross-site"),
                ],
                form.clone(),
            ),
            (&[("authorization", "Negotiate YII")], String::new()),
            (&[("authorization", "")], String::new()),
            (&[("x-api-key", "anything")], String::new()),
            (
                &[("x-csrf-token", "wrong"), ("content-type", "text/plain")],
                "{}".to_owned(),
            ),
        ] {
            assert_eq!(
                send(headers, &body).await,
                StatusCode::FORBIDDEN,
                "{route:?} {headers:?} {body}"
            );
        }
    }
    // A bearer token needs neither, and is never helped out by a cookie.
    for route in guarded() {
        for token in ["Bearer nonsense", "Bearer ", "bearer"] {
            let sent = request(route.method, &world.path(route))
                .header(header::COOKIE, &session)
                .header("authorization", token)
                .body(Body::from(format!("csrf={token}")))
                .unwrap();
            let answer = world.app.send(sent).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{route:?} {token}");
        }
    }
    for path in ["/login", "/setup"] {
        for scheme in ["Bearer x", "Basic YTpi"] {
            let sent = request("POST", path)
                .header("authorization", scheme)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from("email=a&password=b&csrf=x"))
                .unwrap();
            let answer = world.app.send(sent).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {scheme}");
        }
    }
    assert_eq!(before, fingerprint(&world.app).await);
    // With both in place a change goes through.
    let page = world.app.page(&session, "/alerts/AL-1001").await;
    let done = world
        .app
        .post(
            &session,
            "/alerts/AL-1001/status",
            &page,
            "status=acknowledged&version=99&disposition=&reason=",
        )
        .await;
    assert_eq!(
        done.status,
        StatusCode::CONFLICT,
        "a stale version is refused as such"
    );
}

#[tokio::test]
async fn reading_changes_nothing() {
    let world = World::new(Engine::Sqlite).await;
    let token = world.app.person(&world.app.db.acme, Role::Admin).await;
    let before = fingerprint(&world.app).await;
    for route in guarded().filter(|r| r.method == "GET") {
        let answer = world
            .app
            .call(&token, "GET", &world.path(route), None)
            .await;
        assert!(
            answer.status.is_success() || answer.status.is_redirection(),
            "{route:?} {}: {}",
            answer.status,
            answer.body
        );
    }
    assert_eq!(before, fingerprint(&world.app).await);
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let world = World::new(Engine::Sqlite).await;
    let token = world.app.person(&world.app.db.acme, Role::Admin).await;
    let mut answers = Vec::new();
    for route in guarded().filter(|r| r.method == "GET") {
        answers.push((
            route.path,
            world
                .app
                .call(&token, "GET", &world.path(route), None)
                .await,
        ));
    }
    for (path, method) in [
        ("/nothing", "GET"),
        ("/login", "GET"),
        ("/alerts", "DELETE"),
        ("/assets/none.css", "GET"),
        ("/api/nothing", "GET"),
        ("/alerts/:code", "GET"),
    ] {
        answers.push((
            path,
            world
                .app
                .send(request(method, path).body(Body::empty()).unwrap())
                .await,
        ));
    }
    for (path, answer) in answers {
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'; script-src 'self'"),
            "{path}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        let kind = answer.header("content-type");
        // Text says its encoding; JSON and archives have none to say.
        let typed = kind.contains("charset=utf-8")
            || kind.contains("json")
            || kind == "application/zip"
            || answer.body.is_empty();
        assert!(typed, "{path} {kind}");
    }
}

#[tokio::test]
async fn paths_have_one_meaning() {
    let world = World::new(Engine::Sqlite).await;
    let token = world.app.person(&world.app.db.acme, Role::Admin).await;
    let long = format!("/alerts/{}", "x".repeat(3000));
    for path in [
        "/alerts/:code",
        "/alerts/{code}",
        "/alerts/%2e%2e/",
        "/alerts/..%2f..%2fetc",
        "/alerts/%252e%252e",
        "/alerts/AL-1001%00",
        "/alerts/AL-1001/extra/segments",
        "/actors/AC-1",
        "/actors/jane",
        "/sources/..%2ffiles",
        "/sources/FILES",
        "/api/alerts/1001",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/app.css",
        "/api/actors/..",
        &long,
    ] {
        let answer = world.app.call(&token, "GET", path, None).await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 404),
            "{path} gave {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn errors_tell_nothing_but_a_request_id() {
    let world = World::new(Engine::Sqlite).await;
    let token = world.app.person(&world.app.db.acme, Role::Admin).await;
    world.app.db.db.close().await;
    for route in guarded() {
        let answer = world
            .app
            .call(&token, route.method, &world.path(route), None)
            .await;
        assert!(answer.status.is_server_error(), "{route:?}");
        for leak in [
            "sqlite", "SELECT", "pool", "crates/", "panicked", "/tmp/", "rustc",
        ] {
            assert!(
                !answer.body.to_lowercase().contains(&leak.to_lowercase()),
                "{route:?}: {leak} in {}",
                answer.body
            );
        }
        assert!(
            answer.body.contains(answer.header("x-request-id")),
            "{route:?}"
        );
    }
}

/// Input types refuse fields that are not theirs: no column can be set from outside.
#[tokio::test]
async fn unknown_fields_are_refused() {
    let world = World::new(Engine::Sqlite).await;
    let token = world.app.person(&world.app.db.acme, Role::Admin).await;
    let before = fingerprint(&world.app).await;
    let columns = [
        "id",
        "tenant_id",
        "tenantId",
        "score",
        "severity",
        "created_at",
        "createdAt",
        "owner",
        "secret_hash",
        "deleted_at",
        "number",
        "snapshot",
    ];
    for (method, path, body) in [
        (
            "PATCH",
            "/api/alerts/AL-1001/status",
            serde_json::json!({"status": "acknowledged", "version": 1}),
        ),
        (
            "POST",
            "/api/alerts/bulk/acknowledge",
            serde_json::json!({"codes": ["AL-1001"]}),
        ),
        (
            "POST",
            "/api/alerts/bulk/close",
            serde_json::json!({"codes": ["AL-1001"], "disposition": "unclear", "reason": "x"}),
        ),
        ("PUT", "/api/rules/new_ip", serde_json::json!({"weight": 1})),
        (
            "PUT",
            "/api/settings/scoring",
            serde_json::json!({"alertThreshold": 10}),
        ),
        ("POST", "/api/sources", serde_json::json!({"name": "New"})),
        (
            "PUT",
            "/api/sources/files",
            serde_json::json!({"name": "New"}),
        ),
        (
            "POST",
            "/api/integrations",
            serde_json::json!({"name": "New", "provider": "webhook"}),
        ),
        (
            "PUT",
            "/api/integrations/hook",
            serde_json::json!({"name": "New"}),
        ),
        (
            "POST",
            "/api/integrations/hook/pause",
            serde_json::json!({"reason": "x"}),
        ),
        (
            "POST",
            "/api/integrations/hook/rotate",
            serde_json::json!({"overlapHours": 1}),
        ),
        (
            "POST",
            "/api/sources/files/rotate-key",
            serde_json::json!({"overlapHours": 1}),
        ),
    ] {
        for column in columns {
            let mut body = body.clone();
            body[column] = serde_json::json!(1);
            let answer = world.app.call(&token, method, path, Some(&body)).await;
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path} {column}: {}",
                answer.body
            );
        }
    }
    assert_eq!(before, fingerprint(&world.app).await);
}
