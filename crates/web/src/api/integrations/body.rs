//! What the API takes and gives for integrations.

use domain::integration::check::Report;
use domain::integration::health::State;
use domain::integration::{Integration, Mode, Provider, Schedule, Settings};
use domain::redaction::Redaction;
use domain::source::SourceSettings;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::collector_instances::Instance;
use store::integrations::Watched;
use store::runs::Run;
use store::secrets::Stored;
use utoipa::ToSchema;

use crate::api::sources::RedactionBody;
use crate::app::App;
use crate::connect::credential::Revealed;
use crate::connect::preview::Previewed;
use crate::connect::test::endpoint;
use crate::error::{WebError, WebResult};

/// An integration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationBody {
    /// Short name: part of addresses, also of its source.
    integration: String,
    name: String,
    /// aws_guardduty, mikrotik, syslog or webhook.
    provider: &'static str,
    /// pull, push, listener or collector.
    mode: &'static str,
    /// By provider and mode; never holds a secret.
    #[schema(value_type = Object)]
    configuration: serde_json::Value,
    /// {"everyMinutes": n} or {"cron": "five fields, UTC"}; null unless it is pulled.
    #[schema(value_type = Option<Object>)]
    schedule: Option<Schedule>,
    /// Usual minutes between signs of life; null: from the schedule, or learnt.
    cadence_minutes: Option<u32>,
    /// The source its events arrive through.
    source: String,
    /// Made by this service; belongs into the trust policy of the role.
    external_id: String,
    /// Where events are posted to; null when nothing is posted.
    endpoint: Option<String>,
    health: HealthBody,
    /// Why it is paused; null while it runs.
    paused: Option<String>,
    last_event_at: Option<String>,
    events_in_day: i64,
    next_run_at: Option<String>,
    /// The next five times it is due.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    upcoming: Vec<String>,
    errors_in_row: u32,
    last_error: Option<String>,
    version: i64,
    created_at: String,
    created_by: String,
    /// Stored secrets, masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_test: Option<TestBody>,
    /// The latest 50 runs, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunRow>,
    /// The listener of this service, or the edge collectors that report, latest report first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<InstanceRow>,
    /// The API key, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The signing secret, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// How an integration is doing.
#[derive(Debug, Serialize, ToSchema)]
struct HealthBody {
    /// healthy, degraded, failed, paused or never_ran.
    #[schema(value_type = String)]
    state: State,
    /// Why.
    sentence: String,
    /// The rule that decided.
    rule: String,
}

/// What may be shown of a stored secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SecretBody {
    field: String,
    /// Its last characters; empty when it is too short to show any.
    ends_with: String,
    stored_at: String,
    valid_until: Option<String>,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RunRow {
    number: i64,
    /// schedule, or who asked.
    cause: String,
    /// running, ok, partial or failed.
    outcome: &'static str,
    started_at: String,
    finished_at: Option<String>,
    attempts: i64,
    fetched: i64,
    stored: i64,
    duplicates: i64,
    rejected: i64,
    cursor_before: Option<String>,
    cursor_after: Option<String>,
    error: Option<String>,
    remedy: Option<String>,
    next_run_at: Option<String>,
}

/// Who listens, as last reported. Counters count since its start:
/// received = parsed + rejected + dropped + what waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InstanceRow {
    instance: String,
    /// listener or collector.
    kind: String,
    host: String,
    version: String,
    started_at: String,
    last_beat_at: String,
    received: i64,
    parsed: i64,
    rejected: i64,
    dropped: i64,
    /// Datagrams the kernel threw away; not part of received.
    kernel_dropped: i64,
    buffered: i64,
}

impl From<Instance> for InstanceRow {
    fn from(Instance { beat, last_beat_at }: Instance) -> Self {
        Self {
            instance: beat.instance,
            kind: beat.kind,
            host: beat.host,
            version: beat.version,
            started_at: beat.started_at.to_string(),
            last_beat_at: last_beat_at.to_string(),
            received: beat.received,
            parsed: beat.parsed,
            rejected: beat.rejected,
            dropped: beat.dropped,
            kernel_dropped: beat.kernel_dropped,
            buffered: beat.buffered,
        }
    }
}

