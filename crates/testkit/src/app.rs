//! The whole web part without a socket, with people of every role in two tenants.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use domain::access::Role;
use domain::source::SourceSettings;
use domain::tenant::Tenant;
use store::api_keys::NewKey;
use store::users::{self, NewUser};
use store::{Principal, Scope, Via, sources, tokens};
use tokio::sync::Notify;
use tower::ServiceExt;
use web::keys::{Key, Kind};
use web::{App, BaseUrl, Hashing, Keys, Settings, hidden, router};

use crate::{Engine, FixedClock, TestDb};

/// bcrypt cost in tests.
const COST: u32 = 4;
/// The password of every test user.
pub const PASSWORD: &str = "correct horse battery staple";

/// The app over a fresh database.
pub struct TestApp {
    /// The database.
    pub db: TestDb,
    /// The clock every part of the app looks at.
    pub clock: FixedClock,
    router: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: axum::http::HeaderMap,
    /// Body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl TestApp {
    /// On the given engine, at noon of 14 March 2026.
    pub async fn new(engine: Engine) -> Self {
        let db = TestDb::new(engine).await;
        let clock = FixedClock::at("2026-03-14T12:00:00Z");
        let settings = Settings {
            base_url: BaseUrl::parse("http://127.0.0.1:3000").unwrap(),
            trusted_proxies: Vec::new(),
            bcrypt_cost: COST,
            keys: Keys::new(*b"\x9c\x11test key of the test kit 32 b\x80"),
            providers: Vec::new(),
        };
        let app = App::start(
            db.db.clone(),
            Arc::new(clock.clone()),
            Arc::new(Notify::new()),
            settings,
        );
        Self {
            db,
            clock,
            router: router::build(app),
        }
    }

    /// A scope of the command line now.
    pub fn scope(&self, tenant: &Tenant) -> Scope {
        use domain::time::Clock;
        let now = self.clock.now();
        Scope::new(
            self.db.db.clone(),
            tenant.clone(),
            Principal::CommandLine,
            Via::CommandLine,
            now,
        )
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// Sends a request with a bearer token and an optional JSON body.
    pub async fn call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            None => Body::empty(),
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    /// Creates somebody with a role and returns a personal token.
    pub async fn person(&self, tenant: &Tenant, role: Role) -> String {
        let scope = self.scope(tenant);
        let email = format!("{role}@{}.example", tenant.slug);
        let hash = Hashing::new(COST).hash_password(PASSWORD).await.unwrap();
        let new = NewUser {
            email: &email,
            name: role.title(),
            password_hash: &hash,
            role,
            must_change_password: false,
        };
        users::create(&scope, &new).await.unwrap();
        let user = users::find(&scope, &email).await.unwrap();
        let key = Key::generate(Kind::Personal);
        let secret = hidden::hash(key.secret());
        tokens::create(&scope, &user, "test", &key.public_id, &secret)
            .await
            .unwrap();
        key.reveal()
    }

    /// Creates a source and returns its key.
    pub async fn source(&self, tenant: &Tenant, slug: &str) -> String {
        self.source_with(tenant, slug, &SourceSettings::named(slug))
            .await
    }

    /// Creates a source with settings and returns its key.
    pub async fn source_with(
        &self,
        tenant: &Tenant,
        slug: &str,
        settings: &SourceSettings,
    ) -> String {
        let key = Key::generate(Kind::Source);
        let hash = Hashing::new(COST).hash_secret(key.secret()).await.unwrap();
        let new = NewKey {
            public_id: &key.public_id,
            secret_hash: &hash,
        };
        let slug = slug.parse().unwrap();
        sources::create(&self.scope(tenant), &slug, settings, Some(&new))
            .await
            .unwrap();
        key.reveal()
    }

    /// Posts a body to a source.
    pub async fn ingest(&self, key: &str, source: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/api/ingest/{source}"))
            .header("x-api-key", key)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Runs the scorer until nothing is left.
    pub async fn score(&self) {
        let clock: Arc<dyn domain::time::Clock> = Arc::new(self.clock.clone());
        let mut scorer = worker::jobs::score::Scorer::new("test".to_owned());
        crate::scored(&self.db.db, &clock, &mut scorer).await;
        scorer.release(&self.db.db).await.unwrap();
    }

    /// Makes every backtest that waits.
    pub async fn run_backtests(&self) {
        let clock: Arc<dyn domain::time::Clock> = Arc::new(self.clock.clone());
        let next = || worker::jobs::backtest::run_next(&self.db.db, &clock, "test");
        while next().await.unwrap() {}
    }

    /// Refreshes the stored 14-day views.
    pub async fn refresh_baselines(&self) {
        use domain::time::Clock;
        worker::jobs::baseline::run(&self.db.db, self.clock.now())
            .await
            .unwrap();
    }

    /// Signs somebody in with a browser's form and returns the session cookie.
    pub async fn sign_in(&self, email: &str) -> String {
        let page = self
            .send(Request::get("/login").body(Body::empty()).unwrap())
            .await;
        let mark = cookie(&page, "irm_form");
        let csrf = hidden_field(&page.body, "csrf");
        let form = format!(
            "csrf={csrf}&email={email}&password={}",
            PASSWORD.replace(' ', "+")
        );
        let request = Request::post("/login")
            .header(header::COOKIE, mark)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.send(request.body(Body::from(form)).unwrap()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        cookie(&answer, "irm_session")
    }

    /// Fetches a page with a session cookie.
    pub async fn page(&self, session: &str, path: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, session);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts a form with a session cookie; the token is taken from `page`.
    pub async fn post(&self, session: &str, path: &str, page: &Answer, fields: &str) -> Answer {
        let csrf = hidden_field(&page.body, "csrf");
        let request = Request::post(path)
            .header(header::COOKIE, session)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(
            request
                .body(Body::from(format!("csrf={csrf}&{fields}")))
                .unwrap(),
        )
        .await
    }
}

/// `name=value` of a cookie an answer sets.
pub fn cookie(answer: &Answer, name: &str) -> String {
    let all = answer.headers.get_all(header::SET_COOKIE);
    let mut found = all
        .iter()
        .filter_map(|v| v.to_str().ok())
        .filter(|v| v.starts_with(&format!("{name}=")));
    let value = found
        .next()
        .unwrap_or_else(|| panic!("no cookie {name} in {:?}", answer.headers));
    value.split(';').next().unwrap().to_owned()
}

/// The value of a hidden field of a page.
pub fn hidden_field(html: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let start = html
        .find(&marker)
        .unwrap_or_else(|| panic!("no field {name} in {html}"))
        + marker.len();
    html[start..].split('"').next().unwrap().to_owned()
}
