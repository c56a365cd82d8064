//! `POST /api/ingest/{source}/webhook`: what a provider posts, under the signature or key its
//! integration asks for. The answer is that of a batch; 202 only after the commit.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use collectors::formats;
use collectors::webhook::signature::{self, Headers, NotGenuine};
use domain::integration::Integration;
use domain::integration::config::Signature;
use domain::source::Source;
use domain::tenant::Tenant;
use moka::sync::Cache;
use store::{Principal, Scope, Via, integrations};

use super::{Receiver, answer, append, body, quota};
use crate::app::App;
use crate::auth::Visitor;
use crate::connect::credential;
use crate::error::{WebError, WebResult};

/// Receives what a provider posts.
///
/// The signature is checked over the bytes as sent, so compressed bodies are not taken. The same
/// delivery sent again within ten minutes stores nothing new.
#[utoipa::path(
    post, path = "/api/ingest/{source}/webhook", tag = "ingest", security(()),
    params(
        ("source" = String, Path, description = "Slug of the integration's source"),
        ("webhook-id" = Option<String>, Header, description = "Standard Webhooks"),
        ("webhook-timestamp" = Option<String>, Header, description = "Standard Webhooks: at most 5 minutes off"),
        ("webhook-signature" = Option<String>, Header, description = "Standard Webhooks: v1,<base64>"),
        ("x-hub-signature-256" = Option<String>, Header, description = "GitHub style: sha256=<hex>"),
        ("x-api-key" = Option<String>, Header, description = "Where the integration uses a key"),
    ),
    request_body(content = String, description = "JSON as the provider sends it", content_type = "application/json"),
    responses(
        (status = 202, description = "Committed", body = answer::BatchAnswer),
        (status = 400, description = "Unreadable body"),
        (status = 401, description = "Key or signature is not accepted"),
        (status = 413, description = "Too large"), (status = 415, description = "Compressed"),
        (status = 429, description = "Too fast"), (status = 503, description = "Overloaded; nothing was stored"),
    )
)]
pub(crate) async fn receive(
    State(app): State<App>,
    Path(source): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Response {
    match take(&app, &source, &visitor, request).await {
        Ok(response) => response,
        Err(error) => answer::with_quota(error.into_response(), None),
    }
}

async fn take(app: &App, slug: &str, visitor: &Visitor, request: Request) -> WebResult<Response> {
    let headers = request.headers().clone();
    // A sender that signs may carry an Authorization header for a proxy on the way.
    let signed =
        headers.contains_key("webhook-signature") || headers.contains_key("x-hub-signature-256");
    if !signed && let Some(target) = by_key(app, slug, visitor, &headers).await? {
        let bytes = body::read_plain(request).await?;
        return store(app, &target, &bytes).await;
    }
    let candidates: Vec<Target> = integrations::receivers(app.db(), slug)
        .await?
        .into_iter()
        .map(Target::from)
        .filter(|t| t.source.settings.enabled && t.is_signed(&headers))
        .collect();
    if candidates.is_empty() {
        return Err(refused());
    }
    let bytes = body::read_plain(request).await?;
    let target = genuine(app, candidates, &headers, &bytes).await?;
    let delivery = delivery(&target, &headers);
    if let Some(delivery) = &delivery
        && app.deliveries().seen(delivery)
    {
        return Ok(answer::batch(&[], false));
    }
    let response = store(app, &target, &bytes).await?;
    if let Some(delivery) = delivery.filter(|_| response.status() == StatusCode::ACCEPTED) {
        app.deliveries().note(delivery);
    }
    Ok(response)
}

/// One text for unknown, unsigned, wrongly signed, too old and paused.
fn refused() -> WebError {
    WebError::new(
        StatusCode::UNAUTHORIZED,
        "The request is not accepted",
        "Sign it with the secret of this integration, or send its key, within 5 minutes of its timestamp. The integration's page says what was wrong.",
    )
}

/// An integration a request may be meant for.
struct Target {
    tenant: Tenant,
    integration: Integration,
    source: Source,
}

impl From<(Tenant, Integration, Source)> for Target {
    fn from((tenant, integration, source): (Tenant, Integration, Source)) -> Self {
        Self {
            tenant,
            integration,
            source,
        }
    }
}

impl Target {
    fn signature(&self) -> Option<Signature> {
        self.integration.settings.configuration.signature()
    }

    fn is_signed(&self, headers: &HeaderMap) -> bool {
        let signed = signature_headers(headers);
        self.signature()
            .is_some_and(|kind| signature::is_signed(kind, &signed))
    }

    fn scope(&self, app: &App) -> Scope {
        let principal = Principal::Source(self.source.slug.to_string());
        Scope::new(
            app.db().clone(),
            self.tenant.clone(),
            principal,
            Via::Api,
            app.now(),
        )
    }
}

/// The integration whose source has shown its key; `None` when no key was sent.
async fn by_key(
    app: &App,
    slug: &str,
    visitor: &Visitor,
    headers: &HeaderMap,
) -> WebResult<Option<Target>> {
    if !headers.contains_key("x-api-key") && !headers.contains_key("authorization") {
        return Ok(None);
    }
    let sender = app
        .key_check()
        .sender(app, headers, visitor.address)
        .await?;
    super::same_source(&sender, slug)?;
    let principal = Principal::Source(slug.to_owned());
    let scope = Scope::new(
        app.db().clone(),
        sender.tenant.clone(),
        principal,
        Via::Api,
        app.now(),
    );
    let integration = integrations::of_source(&scope, sender.key.source.id).await?;
    let target = integration.map(|integration| Target {
        tenant: sender.tenant,
        integration,
        source: sender.key.source,
    });
    // A signed integration has no key that would open it.
    match target {
        Some(target) if target.signature() == Some(Signature::ApiKey) => Ok(Some(target)),
        _ => Err(refused()),
    }
}

/// The one integration the signature fits. Several tenants may use the same name; should a
/// signature fit more than one of them, it is nobody's.
async fn genuine(
    app: &App,
    candidates: Vec<Target>,
    headers: &HeaderMap,
    bytes: &[u8],
) -> WebResult<Target> {
    let signed = signature_headers(headers);
    let mut found = None;
    for target in candidates {
        let scope = target.scope(app);
        let secrets = credential::signing_secrets(app, &scope, &target.integration).await?;
        let kind = target.signature().unwrap_or_default();
        match signature::verify(kind, &signed, bytes, &secrets, app.now()) {
            Ok(()) if found.is_some() => return Err(refused()),
            Ok(()) => found = Some(target),
            Err(why) => note_refused(&scope, &target, why).await?,
        }
    }
    found.ok_or_else(refused)
}

async fn note_refused(scope: &Scope, target: &Target, why: NotGenuine) -> WebResult<()> {
    metrics::counter!("irm_webhook_refused_total").increment(1);
    let id = target.integration.id;
    Ok(integrations::note_refused(scope, id, &why.to_string()).await?)
}

fn signature_headers(headers: &HeaderMap) -> Headers<'_> {
    let text = |name: &str| {
        // One value each: which of several was signed could not be told.
        let mut values = headers.get_all(name).iter();
        let value = values.next()?;
        values
            .next()
            .is_none()
            .then(|| value.to_str().ok())
            .flatten()
    };
    Headers {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        hub_signature: text("x-hub-signature-256"),
    }
}

