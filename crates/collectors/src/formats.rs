//! One place that knows how to read what each provider sends: posted bodies, syslog lines,
//! findings. Pull, push, listeners and previews all come through here.

use domain::integration::{Configuration, Provider};
use domain::time::{Timestamp, Zone};
use normalize::formats::{self, Format, Reading};
use normalize::record::Context;
use normalize::{Copies, Intake, Reception, Verdict};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::webhook::mapping;

/// Cuts a posted body into the items of its provider.
pub fn items(body: &[u8], configuration: &Configuration) -> Result<Vec<String>, String> {
    match configuration {
        Configuration::Webhook(webhook) => mapping::items(body, webhook).map_err(|e| e.to_string()),
        Configuration::GuarddutyPush(push) => findings(body, &push.accounts),
        Configuration::GuarddutyPull(_) => findings(body, &[]),
        Configuration::Devices(_) => {
            let text = String::from_utf8_lossy(body);
            Ok(text.lines().map(str::to_owned).collect())
        }
    }
}

/// Decides about one item that was posted, pulled or pasted into a preview. `zone` is that of
/// times without one. An item that names nobody is the provider's own word.
pub fn accept(
    provider: Provider,
    raw: &str,
    zone: &Zone,
    intake: &Intake<'_>,
    copies: &mut Copies,
) -> Verdict {
    // Findings have an identity of their own, and of a preview nothing is stored.
    let reception = Reception {
        device: provider.word(),
        sequence: 0,
    };
    match provider {
        Provider::Webhook => normalize::accept(raw, intake, copies),
        _ => line(provider, raw.as_bytes(), zone, intake, &reception),
    }
}

/// Decides about one line of a device, or one finding.
pub fn line(
    provider: Provider,
    bytes: &[u8],
    zone: &Zone,
    intake: &Intake<'_>,
    reception: &Reception<'_>,
) -> Verdict {
    let received_at = intake.received_at();
    let context = Context { received_at, zone };
    match formats::read(format(provider), bytes, &context) {
        Ok(Reading::Record(record)) => record.into_event(intake, reception),
        Ok(Reading::Event(event, notes)) => Verdict::Accepted(*event, notes),
        Err(problem) => Verdict::Rejected(problem),
    }
}

/// How lines of a provider are read.
pub fn format(provider: Provider) -> Format {
    match provider {
        Provider::Webhook => Format::Json,
        Provider::AwsGuardduty => Format::Guardduty,
        Provider::Mikrotik => Format::Mikrotik,
        Provider::Syslog => Format::Syslog,
    }
}

/// GuardDuty findings as EventBridge posts them (`detail` of an envelope whose `detail-type` is
/// `GuardDuty Finding`), as an S3 export writes them (one a line), or as an array.
fn findings(body: &[u8], accounts: &[String]) -> Result<Vec<String>, String> {
    let lines = match normalize::body::split(body, false).map_err(|e| e.to_string())? {
        normalize::body::Body::Single(item) => vec![Ok(item)],
        normalize::body::Body::Batch(items) => items,
    };
    let mut found = Vec::with_capacity(lines.len());
    for line in lines {
        let line = line.map_err(|problem| problem.message)?;
        let finding = envelope(line).unwrap_or(line);
        if accounts.is_empty() || account(finding).is_some_and(|a| accounts.contains(&a)) {
            found.push(finding.to_owned());
        }
    }
    Ok(found)
}

/// The finding inside an EventBridge envelope.
fn envelope(text: &str) -> Option<&str> {
    let fields: std::collections::BTreeMap<&str, &RawValue> = serde_json::from_str(text).ok()?;
    fields.get("detail-type")?;
    Some(fields.get("detail")?.get())
}

fn account(finding: &str) -> Option<String> {
    let value: Value = serde_json::from_str(finding).ok()?;
    let account = value.get("accountId").or_else(|| value.get("AccountId"))?;
    account.as_str().map(str::to_owned)
}