impl IntegrationBody {
    pub(super) fn new(app: &App, watched: &Watched) -> Self {
        let (integration, health) = (&watched.integration, &watched.health);
        let settings = &integration.settings;
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let posted = matches!(integration.mode, Mode::Push | Mode::Collector);
        Self {
            integration: integration.slug.to_string(),
            name: settings.name.clone(),
            provider: integration.provider.word(),
            mode: integration.mode.word(),
            configuration: serde_json::to_value(&settings.configuration).unwrap_or_default(),
            schedule: settings.schedule.clone(),
            cadence_minutes: settings.cadence_minutes,
            source: integration.source_slug.to_string(),
            external_id: integration.external_id.clone(),
            endpoint: posted.then(|| endpoint(app, integration)),
            health: HealthBody {
                state: health.state,
                sentence: health.sentence.clone(),
                rule: health.rule.clone(),
            },
            paused: integration.paused.clone(),
            last_event_at: text(watched.last_event_at),
            events_in_day: watched.events_in_day,
            next_run_at: text(integration.next_run_at),
            upcoming: Vec::new(),
            errors_in_row: integration.errors_in_row,
            last_error: integration.last_error.clone(),
            version: integration.version,
            created_at: integration.created_at.to_string(),
            created_by: integration.created_by.clone(),
            secrets: Vec::new(),
            last_test: None,
            runs: Vec::new(),
            instances: Vec::new(),
            key: None,
            secret: None,
        }
    }

    pub(super) fn with_details(
        mut self,
        stored: Vec<Stored>,
        runs: Vec<Run>,
        tested: Option<&Report>,
        now: Timestamp,
    ) -> Self {
        let upcoming = self.schedule.iter().flat_map(|s| s.upcoming(now, 5));
        self.upcoming = upcoming.map(|at| at.to_string()).collect();
        self.secrets = stored.into_iter().map(SecretBody::from).collect();
        self.runs = runs.into_iter().map(RunRow::from).collect();
        self.last_test = tested.map(TestBody::from);
        self
    }

    pub(super) fn with_instances(mut self, instances: Vec<Instance>) -> Self {
        self.instances = instances.into_iter().map(InstanceRow::from).collect();
        self
    }

    pub(super) fn revealing(mut self, revealed: Option<Revealed>) -> Self {
        match revealed {
            Some(Revealed {
                what: "API key",
                text,
            }) => self.key = Some(text),
            Some(revealed) => self.secret = Some(revealed.text),
            None => {}
        }
        self
    }
}

impl From<Stored> for SecretBody {
    fn from(stored: Stored) -> Self {
        Self {
            field: stored.field,
            ends_with: stored.hint,
            stored_at: stored.sealed_at.to_string(),
            valid_until: stored.valid_until.map(|at| at.to_string()),
        }
    }
}

impl From<Run> for RunRow {
    fn from(run: Run) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            number: run.number,
            cause: run.cause,
            outcome: run.outcome.word(),
            started_at: run.started_at.to_string(),
            finished_at: text(run.finished_at),
            attempts: run.attempts,
            fetched: run.fetched,
            stored: run.stored,
            duplicates: run.duplicates,
            rejected: run.rejected,
            cursor_before: run.cursor_before,
            cursor_after: run.cursor_after,
            error: run.error,
            remedy: run.remedy,
            next_run_at: text(run.next_run_at),
        }
    }
}

