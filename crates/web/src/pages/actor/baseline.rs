//! The 14 days an actor is measured by: which habit, and can it be trusted?

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use domain::actor::ActorId;
use domain::baseline::{BaselineDay, BaselineView, DayState};
use domain::time::Zone;
use scoring::words;
use store::{actors, events};

use super::excluded::{Excluded, Tried};
use super::usual::{self, Feature, features};
use super::{Code, Head};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Path;
use crate::page::{Page, Shell, When, page, shown};
use crate::query::pairs;
use crate::viz::{Hours, hours};

#[derive(Template)]
#[template(path = "actor_baseline.html")]
struct BaselinePage {
    shell: Shell,
    head: Head,
    known: Option<Known>,
    excluded: Excluded,
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
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let query = query.unwrap_or_default();
    let mut template = baseline_page(&who, code.0, Tried::read(&query)).await?;
    template.shell = template.shell.with_message(message(&query));
    Ok(page(template).into_response())
}

/// The page with a form that was not accepted.
pub(super) async fn with_errors<P>(
    who: &Require<P>,
    actor: ActorId,
    tried: Tried,
) -> WebResult<Response> {
    let template = baseline_page(who, actor, tried).await?;
    Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response())
}

/// The result of a change, in words.
fn message(query: &str) -> Option<&'static str> {
    Some(
        match pairs(query).find(|(key, _)| key == "done")?.1.as_str() {
            "excluded" => "Left out. The next scoring pass and baseline run use it.",
            "included" => "Taken back. The next scoring pass and baseline run use it.",
            _ => return None,
        },
    )
}

async fn baseline_page<P>(
    who: &Require<P>,
    actor: ActorId,
    tried: Tried,
) -> WebResult<BaselinePage> {
    let scope = &who.scope;
    let head = Head::of(scope, actor, "Baseline").await?;
    let known = match actors::baseline(scope, actor).await? {
        None => None,
        Some(view) => {
            let today = events::totals(scope, actor, usual::today(scope)).await?;
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
    let title = format!("Baseline of {} – Actors", shown(&head.actor.name));
    let may_edit = who.user.role.allows(Permission::ActorsExclude);
    Ok(BaselinePage {
        shell: Shell::of(who, "/actors", title).await?,
        head,
        known,
        excluded: Excluded::of(scope, actor, may_edit, tried).await?,
    })
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
            "A confirmed incident, or left out by an analyst: its numbers must not become usual",
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
