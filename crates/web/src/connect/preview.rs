//! What a sample would become: the mapping preview.

use collectors::formats;
use domain::event::Event;
use domain::id::SourceId;
use domain::integration::{Configuration, Provider};
use domain::redaction::Redaction;
use domain::tenant::Tenant;
use domain::time::{Timestamp, Zone};
use normalize::{Copies, Intake, Note, Problem, Verdict};

use crate::app::App;
use crate::error::{WebError, WebResult};

/// Most bytes of a sample.
pub(crate) const MAX_SAMPLE: usize = 64 * 1024;
/// Most items of a sample that are shown.
const MAX_ITEMS: usize = 20;

/// One item of a sample.
#[derive(Debug)]
pub(crate) struct Previewed {
    /// The item as it would be handed over.
    pub raw: String,
    /// The event it becomes, or why it does not.
    pub result: Result<(Event, Vec<Note>), Problem>,
}

/// Reads a sample as the integration would, without storing anything.
pub(crate) fn preview(
    app: &App,
    tenant: &Tenant,
    provider: Provider,
    configuration: &Configuration,
    redaction: &Redaction,
    sample: &str,
) -> WebResult<Vec<Previewed>> {
    if sample.len() > MAX_SAMPLE {
        return Err(WebError::field("sample", "a sample has at most 64 KiB"));
    }
    let items = formats::items(sample.as_bytes(), configuration)
        .map_err(|message| WebError::field("sample", message))?;
    let key = app.settings().keys.redaction(tenant.key);
    let intake = Intake::new(tenant.key, SourceId(0), redaction, Some(&key), app.now())
        .map_err(|e| WebError::bad_request(e.to_string()))?;
    let zone = match configuration {
        Configuration::Devices(devices) => Zone::named(&devices.zone).ok(),
        _ => None,
    };
    let zone = zone.unwrap_or_else(Zone::utc);
    let mut copies = Copies::default();
    let mut one = |raw: String| Previewed {
        result: match formats::accept(provider, &raw, &zone, &intake, &mut copies) {
            Verdict::Accepted(event, notes) => Ok((event, notes)),
            Verdict::Quarantined(_, reason) => Err(Problem {
                field: "timestamp".to_owned(),
                message: reason,
            }),
            Verdict::Rejected(problem) => Err(problem),
        },
        raw,
    };
    Ok(items.into_iter().take(MAX_ITEMS).map(&mut one).collect())
}

/// The sample that is shown until somebody pastes their own.
pub(crate) fn sample(provider: Provider, now: Timestamp) -> String {
    formats::sample(provider, now)
}

/// An event as previews show it: what is absent is left out.
pub(crate) fn shown(event: &Event) -> serde_json::Value {
    let attributes = event.attributes.as_deref();
    let attributes = attributes.and_then(|text| serde_json::from_str(text).ok());
    let mut fields = serde_json::json!({
        "timestamp": event.occurred_at.to_string(),
        "actor": event.actor,
        "action": event.action,
        "outcome": event.outcome.word(),
        "resource": event.resource,
        "resourceId": event.resource_id,
        "ip": event.ip,
        "userAgent": event.user_agent,
        "bytes": event.bytes,
        "severity": event.severity.map(domain::severity::Severity::word),
        "host": event.host,
        "app": event.app,
        "attributes": attributes.unwrap_or(serde_json::Value::Null),
    });
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}