/// A new integration, or a change of one. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct IntegrationChange {
    /// Short name, for a new integration; made from the name when absent.
    #[serde(alias = "slug")]
    pub integration: Option<String>,
    name: Option<String>,
    /// aws_guardduty, mikrotik, syslog or webhook; fixed afterwards.
    #[schema(value_type = Option<String>)]
    provider: Option<Provider>,
    /// pull, push, listener or collector; fixed afterwards.
    #[schema(value_type = Option<String>)]
    mode: Option<Mode>,
    /// Replaces the whole configuration.
    #[schema(value_type = Option<Object>)]
    configuration: Option<serde_json::Value>,
    /// {"everyMinutes": 1 to 10080} or {"cron": "five fields, UTC"}.
    #[schema(value_type = Option<Object>)]
    schedule: Option<Schedule>,
    /// 1 to 40320; null: from the schedule, or learnt.
    #[serde(default, deserialize_with = "crate::api::sources::present")]
    #[schema(value_type = Option<u32>)]
    #[expect(
        clippy::option_option,
        reason = "absent and null mean different things"
    )]
    cadence_minutes: Option<Option<u32>>,
    /// A signing secret or the secret of an access key; sealed, never shown.
    pub secret: Option<String>,
    /// Starts paused for this reason; only for a new integration.
    pub paused: Option<String>,
    /// Retention, rate limit and redaction of its source.
    source: Option<SourcePart>,
    /// Made by this service: accepted so that what was read can be sent back, and ignored.
    #[serde(rename = "externalId")]
    _external_id: Option<String>,
    /// The version that was read; another one meanwhile gives 409.
    pub version: Option<i64>,
}

/// What an integration's source does with its events.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourcePart {
    /// 1 to 3650; null: as the organisation.
    #[serde(default, deserialize_with = "crate::api::sources::present")]
    #[schema(value_type = Option<u32>)]
    #[expect(
        clippy::option_option,
        reason = "absent and null mean different things"
    )]
    retention_days: Option<Option<u32>>,
    /// 0 to 1000000; 0: no limit.
    rate_limit_per_minute: Option<u32>,
    redaction: Option<RedactionBody>,
}

impl IntegrationChange {
    /// Provider and mode of a new integration; the recommended mode where none is named.
    pub(super) fn kind(&self) -> WebResult<(Provider, Mode)> {
        let provider = self.provider.ok_or_else(|| {
            WebError::field(
                "provider",
                "choose aws_guardduty, mikrotik, syslog or webhook",
            )
        })?;
        let mode = self.mode.or_else(|| provider.modes().first().copied());
        Ok((provider, mode.unwrap_or(Mode::Push)))
    }

    /// Refuses a change of what is fixed.
    pub(super) fn keeps_kind(&self, held: &Integration) -> WebResult<()> {
        let fixed = |field, same| {
            if same {
                Ok(())
            } else {
                let text = "it is fixed; make a new integration instead";
                Err(WebError::field(field, text))
            }
        };
        let slug = self.integration.as_deref();
        fixed("integration", slug.is_none_or(|s| s == held.slug.as_str()))?;
        fixed("provider", self.provider.is_none_or(|p| p == held.provider))?;
        fixed("mode", self.mode.is_none_or(|m| m == held.mode))?;
        fixed(
            "paused",
            self.paused.is_none() || self.paused == held.paused,
        )
    }

    /// The settings after the change, in bounds.
    pub(super) fn settings(
        &self,
        provider: Provider,
        mode: Mode,
        held: Option<&Settings>,
    ) -> WebResult<Settings> {
        let configuration = match (&self.configuration, held) {
            (Some(value), _) => super::configuration(provider, mode, value.clone())?,
            (None, Some(held)) => held.configuration.clone(),
            (None, None) => super::configuration(provider, mode, serde_json::json!({}))?,
        };
        let name = self.name.clone().or_else(|| held.map(|h| h.name.clone()));
        let name = name.or_else(|| self.integration.clone());
        let first = (mode == Mode::Pull).then(Schedule::default);
        let schedule = self.schedule.clone().or_else(|| match held {
            Some(held) => held.schedule.clone(),
            None => first,
        });
        super::checked(Settings {
            name: name.unwrap_or_default().trim().to_owned(),
            configuration,
            schedule,
            cadence_minutes: self
                .cadence_minutes
                .unwrap_or_else(|| held.and_then(|h| h.cadence_minutes)),
        })
    }

