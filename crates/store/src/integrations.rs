//! Integrations: created with the source they deliver through, changed, paused, deleted, watched.

mod watch;

use domain::id::{IntegrationId, SourceId, TenantId};
use domain::integration::check::Report;
use domain::integration::{Configuration, Integration, Mode, Provider, Schedule, Settings};
use domain::secret::SecretString;
use domain::source::{Source, SourceSettings};
use domain::tenant::{Slug, Tenant};
use domain::time::{MINUTE_US, Timestamp};
use serde::Serialize;

use crate::api_keys::{self, NewKey};
use crate::audit::{self, Change, NOTHING};
use crate::db::{Db, Row, Target, Tx, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;
use crate::seal::KeyRing;
use crate::secrets::{self, Owner};
use crate::{drafts, sources, tenants};

pub use watch::{Watched, watch, watch_all};

/// The secret that signs or verifies posted requests.
pub const SIGNING: &str = "signing";
/// The secret half of an access key.
pub const ACCESS_KEY: &str = "access_key";

const COLUMNS: &str =
    "SELECT i.id, i.tenant_id, i.slug, i.provider, i.mode, i.name, i.configuration,
    i.schedule, i.cadence_minutes, i.source_id, i.external_id, i.paused, i.version, i.created_at,
    i.created_by, i.cursor, i.next_run_at, i.errors_in_row, i.last_ok_at, i.last_error,
    i.refused_at, i.refused_why, s.slug AS source_slug
 FROM integrations i
 JOIN sources s ON s.tenant_id = i.tenant_id AND s.id = i.source_id
 WHERE i.deleted_at IS NULL";

/// An integration to be created.
#[derive(Debug)]
pub struct NewIntegration<'a> {
    /// Name in addresses, of the integration and of its source.
    pub slug: &'a Slug,
    /// Whose telemetry.
    pub provider: Provider,
    /// How it arrives.
    pub mode: Mode,
    /// What an administrator chose.
    pub settings: &'a Settings,
    /// Retention, limits and redaction of its source.
    pub source: &'a SourceSettings,
    /// Made by us.
    pub external_id: &'a str,
    /// First key of the source, where requests carry one.
    pub key: Option<&'a NewKey<'a>>,
    /// A secret to be sealed with it, by field.
    pub secret: Option<(&'static str, &'a SecretString)>,
    /// Why it starts paused.
    pub paused: Option<&'a str>,
    /// The draft it was made of; its test and secrets go over, and it is deleted.
    pub draft: Option<&'a str>,
}

/// What the audit log shows of an integration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Audited<'a> {
    provider: Provider,
    mode: Mode,
    #[serde(flatten)]
    settings: &'a Settings,
    external_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'a str>,
}

/// Creates an integration together with its source, key and secrets: all of it or nothing.
pub async fn create(
    scope: &Scope,
    ring: &KeyRing,
    new: &NewIntegration<'_>,
) -> Result<Integration> {
    let mut tx = scope.db.begin().await?;
    let source = SourceSettings {
        enabled: new.paused.is_none(),
        ..new.source.clone()
    };
    let source = sources::insert(&mut tx, scope, new.slug, &source, new.key).await?;
    let id = insert(&mut tx, scope, new, source).await?;
    let owner = Owner::Integration(id);
    if let Some(code) = new.draft {
        let draft = Owner::Draft(code.to_owned());
        sql(
            "UPDATE integrations SET last_test = (SELECT last_test FROM integration_drafts
                WHERE tenant_id = $1 AND code = $3)
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(scope.tenant_id())
        .bind(id)
        .bind(code)
        .execute(&mut tx)
        .await?;
        secrets::hand_on(&mut tx, scope, ring, &draft, &owner).await?;
        drafts::remove(&mut tx, scope, code).await?;
    }
    if let Some((field, secret)) = new.secret {
        secrets::put(&mut tx, scope, ring, &owner, field, secret, None).await?;
    }
    let audited = Audited {
        provider: new.provider,
        mode: new.mode,
        settings: new.settings,
        external_id: new.external_id,
        paused: new.paused,
    };
    let created = change("integration.create", new.slug);
    audit::record(&mut tx, scope, created, NOTHING, Some(&audited)).await?;
    let integration = find_in(&mut tx, scope, new.slug.as_str()).await?;
    tx.commit().await?;
    Ok(integration)
}

