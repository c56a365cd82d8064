//! The rules page of the calibrated grading: the wanted and the real rate of alerts, which families
//! earn their noise, and how well the last days could be judged.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::rule::RuleName;
use domain::score::{ContributionKind, Points};
use domain::time::Day;
use scoring::calibrated::Family;
use store::Scope;
use store::calibrated::{self, ClosedDay};
use store::rules::Record;

use super::tally::{FEWEST_VERDICTS, total, verdict};
use super::whatif::WhatIf;
use super::{MOST_RECORDS, recent};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::page::{Shell, page};

/// Closed days over which the threshold is fitted, and the page looks back.
pub(crate) const FITTED_DAYS: i32 = 28;

#[derive(Template)]
#[template(path = "rules_calibrated.html")]
struct CalibratedPage {
    shell: Shell,
    rate: Rate,
    rows: Vec<Row>,
    alerts: usize,
    cut: bool,
    coverage: Coverage,
    what_if: WhatIf,
}

/// How many alerts were wanted and how many there were, per 1,000 actors a day.
pub(crate) struct Rate {
    pub asked: String,
    /// None before the first closed day.
    pub realised: Option<String>,
    pub alerted: u32,
    pub actor_days: u64,
    pub days: usize,
}

impl Rate {
    /// Over the last closed days.
    pub(crate) fn of(scope: &Scope, days: &[ClosedDay]) -> Self {
        let alerted: u32 = days.iter().map(|d| d.alerted).sum();
        let actor_days: u64 = days.iter().map(|d| u64::from(d.actors)).sum();
        let realised = || format!("{:.1}", f64::from(alerted) * 1000.0 / actor_days as f64);
        Self {
            asked: scope.tenant.scoring.alert_rate.to_string(),
            realised: (actor_days > 0).then(realised),
            alerted,
            actor_days,
            days: days.len(),
        }
    }
}

/// The last closed days, newest first.
pub(crate) async fn closed_days(scope: &Scope) -> WebResult<Vec<ClosedDay>> {
    let mut days = calibrated::days(scope, Day(0)).await?;
    days.truncate(FITTED_DAYS as usize);
    Ok(days)
}

/// What alerts say about one family.
pub(crate) struct Row {
    pub family: Family,
    pub title: String,
    pub fired: usize,
    pub decided: usize,
    pub right: usize,
    pub judged: usize,
}

impl Row {
    /// What a family gave to an alert.
    pub(crate) fn points(family: Family, record: &Record) -> Points {
        let rows = record.contributions.iter();
        let own = rows.filter(|row| row.family.as_deref() == Some(family.word()));
        own.map(|row| row.points).sum()
    }

    pub(crate) fn of(family: Family, records: &[Record]) -> Self {
        let points = |record: &Record| Self::points(family, record);
        let fired: Vec<&Record> = records
            .iter()
            .filter(|r| points(r) > Points::ZERO)
            .collect();
        let verdicts = fired.iter().filter_map(|r| r.disposition.and_then(verdict));
        let verdicts: Vec<bool> = verdicts.collect();
        let decided = |r: &&&Record| total(r) - points(r) < r.threshold;
        Self {
            family,
            title: RuleName::parse(family.word()).map_or_else(String::new, |name| name.title()),
            fired: fired.len(),
            decided: fired.iter().filter(decided).count(),
            right: verdicts.iter().filter(|right| **right).count(),
            judged: verdicts.len(),
        }
    }

    /// Percent of verdicts that were real; `None` while there are too few.
    pub(crate) fn precision(&self) -> Option<usize> {
        let share = || (self.right * 200 + self.judged) / (self.judged * 2);
        (self.judged >= FEWEST_VERDICTS).then(share)
    }
}

/// How well the last days could be judged.
struct Coverage {
    days: Vec<ClosedDay>,
    judged: u64,
    /// Actor-days of actors that did nothing: there is no evidence, so no score.
    idle: u64,
    without_habits: u64,
    young: u64,
    late: i64,
}

impl Coverage {
    fn of(days: Vec<ClosedDay>) -> Self {
        let sum = |pick: fn(&ClosedDay) -> u32| days.iter().map(|d| u64::from(pick(d))).sum();
        Self {
            judged: sum(|d| d.judged),
            idle: sum(|d| d.actors.saturating_sub(d.judged)),
            without_habits: sum(|d| d.without_habits),
            young: sum(|d| if d.young { d.judged } else { 0 }),
            late: days.iter().map(|d| d.late).sum(),
            days,
        }
    }

    /// What stood in the way of one day, in words.
    #[expect(clippy::unused_self, reason = "called from the template")]
    fn why(&self, day: &ClosedDay) -> String {
        let mut parts = Vec::new();
        if day.young {
            parts.push("pooled with the documented prior".to_owned());
        }
        if !day.silent.is_empty() {
            let silent = scoring::words::list(&day.silent).replace('_', " ");
            parts.push(format!(
                "nothing learnt about {silent}: the source was silent"
            ));
        }
        if day.late > 0 {
            let late = scoring::words::plural(day.late as f64, "event", "events");
            parts.push(format!("{late} came too late"));
        }
        parts.join("; ")
    }
}

/// The page.
pub(super) async fn show(
    who: &Require<permit::RulesView>,
    query: &BTreeMap<String, String>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let mut records = recent(scope).await?;
    let cut = records.len() >= MOST_RECORDS as usize;
    // Alerts of the other rule set have no families.
    records.retain(|r| r.contributions.iter().any(is_of_family));
    let days = closed_days(scope).await?;
    let template = CalibratedPage {
        shell: Shell::of(who, "/rules", "Rules").await?,
        rate: Rate::of(scope, &days),
        rows: Family::ALL.map(|family| Row::of(family, &records)).into(),
        alerts: records.len(),
        cut,
        coverage: Coverage::of(days),
        what_if: WhatIf::of(scope, query).await?,
    };
    Ok(page(template).into_response())
}

fn is_of_family(row: &domain::score::Contribution) -> bool {
    row.family.is_some() && row.kind != ContributionKind::Cap
}
