//! A server of the GuardDuty and STS API, as far as a pull speaks to it: ListDetectors,
//! ListFindings with criteria, order and paging, GetFindings, AssumeRole with its external id,
//! GetCallerIdentity; and everything that can go wrong there.
//!
//! Shapes: GuardDuty API reference (REST, JSON) and STS API reference (query, XML). Requests must
//! carry a Signature Version 4 with the key that is theirs; the signature itself is not computed.

mod findings;
mod sts;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The access key the caller signs with before it assumes the role.
pub const OWN_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The role that can be assumed.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/insider-risk-read";
/// The external id under which it can be assumed, unless another is set.
pub const EXTERNAL_ID: &str = "irm-000000000000-000000000000";

/// How an answer is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hostile {
    /// As it should be.
    #[default]
    No,
    /// Every page of ListFindings is followed by another, under a new token, without end.
    EndlessTokens,
    /// Every page is followed by itself.
    SameToken,
    /// A page of GetFindings has 100 MB.
    Huge,
    /// Every second value of every answer is of another type.
    WrongTypes,
}

/// What the server holds and does.
#[derive(Debug, Default)]
pub struct State {
    /// Findings by region, as GetFindings gives them. A region without an entry has no detector.
    pub regions: BTreeMap<String, Vec<Value>>,
    /// The only external id under which the role can be assumed; empty: any.
    pub external_id: String,
    /// Calls that are denied, such as `guardduty:GetFindings`.
    pub denied: BTreeSet<String>,
    /// So many of the next calls of GuardDuty are throttled.
    pub throttled: usize,
    /// Seconds a throttled caller is asked to wait.
    pub retry_after: Option<u64>,
    /// The call of GuardDuty with this number gets no answer.
    pub silent_at: Option<usize>,
    /// Before the call with this number, the finding gets another `updatedAt`.
    pub moves: Vec<(usize, String, String)>,
    /// The last finding of a page is the first of the next one too.
    pub overlapping: bool,
    /// How answers are spoilt.
    pub hostile: Hostile,
    /// Calls of GuardDuty so far: name, and how many ids were asked for or given.
    pub calls: Vec<(&'static str, usize)>,
    /// Roles that were assumed: session name, session policy.
    pub sessions: Vec<(String, String)>,
    /// What was wrong with requests: none is expected of a good client.
    pub complaints: Vec<String>,
    issued: usize,
}

impl State {
    /// The detector of a region.
    pub fn detector(region: &str) -> String {
        let digits = region.bytes().map(|b| format!("{b:02x}"));
        format!("{:0<32}", digits.collect::<String>())[..32].to_owned()
    }

    /// Every finding of every region, as id and update.
    pub fn identities(&self) -> BTreeSet<(String, String)> {
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or("").to_owned();
        let all = self.regions.values().flatten();
        all.map(|f| (text(f, "id"), text(f, "updatedAt"))).collect()
    }
}

/// A running server.
#[derive(Debug)]
pub struct Fixture {
    /// Where it listens.
    pub address: SocketAddr,
    inner: Inner,
}

#[derive(Debug, Clone)]
struct Inner {
    state: Arc<Mutex<State>>,
    silent: Arc<Notify>,
}

impl Fixture {
    /// Starts on a free port of this machine; it ends with the runtime.
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0").await
    }

    /// Starts at an address.
    pub async fn listen(address: &str) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let state = State {
            external_id: EXTERNAL_ID.to_owned(),
            ..State::default()
        };
        let inner = Inner {
            state: Arc::new(Mutex::new(state)),
            silent: Arc::new(Notify::new()),
        };
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    /// Its address as an endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it holds, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.inner.lock()
    }

    /// Returns when the call has come that gets no answer.
    pub async fn silence(&self) {
        self.inner.silent.notified().await;
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// A request as far as it is looked at.
struct Asked<'a> {
    method: Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Asked<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Key id, region and service of the signature.
    fn signed(&self) -> Option<(&str, &str, &str)> {
        let rest = self
            .header("authorization")
            .strip_prefix("AWS4-HMAC-SHA256 ")?;
        let credential = rest
            .split(", ")
            .find_map(|p| p.strip_prefix("Credential="))?;
        let signature = rest
            .split(", ")
            .find_map(|p| p.strip_prefix("Signature="))?;
        let parts: Vec<&str> = credential.split('/').collect();
        let [key, _, region, service, "aws4_request"] = parts.as_slice() else {
            return None;
        };
        (signature.len() == 64).then_some((key, region, service))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }
}

async fn answer(
    Shared(inner): Shared<Inner>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/_fixture/external-id" {
        let given = String::from_utf8_lossy(&body);
        given.trim().clone_into(&mut inner.lock().external_id);
        return StatusCode::NO_CONTENT.into_response();
    }
    let asked = Asked {
        method,
        uri: &uri,
        headers: &headers,
        body: &body,
    };
    let answer = match uri.path() {
        "/" => Some(sts::answer(&mut inner.lock(), &asked)),
        _ => findings::answer(&mut inner.lock(), &asked),
    };
    if let Some(answer) = answer {
        answer
    } else {
        inner.silent.notify_one();
        std::future::pending().await
    }
}

/// The id of a finding: 32 hexadecimal digits.
pub fn id(region: &str, number: usize) -> String {
    let place = region
        .bytes()
        .fold(0_u32, |sum, b| sum.wrapping_mul(31) + u32::from(b));
    format!("{place:08x}{number:024x}")
}

/// A finding of a kind of sign-in by a user.
pub fn finding(region: &str, number: usize, updated_at: &str) -> Value {
    let severity = [2.0, 5.0, 8.0][number % 3];
    json!({
        "schemaVersion": "2.0", "accountId": "123456789012", "region": region,
        "partition": "aws", "id": id(region, number),
        "arn": format!("arn:aws:guardduty:{region}:123456789012:detector/d/finding/{}", id(region, number)),
        "type": "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
        "resource": {"resourceType": "AccessKey", "accessKeyDetails": {
            "accessKeyId": "", "principalId": "AIDAEXAMPLE", "userType": "IAMUser",
            "userName": format!("user-{}", number % 7)}},
        "service": {"serviceName": "guardduty", "detectorId": State::detector(region),
            "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": {
                "api": "ConsoleLogin", "serviceName": "signin.amazonaws.com",
                "callerType": "Remote IP",
                "remoteIpDetails": {"ipAddressV4": "198.51.100.7"}}},
            "resourceRole": "TARGET", "eventFirstSeen": updated_at, "eventLastSeen": updated_at,
            "archived": false, "count": 1},
        "severity": severity, "createdAt": updated_at, "updatedAt": updated_at,
        "title": "A console login was observed.", "description": "A console login was observed.",
    })
}
