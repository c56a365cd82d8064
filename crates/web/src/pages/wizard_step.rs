//! What each step of the wizard asks, checks and shows.

use domain::integration::check::Report;
use domain::integration::{Mode, Provider, Schedule, Settings};
use domain::time::Zone;
use store::Scope;
use store::drafts::Draft;
use store::secrets::{self, Owner};

use super::integrations::fields::Fields;
use super::integrations::words;
use crate::app::App;
use crate::connect::credential::Credential;
use crate::connect::preview::{Previewed, shown};
use crate::error::WebResult;
use crate::page::{FieldErrors, visible};

/// A sample event before and after redaction.
pub(crate) struct Before {
    pub sample: String,
    pub sent: String,
    pub stored: String,
}

/// The answers so far.
pub(crate) struct Answers<'a> {
    fields: &'a Fields,
    pub provider: Option<Provider>,
    pub mode: Option<Mode>,
}

impl<'a> Answers<'a> {
    pub(crate) fn of(fields: &'a Fields) -> Self {
        Self {
            provider: fields.provider(),
            mode: fields.mode(),
            fields,
        }
    }

    /// Provider and mode, once both are chosen.
    pub(crate) fn kind(&self) -> Option<(Provider, Mode)> {
        Some((self.provider?, self.mode?))
    }

    /// The settings, when nothing is wrong with them.
    pub(crate) fn settings(&self, errors: &mut FieldErrors) -> Option<Settings> {
        let (provider, mode) = self.kind()?;
        let settings = self.fields.settings(provider, mode, errors);
        errors.is_empty().then_some(settings)
    }

    /// The next five runs in the organisation's zone.
    pub(crate) fn upcoming(&self, scope: &Scope) -> Vec<String> {
        if self.mode != Some(Mode::Pull) {
            return Vec::new();
        }
        let schedule = self.fields.schedule(&mut FieldErrors::default());
        times(&schedule, scope)
    }

    /// The sample before and after redaction.
    pub(crate) fn before(&self, app: &App, scope: &Scope) -> Option<Before> {
        let (provider, mode) = self.kind()?;
        let mut errors = FieldErrors::default();
        let settings = self.fields.settings(provider, mode, &mut errors);
        let source = self.fields.source(&mut errors);
        let read = super::wizard::twice(app, scope, (provider, &settings), &source.redaction);
        Some(read)
    }

    /// Everything that was chosen.
    pub(crate) fn summary(&self, external_id: &str) -> Vec<(&'static str, String)> {
        let mut errors = FieldErrors::default();
        let Some((provider, mode)) = self.kind() else {
            return Vec::new();
        };
        let settings = self.fields.settings(provider, mode, &mut errors);
        let source = self.fields.source(&mut errors);
        let mut rows = vec![
            ("Name", settings.name.clone()),
            (
                "Address",
                self.fields
                    .slug(&mut errors)
                    .map_or_else(String::new, |s| format!("/integrations/{s}")),
            ),
            ("Provider", provider.title().to_owned()),
            ("Mode", mode.title().to_owned()),
        ];
        rows.extend(words::summary(&settings.configuration, external_id));
        if let Some(schedule) = &settings.schedule {
            rows.push(("Schedule", schedule.words()));
            rows.push(("Requests", calls(&settings, schedule)));
        }
        rows.push((
            "Expected",
            settings
                .cadence_minutes
                .map_or("learnt from what arrives".to_owned(), |m| {
                    format!("every {m} minutes")
                }),
        ));
        rows.push((
            "Raw events kept",
            source
                .retention_days
                .map_or("as the organisation".to_owned(), |d| format!("{d} days")),
        ));
        rows
    }
}

/// About how many requests a day a pull makes: one list and one fetch per region and run.
fn calls(settings: &Settings, schedule: &Schedule) -> String {
    use domain::integration::Configuration;
    use domain::time::{DAY_US, Timestamp};
    let regions = match &settings.configuration {
        Configuration::GuarddutyPull(pull) => pull.regions.len(),
        _ => 1,
    };
    let day = Timestamp::from_micros(0);
    let until = day.plus(DAY_US);
    let runs = std::iter::successors(schedule.next(day), |at| schedule.next(*at));
    let runs = runs.take_while(|at| *at <= until).count();
    format!("about {} API calls a day", runs * regions * 2)
}