/// Names a delivery, where the signature covers its name: only then can nobody choose it.
fn delivery(target: &Target, headers: &HeaderMap) -> Option<Delivery> {
    let signed = target.signature() == Some(Signature::StandardWebhooks);
    let id = signature_headers(headers).id.filter(|_| signed)?;
    Some((target.integration.id.0, id.to_owned()))
}

type Delivery = (i64, String);

/// Deliveries this process has stored lately.
#[derive(Debug)]
pub(crate) struct Deliveries(Cache<Delivery, ()>);

impl Deliveries {
    pub(crate) fn new() -> Self {
        // Twice the window in which a signature is accepted, either side of our clock.
        let kept = Duration::from_mins(10);
        Self(
            Cache::builder()
                .max_capacity(100_000)
                .time_to_live(kept)
                .build(),
        )
    }

    fn seen(&self, delivery: &Delivery) -> bool {
        self.0.contains_key(delivery)
    }

    fn note(&self, delivery: Delivery) {
        self.0.insert(delivery, ());
    }
}

async fn store(app: &App, target: &Target, bytes: &[u8]) -> WebResult<Response> {
    let quota = match quota(app, &target.source) {
        Ok(quota) => quota,
        Err(refused) => return Ok(refused),
    };
    let configuration = &target.integration.settings.configuration;
    let items = formats::items(bytes, configuration).map_err(WebError::bad_request)?;
    if items.len() > normalize::body::MAX_ITEMS {
        return Err(answer::too_large(format!(
            "A request may hold {} events.",
            normalize::body::MAX_ITEMS
        )));
    }
    let receiver = Receiver {
        tenant: &target.tenant,
        source: &target.source,
        provider: target.integration.provider,
    };
    let raw = items.iter().map(|item| Ok(item.as_str())).collect();
    let outcomes = append(app, &receiver, raw).await?;
    Ok(answer::with_quota(answer::batch(&outcomes, false), quota))
}
