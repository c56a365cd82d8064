//! Sources and their keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::redaction::{Redaction, Treatment};
use domain::source::{Source, SourceSettings};
use domain::tenant::{NotASlug, Slug};
use domain::time::HOUR_US;
use serde::{Deserialize, Serialize};
use store::api_keys::{self, NewKey};
use store::sources;
use utoipa::ToSchema;

use super::{List, json, json_with};
use crate::app::App;
use crate::auth::keys::{Key, Kind};
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Json, Path};

/// A source.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceBody {
    /// Short name: part of the address to post to.
    source: String,
    name: String,
    enabled: bool,
    /// Null: as the organisation.
    retention_days: Option<u32>,
    /// 0: no limit.
    rate_limit_per_minute: u32,
    redaction: RedactionBody,
    version: i64,
    created_at: String,
    /// The key, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// What is removed before anything is written.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RedactionBody {
    /// keep, drop, mask or hash.
    #[serde(default)]
    #[schema(value_type = String)]
    resource_id: Treatment,
    /// drop, mask or hash by attribute name.
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: std::collections::BTreeMap<String, Treatment>,
}

impl From<&RedactionBody> for Redaction {
    fn from(body: &RedactionBody) -> Self {
        Self {
            resource_id: body.resource_id,
            attributes: body.attributes.clone(),
        }
    }
}

impl SourceBody {
    fn new(source: &Source, key: Option<&Key>) -> Self {
        let settings = source.settings.clone();
        Self {
            source: source.slug.to_string(),
            name: settings.name,
            enabled: settings.enabled,
            retention_days: settings.retention_days,
            rate_limit_per_minute: settings.rate_limit_per_minute,
            redaction: RedactionBody {
                resource_id: settings.redaction.resource_id,
                attributes: settings.redaction.attributes,
            },
            version: source.version,
            created_at: source.created_at.to_string(),
            key: key.map(Key::reveal),
        }
    }
}

/// A new source, or a change of one. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourceChange {
    /// Short name, for a new source; made from the name when absent.
    #[serde(alias = "slug")]
    source: Option<String>,
    name: Option<String>,
    enabled: Option<bool>,
    /// 1 to 3650; null: as the organisation.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    #[expect(
        clippy::option_option,
        reason = "absent and null mean different things"
    )]
    retention_days: Option<Option<u32>>,
    /// 0 to 1000000; 0: no limit.
    rate_limit_per_minute: Option<u32>,
    redaction: Option<RedactionBody>,
    /// The version that was read; another one meanwhile gives 409.
    version: Option<i64>,
}

#[expect(
    clippy::option_option,
    reason = "absent and null mean different things"
)]
/// Tells an explicit null from an absent field.
pub(crate) fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<u32>>, D::Error> {
    Option::<u32>::deserialize(deserializer).map(Some)
}

impl SourceChange {
    fn applied_to(self, now: SourceSettings) -> WebResult<SourceSettings> {
        let settings = SourceSettings {
            name: self.name.map_or(now.name, |n| n.trim().to_owned()),
            enabled: self.enabled.unwrap_or(now.enabled),
            retention_days: self.retention_days.unwrap_or(now.retention_days),
            rate_limit_per_minute: self
                .rate_limit_per_minute
                .unwrap_or(now.rate_limit_per_minute),
            redaction: self
                .redaction
                .as_ref()
                .map_or(now.redaction, Redaction::from),
        };
        match settings.problem() {
            Some((field, message)) => Err(WebError::field(field, message)),
            None => Ok(settings),
        }
    }
}

/// Every source.
#[utoipa::path(
    get, path = "/api/sources", tag = "sources",
    responses((status = 200, body = List<SourceBody>))
)]
pub(crate) async fn list(who: Require<permit::SourcesView>) -> WebResult<Response> {
    let all = sources::list(&who.scope).await?;
    Ok(json(&List::whole(
        all.iter().map(|s| SourceBody::new(s, None)).collect(),
    )))
}

