//! The fields of an integration's forms, as typed, and what they mean.

use std::collections::BTreeMap;

use domain::integration::config::{
    Credentials, Devices, GuarddutyPull, GuarddutyPush, Signature, Webhook,
};
use domain::integration::schedule::DEFAULT_EVERY;
use domain::integration::{Configuration, Mode, Provider, Schedule, Settings};
use domain::redaction::Redaction;
use domain::source::{DEFAULT_RATE_LIMIT, SourceSettings};
use domain::tenant::Slug;

use crate::page::FieldErrors;
use crate::pages::source::{attributes, treatment, treatment_word};
use crate::pages::sources::capital;

/// Longest value of a field, in bytes.
const MAX_VALUE: usize = 8192;

/// Names of the fields of each step of the wizard. Others are ignored, the external id among
/// them.
pub(crate) const STEPS: [&[&str]; 7] = [
    &["provider"],
    &["mode"],
    &[
        "name",
        "slug",
        "roleArn",
        "regions",
        "minSeverity",
        "credentials",
        "accessKeyId",
        "accounts",
        "signature",
        "items",
        "mapping",
        "listen",
        "allow",
        "zone",
    ],
    &["schedule", "every", "cron", "cadenceMinutes"],
    &[
        "retentionDays",
        "rateLimitPerMinute",
        "resourceId",
        "attributes",
    ],
    &["skip"],
    &[],
];

/// Values by field name, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(pub BTreeMap<String, String>);

impl Fields {
    /// A value; empty when there is none.
    pub(crate) fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A value, or what stands there at first.
    pub(crate) fn or<'a>(&'a self, name: &str, first: &'a str) -> &'a str {
        self.0.get(name).map_or(first, String::as_str)
    }

    /// True when the value, or what stands there at first, is this one.
    pub(crate) fn is(&self, name: &str, first: &str, value: &str) -> bool {
        self.or(name, first) == value
    }

    /// Takes over what was posted of the named fields; over-long values are cut.
    pub(crate) fn take(&mut self, posted: &[(String, String)], names: &[&str]) {
        for (name, value) in posted.iter().filter(|(n, _)| names.contains(&n.as_str())) {
            let mut end = value.len().min(MAX_VALUE);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            let text = value.get(..end).unwrap_or_default();
            self.0.insert(name.clone(), text.replace("\r\n", "\n"));
        }
    }

    /// The chosen provider.
    pub(crate) fn provider(&self) -> Option<Provider> {
        Provider::from_word(self.of("provider"))
    }

    /// The chosen mode, when the provider has it.
    pub(crate) fn mode(&self) -> Option<Mode> {
        let provider = self.provider()?;
        Mode::from_word(self.of("mode")).filter(|m| provider.modes().contains(m))
    }

