//! One source: what arrives, its keys, its settings, what was put aside.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::id::EventId;
use domain::redaction::{Redaction, Treatment};
use domain::source::{Source, SourceSettings};
use domain::tenant::Slug;
use domain::time::{DAY_US, HOUR_US};
use serde::Deserialize;
use store::api_keys::{self, ApiKey, NewKey};
use store::log::{Batch, Outcome};
use store::quarantine::{self, Item};
use store::{overview, sources};

use super::sources::{Delivery, capital};
use crate::app::App;
use crate::auth::keys::{Key, Kind};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Form, Path};
use crate::page::{FieldErrors, Page, Shell, When, page};

/// Rows of the quarantine list.
const QUARANTINE_ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    shell: Shell,
    source: Source,
    fields: SettingsFields,
    errors: FieldErrors,
    state: Delivery,
    last: Option<When>,
    events: String,
    total: String,
    keys: Vec<KeyRow>,
    quarantined: Vec<(Item, When)>,
    endpoint: String,
    may_manage: bool,
    default_retention: u32,
}

/// One key of the list.
struct KeyRow {
    key: ApiKey,
    created: When,
    used: Option<When>,
    expires: Option<When>,
}

/// The settings as form fields.
#[derive(Debug, Default)]
struct SettingsFields {
    name: String,
    enabled: bool,
    retention_days: String,
    rate_limit: String,
    resource_id: Treatment,
    attributes: String,
}

impl From<&SourceSettings> for SettingsFields {
    fn from(settings: &SourceSettings) -> Self {
        let lines = settings.redaction.attributes.iter();
        let lines =
            lines.map(|(name, treatment)| format!("{name} = {}", treatment_word(*treatment)));
        Self {
            name: settings.name.clone(),
            enabled: settings.enabled,
            retention_days: settings
                .retention_days
                .map(|d| d.to_string())
                .unwrap_or_default(),
            rate_limit: settings.rate_limit_per_minute.to_string(),
            resource_id: settings.redaction.resource_id,
            attributes: lines.collect::<Vec<_>>().join("\n"),
        }
    }
}

/// Every treatment, in the order forms offer them.
pub(crate) const ALL_TREATMENTS: [Treatment; 4] = [
    Treatment::Keep,
    Treatment::Drop,
    Treatment::Mask,
    Treatment::Hash,
];

/// The word of a treatment in forms.
pub(crate) fn treatment_word(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Keep => "keep",
        Treatment::Drop => "drop",
        Treatment::Mask => "mask",
        Treatment::Hash => "hash",
    }
}

pub(crate) fn treatment(word: &str) -> Option<Treatment> {
    ALL_TREATMENTS
        .into_iter()
        .find(|t| treatment_word(*t) == word.trim())
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::SourcesView>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let source = sources::find(&who.scope, slug.as_str()).await?;
    let fields = SettingsFields::from(&source.settings);
    let message = message(query.as_deref());
    let template = source_page(&who, &app, source, fields, FieldErrors::default()).await?;
    let shell = template.shell.with_message(message);
    Ok(page(SourcePage { shell, ..template }).into_response())
}

async fn source_page<P>(
    who: &Require<P>,
    app: &App,
    source: Source,
    fields: SettingsFields,
    errors: FieldErrors,
) -> WebResult<SourcePage> {
    let scope = &who.scope;
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let when = |at| When::of(at, zone, now);
    let since = now.plus(-DAY_US).micros().div_euclid(HOUR_US);
    let arrivals = overview::arrivals(scope, since).await?;
    let arrival = arrivals.iter().find(|a| a.source == source.id);
    let last = arrival.map(|a| a.last_received_at);
    let keys = api_keys::list(scope, source.id).await?;
    let put_aside = quarantine::list(
        scope,
        Some(source.id),
        Some("pending"),
        None,
        QUARANTINE_ROWS,
    );
    let put_aside = put_aside.await?.into_iter();
    Ok(SourcePage {
        shell: Shell::of(who, "/sources", source.slug.as_str()).await?,
        state: Delivery::of(&source, last, now),
        last: last.map(when),
        events: scoring::words::count(arrival.map_or(0, |a| a.events) as f64),
        total: scoring::words::count(arrival.map_or(0, |a| a.total) as f64),
        keys: keys
            .into_iter()
            .map(|key| KeyRow {
                created: when(key.created_at),
                used: key.last_used_at.map(when),
                expires: key.expires_at.map(when),
                key,
            })
            .collect(),
        quarantined: put_aside
            .map(|item| {
                let at = when(item.received_at);
                (item, at)
            })
            .collect(),
        endpoint: endpoint(app, &source),
        may_manage: who.user.role.allows(Permission::SourcesManage),
        default_retention: scope.tenant.retention_days,
        source,
        fields,
        errors,
    })
}