async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    new: &NewIntegration<'_>,
    source: SourceId,
) -> Result<IntegrationId> {
    let settings = new.settings;
    // The first pull is due at once: nobody should wait to see whether it works.
    let first_run = settings.schedule.is_some() && new.paused.is_none();
    let inserted = sql(
        "INSERT INTO integrations (tenant_id, slug, provider, mode, name, configuration, schedule,
            cadence_minutes, source_id, external_id, paused, version, created_at, created_by,
            next_run_at, fence, lease_until, errors_in_row)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, $14, 0, 0, 0)
         RETURNING id",
    )
    .bind(scope.tenant_id())
    .bind(new.slug.as_str())
    .bind(new.provider.word())
    .bind(new.mode.word())
    .bind(&settings.name)
    .bind(json(&settings.configuration)?)
    .bind(settings.schedule.as_ref().map(json).transpose()?)
    .bind(settings.cadence_minutes)
    .bind(source)
    .bind(new.external_id)
    .bind(new.paused)
    .bind(scope.now)
    .bind(scope.principal.name())
    .bind(first_run.then_some(scope.now))
    .fetch_one(tx)
    .await;
    match inserted {
        Err(error) if error.is_unique_violation() => Err(Error::Exists("integration")),
        other => Ok(IntegrationId(other?.get("id")?)),
    }
}

/// Every integration that is not deleted, by name in addresses.
pub async fn list(scope: &Scope) -> Result<Vec<Integration>> {
    let rows = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND i.tenant_id = $1 ORDER BY i.slug")
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// One integration by its name in addresses.
pub async fn find(scope: &Scope, slug: &str) -> Result<Integration> {
    find_in(&scope.db, scope, slug).await
}

pub(crate) async fn find_in(
    target: impl Into<Target<'_>>,
    scope: &Scope,
    slug: &str,
) -> Result<Integration> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND i.tenant_id = $1 AND i.slug = ")
        .push_bind(slug)
        .fetch_one(target)
        .await?;
    read(&row)
}