    /// Words separated by commas, spaces or lines.
    fn list(&self, name: &str) -> Vec<String> {
        let separator = |c: char| c == ',' || c.is_whitespace();
        let words = self.of(name).split(separator).filter(|w| !w.is_empty());
        words.map(str::to_owned).collect()
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.of(name).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// How requests are signed.
    pub(crate) fn signature(&self, provider: Provider) -> Signature {
        let first = match provider {
            Provider::AwsGuardduty => Signature::ApiKey,
            _ => Signature::StandardWebhooks,
        };
        Signature::from_word(self.of("signature")).unwrap_or(first)
    }

    /// The configuration; what is out of bounds is told by [`Settings::problem`].
    pub(crate) fn configuration(
        &self,
        provider: Provider,
        mode: Mode,
        errors: &mut FieldErrors,
    ) -> Configuration {
        match (provider, mode) {
            (Provider::AwsGuardduty, Mode::Push) => Configuration::GuarddutyPush(GuarddutyPush {
                signature: self.signature(provider),
                accounts: self.list("accounts"),
            }),
            (Provider::AwsGuardduty, _) => Configuration::GuarddutyPull(self.pull(errors)),
            (Provider::Mikrotik | Provider::Syslog, _) => Configuration::Devices(Devices {
                listen: self.list("listen"),
                allow: self.list("allow"),
                zone: self.text("zone").unwrap_or_else(|| "UTC".to_owned()),
            }),
            (Provider::Webhook, _) => Configuration::Webhook(Webhook {
                signature: self.signature(provider),
                items: self.of("items").trim().to_owned(),
                mapping: self.mapping(errors),
            }),
        }
    }

    fn pull(&self, errors: &mut FieldErrors) -> GuarddutyPull {
        let access_key = self.of("credentials") == "access_key";
        let severity = self.or("minSeverity", "1").trim().parse();
        GuarddutyPull {
            role_arn: self.of("roleArn").trim().to_owned(),
            regions: self.list("regions"),
            min_severity: severity.unwrap_or_else(|_| {
                errors.add("minSeverity", "Choose one of the offered severities.");
                1.0
            }),
            credentials: if access_key {
                Credentials::AccessKey
            } else {
                Credentials::Instance
            },
            access_key_id: self.text("accessKeyId").filter(|_| access_key),
        }
    }

    fn mapping(&self, errors: &mut FieldErrors) -> BTreeMap<String, String> {
        let mut mapping = BTreeMap::new();
        let lines = self.of("mapping").lines().map(str::trim);
        for line in lines.filter(|l| !l.is_empty()) {
            match line.split_once('=') {
                Some((field, path)) => {
                    mapping.insert(field.trim().to_owned(), path.trim().to_owned());
                }
                None => errors.add(
                    "mapping",
                    format!("{line:?} is not of the form field = path."),
                ),
            }
        }
        mapping
    }

    /// The schedule of what is pulled.
    pub(crate) fn schedule(&self, errors: &mut FieldErrors) -> Schedule {
        if self.of("schedule") == "cron" {
            return Schedule::Cron(
                self.of("cron")
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
        let first = DEFAULT_EVERY.to_string();
        let every = self.or("every", &first).trim().parse();
        Schedule::EveryMinutes(every.unwrap_or_else(|_| {
            errors.add("schedule", "Give a whole number of minutes.");
            DEFAULT_EVERY
        }))
    }

    /// All settings; errors stand beside their fields.
    pub(crate) fn settings(
        &self,
        provider: Provider,
        mode: Mode,
        errors: &mut FieldErrors,
    ) -> Settings {
        let cadence = self.text("cadenceMinutes").map(|text| text.parse::<u32>());
        let cadence_minutes = cadence.and_then(|read| {
            if read.is_err() {
                errors.add(
                    "cadenceMinutes",
                    "Give a whole number of minutes, or leave it empty.",
                );
            }
            read.ok()
        });
        let settings = Settings {
            name: self.of("name").trim().to_owned(),
            configuration: self.configuration(provider, mode, errors),
            schedule: (mode == Mode::Pull).then(|| self.schedule(errors)),
            cadence_minutes,
        };
        if let Some((field, message)) = settings.problem() {
            errors.add(field, capital(&message));
        }
        settings
    }

    /// The name in addresses.
    pub(crate) fn slug(&self, errors: &mut FieldErrors) -> Option<Slug> {
        let slug = match self.text("slug") {
            Some(text) => text.parse().ok(),
            None => Slug::suggest(self.of("name")),
        };
        let slug = slug.filter(|s: &Slug| s.as_str() != "new");
        if slug.is_none() && !self.of("name").trim().is_empty() {
            errors.add("slug", capital(&domain::tenant::NotASlug.to_string()));
        }
        slug
    }

    /// What its source does with the events.
    pub(crate) fn source(&self, errors: &mut FieldErrors) -> SourceSettings {
        let retention = self.text("retentionDays").map(|t| t.parse::<u32>());
        if matches!(retention, Some(Err(_))) {
            errors.add("retentionDays", "Give a number of days, or leave it empty.");
        }
        let rate = self.text("rateLimitPerMinute").map(|t| t.parse::<u32>());
        if matches!(rate, Some(Err(_))) {
            errors.add(
                "rateLimitPerMinute",
                "Give a number of requests a minute; 0 means no limit.",
            );
        }
        let name = self.of("name").trim();
        let settings = SourceSettings {
            retention_days: retention.and_then(Result::ok),
            rate_limit_per_minute: rate.and_then(Result::ok).unwrap_or(DEFAULT_RATE_LIMIT),
            redaction: Redaction {
                resource_id: treatment(self.of("resourceId")).unwrap_or_default(),
                attributes: attributes(self.of("attributes"), errors),
            },
            ..SourceSettings::named(name)
        };
        if let Some((field, message)) = settings.problem().filter(|(f, _)| *f != "name") {
            errors.add(field, capital(message));
        }
        settings
    }

    /// The fields of an existing integration.
    pub(crate) fn of_settings(settings: &Settings, source: &SourceSettings) -> Self {
        let mut fields = BTreeMap::new();
        let mut put = |name: &str, value: String| {
            fields.insert(name.to_owned(), value);
        };
        put("name", settings.name.clone());
        put_configuration(&settings.configuration, &mut put);
        match &settings.schedule {
            Some(Schedule::EveryMinutes(minutes)) => put("every", minutes.to_string()),
            Some(Schedule::Cron(line)) => {
                put("schedule", "cron".to_owned());
                put("cron", line.clone());
            }
            None => {}
        }
        let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
        put("cadenceMinutes", number(settings.cadence_minutes));
        put("retentionDays", number(source.retention_days));
        put(
            "rateLimitPerMinute",
            source.rate_limit_per_minute.to_string(),
        );
        put(
            "resourceId",
            treatment_word(source.redaction.resource_id).to_owned(),
        );
        let kept = source.redaction.attributes.iter();
        put(
            "attributes",
            lines(kept.map(|(n, t)| format!("{n} = {}", treatment_word(*t)))),
        );
        Self(fields)
    }
}

/// The fields of a configuration.
fn put_configuration(configuration: &Configuration, put: &mut impl FnMut(&str, String)) {
    match configuration {
        Configuration::GuarddutyPull(pull) => {
            put("roleArn", pull.role_arn.clone());
            put("regions", pull.regions.join(", "));
            put("minSeverity", pull.min_severity.to_string());
            let key = pull.credentials == Credentials::AccessKey;
            put(
                "credentials",
                if key { "access_key" } else { "instance" }.to_owned(),
            );
            put(
                "accessKeyId",
                pull.access_key_id.clone().unwrap_or_default(),
            );
        }
        Configuration::GuarddutyPush(push) => {
            put("signature", push.signature.word().to_owned());
            put("accounts", push.accounts.join(", "));
        }
        Configuration::Devices(devices) => {
            put("listen", devices.listen.join("\n"));
            put("allow", devices.allow.join("\n"));
            put("zone", devices.zone.clone());
        }
        Configuration::Webhook(webhook) => {
            put("signature", webhook.signature.word().to_owned());
            put("items", webhook.items.clone());
            put(
                "mapping",
                lines(webhook.mapping.iter().map(|(f, p)| format!("{f} = {p}"))),
            );
        }
    }
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pairs = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Fields(pairs.collect())
    }

    #[test]
    fn settings_survive_the_form() {
        for (provider, mode, typed) in [
            (
                Provider::AwsGuardduty,
                Mode::Pull,
                fields(&[
                    ("name", "GD"),
                    ("roleArn", "arn:aws:iam::123456789012:role/r"),
                    ("regions", "eu-west-1, us-east-1"),
                    ("minSeverity", "4"),
                    ("credentials", "access_key"),
                    ("accessKeyId", "AKIAIOSFODNN7EXAMPLE"),
                    ("schedule", "cron"),
                    ("cron", " */15  * * * * "),
                    ("retentionDays", "30"),
                ]),
            ),
            (
                Provider::AwsGuardduty,
                Mode::Push,
                fields(&[("name", "GD"), ("accounts", "123456789012 210987654321")]),
            ),
            (
                Provider::Mikrotik,
                Mode::Listener,
                fields(&[
                    ("name", "R"),
                    ("listen", "udp://0.0.0.0:5514\ntcp://0.0.0.0:5514"),
                    ("allow", "192.168.88.0/24"),
                    ("zone", "Europe/Berlin"),
                ]),
            ),
            (
                Provider::Webhook,
                Mode::Push,
                fields(&[
                    ("name", "H"),
                    ("signature", "github"),
                    ("items", "events"),
                    ("mapping", "actor = sender.login\naction=event"),
                    ("attributes", "password = drop"),
                    ("cadenceMinutes", "60"),
                ]),
            ),
        ] {
            let mut errors = FieldErrors::default();
            let settings = typed.settings(provider, mode, &mut errors);
            let source = typed.source(&mut errors);
            assert!(errors.is_empty(), "{errors:?}");
            let again = Fields::of_settings(&settings, &source);
            let read = (
                again.settings(provider, mode, &mut errors),
                again.source(&mut errors),
            );
            assert_eq!(read, (settings, source));
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    #[test]
    fn errors_stand_beside_their_fields() {
        let wrong = fields(&[
            ("name", "GD"),
            ("roleArn", "arn:aws:iam::1:role/r"),
            ("regions", "eu-west-1"),
            ("every", "soon"),
            ("cadenceMinutes", "x"),
            ("retentionDays", "long"),
            ("rateLimitPerMinute", "-1"),
            ("attributes", "nonsense"),
            ("slug", "-"),
        ]);
        let mut errors = FieldErrors::default();
        wrong.settings(Provider::AwsGuardduty, Mode::Pull, &mut errors);
        wrong.source(&mut errors);
        assert_eq!(wrong.slug(&mut errors), None);
        for field in [
            "roleArn",
            "schedule",
            "cadenceMinutes",
            "retentionDays",
            "rateLimitPerMinute",
            "redaction.attributes",
            "slug",
        ] {
            assert!(errors.of(field).is_some(), "{field}");
        }
    }

    #[test]
    fn only_the_fields_of_a_step_are_taken() {
        let mut held = Fields::default();
        let posted = [
            ("externalId", "mine"),
            ("name", "x"),
            ("provider", "webhook"),
        ];
        let posted: Vec<_> = posted
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        held.take(&posted, STEPS[2]);
        assert_eq!(held, fields(&[("name", "x")]));
        held.take(&[("name".to_owned(), "é".repeat(MAX_VALUE))], STEPS[2]);
        assert_eq!(held.of("name").len(), MAX_VALUE);
    }
}