fn endpoint(app: &App, source: &Source) -> String {
    format!(
        "{}/api/ingest/{}",
        app.settings().base_url.origin(),
        source.slug
    )
}

fn message(query: Option<&str>) -> Option<&'static str> {
    let done = query?.split('&').find_map(|p| p.strip_prefix("done="))?;
    Some(match done {
        "saved" => "Saved. It applies to the next event.",
        "revoked" => "The key is revoked and refused from now on.",
        "replayed" => "The event was replayed: it is stored and will be scored.",
        "discarded" => "The event was discarded.",
        _ => return None,
    })
}

/// Posted settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    version: i64,
    name: String,
    #[serde(default)]
    enabled: Option<String>,
    #[serde(default)]
    retention_days: String,
    #[serde(default)]
    rate_limit: String,
    #[serde(default)]
    resource_id: String,
    #[serde(default)]
    attributes: String,
}

impl SettingsForm {
    fn settings(&self) -> Result<SourceSettings, FieldErrors> {
        let mut errors = FieldErrors::default();
        let retention = self.retention_days.trim();
        let retention_days = match retention.parse::<u32>() {
            _ if retention.is_empty() => None,
            Ok(days) => Some(days),
            Err(_) => {
                errors.add("retentionDays", "Give a number of days, or leave it empty.");
                None
            }
        };
        let rate_limit_per_minute = self.rate_limit.trim().parse().unwrap_or_else(|_| {
            errors.add(
                "rateLimitPerMinute",
                "Give a number of requests a minute; 0 means no limit.",
            );
            0
        });
        let attributes = attributes(&self.attributes, &mut errors);
        let settings = SourceSettings {
            name: self.name.trim().to_owned(),
            enabled: self.enabled.is_some(),
            retention_days,
            rate_limit_per_minute,
            redaction: Redaction {
                resource_id: treatment(&self.resource_id).unwrap_or_default(),
                attributes,
            },
        };
        if let Some((field, message)) = settings.problem() {
            errors.add(field, capital(message));
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

/// Reads treatments of attributes, one `NAME = drop, mask or hash` a line.
pub(crate) fn attributes(
    text: &str,
    errors: &mut FieldErrors,
) -> std::collections::BTreeMap<String, Treatment> {
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let mut attributes = std::collections::BTreeMap::new();
    for line in lines {
        let read = line
            .rsplit_once('=')
            .and_then(|(name, word)| Some((name.trim().to_owned(), treatment(word)?)));
        match read {
            Some((name, treatment)) => {
                attributes.insert(name, treatment);
            }
            None => errors.add(
                "redaction.attributes",
                format!("{line:?} is not of the form NAME = drop, mask or hash."),
            ),
        }
    }
    attributes
}

/// Saves the settings; a form with errors comes back as typed.
pub(crate) async fn update(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Form(form): Form<SettingsForm>,
) -> WebResult<Response> {
    let errors = match form.settings() {
        Ok(settings) => {
            let version = Some(form.version);
            sources::update(&who.scope, slug.as_str(), &settings, version).await?;
            app.key_check().forget();
            return Ok(
                Redirect::to(&format!("/sources/{slug}?done=saved#settings")).into_response(),
            );
        }
        Err(errors) => errors,
    };
    let source = sources::find(&who.scope, slug.as_str()).await?;
    let fields = SettingsFields {
        name: form.name,
        enabled: form.enabled.is_some(),
        retention_days: form.retention_days,
        rate_limit: form.rate_limit,
        resource_id: treatment(&form.resource_id).unwrap_or_default(),
        attributes: form.attributes,
    };
    let template = source_page(&who, &app, source, fields, errors).await?;
    Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response())
}

#[derive(Template)]
#[template(path = "source_key.html")]
struct KeyPage {
    shell: Shell,
    source: Source,
    key: String,
    endpoint: String,
    fresh_source: bool,
}

/// Shows a key, the only time it can be shown.
pub(crate) async fn reveal<P>(
    who: &Require<P>,
    app: &App,
    source: &Source,
    key: &Key,
    fresh_source: bool,
) -> WebResult<Response> {
    let template = KeyPage {
        shell: Shell::of(who, "/sources", format!("Key of {}", source.slug)).await?,
        source: source.clone(),
        key: key.reveal(),
        endpoint: endpoint(app, source),
        fresh_source,
    };
    Ok(page(template).into_response())
}

/// A posted rotation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    /// Hours the old keys stay valid.
    overlap: String,
}

/// Makes a new key; the old ones end after the chosen overlap.
pub(crate) async fn rotate_key(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Form(form): Form<RotateForm>,
) -> WebResult<Response> {
    let hours: i64 = match form.overlap.as_str() {
        "0" => 0,
        "1" => 1,
        "24" => 24,
        "168" => 168,
        _ => {
            return Err(WebError::field(
                "overlap",
                "Choose one of the offered overlaps.",
            ));
        }
    };
    let source = sources::find(&who.scope, slug.as_str()).await?;
    let key = Key::generate(Kind::Source);
    let hash = app.hashing().hash_secret(key.secret()).await?;
    let new = NewKey {
        public_id: &key.public_id,
        secret_hash: &hash,
    };
    api_keys::rotate(&who.scope, slug.as_str(), &new, hours * HOUR_US).await?;
    app.key_check().forget();
    reveal(&who, &app, &source, &key, false).await
}

/// A posted revocation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    public_id: String,
}

