//! What an actor did, day by day, with what is unusual set off from what is not.

mod asked;
mod lines;

use domain::baseline::{BaselineView, DayState};
use domain::time::{Day, Timestamp, Zone};
use store::actors::Actor;
use store::alerts::{self, Alert, Filter, Order};
use store::{Scope, events};

use crate::error::WebResult;
use asked::Links;
use lines::{Line, lines};

pub(super) use asked::Asked;

/// Days of a page.
const DAYS: i32 = 7;
/// Groups of events read for a page.
const GROUPS: u32 = 3000;
/// Alerts read for a page.
const ALERTS: u32 = 100;

/// Some days of an actor.
pub(super) struct Timeline {
    pub days: Vec<OneDay>,
    /// Everything is listed, not only what is unusual.
    pub everything: bool,
    /// There is a baseline to judge by.
    pub judged: bool,
    /// There were more groups of events than are read.
    pub cut: bool,
    pub links: Links,
}

/// One day.
pub(super) struct OneDay {
    pub title: String,
    pub entries: Vec<Entry>,
    /// Usual events that are not listed one by one: how many, and the most frequent actions.
    pub usual: Option<Usual>,
    /// Why nothing is listed.
    pub silence: Option<&'static str>,
}

/// Events as on any day.
pub(super) struct Usual {
    pub events: i64,
    pub actions: Vec<(String, i64)>,
    pub others: usize,
}

/// One entry of a day.
pub(super) enum Entry {
    /// An alert that opened.
    Alert(Box<Alert>, Moment),
    /// Events of one kind.
    Events(Line, Moment),
}

/// When: for machines and for people.
pub(super) struct Moment {
    pub iso: String,
    pub text: String,
    at: Timestamp,
}

impl Timeline {
    pub(super) async fn of(
        scope: &Scope,
        actor: &Actor,
        view: Option<&BaselineView>,
        asked: &Asked,
    ) -> WebResult<Self> {
        let zone = &scope.tenant.scoring.zone;
        let today = zone.local(scope.now).day;
        let end = asked.before.filter(|day| *day <= today);
        let end = end.unwrap_or(today.plus(1));
        let first = end.plus(-DAYS);
        let range = (zone.day_start(first), zone.day_start(end));
        let groups = events::activities(scope, actor.id, range, GROUPS).await?;
        let filter = Filter {
            actor: Some(actor.id),
            from: Some(range.0),
            until: Some(range.1),
            ..Filter::default()
        };
        let alerts = alerts::list(scope, &filter, Order::Newest, None, ALERTS).await?;
        let view = view.filter(|v| !v.young);
        let everything = asked.everything || view.is_none();
        let cut = groups.len() == GROUPS as usize;
        let mut by_day = lines(&groups, zone, view);
        let first_seen = zone.local(actor.first_seen_at).day;
        // Days before the first event are not calm, they are unknown: one says so, no more.
        let days = (1..=DAYS)
            .map(|back| end.plus(-back))
            .filter(|day| *day >= first_seen || day.plus(1) == end);
        let days = days.map(|day| {
            let lines = by_day.remove(&day).unwrap_or_default();
            let opened = alerts
                .iter()
                .filter(|a| zone.local(a.opened_at()).day == day);
            let mut one = one_day(lines, opened, zone, everything);
            one.title = title(day, today, zone);
            one.silence = silence(&one, day, view, first_seen);
            one
        });
        Ok(Self {
            days: days.collect(),
            everything,
            judged: view.is_some(),
            cut,
            links: Links::of(actor, asked, first, zone),
        })
    }
}

fn one_day<'a>(
    lines: Vec<Line>,
    alerts: impl Iterator<Item = &'a Alert>,
    zone: &Zone,
    everything: bool,
) -> OneDay {
    let (listed, usual): (Vec<Line>, Vec<Line>) = lines
        .into_iter()
        .partition(|line| everything || !line.marks.is_empty());
    let mut entries: Vec<Entry> = alerts
        .map(|alert| {
            let at = alert.opened_at();
            Entry::Alert(Box::new(alert.clone()), moment((at, at), zone))
        })
        .collect();
    entries.extend(listed.into_iter().map(|line| {
        let moment = moment((line.first_at, line.last_at), zone);
        Entry::Events(line, moment)
    }));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.moment().at));
    OneDay {
        title: String::new(),
        entries,
        usual: summed(usual),
        silence: None,
    }
}

/// Usual events by action, most frequent first.
fn summed(lines: Vec<Line>) -> Option<Usual> {
    const NAMED: usize = 3;
    let mut actions: Vec<(String, i64)> = Vec::new();
    for line in lines {
        match actions
            .iter_mut()
            .find(|(action, _)| *action == line.action)
        {
            Some((_, events)) => *events += line.events,
            None => actions.push((line.action, line.events)),
        }
    }
    actions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let events = actions.iter().map(|(_, n)| n).sum();
    let others = actions.len().saturating_sub(NAMED);
    actions.truncate(NAMED);
    (events > 0).then_some(Usual {
        events,
        actions,
        others,
    })
}

impl Entry {
    fn moment(&self) -> &Moment {
        match self {
            Self::Alert(_, moment) | Self::Events(_, moment) => moment,
        }
    }
}

fn moment((first, last): (Timestamp, Timestamp), zone: &Zone) -> Moment {
    let clock = |at| zone.format(at, "%H:%M");
    let (from, to) = (clock(first), clock(last));
    Moment {
        iso: first.to_string(),
        text: if from == to {
            from
        } else {
            format!("{from}–{to}")
        },
        at: last,
    }
}

fn title(day: Day, today: Day, zone: &Zone) -> String {
    let date = zone.format(zone.day_start(day), "%A %-d %B");
    match today.0 - day.0 {
        0 => format!("Today, {date}"),
        1 => format!("Yesterday, {date}"),
        _ => date,
    }
}

/// Calm is only calm when data came.
fn silence(
    one: &OneDay,
    day: Day,
    view: Option<&BaselineView>,
    first_seen: Day,
) -> Option<&'static str> {
    if !one.entries.is_empty() || one.usual.is_some() {
        return None;
    }
    let state = view.and_then(|v| v.days.iter().find(|d| d.day == day).map(|d| d.state));
    Some(match state {
        _ if day < first_seen => "Before the first event of this actor.",
        Some(DayState::Silent) => "No source delivered anything: calm here is not proof of calm.",
        _ => "No events.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let day: Day = "2026-03-03".parse().unwrap();
        assert_eq!(title(day, day, &zone), "Today, Tuesday 3 March");
        assert_eq!(title(day, day.plus(1), &zone), "Yesterday, Tuesday 3 March");
        assert_eq!(title(day, day.plus(5), &zone), "Tuesday 3 March");
    }

    #[test]
    fn a_moment_is_a_span_only_when_it_lasts() {
        let zone = Zone::utc();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (start, end) = (at("2026-03-03T03:12:04Z"), at("2026-03-03T03:50:00Z"));
        assert_eq!(moment((start, end), &zone).text, "03:12–03:50");
        assert_eq!(moment((start, start), &zone).text, "03:12");
    }
}
