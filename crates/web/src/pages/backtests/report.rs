//! What a backtest found, as its page tells it.

use std::collections::HashMap;

use domain::actor::ActorId;
use domain::alert::{AlertCode, Disposition};
use domain::backtest::{BANDS, Difference, Fate, ReplayedAlert, Report, Side};
use domain::baseline::DayState;
use domain::score::Points;
use domain::severity::Severity;
use domain::time::Zone;
use store::Scope;

use crate::page::When;
use crate::viz::{Days, days};

/// Differences shown; the API gives all that are kept.
const SHOWN: usize = 200;

/// The page's numbers.
pub(crate) struct Told {
    pub report: Report,
    pub daily_before: Days,
    pub daily_after: Days,
    pub days: Vec<(String, u32, u32)>,
    pub bands: Vec<Band>,
    pub rows: Vec<Row>,
    /// Differences that are not shown.
    pub more: usize,
}

/// Active actor-days whose highest score lies in a band.
pub(crate) struct Band {
    pub label: String,
    pub before: u32,
    pub after: u32,
}

/// One difference.
pub(crate) struct Row {
    pub fate: Fate,
    pub confirmed: bool,
    pub actor: String,
    pub actor_name: String,
    pub opened: When,
    pub before: Option<(Points, Severity)>,
    pub after: Option<(Points, Severity)>,
    /// The stored alert about the same episode.
    pub alert: Option<String>,
    pub verdict: Option<&'static str>,
}

impl Told {
    pub fn of(report: &Report, names: &HashMap<ActorId, String>, scope: &Scope) -> Self {
        let zone = &scope.tenant.scoring.zone;
        let row = |d: &Difference| Row::of(d, names, (zone, scope.now));
        let all = report.differences.iter();
        let rows: Vec<Row> = all.take(SHOWN).filter_map(row).collect();
        let counted = report.gained + report.lost + report.changed;
        Self {
            daily_before: strip(&report.before),
            daily_after: strip(&report.after),
            days: daily(report),
            bands: bands(report),
            more: (counted as usize).saturating_sub(rows.len()),
            rows,
            report: report.clone(),
        }
    }

    /// In one sentence.
    pub fn finding(&self) -> String {
        let report = &self.report;
        let (before, after) = (report.before.alerts, report.after.alerts);
        if report.gained + report.lost + report.changed == 0 {
            return format!("The draft makes no difference: {before} alerts under both.");
        }
        format!(
            "{before} alerts under the settings in force, {after} under the draft: {} gained, {} lost, {} with another score, {} the same.",
            report.gained, report.lost, report.changed, report.same
        )
    }

    /// Events replayed.
    pub fn events(&self) -> String {
        scoring::words::count(self.report.events as f64)
    }

    /// Expected alerts a week.
    pub fn weekly(side: &Side) -> String {
        format!("{:.1}", side.per_week)
    }
}

fn strip(side: &Side) -> Days {
    let amount = |alerts: &u32| (DayState::Active, u64::from(*alerts));
    let amounts: Vec<_> = side.daily.iter().map(amount).collect();
    days(&amounts, 0.0)
}

fn daily(report: &Report) -> Vec<(String, u32, u32)> {
    let pairs = report.before.daily.iter().zip(&report.after.daily);
    let dated = (report.from.0..).zip(pairs);
    dated
        .map(|(day, (before, after))| (domain::time::Day(day).to_string(), *before, *after))
        .collect()
}

fn bands(report: &Report) -> Vec<Band> {
    let pairs = report.before.scores.iter().zip(&report.after.scores);
    let label = |band: usize| {
        let to = if band + 1 == BANDS {
            100
        } else {
            band * 10 + 9
        };
        format!("{} to {to}", band * 10)
    };
    pairs
        .enumerate()
        .map(|(band, (before, after))| Band {
            label: label(band),
            before: *before,
            after: *after,
        })
        .collect()
}

impl Row {
    fn of(
        difference: &Difference,
        names: &HashMap<ActorId, String>,
        (zone, now): (&Zone, domain::time::Timestamp),
    ) -> Option<Self> {
        let alert = difference.either()?;
        let side = |alert: &ReplayedAlert| (alert.score, alert.severity());
        Some(Self {
            fate: difference.fate,
            confirmed: difference.is_confirmed_loss(),
            actor: alert.actor.code(),
            actor_name: names.get(&alert.actor).cloned().unwrap_or_default(),
            opened: When::of(alert.opened.end(), zone, now),
            before: difference.before.as_ref().map(side),
            after: difference.after.as_ref().map(side),
            alert: difference.alert.map(|number| AlertCode(number).to_string()),
            verdict: difference.disposition.map(Disposition::title),
        })
    }
}
