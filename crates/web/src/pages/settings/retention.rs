//! How long raw events are kept, and what the next run would delete.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::source::{MAX_RETENTION_DAYS, MIN_RETENTION_DAYS};
use scoring::words;
use serde::Deserialize;
use std::collections::BTreeMap;
use store::retention::{self, Term};
use store::tenants::{self, Settings};
use store::{Scope, jobs, overview, sources};

use super::{Meanwhile, ROOM, Tab, meanwhile, message, tabs};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::{Form, Query};
use crate::page::{FieldErrors, Page, Shell, When, page};

const SECTION: &str = "/settings/retention";
/// Up to so many events the dry run is made with every view of the page; beyond it on request,
/// because it counts events one by one.
const COUNTED_AT_ONCE: i64 = 200_000;

#[derive(Template)]
#[template(path = "settings_retention.html")]
struct RetentionPage {
    shell: Shell,
    tabs: Vec<Tab>,
    /// In force.
    now: u32,
    /// As typed.
    days: String,
    errors: FieldErrors,
    meanwhile: Vec<Meanwhile>,
    dry: DryRun,
    job: Option<JobRow>,
}

/// What the next run would delete.
struct DryRun {
    /// The organisation's days it was made with.
    days: u32,
    rows: Vec<TermRow>,
    /// Totals, when it was counted.
    counted: Option<(String, String)>,
    /// Events stored, for saying how long counting takes.
    stored: String,
}

/// One source's term.
struct TermRow {
    slug: String,
    /// The source exists; deleted ones keep their events until the term ends.
    exists: bool,
    /// It follows the organisation's term.
    follows: bool,
    days: u32,
    before: When,
    counted: Option<(String, String)>,
}

/// The retention job.
struct JobRow {
    next: When,
    finished: Option<When>,
    failed: bool,
    said: Option<String>,
}

/// The section; `days` in the address makes the dry run with another term.
pub(crate) async fn show(
    who: Require<permit::RetentionManage>,
    RawQuery(raw): RawQuery,
    Query(query): Query<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let asked = query.get("days").and_then(|text| days(text));
    let mut template = retention_page(&who, asked).await?;
    template.shell = template.shell.with_message(message(raw.as_deref()));
    Ok(page(template).into_response())
}

/// A term within its bounds.
fn days(text: &str) -> Option<u32> {
    let days = text.trim().parse::<u32>().ok();
    days.filter(|d| (MIN_RETENTION_DAYS..=MAX_RETENTION_DAYS).contains(d))
}

async fn retention_page<P>(who: &Require<P>, asked: Option<u32>) -> WebResult<RetentionPage> {
    let scope = &who.scope;
    let now = scope.tenant.retention_days;
    Ok(RetentionPage {
        shell: Shell::of(who, ROOM, "Retention – Settings").await?,
        tabs: tabs(who.user.role, SECTION),
        now,
        days: asked.unwrap_or(now).to_string(),
        errors: FieldErrors::default(),
        meanwhile: Vec::new(),
        dry: dry_run(scope, asked).await?,
        job: job(scope).await?,
    })
}

async fn dry_run(scope: &Scope, asked: Option<u32>) -> WebResult<DryRun> {
    let days = asked.unwrap_or(scope.tenant.retention_days);
    let stored: i64 = overview::arrivals(scope, 0)
        .await?
        .iter()
        .map(|a| a.total)
        .sum();
    let count = asked.is_some() || stored <= COUNTED_AT_ONCE;
    let known = sources::list(scope).await?;
    let mut rows = Vec::new();
    let (mut events, mut kept) = (0, 0);
    for term in retention::terms(scope.database()).await? {
        if term.tenant != scope.tenant_id() {
            continue;
        }
        let source = known.iter().find(|s| s.id == term.source);
        let own = source.and_then(|s| s.settings.retention_days);
        // A deleted source shows its term but not whether it was its own.
        let follows = own.is_none() && term.days == scope.tenant.retention_days;
        let term = Term {
            days: if follows { days } else { term.days },
            ..term
        };
        let mut counted = None;
        if count {
            let swept = retention::preview(scope.database(), &term, scope.now).await?;
            events += swept.events;
            kept += swept.kept_as_evidence;
            counted = Some(numbers(swept.events, swept.kept_as_evidence));
        }
        let before = retention::cutoff(term.days, scope.now);
        rows.push(TermRow {
            exists: source.is_some(),
            follows,
            days: term.days,
            before: When::of(before, &scope.tenant.scoring.zone, scope.now),
            counted,
            slug: term.slug,
        });
    }
    rows.sort_by(|a, b| (!a.exists, &a.slug).cmp(&(!b.exists, &b.slug)));
    Ok(DryRun {
        days,
        rows,
        counted: count.then(|| numbers(events, kept)),
        stored: words::count(stored as f64),
    })
}

fn numbers(events: u64, kept: u64) -> (String, String) {
    (words::count(events as f64), words::count(kept as f64))
}

async fn job(scope: &Scope) -> WebResult<Option<JobRow>> {
    let jobs = jobs::list(scope.database()).await?;
    let zone = &scope.tenant.scoring.zone;
    let when = |at| When::of(at, zone, scope.now);
    let job = jobs.into_iter().find(|job| job.name == "retention");
    Ok(job.map(|job| JobRow {
        next: when(job.next_run_at),
        finished: job.finished_at.map(when),
        failed: job.outcome.as_deref() == Some("failed"),
        said: job.message,
    }))
}

/// The posted section, with the value it was opened with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    was_days: String,
    days: String,
}

/// Saves the section; a form with errors or a conflict comes back as typed.
pub(crate) async fn update(
    who: Require<permit::RetentionManage>,
    Form(form): Form<RetentionForm>,
) -> WebResult<Response> {
    let before = &who.scope.tenant;
    let moved = meanwhile([("Days", &form.was_days, before.retention_days.to_string())]);
    let mut errors = FieldErrors::default();
    let status = match days(&form.days) {
        None => {
            errors.add(
                "days",
                format!("Choose {MIN_RETENTION_DAYS} to {MAX_RETENTION_DAYS} days."),
            );
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Some(_) if !moved.is_empty() => StatusCode::CONFLICT,
        Some(same) if same == before.retention_days => {
            return Ok(Redirect::to("/settings/retention?done=same").into_response());
        }
        Some(days) => {
            let settings = Settings {
                retention_days: days,
                ..Settings::from(before)
            };
            tenants::update(&who.scope, &settings).await?;
            return Ok(Redirect::to("/settings/retention?done=retention").into_response());
        }
    };
    let template = RetentionPage {
        days: form.days,
        errors,
        meanwhile: moved,
        ..retention_page(&who, None).await?
    };
    Ok(Page(status, template).into_response())
}

impl RetentionPage {
    fn bounds() -> String {
        format!("{MIN_RETENTION_DAYS} to {MAX_RETENTION_DAYS}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_have_bounds() {
        assert_eq!(days(" 90 "), Some(90));
        for bad in ["", "0", "3651", "-1", "90.5", "ninety"] {
            assert_eq!(days(bad), None, "{bad}");
        }
    }
}
