//! Integrations over the API, through the wizard, and from the sender's side.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking"
)]

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use collectors::webhook::signature::{WINDOW_US, sign};
use domain::access::Role;
use domain::integration::config::Signature;
use domain::secret::SecretString;
use domain::time::{Clock, Timestamp};
use scraper::{Html, Selector};
use serde_json::{Value, json};
use store::{audit, integrations, sources};
use testkit::app::{Answer, hidden_field};
use testkit::{Engine, TestApp};

async fn admin(app: &TestApp) -> String {
    app.person(&app.db.acme, Role::Admin).await
}

async fn post(app: &TestApp, token: &str, path: &str, body: &Value) -> Answer {
    app.call(token, "POST", path, Some(body)).await
}

const ARN: &str = "arn:aws:iam::123456789012:role/insider-risk-read";

/// SEC-41: a posted external id is ignored.
async fn api(engine: Engine) {
    let app = TestApp::new(engine).await;
    let token = admin(&app).await;
    let empty = app
        .call(&token, "GET", "/api/integrations", None)
        .await
        .json();
    assert_eq!(empty, json!({"items": [], "next": null}));

    let wrong = json!({"name": "GD", "provider": "aws_guardduty", "configuration": {"roleArn": "arn:aws:iam::1:role/x", "regions": ["eu-central-1"]}});
    let refused = post(&app, &token, "/api/integrations", &wrong).await;
    assert_eq!(
        (refused.status, refused.json()["field"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("roleArn"))
    );

    let new = json!({
        "name": "GuardDuty production", "provider": "aws_guardduty", "externalId": "mine",
        "configuration": {"roleArn": ARN, "regions": ["eu-central-1"], "minSeverity": 4},
        "schedule": {"cron": "0 * * * *"}, "source": {"retentionDays": 30},
    });
    let made = post(&app, &token, "/api/integrations", &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let made = made.json();
    assert_eq!(
        (made["integration"].as_str(), made["mode"].as_str()),
        (Some("guardduty-production"), Some("pull"))
    );
    assert_eq!(made["health"]["state"], "never_ran");
    let external = made["externalId"].as_str().unwrap().to_owned();
    assert!(
        external.starts_with("irm-") && external != "mine",
        "a posted external id is ignored"
    );
    assert_eq!(
        post(&app, &token, "/api/integrations", &new).await.status,
        StatusCode::CONFLICT
    );

    let path = "/api/integrations/guardduty-production";
    let shown = app.call(&token, "GET", path, None).await.json();
    assert_eq!(shown["upcoming"][0], "2026-03-14T13:00:00Z");
    assert_eq!(shown["upcoming"].as_array().unwrap().len(), 5);
    let change = json!({"schedule": {"everyMinutes": 15}, "cadenceMinutes": 20, "externalId": "mine", "version": 1});
    let changed = app.call(&token, "PUT", path, Some(&change)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(
        (
            changed.json()["version"].as_i64(),
            changed.json()["externalId"].as_str()
        ),
        (Some(2), Some(external.as_str()))
    );
    assert_eq!(
        changed.json()["configuration"]["minSeverity"],
        4.0,
        "what is absent stays"
    );
    assert_eq!(
        app.call(&token, "PUT", path, Some(&change)).await.status,
        StatusCode::CONFLICT
    );
    for fixed in [
        json!({"provider": "webhook"}),
        json!({"mode": "push"}),
        json!({"integration": "other"}),
    ] {
        assert_eq!(
            app.call(&token, "PUT", path, Some(&fixed)).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{fixed}"
        );
    }

    let asked = post(&app, &token, &format!("{path}/run"), &json!({})).await;
    assert_eq!(
        (asked.status, asked.json()["nextRunAt"].as_str()),
        (StatusCode::ACCEPTED, Some("2026-03-14T12:00:00Z"))
    );
    let tested = post(&app, &token, &format!("{path}/test"), &json!({}))
        .await
        .json();
    assert_eq!(
        (
            tested["passed"].as_bool(),
            tested["checks"][0]["outcome"].as_str()
        ),
        (Some(false), Some("failed"))
    );
    assert!(tested["checks"][0]["remedy"].is_string());
    assert_eq!(
        post(&app, &token, &format!("{path}/rotate"), &json!({}))
            .await
            .status,
        StatusCode::CONFLICT,
        "nothing is stored"
    );

    let paused = post(
        &app,
        &token,
        &format!("{path}/pause"),
        &json!({"reason": "maintenance"}),
    )
    .await
    .json();
    assert_eq!(
        (
            paused["paused"].as_str(),
            paused["health"]["state"].as_str()
        ),
        (Some("maintenance"), Some("paused"))
    );
    assert_eq!(
        post(&app, &token, &format!("{path}/run"), &json!({}))
            .await
            .status,
        StatusCode::CONFLICT
    );
    let resumed = post(&app, &token, &format!("{path}/resume"), &json!({}))
        .await
        .json();
    assert_eq!(resumed["paused"], Value::Null);
    let pack = app.call(&token, "GET", &format!("{path}/pack"), None).await;
    assert_eq!(pack.status, StatusCode::OK);
    assert_eq!(pack.header("content-type"), "application/zip");
    assert!(pack.header("cache-control").contains("no-store"));
    assert_eq!(
        app.call(&token, "DELETE", "/api/sources/guardduty-production", None)
            .await
            .status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        app.call(&token, "DELETE", path, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        app.call(&token, "GET", path, None).await.status,
        StatusCode::NOT_FOUND
    );
    let entries = audit::list(
        &app.scope(&app.db.acme),
        &audit::Filter {
            kind: Some("integration".to_owned()),
            text: None,
        },
        None,
        50,
    )
    .await
    .unwrap();
    let actions: Vec<&str> = entries.iter().rev().map(|e| e.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "integration.create",
            "integration.update",
            "integration.run",
            "integration.test",
            "integration.pause",
            "integration.resume",
            "integration.delete"
        ]
    );
}

#[tokio::test]
async fn the_api_on_sqlite() {
    api(Engine::Sqlite).await;
}

#[tokio::test]
async fn the_api_on_postgres() {
    api(Engine::Postgres).await;
}

/// A sender of a webhook.
struct Hook {
    app: TestApp,
    token: String,
    secret: SecretString,
    kind: Signature,
}

impl Hook {
    async fn new(signature: &str) -> Self {
        let app = TestApp::new(Engine::Sqlite).await;
        let token = admin(&app).await;
        let new = json!({
            "name": "Hook", "provider": "webhook",
            "configuration": {"signature": signature, "items": "events", "mapping": {"actor": "by.login"}},
        });
        let made = post(&app, &token, "/api/integrations", &new).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let secret = SecretString::from(made.json()["secret"].as_str().unwrap());
        let kind = Signature::from_word(signature).unwrap();
        Self {
            app,
            token,
            secret,
            kind,
        }
    }

    fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    fn signed(
        &self,
        secret: &SecretString,
        id: &str,
        at: Timestamp,
        body: &str,
    ) -> Vec<(&'static str, String)> {
        sign(self.kind, secret, id, at, body.as_bytes())
    }

    async fn send(&self, headers: &[(&'static str, String)], body: &str) -> Answer {
        let mut request = Request::post("/api/ingest/hook/webhook")
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.app
            .send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }
}

const BODY: &str = r#"{"events":[
    {"timestamp":"2026-03-14T11:00:00Z","by":{"login":"jane"},"action":"push"},
    {"timestamp":"2026-03-14T11:01:00Z","by":{"login":"jane"},"action":"push"},
    {"action":"no time"}]}"#;

#[tokio::test]
async fn signed_deliveries_are_stored_once_and_forged_ones_never() {
    for signature in ["standard_webhooks", "github"] {
        let hook = Hook::new(signature).await;
        let now = hook.now();
        let good = hook.signed(&hook.secret, "msg_1", now, BODY);
        let answer = hook.send(&good, BODY).await;
        assert_eq!(
            answer.status,
            StatusCode::ACCEPTED,
            "{signature} {}",
            answer.body
        );
        let told = answer.json();
        assert_eq!(
            (told["accepted"].as_i64(), told["rejected"].as_i64()),
            (Some(2), Some(1))
        );
        assert_eq!(told["results"][0]["error"]["field"], "timestamp");
        // A replay, and the same content under another name, store nothing new.
        for id in ["msg_1", "msg_2"] {
            let again = hook
                .send(&hook.signed(&hook.secret, id, now, BODY), BODY)
                .await;
            assert_eq!(
                (again.status, again.json()["accepted"].as_i64()),
                (StatusCode::ACCEPTED, Some(0))
            );
        }
        let other = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let mut several = good.clone();
        several.extend(good.clone());
        for (headers, body) in [
            (Vec::new(), BODY),
            (hook.signed(&other, "msg_3", now, BODY), BODY),
            (hook.signed(&hook.secret, "msg_3", now, BODY), "{}"),
            (several, BODY),
        ] {
            let refused = hook.send(&headers, body).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{headers:?}");
            assert!(
                !refused.body.contains("signature does not fit"),
                "nothing is told to the sender"
            );
        }
        let scope = hook.app.scope(&hook.app.db.acme);
        let integration = integrations::find(&scope, "hook").await.unwrap();
        assert!(
            integration.refused.unwrap().1.contains("does not fit"),
            "the administrator is told"
        );
        let mut packed = good.clone();
        packed.push(("content-encoding", "gzip".to_owned()));
        assert_eq!(
            hook.send(&packed, BODY).await.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
        let nonsense = hook.signed(&hook.secret, "msg_4", now, "{");
        assert_eq!(
            hook.send(&nonsense, "{").await.status,
            StatusCode::BAD_REQUEST
        );
        hook.app.score().await;
        let listed = hook
            .app
            .call(&hook.token, "GET", "/api/events", None)
            .await
            .json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        assert_eq!(listed["items"][0]["actor"]["name"], "jane");
        let shown = hook
            .app
            .call(&hook.token, "GET", "/api/integrations/hook", None)
            .await
            .json();
        assert_eq!(shown["health"]["state"], "healthy");
    }
}

#[tokio::test]
async fn old_deliveries_and_old_secrets_are_refused() {
    let hook = Hook::new("standard_webhooks").await;
    let now = hook.now();
    for (apart, expected) in [
        (-WINDOW_US, StatusCode::ACCEPTED),
        (-WINDOW_US - 1_000_000, StatusCode::UNAUTHORIZED),
        (WINDOW_US + 1_000_000, StatusCode::UNAUTHORIZED),
    ] {
        let headers = hook.signed(&hook.secret, &format!("m{apart}"), now.plus(apart), BODY);
        assert_eq!(hook.send(&headers, BODY).await.status, expected, "{apart}");
    }
    let rotated = post(
        &hook.app,
        &hook.token,
        "/api/integrations/hook/rotate",
        &json!({"overlapHours": 1}),
    )
    .await
    .json();
    let fresh = SecretString::from(rotated["secret"].as_str().unwrap());
    for secret in [&fresh, &hook.secret] {
        let headers = hook.signed(secret, "during", now, BODY);
        assert_eq!(hook.send(&headers, BODY).await.status, StatusCode::ACCEPTED);
    }
    hook.app.clock.advance(3601);
    let now = hook.now();
    let old = hook
        .send(&hook.signed(&hook.secret, "after", now, BODY), BODY)
        .await;
    assert_eq!(
        old.status,
        StatusCode::UNAUTHORIZED,
        "the overlap has ended"
    );
    post(
        &hook.app,
        &hook.token,
        "/api/integrations/hook/pause",
        &json!({}),
    )
    .await;
    let paused = hook
        .send(&hook.signed(&fresh, "paused", now, BODY), BODY)
        .await;
    assert_eq!(paused.status, StatusCode::UNAUTHORIZED);
    // The key of another source opens nothing here.
    let key = hook.app.source(&hook.app.db.acme, "other").await;
    let by_key = hook.send(&[("x-api-key", key)], BODY).await;
    assert_eq!(by_key.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_signature_tells_the_tenant() {
    let hook = Hook::new("github").await;
    let globex = hook.app.person(&hook.app.db.globex, Role::Admin).await;
    let new =
        json!({"name": "Hook", "provider": "webhook", "configuration": {"signature": "github"}});
    let made = post(&hook.app, &globex, "/api/integrations", &new)
        .await
        .json();
    let theirs = SecretString::from(made["secret"].as_str().unwrap());
    let body = r#"{"timestamp":"2026-03-14T11:00:00Z","actor":"mallory","action":"x"}"#;
    let sent = hook
        .send(&hook.signed(&theirs, "", hook.now(), body), body)
        .await;
    assert_eq!(sent.status, StatusCode::ACCEPTED);
    let mine = hook
        .app
        .call(&hook.token, "GET", "/api/events", None)
        .await
        .json();
    assert_eq!(mine["items"], json!([]));
    let other = hook
        .app
        .call(&globex, "GET", "/api/events", None)
        .await
        .json();
    assert_eq!(other["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_opens_where_the_integration_says_so() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = admin(&app).await;
    let new =
        json!({"name": "Hook", "provider": "webhook", "configuration": {"signature": "api_key"}});
    let made = post(&app, &token, "/api/integrations", &new).await.json();
    let key = made["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("irk_"));
    let send = async |key: &str| {
        let body = r#"[{"timestamp":"2026-03-14T11:00:00Z","actor":"jane","action":"x"}]"#;
        let request = Request::post("/api/ingest/hook/webhook").header("x-api-key", key);
        app.send(request.body(Body::from(body)).unwrap())
            .await
            .status
    };
    assert_eq!(send(&key).await, StatusCode::ACCEPTED);
    let rotated = post(
        &app,
        &token,
        "/api/integrations/hook/rotate",
        &json!({"overlapHours": 0}),
    )
    .await
    .json();
    assert_eq!(send(&key).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        send(rotated["key"].as_str().unwrap()).await,
        StatusCode::ACCEPTED
    );
}

/// REL-07: the page shows what the kernel dropped.
#[tokio::test]
async fn a_collector_reports_under_its_key() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = admin(&app).await;
    let new = json!({
        "name": "Branch", "provider": "syslog", "mode": "collector",
        "configuration": {"listen": ["udp://0.0.0.0:5514"], "allow": ["10.0.0.0/8"]},
    });
    let made = post(&app, &token, "/api/integrations", &new).await.json();
    let key = made["key"].as_str().unwrap();
    let beat = json!({
        "instance": "a1", "host": "branch\u{202E}1", "version": "0.1.0", "startedAt": "2026-03-14T10:00:00Z",
        "received": 10, "parsed": 7, "rejected": 2, "dropped": 1, "kernelDropped": 4,
    });
    let send = async |key: &str, beat: &Value| {
        let request = Request::post("/api/ingest/branch/heartbeat").header("x-api-key", key);
        app.send(request.body(Body::from(beat.to_string())).unwrap())
            .await
            .status
    };
    assert_eq!(send("nonsense", &beat).await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(key, &beat).await, StatusCode::NO_CONTENT);
    for wrong in [
        json!({"received": -1}),
        json!({"host": "a\nb"}),
        json!({"score": 1}),
    ] {
        let mut beat = beat.clone();
        let (name, value) = wrong.as_object().unwrap().iter().next().unwrap();
        beat[name] = value.clone();
        assert_eq!(
            send(key, &beat).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong}"
        );
    }
    let page = app
        .call(&token, "GET", "/integrations/branch", None)
        .await
        .body;
    for text in [
        "branch⟨U+202E⟩1",
        "The collector reports, but no event has arrived yet",
        "Kernel drops",
    ] {
        assert!(page.contains(text), "{text}");
    }
    app.clock.advance(180);
    let shown = app
        .call(&token, "GET", "/api/integrations/branch", None)
        .await
        .json();
    assert_eq!(shown["health"]["state"], "degraded");
    app.clock.advance(420);
    let shown = app
        .call(&token, "GET", "/api/integrations/branch", None)
        .await
        .json();
    assert_eq!(
        (
            shown["health"]["state"].as_str(),
            shown["health"]["sentence"].as_str()
        ),
        (
            Some("failed"),
            Some("The collector has not reported for 10 min.")
        )
    );
}

/// A browser of an administrator.
struct Browser {
    app: TestApp,
    session: String,
}

impl Browser {
    async fn new() -> Self {
        let app = TestApp::new(Engine::Sqlite).await;
        admin(&app).await;
        let session = app.sign_in("admin@acme.example").await;
        Self { app, session }
    }

    /// A page that must be there and hold nothing a strict policy would stop.
    async fn page(&self, path: &str) -> Answer {
        let answer = self.app.page(&self.session, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        for forbidden in [" style=", "<script>", " onclick=", "\u{202E}"] {
            assert!(!answer.body.contains(forbidden), "{path}: {forbidden}");
        }
        ids_are_unique(path, &answer.body);
        answer
    }

    /// Posts a form of a page and returns where it leads.
    async fn submit(&self, page: &Answer, path: &str, fields: &str) -> Answer {
        self.app.post(&self.session, path, page, fields).await
    }

    async fn step(&self, page: &Answer, path: &str, fields: &str) -> (String, Answer) {
        let answer = self.submit(page, path, fields).await;
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{path}: {}",
            answer.body
        );
        let next = answer.header("location").to_owned();
        let page = self.page(next.split('#').next().unwrap()).await;
        (next, page)
    }
}

fn ids_are_unique(path: &str, body: &str) {
    let html = Html::parse_document(body);
    let with_id = Selector::parse("[id]").unwrap();
    let mut seen = std::collections::HashSet::new();
    for element in html.select(&with_id) {
        let id = element.value().id().unwrap();
        assert!(seen.insert(id.to_owned()), "{path}: id {id} twice");
    }
    let labels = Selector::parse("label[for]").unwrap();
    for label in html.select(&labels) {
        let target = label.value().attr("for").unwrap();
        assert!(seen.contains(target), "{path}: label for {target}");
    }
}

fn value(page: &Answer, selector: &str) -> String {
    let html = Html::parse_document(&page.body);
    let element = html.select(&Selector::parse(selector).unwrap()).next();
    let element = element.unwrap_or_else(|| panic!("{selector} in {}", page.body));
    element.value().attr("value").unwrap_or_default().to_owned()
}

/// SEC-41: the external id cannot be typed.
#[tokio::test]
async fn the_wizard_keeps_everything_and_skips_nothing() {
    let browser = Browser::new().await;
    let list = browser.page("/integrations").await;
    for text in [
        "Nothing is connected yet",
        "Connect AWS GuardDuty",
        "Connect MikroTik RouterOS",
        "Connect Generic syslog",
        "Connect HTTP push",
    ] {
        assert!(list.body.contains(text), "{text}");
    }
    let (step2, page) = browser
        .step(&list, "/integrations/new", "provider=aws_guardduty")
        .await;
    assert!(step2.ends_with("/step/2"), "{step2}");
    let at = |n: u8| step2.replace("/step/2", &format!("/step/{n}"));
    // Later steps lead back, also when posted to.
    let ahead = browser.app.page(&browser.session, &at(6)).await;
    assert_eq!(
        (ahead.status, ahead.header("location")),
        (StatusCode::SEE_OTHER, step2.as_str())
    );
    let ahead = browser.submit(&page, &at(7), "go=next").await;
    assert_eq!(ahead.header("location"), step2);
    let (step3, page) = browser.step(&page, &step2, "mode=pull&go=next").await;
    assert_eq!(step3, at(3));
    let html = Html::parse_document(&page.body);
    assert_eq!(
        html.select(&Selector::parse("input[name=externalId]").unwrap())
            .count(),
        0,
        "it cannot be typed"
    );
    let external = html
        .select(&Selector::parse("#external").unwrap())
        .next()
        .unwrap()
        .text()
        .collect::<String>();
    assert!(external.starts_with("irm-"));

    // Wrong values come back as typed, beside what is right, and survive leaving.
    let typed = "name=GuardDuty+production&regions=eu-central-1&roleArn=arn:aws:iam::00000000001:role/x&minSeverity=4&externalId=mine&secret=&go=";
    let wrong = browser.submit(&page, &step3, &format!("{typed}next")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong
            .body
            .contains("The account number has 11 digits, it needs 12.")
    );
    assert_eq!(value(&wrong, "#roleArn"), "arn:aws:iam::00000000001:role/x");
    let (exit, _) = browser.step(&page, &step3, &format!("{typed}exit")).await;
    assert_eq!(exit, "/integrations?done=draft#drafts");
    let drafts = browser.page("/integrations?done=draft").await;
    assert!(drafts.body.contains("GuardDuty production") && drafts.body.contains("3 of 7"));
    let page = browser.page(&step3).await;
    assert_eq!(
        (value(&page, "#name"), value(&page, "#regions")),
        ("GuardDuty production".to_owned(), "eu-central-1".to_owned())
    );
    let (back, _) = browser.step(&page, &step3, &format!("{typed}back")).await;
    assert_eq!(back, at(2));

    let right = typed.replace("00000000001", "000000000001");
    let (_, page) = browser.step(&page, &step3, &format!("{right}next")).await;
    let wrong = browser
        .submit(&page, &at(4), "schedule=cron&cron=61+*+*+*+*&go=next")
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, page) = browser
        .step(
            &page,
            &at(4),
            "schedule=cron&cron=*/15+*+*+*+*&every=10&go=next",
        )
        .await;
    let schedule = browser.page(&at(4)).await;
    assert!(
        schedule.body.contains("Sat 14 Mar 12:15"),
        "the next five runs: {}",
        schedule.body
    );
    let (_, page) = browser
        .step(
            &page,
            &at(5),
            "retentionDays=30&resourceId=hash&attributes=password+%3D+drop&go=next",
        )
        .await;
    let blocked = browser.submit(&page, &at(6), "go=next&skip=").await;
    assert_eq!(
        blocked.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "neither tested nor a reason"
    );
    let (_, page) = browser.step(&page, &at(6), "go=test&skip=").await;
    assert!(
        page.body
            .contains("this version has no client for AWS GuardDuty"),
        "{}",
        page.body
    );
    let (_, page) = browser
        .step(&page, &at(6), "go=next&skip=the+role+comes+tomorrow")
        .await;
    for text in [
        "GuardDuty production",
        "about 192 API calls a day",
        "30 days",
        external.as_str(),
        "paused, because no test passed",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    let (done, page) = browser.step(&page, &at(7), "go=next").await;
    assert_eq!(done, "/integrations/guardduty-production?done=created");
    for text in [
        "It is paused: created without a passed test: the role comes tomorrow.",
        external.as_str(),
        "cron */15 * * * * (UTC)",
        "No run yet",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    let scope = browser.app.scope(&browser.app.db.acme);
    let source = sources::find(&scope, "guardduty-production").await.unwrap();
    assert_eq!(source.settings.retention_days, Some(30));
    assert!(!source.settings.redaction.is_empty());
    assert!(store::drafts::list(&scope).await.unwrap().is_empty());
    assert_eq!(
        browser.app.page(&browser.session, &step3).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_webhook_is_connected_edited_rotated_and_deleted_in_the_browser() {
    let browser = Browser::new().await;
    let list = browser.page("/integrations").await;
    let (step2, page) = browser
        .step(&list, "/integrations/new", "provider=webhook")
        .await;
    let at = |n: u8| step2.replace("/step/2", &format!("/step/{n}"));
    let (_, page) = browser.step(&page, &at(2), "mode=push&go=next").await;
    let secret = "canary_secret_typed_by_somebody_4f2a";
    let (_, page) = browser.step(&page, &at(3), &format!("name=Hook&signature=standard_webhooks&mapping=actor+%3D+user&secret={secret}&go=next")).await;
    let typed = browser.page(&at(3)).await;
    assert!(typed.body.contains("stored, ends with …4f2a") && !typed.body.contains(secret));
    let (_, page) = browser.step(&page, &at(4), "go=next").await;
    let (_, page) = browser
        .step(&page, &at(5), "attributes=bytes+%3D+drop&go=next")
        .await;
    let (_, page) = browser.step(&page, &at(6), "go=test").await;
    assert!(page.body.contains("the signing secret you gave is stored"));
    let (_, page) = browser.step(&page, &at(6), "go=next").await;
    assert!(page.body.contains("Starts</dt><dd>at once"));
    let (done, page) = browser.step(&page, &at(7), "go=next").await;
    assert_eq!(done, "/integrations/hook?done=created");
    assert!(
        page.body.contains("No event has arrived yet")
            && page.body.contains("/api/ingest/hook/webhook")
    );
    assert!(
        page.body.contains("jane@example.org"),
        "the sample's event is shown"
    );

    let preview = browser
        .submit(
            &page,
            "/integrations/hook/preview",
            "sample=%7B%22user%22%3A%22mia%22%2C%22action%22%3A%22x%22%7D",
        )
        .await;
    assert!(preview.body.contains("timestamp: "), "{}", preview.body);
    let edit = browser.page("/integrations/hook/edit").await;
    assert_eq!(hidden_field(&edit.body, "version"), "1");
    let wrong = browser
        .submit(
            &edit,
            "/integrations/hook/edit",
            "version=1&name=&mapping=score+%3D+x",
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, page) = browser
        .step(
            &edit,
            "/integrations/hook/edit",
            "version=1&name=Renamed&mapping=actor+%3D+who&cadenceMinutes=30",
        )
        .await;
    assert!(
        page.body.contains("Renamed")
            && page.body.contains("actor = who")
            && page.body.contains("Saved. It applies from now on.")
    );
    let stale = browser
        .submit(&edit, "/integrations/hook/edit", "version=1&name=Again")
        .await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let shown = browser
        .submit(&page, "/integrations/hook/rotate", "overlap=24&secret=")
        .await;
    assert!(
        shown.status == StatusCode::OK && shown.body.contains("whsec_"),
        "{}",
        shown.body
    );
    let (_, page) = browser
        .step(&page, "/integrations/hook/pause", "reason=maintenance")
        .await;
    assert!(page.body.contains("It is paused: maintenance."));
    let (_, page) = browser.step(&page, "/integrations/hook/resume", "").await;
    let (_, page) = browser.step(&page, "/integrations/hook/test", "").await;
    assert!(page.body.contains("a signing secret is in force"));
    let refused = browser
        .submit(&page, "/integrations/hook/delete", "confirm=nope")
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (gone, _) = browser
        .step(&page, "/integrations/hook/delete", "confirm=hook")
        .await;
    assert_eq!(gone, "/integrations?done=deleted");
}

#[tokio::test]
async fn people_without_the_right_see_health_and_no_buttons() {
    let browser = Browser::new().await;
    let token = browser
        .app
        .person(&browser.app.db.globex, Role::Admin)
        .await;
    let new = json!({"name": "<b>Hook</b>\u{202E}", "integration": "hook", "provider": "webhook"});
    post(&browser.app, &token, "/api/integrations", &new).await;
    let reader = browser
        .app
        .person(&browser.app.db.globex, Role::ReadOnly)
        .await;
    let list = browser
        .app
        .call(&reader, "GET", "/integrations", None)
        .await
        .body;
    assert!(
        list.contains("&#60;b&#62;Hook") || list.contains("&lt;b&gt;Hook"),
        "{list}"
    );
    assert!(
        list.contains("Never ran")
            && !list.contains("action=\"/integrations/new\"")
            && !list.contains('\u{202E}')
    );
    let page = browser
        .app
        .call(&reader, "GET", "/integrations/hook", None)
        .await
        .body;
    for action in ["/test", "/run", "/pause", "/rotate", "/delete", "/edit"] {
        assert!(
            !page.contains(&format!("/integrations/hook{action}")),
            "{action}"
        );
    }
    let rail = Html::parse_document(&page);
    let current = Selector::parse("nav.rail a[aria-current]").unwrap();
    let current: Vec<_> = rail
        .select(&current)
        .map(|a| a.value().attr("href").unwrap())
        .collect();
    assert_eq!(current, ["/integrations"]);
}