    /// The source's settings after the change, in bounds.
    pub(super) fn source_settings(&self, now: SourceSettings) -> WebResult<SourceSettings> {
        let Some(part) = &self.source else {
            return Ok(now);
        };
        let redaction = part.redaction.as_ref();
        let settings = SourceSettings {
            retention_days: part.retention_days.unwrap_or(now.retention_days),
            rate_limit_per_minute: part
                .rate_limit_per_minute
                .unwrap_or(now.rate_limit_per_minute),
            redaction: redaction.map_or(now.redaction.clone(), Redaction::from),
            ..now
        };
        match settings.problem() {
            Some((field, message)) => Err(WebError::field(field, message)),
            None => Ok(settings),
        }
    }
}

/// Why it is stopped.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    /// At most 200 characters.
    #[serde(default)]
    pub reason: String,
}

/// How credentials are replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rotation {
    /// 0 to 168 hours; 24 when absent.
    pub overlap_hours: Option<i64>,
    /// A secret of yours; made here when absent, except for an access key.
    pub secret: Option<String>,
    /// The id of the new access key.
    pub access_key_id: Option<String>,
}

/// A sample to preview.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sample {
    /// A body or line as the provider sends it; at most 64 KiB.
    #[serde(default)]
    pub sample: String,
}

/// When the run that was asked for is due.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunBody {
    pub next_run_at: Option<String>,
}

/// A verification that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationBody {
    /// What one event has to hold; valid for an hour.
    pub number: String,
    /// Where to ask how far the event has come.
    pub address: String,
}

/// The result of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestBody {
    /// True when nothing failed.
    passed: bool,
    at: String,
    checks: Vec<CheckBody>,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckBody {
    /// resolve, connect, authenticate, permission, list, sample, normalise, key, listen,
    /// heartbeat or arrival.
    name: &'static str,
    /// passed, failed, waiting or skipped.
    outcome: &'static str,
    detail: String,
    /// What to do.
    remedy: Option<String>,
    /// What to paste.
    snippet: Option<String>,
    took_ms: u32,
}

impl From<&Report> for TestBody {
    fn from(report: &Report) -> Self {
        let check = |c: &domain::integration::check::Check| CheckBody {
            name: c.name.word(),
            outcome: c.outcome.word(),
            detail: c.detail.clone(),
            remedy: c.remedy.as_ref().map(|r| r.text.clone().into_owned()),
            snippet: c.remedy.as_ref().and_then(|r| r.snippet.clone()),
            took_ms: c.took_ms,
        };
        Self {
            passed: report.passed(),
            at: report.at.to_string(),
            checks: report.checks.iter().map(check).collect(),
        }
    }
}

/// What a sample would become.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewBody {
    sample: String,
    items: Vec<PreviewItem>,
}

/// One item of a sample.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewItem {
    /// The item as it was found in the sample.
    raw: String,
    /// The event it becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    event: Option<serde_json::Value>,
    /// Why it becomes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Said>,
    /// What was mended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Said>,
}

/// Something about a field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Said {
    field: String,
    message: String,
}

impl PreviewBody {
    pub(super) fn new(sample: String, items: Vec<Previewed>) -> Self {
        Self {
            sample,
            items: items.into_iter().map(PreviewItem::from).collect(),
        }
    }
}

impl From<Previewed> for PreviewItem {
    fn from(previewed: Previewed) -> Self {
        let (event, error, notes) = match previewed.result {
            Ok((event, notes)) => (Some(crate::connect::preview::shown(&event)), None, notes),
            Err(problem) => {
                let said = Said {
                    field: problem.field,
                    message: problem.message,
                };
                (None, Some(said), Vec::new())
            }
        };
        let said = |note: normalize::Note| Said {
            field: note.field,
            message: note.message,
        };
        Self {
            raw: previewed.raw,
            event,
            error,
            warnings: notes.into_iter().map(said).collect(),
        }
    }
}
