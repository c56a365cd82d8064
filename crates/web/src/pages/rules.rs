//! The rules: which of them earn their noise?

pub(crate) mod arithmetic;
pub(crate) mod calibrated;
pub(crate) mod tally;
pub(crate) mod whatif;
pub(crate) mod words;

use std::collections::BTreeMap;

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::rule::{RuleKey, RuleSettings};
use domain::tenant::RuleSetName;
use domain::time::{DAY_US, Minute};
use store::Scope;
use store::rules::{self, Record};

use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Query;
use crate::page::{Shell, When, page};
use arithmetic::Arithmetic;
use tally::Tally;

/// Alerts looked at for the numbers of a page; the newest ones of the range.
pub(crate) const MOST_RECORDS: u32 = 2000;
/// Days of alerts the numbers are about.
pub(crate) const DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    shell: Shell,
    rows: Vec<Row>,
    on: usize,
    arithmetic: Arithmetic,
    alerts: usize,
    cut: bool,
}

/// One rule of the list.
struct Row {
    rule: RuleSettings,
    threshold: String,
    window: String,
    changed: Option<(String, When)>,
    tally: Tally,
}

/// The list.
pub(crate) async fn list(
    who: Require<permit::RulesView>,
    Query(query): Query<BTreeMap<String, String>>,
) -> WebResult<Response> {
    let scope = &who.scope;
    if scope.tenant.scoring.ruleset == RuleSetName::Calibrated {
        return calibrated::show(&who, &query).await;
    }
    let set = rules::list(scope).await?;
    let records = recent(scope).await?;
    let mut rows = Vec::new();
    for rule in set.iter() {
        rows.push(Row {
            rule: *rule,
            threshold: words::threshold(rule),
            window: scoring::words::window(rule.window_minutes),
            changed: last_change(scope, rule.key).await?,
            tally: Tally::of(rule.key, &records),
        });
    }
    let threshold = scope.tenant.scoring.alert_threshold;
    let template = RulesPage {
        shell: Shell::of(&who, "/rules", "Rules").await?,
        on: set.enabled().count(),
        arithmetic: Arithmetic::of(&set, threshold),
        alerts: records.len(),
        cut: records.len() >= MOST_RECORDS as usize,
        rows,
    };
    Ok(page(template).into_response())
}

/// How the rules did in the alerts of the last days.
pub(crate) async fn recent(scope: &Scope) -> WebResult<Vec<Record>> {
    let since: Minute = scope.now.plus(-DAYS * DAY_US).minute();
    Ok(rules::records(scope, since, MOST_RECORDS).await?)
}

async fn last_change(scope: &Scope, key: RuleKey) -> WebResult<Option<(String, When)>> {
    let newest = rules::versions(scope, key).await?.into_iter().next();
    let zone = &scope.tenant.scoring.zone;
    Ok(newest.map(|v| (v.changed_by, When::of(v.changed_at, zone, scope.now))))
}