/// The next five due times of a schedule.
pub(crate) fn times(schedule: &Schedule, scope: &Scope) -> Vec<String> {
    let zone: &Zone = &scope.tenant.scoring.zone;
    let times = schedule.upcoming(scope.now, 5);
    times
        .iter()
        .map(|at| zone.format(*at, "%a %-d %b %H:%M"))
        .collect()
}

/// The furthest step whose answers still hold: another provider or mode asks the later ones anew.
pub(crate) fn reached(draft: &Draft, fields: &Fields, step: u8) -> u8 {
    let before = Fields(draft.fields.clone());
    let changed = before.provider() != fields.provider() || before.mode() != fields.mode();
    if changed { step } else { draft.step }
}

/// Checks the answers of one step.
pub(crate) async fn check(
    scope: &Scope,
    draft: &Draft,
    fields: &Fields,
    step: u8,
    errors: &mut FieldErrors,
) -> WebResult<()> {
    let answers = Answers::of(fields);
    match (step, answers.kind()) {
        (1, _) if answers.provider.is_none() => errors.add("provider", "Choose a provider."),
        (2, _) if answers.mode.is_none() => errors.add("mode", "Choose how it arrives."),
        (3, Some(kind)) => configuration(scope, draft, fields, kind, errors).await?,
        (4, Some((provider, mode))) => {
            let mut all = FieldErrors::default();
            fields.settings(provider, mode, &mut all);
            for field in ["schedule", "cadenceMinutes"] {
                if let Some(message) = all.of(field) {
                    errors.add(field, message.clone());
                }
            }
        }
        (5, _) => drop(fields.source(errors)),
        (6, _) => {
            let tested = draft.last_test.as_ref().is_some_and(Report::passed);
            if !tested && fields.of("skip").trim().is_empty() {
                errors.add(
                    "skip",
                    "Run the test until nothing fails, or say why you go on without.",
                );
            }
        }
        _ => {}
    }
    Ok(())
}

async fn configuration(
    scope: &Scope,
    draft: &Draft,
    fields: &Fields,
    (provider, mode): (Provider, Mode),
    errors: &mut FieldErrors,
) -> WebResult<()> {
    let settings = fields.settings(provider, mode, errors);
    fields.slug(errors);
    let credential = Credential::of(mode, &settings.configuration);
    if credential == Credential::AccessKey {
        let owner = Owner::Draft(draft.code.clone());
        let held = secrets::list(scope, &owner).await?;
        if !held
            .iter()
            .any(|s| Some(s.field.as_str()) == credential.field())
        {
            errors.add("secret", "Give the secret that belongs to the access key.");
        }
    }
    let taken = match fields.slug(&mut FieldErrors::default()) {
        Some(slug) => store::sources::find(scope, slug.as_str()).await.is_ok(),
        None => false,
    };
    if taken {
        errors.add(
            "slug",
            "A source or integration of that short name exists already.",
        );
    }
    Ok(())
}

/// Why the integration starts paused: the test did not pass.
pub(crate) fn paused(draft: &Draft, fields: &Fields) -> Option<String> {
    let tested = draft.last_test.as_ref().is_some_and(Report::passed);
    let reason = fields.of("skip").trim();
    let reason: String = reason
        .chars()
        .filter(|c| !c.is_control())
        .take(150)
        .collect();
    (!tested).then(|| format!("created without a passed test: {reason}"))
}

/// What a sample becomes, as indented JSON or as the reason why not.
pub(crate) fn said(items: &[Previewed]) -> String {
    let one = |item: &Previewed| match &item.result {
        Ok((event, _)) => serde_json::to_string_pretty(&shown(event)).unwrap_or_default(),
        Err(problem) => format!("{}: {}", problem.field, problem.message),
    };
    let all: Vec<String> = items.iter().map(one).collect();
    visible_lines(&all.join("\n"))
}

fn visible_lines(text: &str) -> String {
    text.lines()
        .map(|l| visible(l).into_owned())
        .collect::<Vec<_>>()
        .join("\n")
}
