//! Backtests: what would a draft have done to the last days?

mod draft;
pub(crate) mod report;

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::backtest::{BacktestState, SPANS};
use serde::Deserialize;
use store::Scope;
use store::backtests::{self, Backtest};
use store::rules;
use store::tenants::{self, Settings};

use crate::api::backtests::names;
use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Form, Path, Query};
use crate::page::{Page, Shell, When, page};
use draft::{Change, DraftFields, changes};
use report::Told;

/// Backtests shown in the list.
const SHOWN: u32 = 50;

#[derive(Template)]
#[template(path = "backtests.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<Row>,
    fields: DraftFields,
    classic: bool,
    may_edit: bool,
}

/// One backtest of the list.
struct Row {
    number: i64,
    state: BacktestState,
    percent: u32,
    days: u32,
    draft: String,
    /// Alerts before and after, and confirmed ones that are lost.
    found: Option<(u32, u32, u32)>,
    asked: When,
    by: String,
}

impl Row {
    fn of(backtest: &Backtest, scope: &Scope) -> Self {
        let found = backtest.report.as_ref();
        let changed = changes(&backtest.live, &backtest.draft);
        let said: Vec<String> = changed.iter().map(Change::short).collect();
        Self {
            number: backtest.number,
            state: backtest.state,
            percent: percent(backtest),
            days: backtest.days,
            draft: if said.is_empty() {
                "nothing changed".to_owned()
            } else {
                said.join(", ")
            },
            found: found.map(|r| (r.before.alerts, r.after.alerts, r.lost_confirmed)),
            asked: When::of(backtest.asked_at, &scope.tenant.scoring.zone, scope.now),
            by: backtest.asked_by.clone(),
        }
    }
}

fn percent(backtest: &Backtest) -> u32 {
    (backtest.progress * 100.0) as u32
}

/// How a state is marked.
pub(crate) fn pill(state: BacktestState) -> &'static str {
    match state {
        BacktestState::Queued => "pill-acknowledged",
        BacktestState::Running => "pill-investigating",
        BacktestState::Done => "pill-ok",
        BacktestState::Failed => "pill-failed",
        BacktestState::Cancelled => "pill-false_positive",
    }
}

/// The list, and a form that begins with what is in force or with the draft in the address.
pub(crate) async fn list(
    who: Require<permit::RulesView>,
    Query(query): Query<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let live = backtests::in_force(&who.scope).await?;
    let fields = DraftFields::read(&query, &live);
    Ok(page(list_page(&who, fields).await?).into_response())
}

async fn list_page<P>(who: &Require<P>, fields: DraftFields) -> WebResult<ListPage> {
    let scope = &who.scope;
    let found = backtests::list(scope, None, SHOWN).await?;
    Ok(ListPage {
        shell: Shell::of(who, "/rules", "Backtests – Rules").await?,
        rows: found.iter().map(|b| Row::of(b, scope)).collect(),
        classic: fields.ruleset == "classic",
        fields,
        may_edit: who.user.role.allows(Permission::RulesEdit),
    })
}

/// Starts one; a form with errors comes back as typed.
pub(crate) async fn start(
    who: Require<permit::RulesEdit>,
    Form(form): Form<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let live = backtests::in_force(&who.scope).await?;
    let mut fields = DraftFields::read(&form, &live);
    let Some((days, draft)) = fields.draft(&live) else {
        let template = list_page(&who, fields).await?;
        return Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response());
    };
    let started = backtests::start(&who.scope, days, &live, &draft).await?;
    Ok(to(started.number))
}

fn to(number: i64) -> Response {
    Redirect::to(&format!("/rules/backtests/{number}")).into_response()
}

#[derive(Template)]
#[template(path = "backtest.html")]
struct BacktestPage {
    shell: Shell,
    backtest: Backtest,
    percent: u32,
    asked: When,
    changes: Vec<Change>,
    told: Option<Told>,
    /// Something of the draft is not in force, and what was in force then still is.
    publishable: bool,
    outdated: bool,
    may_edit: bool,
    address: String,
}

/// One backtest: how far it is, or what it found.
pub(crate) async fn show(
    who: Require<permit::RulesView>,
    Path(number): Path<i64>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let backtest = backtests::find(scope, number).await?;
    let told = match &backtest.report {
        Some(report) => Some(Told::of(report, &names(scope, report).await?, scope)),
        None => None,
    };
    let live = backtests::in_force(scope).await?;
    let outdated = live != backtest.live;
    let changes = changes(&backtest.live, &backtest.draft);
    let template = BacktestPage {
        shell: Shell::of(&who, "/rules", format!("Backtest {number} – Rules")).await?,
        percent: percent(&backtest),
        asked: When::of(backtest.asked_at, &scope.tenant.scoring.zone, scope.now),
        publishable: !outdated && !changes.is_empty() && told.is_some(),
        outdated: outdated && live != backtest.draft,
        may_edit: who.user.role.allows(Permission::RulesEdit),
        address: draft::address(&backtest),
        changes,
        told,
        backtest,
    };
    Ok(page(template).into_response())
}

/// A form that holds nothing but its token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bare {
    #[serde(rename = "csrf")]
    _csrf: String,
}

/// Stops one.
pub(crate) async fn cancel(
    who: Require<permit::RulesEdit>,
    Path(number): Path<i64>,
    Form(_): Form<Bare>,
) -> WebResult<Response> {
    backtests::cancel(&who.scope, number).await?;
    Ok(to(number))
}

/// Puts a draft into force, by the same ways as the settings' own pages: rules under the versions
/// they were drafted from. Refused when anything was changed since.
pub(crate) async fn publish(
    who: Require<permit::RulesEdit>,
    Path(number): Path<i64>,
    Form(_): Form<Bare>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let backtest = backtests::find(scope, number).await?;
    if backtest.state != BacktestState::Done {
        return Err(WebError::new(
            StatusCode::CONFLICT,
            "There is no result yet",
            "Nothing was changed. A draft can be put into force once its backtest is done.",
        ));
    }
    let (live, draft) = (&backtest.live, &backtest.draft);
    if backtests::in_force(scope).await? != *live {
        return Err(WebError::stale());
    }
    let changed = draft.rules.iter().zip(&live.rules);
    let changed: Vec<_> = changed.filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
    rules::update(scope, &changed).await?;
    let mut settings = Settings::from(&scope.tenant);
    settings.scoring = draft.applied_to(&settings.scoring);
    if settings.scoring != scope.tenant.scoring {
        tenants::update(scope, &settings).await?;
    }
    Ok(Redirect::to("/rules").into_response())
}

impl ListPage {
    fn spans() -> [u32; 3] {
        SPANS
    }
}