/// Ends one key at once.
pub(crate) async fn revoke_key(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Form(form): Form<RevokeForm>,
) -> WebResult<Response> {
    api_keys::revoke(&who.scope, slug.as_str(), &form.public_id).await?;
    app.key_check().forget();
    Ok(Redirect::to(&format!("/sources/{slug}?done=revoked#keys")).into_response())
}

/// A posted deletion.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    /// The short name, typed to confirm.
    confirm: String,
}

/// Deletes the source and its keys.
pub(crate) async fn delete(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Form(form): Form<DeleteForm>,
) -> WebResult<Response> {
    if form.confirm.trim() != slug.as_str() {
        return Err(WebError::field(
            "confirm",
            format!("Type {slug} to delete it. Nothing was deleted."),
        ));
    }
    sources::delete(&who.scope, slug.as_str()).await?;
    app.key_check().forget();
    Ok(Redirect::to("/sources?done=deleted").into_response())
}

/// A posted decision about an event that was put aside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    id: String,
    decision: String,
}

/// Replays or discards an event.
pub(crate) async fn decide_quarantine(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Form(form): Form<QuarantineForm>,
) -> WebResult<Response> {
    let id: EventId = form.id.parse().map_err(|_| WebError::not_found())?;
    let done = match form.decision.as_str() {
        "replay" => {
            replay(&who, &app, id).await?;
            "replayed"
        }
        "discard" => {
            quarantine::decide(&who.scope, id, "discarded").await?;
            "discarded"
        }
        _ => return Err(WebError::field("decision", "Choose replay or discard.")),
    };
    Ok(Redirect::to(&format!("/sources/{slug}?done={done}#quarantine")).into_response())
}

/// Stores an event that was put aside, unless the reason still holds.
pub(crate) async fn replay<P>(who: &Require<P>, app: &App, id: EventId) -> WebResult<()> {
    let item = quarantine::find_pending(&who.scope, id).await?;
    if let Some(reason) = normalize::ahead(&item.event, who.scope.now) {
        return Err(WebError::new(StatusCode::CONFLICT, "Not yet", reason));
    }
    let batch = Batch {
        events: vec![item.event],
        quarantined: Vec::new(),
    };
    let stored = app
        .appender()
        .append(&who.scope.tenant, item.source_id, batch)
        .await?;
    if let Some(Outcome::PutAside(reason)) = stored.events.into_iter().next() {
        return Err(WebError::new(
            StatusCode::CONFLICT,
            "It was refused again",
            reason,
        ));
    }
    Ok(quarantine::decide(&who.scope, id, "replayed").await?)
}

/// What a treatment does, in words.
pub(crate) fn treatment_title(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Keep => "keep it",
        Treatment::Drop => "drop it",
        Treatment::Mask => "mask it: first and last character",
        Treatment::Hash => "hash it: equal values stay equal",
    }
}

impl SourcePage {
    fn example_time(&self) -> String {
        example_time(&self.shell)
    }
}

impl KeyPage {
    fn example_time(&self) -> String {
        example_time(&self.shell)
    }
}

/// The minute of rendering, for snippets that can be pasted as they are.
fn example_time(shell: &Shell) -> String {
    shell.now.to_string()
}
