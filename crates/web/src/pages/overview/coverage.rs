//! Which sources deliver; those that do not come first.

use domain::source::Source;
use domain::time::{DAY_US, HOUR_US, Timestamp};
use scoring::words;
use store::Scope;
use store::overview::Arrival;

use crate::page::{When, span};
use crate::pages::sources::Delivery;

/// Every source with what arrived in the last day.
pub(super) struct Coverage {
    pub rows: Vec<Row>,
    /// Sources from which something should come and does not.
    pub blind: usize,
}

/// One source.
pub(super) struct Row {
    pub source: Source,
    pub state: Delivery,
    /// The state in words, with how long it has been so.
    pub words: String,
    pub last: Option<When>,
    pub events: String,
    silent_since: Option<Timestamp>,
}

/// The hour from which on a day's arrivals are counted.
pub(super) fn since_hour(scope: &Scope) -> i64 {
    scope.now.plus(-DAY_US).micros().div_euclid(HOUR_US)
}

impl Coverage {
    pub(super) fn of(scope: &Scope, sources: Vec<Source>, arrivals: &[Arrival]) -> Self {
        let mut rows: Vec<Row> = sources
            .into_iter()
            .map(|source| {
                let arrival = arrivals.iter().find(|a| a.source == source.id);
                row(scope, source, arrival)
            })
            .collect();
        rows.sort_by_key(|row| urgency(row.state));
        let blind = rows.iter().filter(|row| is_blind(row.state)).count();
        Self { rows, blind }
    }

    /// Sources that delivered once and stopped, with how long they have been silent.
    pub(super) fn silent(&self, now: Timestamp) -> Vec<(&Source, String)> {
        let silent = self.rows.iter().filter_map(|row| {
            let since = row.silent_since?;
            Some((&row.source, span(now.micros() - since.micros())))
        });
        silent.collect()
    }

    /// How many are blind, in words.
    pub(super) fn summary(&self) -> String {
        match (self.blind, self.rows.len()) {
            (_, 0) => "no source yet".to_owned(),
            (0, all) => format!("none of {all} blind"),
            (blind, all) => format!("{blind} of {all} blind"),
        }
    }
}

fn row(scope: &Scope, source: Source, arrival: Option<&Arrival>) -> Row {
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let last = arrival.map(|a| a.last_received_at);
    let state = Delivery::of(&source, last, now);
    let silent_since = last.filter(|_| state == Delivery::Silent);
    Row {
        state,
        words: match silent_since {
            Some(since) => format!("Silent for {}", span(now.micros() - since.micros())),
            None => state.word().to_owned(),
        },
        last: last.map(|at| When::of(at, zone, now)),
        events: words::plural(arrival.map_or(0, |a| a.events) as f64, "event", "events"),
        silent_since,
        source,
    }
}

fn is_blind(state: Delivery) -> bool {
    matches!(state, Delivery::Silent | Delivery::Never)
}

fn urgency(state: Delivery) -> u8 {
    match state {
        Delivery::Silent => 0,
        Delivery::Never => 1,
        Delivery::Receiving => 2,
        Delivery::Disabled => 3,
    }
}
