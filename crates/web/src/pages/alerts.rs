//! The alerts list: which of these is worth the next five minutes?

mod filter;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::alert::{AlertCode, Disposition, Move, Status};
use domain::rule::{RuleKey, RuleName};
use domain::tenant::RuleSetName;
use domain::time::Day;
use scoring::calibrated::Family;
use store::alerts::{self, Alert, Order};
use store::overview;

use crate::app::App;
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Score, Shell, When, page};
use crate::viz::{self, Histogram};
use filter::Wanted;

/// Rows of a page.
const ROWS: u32 = 50;
/// Severities an alert can have, worst first.
pub(crate) const LEVELS: [domain::severity::Severity; 4] = [
    domain::severity::Severity::Critical,
    domain::severity::Severity::High,
    domain::severity::Severity::Medium,
    domain::severity::Severity::Low,
];

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    shell: Shell,
    wanted: Wanted,
    rows: Vec<Row>,
    total: i64,
    by_status: String,
    next: Option<String>,
    histogram: Histogram,
    can_triage: bool,
    everything: i64,
    /// What the list can be narrowed to.
    rules: Vec<RuleName>,
}

/// One alert of the list.
struct Row {
    alert: Alert,
    score: Score,
    opened: When,
    last: When,
    why: String,
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::AlertsView>,
    State(_app): State<App>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let mut wanted = Wanted::read(query.as_deref().unwrap_or_default(), scope);
    wanted.name_actor(scope).await?;
    let filter = wanted.filter();
    let mut found = alerts::list(scope, &filter, wanted.order, wanted.after, ROWS + 1).await?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| wanted.page_after(last));
    let statuses = overview::by_status(scope).await?;
    let template = AlertsPage {
        shell: Shell::of(&who, "/alerts", "Alerts")
            .await?
            .with_message(wanted.message()),
        total: alerts::count(scope, &filter).await?,
        by_status: in_words(&statuses),
        everything: statuses.iter().map(|(_, n)| n).sum(),
        rules: names(scope.tenant.scoring.ruleset, wanted.rule.as_ref()),
        rows: found.into_iter().map(|alert| row(alert, &who)).collect(),
        next,
        histogram: histogram(&who).await?,
        can_triage: who
            .user
            .role
            .allows(domain::access::Permission::AlertsTriage),
        wanted,
    };
    Ok(page(template).into_response())
}

/// What gives points in a rule set, and what the list is narrowed to already.
fn names(ruleset: RuleSetName, wanted: Option<&RuleName>) -> Vec<RuleName> {
    let mut names: Vec<RuleName> = match ruleset {
        RuleSetName::Classic => RuleKey::ALL.map(RuleName::from).to_vec(),
        RuleSetName::Calibrated => Family::ALL
            .iter()
            .filter_map(|family| RuleName::parse(family.word()))
            .collect(),
    };
    names.extend(wanted.filter(|name| !names.contains(name)).cloned());
    names
}

fn row<P>(alert: Alert, who: &Require<P>) -> Row {
    let (zone, now) = (&who.scope.tenant.scoring.zone, who.scope.now);
    Row {
        score: Score {
            points: alert.score,
            threshold: who.scope.tenant.scoring.alert_threshold,
        },
        opened: When::of(alert.opened_at(), zone, now),
        last: When::of(alert.last_signal_at(), zone, now),
        why: alert.reasons.join(" · "),
        alert,
    }
}

fn in_words(statuses: &[(Status, i64)]) -> String {
    let ordered = Status::ALL.into_iter().filter_map(|status| {
        let (_, count) = statuses.iter().find(|(s, _)| *s == status)?;
        Some(format!("{count} {}", status.title().to_lowercase()))
    });
    ordered.collect::<Vec<_>>().join(" · ")
}

/// Alerts per day of the last 30 days by verdict.
pub(crate) async fn histogram<P>(who: &Require<P>) -> WebResult<Histogram> {
    let zone = &who.scope.tenant.scoring.zone;
    let today = zone.local(who.scope.now).day;
    let first: Day = today.plus(-29);
    let counts = overview::alerts_per_day(&who.scope, first).await?;
    Ok(viz::alerts_per_day(first, 30, &counts))
}

/// What is to be done with the selected alerts.
#[derive(Debug)]
struct BulkForm {
    action: String,
    reason: String,
    selected: Vec<AlertCode>,
    back: String,
}

impl BulkForm {
    fn read(body: &str) -> Self {
        let mut form = Self {
            action: String::new(),
            reason: String::new(),
            selected: Vec::new(),
            back: String::new(),
        };
        for (key, value) in crate::query::pairs(body) {
            match key.as_str() {
                "action" => form.action = value,
                "reason" => form.reason = value,
                "back" => form.back = value,
                "sel" => form.selected.extend(AlertCode::parse(&value)),
                _ => {}
            }
        }
        form
    }

    fn wanted(&self) -> Option<Move> {
        let (to, disposition) = match self.action.as_str() {
            "acknowledge" => (Status::Acknowledged, None),
            "investigate" => (Status::Investigating, None),
            "false_positive" => (Status::FalsePositive, None),
            "benign" => (Status::Resolved, Some(Disposition::BenignExpected)),
            _ => return None,
        };
        Some(Move {
            to,
            disposition,
            reason: Some(self.reason.clone()),
        })
    }
}

/// Applies one step to all selected alerts; each succeeds or is skipped for itself.
pub(crate) async fn bulk(who: Require<permit::AlertsTriage>, body: String) -> WebResult<Response> {
    let form = BulkForm::read(&body);
    let done = match form.wanted() {
        None => "pick",
        Some(_) if form.selected.is_empty() => "pick",
        Some(wanted) if wanted.to.is_closed() && form.reason.trim().is_empty() => "reason",
        Some(wanted) => {
            // The list shows where each alert stands; what is not possible from there is skipped.
            let seen: Vec<_> = form.selected.iter().map(|code| (*code, None)).collect();
            let results = alerts::change_many(&who.scope, &seen, &wanted).await;
            let skipped = results.iter().filter(|(_, r)| r.is_err()).count();
            match skipped {
                0 => "all",
                n if n == results.len() => "none",
                _ => "some",
            }
        }
    };
    let back = crate::auth::session::safe_next(Some(&form.back));
    let back = if back.starts_with("/alerts") {
        back
    } else {
        "/alerts"
    };
    let sign = if back.contains('?') { '&' } else { '?' };
    Ok(Redirect::to(&format!("{back}{sign}done={done}")).into_response())
}

impl AlertsPage {
    fn sorted_by(&self, order: &str) -> bool {
        matches!(
            (order, self.wanted.order),
            ("newest", Order::Newest) | ("worst", Order::Worst)
        )
    }
}