/// Changes settings, and the source's where they are given. `version` guards against overwriting
/// somebody else's change.
pub async fn update(
    scope: &Scope,
    ring: &KeyRing,
    slug: &str,
    change_to: (&Settings, Option<&SourceSettings>),
    secret: Option<(&'static str, &SecretString)>,
    version: Option<i64>,
) -> Result<Integration> {
    let (settings, source) = change_to;
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, slug).await?;
    if version.is_some_and(|v| v != before.version) {
        return Err(Error::Stale);
    }
    let rescheduled = settings.schedule != before.settings.schedule;
    let next = match &settings.schedule {
        Some(schedule) if rescheduled && before.paused.is_none() => schedule.next(scope.now),
        Some(_) => before.next_run_at,
        None => None,
    };
    sql("UPDATE integrations
         SET name = $3, configuration = $4, schedule = $5, cadence_minutes = $6, next_run_at = $7,
            version = version + 1, last_test = NULL
         WHERE tenant_id = $1 AND id = $2")
    .bind(scope.tenant_id())
    .bind(before.id)
    .bind(&settings.name)
    .bind(json(&settings.configuration)?)
    .bind(settings.schedule.as_ref().map(json).transpose()?)
    .bind(settings.cadence_minutes)
    .bind(next)
    .execute(&mut tx)
    .await?;
    if let Some((field, secret)) = secret {
        let owner = Owner::Integration(before.id);
        secrets::put(&mut tx, scope, ring, &owner, field, secret, None).await?;
    }
    let updated = change("integration.update", &before.slug);
    let (old, new) = (&before.settings, settings);
    audit::record(&mut tx, scope, updated, Some(old), Some(new)).await?;
    if let Some(source) = source {
        let held = source_of(&mut tx, scope, &before).await?;
        let source = SourceSettings {
            enabled: held.settings.enabled,
            ..source.clone()
        };
        if source != held.settings {
            sources::apply(&mut tx, scope, &held, &source).await?;
        }
    }
    let after = find_in(&mut tx, scope, slug).await?;
    tx.commit().await?;
    Ok(after)
}

async fn source_of(tx: &mut Tx, scope: &Scope, integration: &Integration) -> Result<Source> {
    sources::find_in(tx, scope, integration.source_slug.as_str()).await
}

/// Deletes an integration with its source, keys and secrets. Its events and runs stay until their
/// retention ends.
pub async fn delete(scope: &Scope, slug: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let integration = find_in(&mut tx, scope, slug).await?;
    sql(
        "UPDATE integrations SET deleted_at = $3, next_run_at = NULL, fence = fence + 1,
            lease_until = 0
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind(scope.tenant_id())
    .bind(integration.id)
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    secrets::remove_all(&mut tx, scope, &Owner::Integration(integration.id)).await?;
    let source = source_of(&mut tx, scope, &integration).await?;
    sources::remove(&mut tx, scope, &source).await?;
    let deleted = change("integration.delete", &integration.slug);
    audit::record(
        &mut tx,
        scope,
        deleted,
        Some(&integration.settings),
        NOTHING,
    )
    .await?;
    tx.commit().await
}

/// Stops an integration: nothing is asked, and its source accepts nothing.
pub async fn pause(scope: &Scope, slug: &str, reason: &str) -> Result<Integration> {
    set_paused(scope, slug, Some(reason)).await
}

/// Lets an integration go on; a pull is due at once.
pub async fn resume(scope: &Scope, slug: &str) -> Result<Integration> {
    set_paused(scope, slug, None).await
}

async fn set_paused(scope: &Scope, slug: &str, reason: Option<&str>) -> Result<Integration> {
    let mut tx = scope.db.begin().await?;
    let before = find_in(&mut tx, scope, slug).await?;
    if before.paused.as_deref() == reason {
        return Ok(before);
    }
    let due = reason.is_none() && before.settings.schedule.is_some();
    sql("UPDATE integrations SET paused = $3, next_run_at = $4 WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(before.id)
        .bind(reason)
        .bind(due.then_some(scope.now))
        .execute(&mut tx)
        .await?;
    let source = source_of(&mut tx, scope, &before).await?;
    let settings = SourceSettings {
        enabled: reason.is_none(),
        ..source.settings.clone()
    };
    sources::apply(&mut tx, scope, &source, &settings).await?;
    let action = match reason {
        Some(_) => "integration.pause",
        None => "integration.resume",
    };
    let (old, new) = (before.paused.as_deref(), reason);
    audit::record(
        &mut tx,
        scope,
        change(action, &before.slug),
        Some(&old),
        Some(&new),
    )
    .await?;
    let after = find_in(&mut tx, scope, slug).await?;
    tx.commit().await?;
    Ok(after)
}

/// What takes the place of an integration's credentials.
#[derive(Debug)]
pub enum Replacement<'a> {
    /// A new key of its source.
    Key(&'a NewKey<'a>),
    /// A new sealed secret.
    Secret(&'static str, &'a SecretString),
    /// A new access key: its id goes into the configuration, its secret is sealed.
    AccessKey(&'a Settings, &'a SecretString),
}

/// Replaces credentials; the old ones stay valid for `overlap_us`, where they are ours to end.
pub async fn rotate(
    scope: &Scope,
    ring: &KeyRing,
    slug: &str,
    replacement: &Replacement<'_>,
    overlap_us: i64,
) -> Result<Integration> {
    let integration = find(scope, slug).await?;
    let owner = Owner::Integration(integration.id);
    if let Replacement::Key(key) = replacement {
        let source = integration.source_slug.as_str();
        api_keys::rotate(scope, source, key, overlap_us).await?;
    }
    let mut tx = scope.db.begin().await?;
    match replacement {
        Replacement::Key(_) => {}
        Replacement::Secret(field, secret) => {
            secrets::replace(&mut tx, scope, ring, &owner, field, secret, overlap_us).await?;
        }
        Replacement::AccessKey(settings, secret) => {
            secrets::replace(&mut tx, scope, ring, &owner, ACCESS_KEY, secret, 0).await?;
            sql(
                "UPDATE integrations SET configuration = $3, version = version + 1
                 WHERE tenant_id = $1 AND id = $2",
            )
            .bind(scope.tenant_id())
            .bind(integration.id)
            .bind(json(&settings.configuration)?)
            .execute(&mut tx)
            .await?;
        }
    }
    let rotated = change("integration.rotate", &integration.slug);
    let until = scope.now.plus(overlap_us.max(0));
    audit::record(&mut tx, scope, rotated, NOTHING, Some(&until)).await?;
    tx.commit().await?;
    find(scope, slug).await
}

/// Keeps the result of a test.
pub async fn note_test(scope: &Scope, slug: &str, report: &Report) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    let integration = find_in(&mut tx, scope, slug).await?;
    sql("UPDATE integrations SET last_test = $3 WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(integration.id)
        .bind(json(report)?)
        .execute(&mut tx)
        .await?;
    let tested = change("integration.test", &integration.slug);
    audit::record(&mut tx, scope, tested, NOTHING, Some(&report.passed())).await?;
    tx.commit().await
}

/// The latest test, when there is one.
pub async fn last_test(scope: &Scope, id: IntegrationId) -> Result<Option<Report>> {
    let row = sql("SELECT last_test FROM integrations WHERE tenant_id = $1 AND id = $2")
        .bind(scope.tenant_id())
        .bind(id)
        .fetch_one(&scope.db)
        .await?;
    let text: Option<String> = row.get("last_test")?;
    Ok(text.and_then(|t| serde_json::from_str(&t).ok()))
}

/// Notes why a request for an integration was refused, at most once a minute, so that a flood of
/// them costs nothing.
pub async fn note_refused(scope: &Scope, id: IntegrationId, why: &str) -> Result<()> {
    let mut tx = scope.db.begin().await?;
    sql("UPDATE integrations SET refused_at = $3, refused_why = $4
         WHERE tenant_id = $1 AND id = $2 AND (refused_at IS NULL OR refused_at <= $5)")
    .bind(scope.tenant_id())
    .bind(id)
    .bind(scope.now)
    .bind(why)
    .bind(scope.now.plus(-MINUTE_US))
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// Integrations of every tenant whose source has this name and is in force. Crosses tenants: the
/// signature of the request is what tells which one is meant.
pub async fn receivers(db: &Db, source_slug: &str) -> Result<Vec<(Tenant, Integration, Source)>> {
    let rows = sql(COLUMNS)
        .bind(source_slug)
        .push(" AND s.slug = $1 AND s.deleted_at IS NULL ORDER BY i.id")
        .fetch_all(db)
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let tenant = tenants::find(db, TenantId(row.get("tenant_id")?)).await?;
        let integration = read(row)?;
        let source = sources::by_id(db, tenant.id, integration.source).await?;
        found.push((tenant, integration, source));
    }
    Ok(found)
}

/// The integration that owns a source, when one does.
pub async fn of_source(scope: &Scope, source: SourceId) -> Result<Option<Integration>> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND i.tenant_id = $1 AND i.source_id = ")
        .push_bind(source)
        .fetch_optional(&scope.db)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The integrations of every tenant with this mode, for whoever serves them. Crosses tenants.
pub async fn by_mode(db: &Db, mode: Mode) -> Result<Vec<(TenantId, Integration)>> {
    let rows = sql(COLUMNS)
        .bind(mode.word())
        .push(" AND i.mode = $1 ORDER BY i.id")
        .fetch_all(db)
        .await?;
    rows.iter()
        .map(|row| Ok((TenantId(row.get("tenant_id")?), read(row)?)))
        .collect()
}

fn change<'a>(action: &'static str, slug: &'a Slug) -> Change<'a> {
    Change {
        action,
        kind: "integration",
        object: slug.as_str(),
    }
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Inconsistent(format!("integration: {e}")))
}

pub(crate) fn read(row: &Row) -> Result<Integration> {
    let provider = row.parse("provider", Provider::from_word)?;
    let mode = row.parse("mode", Mode::from_word)?;
    let configuration: String = row.get("configuration")?;
    let mut json = serde_json::Deserializer::from_str(&configuration);
    let configuration = Configuration::read(provider, mode, &mut json)
        .map_err(|e| Error::Inconsistent(format!("column configuration: {e}")))?;
    let schedule: Option<String> = row.get("schedule")?;
    let refused: Option<String> = row.get("refused_why")?;
    Ok(Integration {
        id: IntegrationId(row.get("id")?),
        slug: row.parse("slug", |s| s.parse().ok())?,
        provider,
        mode,
        settings: Settings {
            name: row.get("name")?,
            configuration,
            schedule: schedule.map(|text| read_schedule(&text)).transpose()?,
            cadence_minutes: row.get::<Option<i64>>("cadence_minutes")?.map(|m| m as u32),
        },
        source: SourceId(row.get("source_id")?),
        source_slug: row.parse("source_slug", |s| s.parse().ok())?,
        external_id: row.get("external_id")?,
        paused: row.get("paused")?,
        version: row.get("version")?,
        created_at: row.time("created_at")?,
        created_by: row.get("created_by")?,
        cursor: row.get("cursor")?,
        next_run_at: row.time_opt("next_run_at")?,
        errors_in_row: row.get::<i64>("errors_in_row")? as u32,
        last_ok_at: row.time_opt("last_ok_at")?,
        last_error: row.get("last_error")?,
        refused: refused
            .map(|why| Ok::<(Timestamp, String), Error>((row.time("refused_at")?, why)))
            .transpose()?,
    })
}

fn read_schedule(text: &str) -> Result<Schedule> {
    serde_json::from_str(text).map_err(|e| Error::Inconsistent(format!("column schedule: {e}")))
}
