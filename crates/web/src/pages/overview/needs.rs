//! What needs a person: at most five rows, the most urgent first, each with one thing to do.

use domain::access::Permission;
use domain::alert::Status;
use domain::severity::Severity;
use domain::time::DAY_US;
use scoring::words;
use store::alerts::{self, Alert, Filter, Order};
use store::overview::{self, Arrival};
use store::quarantine;

use super::coverage::Coverage;
use crate::auth::Require;
use crate::error::WebResult;
use crate::page::When;

/// Rows shown.
const ROWS: usize = 5;

/// The panel.
pub(super) struct Needs {
    pub rows: Vec<Need>,
    /// Open alerts that found no place here.
    pub more: i64,
    /// What was looked at, for when nothing needs anybody.
    pub quiet: String,
    pub may_triage: bool,
    pub may_manage: bool,
}

/// One row.
pub(super) enum Need {
    /// An alert nobody has acknowledged.
    Alert(Box<AlertNeed>),
    /// Sources that stopped delivering.
    Silent {
        title: String,
        detail: String,
        href: String,
    },
    /// Events put aside that wait for a decision.
    PutAside {
        title: String,
        detail: String,
        href: String,
    },
}

/// An alert with what the row says about it.
pub(super) struct AlertNeed {
    pub alert: Alert,
    pub opened: When,
    pub why: String,
}

impl Needs {
    pub(super) async fn of<P>(
        who: &Require<P>,
        coverage: &Coverage,
        arrivals: &[Arrival],
    ) -> WebResult<Self> {
        let scope = &who.scope;
        let waiting = quarantine::pending_by_source(scope).await?;
        let others: Vec<Need> = silent(coverage, scope.now)
            .into_iter()
            .chain(put_aside(&waiting))
            .collect();
        let open = Filter {
            statuses: vec![Status::Open],
            ..Filter::default()
        };
        let places = ROWS - others.len().min(ROWS);
        let found = alerts::list(scope, &open, Order::Worst, None, places as u32).await?;
        let all = alerts::count(scope, &open).await?;
        let more = all - found.len() as i64;
        let mut rows: Vec<Need> = found.into_iter().map(|a| alert_need(who, a)).collect();
        rows.extend(others);
        Ok(Self {
            quiet: quiet(who, arrivals).await?,
            rows,
            more,
            may_triage: who.user.role.allows(Permission::AlertsTriage),
            may_manage: who.user.role.allows(Permission::SourcesManage),
        })
    }

    /// The panel's subtitle.
    pub(super) fn summary(&self) -> String {
        let shown = words::plural(self.rows.len() as f64, "thing", "things");
        match self.more {
            0 => format!("{shown}, most urgent first"),
            more => format!("{shown}, most urgent first; {more} more open alerts"),
        }
    }
}

impl Need {
    /// Only a critical alert is loud.
    pub(super) fn is_critical(&self) -> bool {
        matches!(self, Self::Alert(need) if need.alert.severity == Severity::Critical)
    }
}

fn alert_need<P>(who: &Require<P>, alert: Alert) -> Need {
    let zone = &who.scope.tenant.scoring.zone;
    Need::Alert(Box::new(AlertNeed {
        opened: When::of(alert.opened_at(), zone, who.scope.now),
        why: alert.reasons.join(" · "),
        alert,
    }))
}

fn silent(coverage: &Coverage, now: domain::time::Timestamp) -> Option<Need> {
    let silent = coverage.silent(now);
    let (title, href) = match &silent[..] {
        [] => return None,
        [(source, _)] => (
            format!("{} is silent", source.slug),
            format!("/sources/{}", source.slug),
        ),
        several => (
            format!("{} sources are silent", several.len()),
            "/sources".to_owned(),
        ),
    };
    let each = silent
        .iter()
        .map(|(source, time)| format!("{} for {time}", source.slug));
    let each: Vec<String> = each.collect();
    Some(Need::Silent {
        title,
        detail: format!("{}: rules that need them see less", each.join(" · ")),
        href,
    })
}

fn put_aside(waiting: &[(String, i64)]) -> Option<Need> {
    let (first, _) = waiting.first()?;
    let all: i64 = waiting.iter().map(|(_, n)| n).sum();
    let verb = if all == 1 { "waits" } else { "wait" };
    let each: Vec<String> = waiting
        .iter()
        .map(|(slug, n)| format!("{n} from {slug}"))
        .collect();
    Some(Need::PutAside {
        title: format!(
            "{} put aside {verb} for a decision",
            words::plural(all as f64, "event", "events")
        ),
        detail: format!("{}: complete and stored, not scored", each.join(" · ")),
        href: format!("/sources/{first}#quarantine"),
    })
}

/// What was looked at: calm is only worth something with this.
async fn quiet<P>(who: &Require<P>, arrivals: &[Arrival]) -> WebResult<String> {
    let scope = &who.scope;
    let since = scope.now.plus(-DAY_US).utc_day();
    let (actors, top) = overview::scored_since(scope, since).await?;
    let events: i64 = arrivals.iter().map(|a| a.events).sum();
    let sources = arrivals.iter().filter(|a| a.events > 0).count();
    let threshold = scope.tenant.scoring.alert_threshold;
    if events == 0 {
        return Ok("No event arrived in the last 24 h: there was nothing to look at.".to_owned());
    }
    let scored = words::plural(actors as f64, "actor", "actors");
    Ok(format!(
        "{} from {} in the last 24 h; {scored} scored since yesterday, highest score {top}, threshold {threshold}.",
        words::plural(events as f64, "event", "events"),
        words::plural(sources as f64, "source", "sources"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_events_in_words() {
        assert!(put_aside(&[]).is_none());
        let waiting = [("vpn".to_owned(), 2), ("mail".to_owned(), 1)];
        let Some(Need::PutAside {
            title,
            detail,
            href,
        }) = put_aside(&waiting)
        else {
            panic!("a row")
        };
        assert_eq!(title, "3 events put aside wait for a decision");
        assert_eq!(
            detail,
            "2 from vpn · 1 from mail: complete and stored, not scored"
        );
        assert_eq!(href, "/sources/vpn#quarantine");
    }
}
