//! The three calls of a pull.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_guardduty::Client;
use aws_sdk_guardduty::types::{Condition, FindingCriteria, OrderBy, SortCriteria};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use collectors::guardduty::{Fetched, Listed, MAX_IDS};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::refusal::Refusal;

/// The names of the calls.
pub(crate) const LIST_DETECTORS: &str = "guardduty:ListDetectors";
/// See [`LIST_DETECTORS`].
pub(crate) const LIST_FINDINGS: &str = "guardduty:ListFindings";
/// See [`LIST_DETECTORS`].
pub(crate) const GET_FINDINGS: &str = "guardduty:GetFindings";

/// The detector of a region; `None` where GuardDuty is not enabled. AWS allows one a region.
pub(crate) async fn detector(client: &Client, region: &str) -> Result<Option<String>, Refusal> {
    let listed = client
        .list_detectors()
        .send()
        .await
        .map_err(|error| Refusal::of(LIST_DETECTORS, region, &error))?;
    let first = listed.detector_ids().first();
    Ok(first.filter(|id| (1..=300).contains(&id.len())).cloned())
}

/// One page of findings updated since an instant, oldest update first.
pub(crate) async fn list(
    client: &Client,
    (region, detector): (&str, &str),
    (since, token): (Timestamp, Option<String>),
    min_severity: f64,
) -> Result<Listed, Refusal> {
    let at_least = |value: i64| Condition::builder().greater_than_or_equal(value).build();
    let mut criteria =
        FindingCriteria::builder().criterion("updatedAt", at_least(since.micros() / 1000));
    if min_severity > 1.0 {
        criteria = criteria.criterion("severity", at_least(min_severity.floor() as i64));
    }
    let order = SortCriteria::builder()
        .attribute_name("updatedAt")
        .order_by(OrderBy::Asc)
        .build();
    let listed = client
        .list_findings()
        .detector_id(detector)
        .finding_criteria(criteria.build())
        .sort_criteria(order)
        .max_results(MAX_IDS as i32)
        .set_next_token(token)
        .send()
        .await
        .map_err(|error| Refusal::of(LIST_FINDINGS, region, &error))?;
    Ok(Listed {
        next: listed.next_token,
        ids: listed.finding_ids.unwrap_or_default(),
    })
}

/// A finding as it was sent, with what the run must know of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// The text of one JSON object.
    pub(crate) raw: String,
    /// Identity and update; `None` when it does not say.
    pub(crate) fetched: Option<Fetched>,
    /// Its severity, where it is a number.
    pub(crate) severity: Option<f64>,
}

/// The findings of at most [`MAX_IDS`] ids.
///
/// Each is taken as it was sent, not as the SDK understands it: parts this version of the SDK does
/// not know are kept, and one finding of an unexpected shape fails alone, not with its page.
pub(crate) async fn fetch(
    client: &Client,
    (region, detector): (&str, &str),
    ids: Vec<String>,
) -> Result<Vec<Finding>, Refusal> {
    let answer = Answer::default();
    let sent = client
        .get_findings()
        .detector_id(detector)
        .set_finding_ids(Some(ids))
        .customize()
        .interceptor(answer.clone())
        .send()
        .await;
    match answer.take() {
        Some(body) => read(&body).ok_or_else(|| Refusal::unreadable(GET_FINDINGS, region)),
        None => match sent {
            Err(error) => Err(Refusal::of(GET_FINDINGS, region, &error)),
            Ok(_) => Err(Refusal::unreadable(GET_FINDINGS, region)),
        },
    }
}

/// The body of a successful answer.
#[derive(Debug, Clone, Default)]
struct Answer(Arc<Mutex<Option<String>>>);

impl Answer {
    fn take(&self) -> Option<String> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.take()
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success()
            && let Some(body) = response.body().bytes()
        {
            let text = String::from_utf8_lossy(body).into_owned();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    findings: Vec<&'a RawValue>,
}

/// The findings of a body; `None` when it is no answer of GetFindings. More than were asked for
/// are left out.
fn read(body: &str) -> Option<Vec<Finding>> {
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    let findings = body.findings.into_iter().take(MAX_IDS);
    Some(findings.map(|raw| finding(raw.get())).collect())
}

fn finding(raw: &str) -> Finding {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let updated_at = text("updatedAt").and_then(|at| at.parse::<Timestamp>().ok());
    let fetched = text("id").zip(updated_at).map(|(id, updated_at)| Fetched {
        id: id.to_owned(),
        updated_at,
    });
    Finding {
        raw: raw.to_owned(),
        fetched,
        severity: value.get("severity").and_then(Value::as_f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_finding_does_not_spoil_its_page() {
        let body = r#"{"findings":[
            {"id":"a","updatedAt":"2026-03-02T10:00:00.000Z","severity":5.5,"new":{"part":1}},
            {"id":7,"updatedAt":"2026-03-02T10:00:00.000Z"},
            {"id":"c","updatedAt":"yesterday","severity":"high"},
            "nonsense"]}"#;
        let found = read(body).unwrap();
        assert_eq!(found.len(), 4);
        assert!(found[0].raw.contains(r#""new":{"part":1}"#));
        assert_eq!(found[0].severity, Some(5.5));
        assert_eq!(found[0].fetched.as_ref().unwrap().id, "a");
        assert!(
            found[1..]
                .iter()
                .all(|f| f.fetched.is_none() && f.severity.is_none())
        );
    }

    #[test]
    fn what_is_no_answer_is_told_from_an_empty_one() {
        assert_eq!(read(r#"{"findings":[]}"#), Some(Vec::new()));
        for odd in ["", "[]", "{}", r#"{"findings":{}}"#, "<html>"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        let many = format!(r#"{{"findings":[{}{{}}]}}"#, "{},".repeat(5000));
        assert_eq!(read(&many).unwrap().len(), MAX_IDS);
    }
}