/// A line or body as the provider sends it, for previews before anything has arrived. The names
/// and numbers are the documentation's; times are filled in with `now`.
pub fn sample(provider: Provider, now: Timestamp) -> String {
    match provider {
        Provider::Webhook => format!(
            r#"{{"timestamp":"{now}","actor":"jane@example.org","action":"file.download","resource":"document","resourceId":"finance/plan.xlsx","ip":"203.0.113.9","bytes":52428800,"success":true}}"#
        ),
        Provider::AwsGuardduty => format!(
            r#"{{"detail-type":"GuardDuty Finding","detail":{{"schemaVersion":"2.0","accountId":"123456789012","region":"eu-central-1","id":"0123456789abcdef0123456789abcdef","type":"UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B","severity":5,"updatedAt":"{now}","resource":{{"resourceType":"AccessKey","accessKeyDetails":{{"userName":"jane"}}}},"service":{{"action":{{"actionType":"AWS_API_CALL"}}}}}}}}"#
        ),
        Provider::Mikrotik => {
            format!("{now} gw1 system,info,account user admin logged in from 192.0.2.7 via ssh")
        }
        Provider::Syslog => {
            "<38>1 2026-03-02T12:00:00Z host1 sshd 4242 - - Accepted publickey for jane from 203.0.113.9 port 51022 ssh2".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::integration::config::GuarddutyPush;

    fn push(accounts: &[&str]) -> Configuration {
        Configuration::GuarddutyPush(GuarddutyPush {
            accounts: accounts.iter().map(|a| (*a).to_owned()).collect(),
            ..GuarddutyPush::default()
        })
    }

    #[test]
    fn findings_are_unwrapped_whatever_carries_them() {
        let finding = r#"{"accountId":"123456789012","id":"x"}"#;
        let envelope =
            format!(r#"{{"version":"0","detail-type":"GuardDuty Finding","detail":{finding}}}"#);
        let any = push(&[]);
        assert_eq!(items(envelope.as_bytes(), &any).unwrap(), [finding]);
        assert_eq!(items(finding.as_bytes(), &any).unwrap(), [finding]);
        let pascal = r#"{"AccountId":"210987654321","Id":"y"}"#;
        let export = format!("{finding}\n{pascal}\n");
        assert_eq!(items(export.as_bytes(), &any).unwrap(), [finding, pascal]);
        assert_eq!(
            items(
                format!("[{finding},{pascal}]").as_bytes(),
                &push(&["210987654321"])
            )
            .unwrap(),
            [pascal]
        );
        assert!(items(b"nonsense", &any).is_err());
    }

    fn verdict(provider: Provider, raw: &str) -> Verdict {
        let redaction = domain::redaction::Redaction::default();
        let tenant = domain::id::TenantKey(uuid::Uuid::nil());
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let intake = Intake::new(tenant, domain::id::SourceId(1), &redaction, None, now).unwrap();
        accept(provider, raw, &Zone::utc(), &intake, &mut Copies::default())
    }

    #[test]
    fn samples_become_events_of_the_actor_they_are_about() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        for (provider, actor) in [
            (Provider::Webhook, "jane@example.org"),
            (Provider::AwsGuardduty, "jane"),
            (Provider::Mikrotik, "admin"),
            (Provider::Syslog, "jane"),
        ] {
            match verdict(provider, &sample(provider, now)) {
                Verdict::Accepted(event, _) => assert_eq!(event.actor, actor),
                other => panic!("{provider}: {other:?}"),
            }
        }
        let nobody = verdict(
            Provider::Mikrotik,
            "2026-03-02T12:00:00Z gw1 system,info router rebooted",
        );
        let Verdict::Accepted(event, _) = nobody else {
            panic!("{nobody:?}");
        };
        assert_eq!(event.actor_kind, Some(domain::actor::ActorKind::Device));
    }

    #[test]
    fn the_sample_envelope_passes_the_account_filter() {
        let body = sample(Provider::AwsGuardduty, domain::time::Timestamp::default());
        assert_eq!(
            items(body.as_bytes(), &push(&["123456789012"]))
                .unwrap()
                .len(),
            1
        );
    }
}