/// Creates a source and its first key, which is in this answer only.
#[utoipa::path(
    post, path = "/api/sources", tag = "sources", request_body = SourceChange,
    responses((status = 201, body = SourceBody), (status = 409, body = super::Problem), (status = 422, body = super::Problem))
)]
pub(crate) async fn create(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Json(change): Json<SourceChange>,
) -> WebResult<Response> {
    let name = change.name.clone().or_else(|| change.source.clone());
    let name = name.ok_or_else(|| WebError::field("name", "give the source a name"))?;
    let slug: Slug = match &change.source {
        Some(text) => text
            .parse()
            .map_err(|e: NotASlug| WebError::field("source", e.to_string()))?,
        None => {
            Slug::suggest(&name).ok_or_else(|| WebError::field("source", NotASlug.to_string()))?
        }
    };
    let settings = change.applied_to(SourceSettings::named(&name))?;
    let (key, hash) = new_key(&app).await?;
    let new = NewKey {
        public_id: &key.public_id,
        secret_hash: &hash,
    };
    let source = sources::create(&who.scope, &slug, &settings, Some(&new)).await?;
    Ok(json_with(
        StatusCode::CREATED,
        &SourceBody::new(&source, Some(&key)),
    ))
}

async fn new_key(app: &App) -> WebResult<(Key, String)> {
    let key = Key::generate(Kind::Source);
    let hash = app.hashing().hash_secret(key.secret()).await?;
    Ok((key, hash))
}

/// One source.
#[utoipa::path(
    get, path = "/api/sources/{source}", tag = "sources",
    params(("source" = String, Path, description = "Short name")),
    responses((status = 200, body = SourceBody), (status = 404, body = super::Problem))
)]
pub(crate) async fn show(
    who: Require<permit::SourcesView>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    let source = sources::find(&who.scope, slug.as_str()).await?;
    Ok(json(&SourceBody::new(&source, None)))
}

/// Changes a source; it applies to the next event.
#[utoipa::path(
    put, path = "/api/sources/{source}", tag = "sources", request_body = SourceChange,
    params(("source" = String, Path, description = "Short name")),
    responses(
        (status = 200, body = SourceBody), (status = 404, body = super::Problem),
        (status = 409, body = super::Problem), (status = 422, body = super::Problem),
    )
)]
pub(crate) async fn update(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Json(change): Json<SourceChange>,
) -> WebResult<Response> {
    let now = sources::find(&who.scope, slug.as_str()).await?;
    if change.source.as_deref().is_some_and(|s| s != slug.as_str()) {
        return Err(WebError::field(
            "source",
            "the short name is fixed; make a new source instead",
        ));
    }
    let version = change.version;
    let settings = change.applied_to(now.settings)?;
    let source = sources::update(&who.scope, slug.as_str(), &settings, version).await?;
    app.key_check().forget();
    Ok(json(&SourceBody::new(&source, None)))
}

/// Deletes a source and its keys. Its events stay until their retention ends.
#[utoipa::path(
    delete, path = "/api/sources/{source}", tag = "sources",
    params(("source" = String, Path, description = "Short name")),
    responses((status = 204, description = "Deleted"), (status = 404, body = super::Problem))
)]
pub(crate) async fn delete(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
) -> WebResult<Response> {
    sources::delete(&who.scope, slug.as_str()).await?;
    app.key_check().forget();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// How long the old keys stay valid.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rotation {
    /// 0 to 168 hours; 24 when absent.
    overlap_hours: Option<i64>,
}

/// Makes a new key, which is in this answer only.
#[utoipa::path(
    post, path = "/api/sources/{source}/rotate-key", tag = "sources",
    request_body(content = Rotation, description = "May be left out"),
    params(("source" = String, Path, description = "Short name")),
    responses((status = 200, body = SourceBody), (status = 404, body = super::Problem), (status = 422, body = super::Problem))
)]
pub(crate) async fn rotate_key(
    who: Require<permit::SourcesManage>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    body: String,
) -> WebResult<Response> {
    let rotation: Rotation = if body.trim().is_empty() {
        Rotation::default()
    } else {
        serde_json::from_str(&body).map_err(|e| WebError::field("body", e.to_string()))?
    };
    let hours = rotation.overlap_hours.unwrap_or(24);
    if !(0..=168).contains(&hours) {
        return Err(WebError::field("overlapHours", "choose 0 to 168 hours"));
    }
    let source = sources::find(&who.scope, slug.as_str()).await?;
    let (key, hash) = new_key(&app).await?;
    let new = NewKey {
        public_id: &key.public_id,
        secret_hash: &hash,
    };
    api_keys::rotate(&who.scope, slug.as_str(), &new, hours * HOUR_US).await?;
    app.key_check().forget();
    Ok(json(&SourceBody::new(&source, Some(&key))))
}
