//! The 14 days an actor is measured by: which habit, and can it be trusted?

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::baseline::{BaselineDay, BaselineView, DayState};
use domain::time::Zone;
use scoring::words;
use store::{actors, events};

use super::usual::{self, Feature, features};
use super::{Code, Head};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Path;
use crate::page::{Shell, When, page};
use crate::viz::{Hours, hours};

#[derive(Template)]
#[template(path = "actor_baseline.html")]
struct BaselinePage {
    shell: Shell,
    head: Head,
    known: Option<Known>,
}

/// A stored view, ready to show.
struct Known {
    view: BaselineView,
    computed: When,
    features: Vec<Feature>,
    hours: Hours,
    days: Vec<DayRow>,
    summary: String,
}

/// One day of the table.
struct DayRow {
    day: BaselineDay,
    date: String,
    state: &'static str,
    why: &'static str,
    class: &'static str,
    bytes: String,
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let head = Head::of(scope, code.0, "Baseline").await?;
    let known = match actors::baseline(scope, code.0).await? {
        None => None,
        Some(view) => {
            let today = events::totals(scope, code.0, usual::today(scope)).await?;
            Some(Known {
                computed: When::of(view.computed_at, &scope.tenant.scoring.zone, scope.now),
                features: features(&view, &today),
                hours: hours(&view.hours, &view.typical_hours),
                days: view.days.iter().rev().map(|day| day_row(*day)).collect(),
                summary: summary(&view),
                view,
            })
        }
    };
    let title = format!("Baseline of {} – Actors", head.actor.name);
    let template = BaselinePage {
        shell: Shell::of(&who, "/actors", title).await?,
        head,
        known,
    };
    Ok(page(template).into_response())
}

fn summary(view: &BaselineView) -> String {
    let active = words::plural(f64::from(view.active_days()), "active day", "active days");
    let events = words::plural(view.events as f64, "event", "events");
    format!("{active} of {}, {events}", view.days.len())
}

fn day_row(day: BaselineDay) -> DayRow {
    let (state, why, class) = match day.state {
        DayState::Active => ("active", "The actor did something", "pill-ok"),
        DayState::Quiet => ("quiet", "Sources delivered, this actor did nothing", ""),
        DayState::Silent => (
            "no data",
            "No source delivered anything: this is not zero",
            "pill-late",
        ),
        DayState::Excluded => (
            "left out",
            "A confirmed incident: its numbers must not become usual",
            "pill-false_positive",
        ),
    };
    DayRow {
        date: Zone::utc().format(day.day.utc_start(), "%a %-d %b"),
        state,
        why,
        class,
        bytes: words::bytes(day.bytes as f64),
        day,
    }
}

impl DayRow {
    /// Whether there are numbers to show: no data is not zero.
    fn has_numbers(&self) -> bool {
        self.day.state != DayState::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_word() {
        let of = |state| {
            day_row(BaselineDay {
                day: "2026-03-03".parse().unwrap(),
                state,
                events: 0,
                bytes: 2048,
                failures: 0,
                resources: 0,
                addresses: 0,
            })
        };
        let states = [
            DayState::Active,
            DayState::Quiet,
            DayState::Silent,
            DayState::Excluded,
        ];
        let words: Vec<_> = states.map(|s| of(s).state).into();
        assert_eq!(words, ["active", "quiet", "no data", "left out"]);
        assert!(!of(DayState::Silent).has_numbers());
        assert_eq!(of(DayState::Quiet).date, "Tue 3 Mar");
        assert_eq!(of(DayState::Active).bytes, "2.0 KiB");
    }
}
