//! Name and time zone of the organisation.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::tenant::Tenant;
use domain::time::Zone;
use serde::Deserialize;
use store::tenants::{self, Settings};

use super::{Meanwhile, ROOM, Tab, meanwhile, message, tabs};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Form;
use crate::page::{FieldErrors, Page, Shell, page};

#[derive(Template)]
#[template(path = "settings_general.html")]
struct GeneralPage {
    shell: Shell,
    tabs: Vec<Tab>,
    tenant: Tenant,
    name: String,
    zone: String,
    errors: FieldErrors,
    meanwhile: Vec<Meanwhile>,
    /// What the clock shows in the organisation's zone.
    clock: String,
}

/// The section.
pub(crate) async fn show(
    who: Require<permit::RetentionManage>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let mut template = general_page(&who).await?;
    template.shell = template.shell.with_message(message(query.as_deref()));
    Ok(page(template).into_response())
}

async fn general_page<P>(who: &Require<P>) -> WebResult<GeneralPage> {
    let tenant = who.scope.tenant.clone();
    let zone = &tenant.scoring.zone;
    Ok(GeneralPage {
        shell: Shell::of(who, ROOM, "General – Settings").await?,
        tabs: tabs(who.user.role, ROOM),
        name: tenant.name.clone(),
        zone: zone.name().to_owned(),
        clock: zone.format(who.scope.now, "%H:%M"),
        errors: FieldErrors::default(),
        meanwhile: Vec::new(),
        tenant,
    })
}

/// The posted section, with the values it was opened with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeneralForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    was_name: String,
    was_zone: String,
    name: String,
    zone: String,
}

impl GeneralForm {
    fn settings(&self, before: &Tenant) -> Result<Settings, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut settings = Settings::from(before);
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 100 {
            errors.add("name", "Give a name of 1 to 100 characters.");
        }
        name.clone_into(&mut settings.name);
        match Zone::named(self.zone.trim()) {
            Ok(zone) => settings.scoring.zone = zone,
            Err(problem) => errors.add("zone", format!("{problem}.")),
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

/// Saves the section; a form with errors or a conflict comes back as typed.
pub(crate) async fn update(
    who: Require<permit::RetentionManage>,
    Form(form): Form<GeneralForm>,
) -> WebResult<Response> {
    let before = &who.scope.tenant;
    let moved = meanwhile([
        ("Name", &form.was_name, before.name.clone()),
        (
            "Time zone",
            &form.was_zone,
            before.scoring.zone.name().to_owned(),
        ),
    ]);
    let (status, errors) = match form.settings(before) {
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
        Ok(_) if !moved.is_empty() => (StatusCode::CONFLICT, FieldErrors::default()),
        Ok(settings) if settings == Settings::from(before) => {
            return Ok(Redirect::to("/settings/general?done=same").into_response());
        }
        Ok(settings) => {
            tenants::update(&who.scope, &settings).await?;
            return Ok(Redirect::to("/settings/general?done=general").into_response());
        }
    };
    let template = GeneralPage {
        name: form.name,
        zone: form.zone,
        errors,
        meanwhile: moved,
        ..general_page(&who).await?
    };
    Ok(Page(status, template).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::{TenantId, TenantKey};
    use domain::score::Points;
    use domain::tenant::{RuleSetName, ScoringSettings, Slug};

    fn tenant() -> Tenant {
        Tenant {
            id: TenantId(1),
            key: TenantKey(uuid::Uuid::nil()),
            slug: Slug::first(),
            name: "Harbour".to_owned(),
            scoring: ScoringSettings {
                ruleset: RuleSetName::Classic,
                alert_threshold: Points::whole(60),
                zone: Zone::utc(),
                alert_rate: 5.0,
            },
            retention_days: 90,
            demo: false,
        }
    }

    fn form(name: &str, zone: &str) -> GeneralForm {
        GeneralForm {
            _csrf: String::new(),
            was_name: "Harbour".to_owned(),
            was_zone: "UTC".to_owned(),
            name: name.to_owned(),
            zone: zone.to_owned(),
        }
    }

    #[test]
    fn only_name_and_zone_change() {
        let read = form(" Finch ", "europe/berlin")
            .settings(&tenant())
            .unwrap();
        assert_eq!(read.name, "Finch");
        assert_eq!(read.scoring.zone.name(), "Europe/Berlin");
        assert_eq!(read.retention_days, 90);
        assert_eq!(read.scoring.alert_threshold, Points::whole(60));
    }

    #[test]
    fn both_fields_are_judged() {
        let errors = form("", "Mars/Olympus").settings(&tenant()).unwrap_err();
        assert!(errors.of("name").is_some() && errors.of("zone").is_some());
    }
}
