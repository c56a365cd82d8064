//! Sorts of actor-days whose ordinary life surprises more or less often than everyone's.
//!
//! A context is recognised from the actor's past alone, never from today and never from a list:
//! what it is about to be judged for cannot excuse it.

use domain::time::Day;

use super::action::Action;
use super::state::ActorState;
use super::table::{Table, numbered};
use super::tables::Tables;
use super::threshold::FIRST_DAYS;

numbered! {
    /// A sort of actor-day. An actor may be in several.
    Context {
        /// Regularly changes rights and configuration.
        Administrators = "administrators",
        /// Known for less than 45 days.
        Newcomers = "newcomers",
        /// Does other work than some weeks ago.
        Moved = "moved",
        /// Works as regularly as a program.
        Services = "services",
    }
}

/// One cell for each context.
pub type PerContext<T> = Table<Context, T, { Context::COUNT }>;

/// Days that a newcomer is one.
pub const NEWCOMER_DAYS: i32 = 45;
/// Days that a change of work is recent.
pub const MOVED_DAYS: i32 = 30;
impl Context {
    /// The contexts of an actor on a day.
    pub(super) fn of(state: &ActorState, day: Day, tables: &Tables) -> impl Iterator<Item = Self> {
        let start = tables.first.unwrap_or(day).plus(FIRST_DAYS);
        Self::ALL
            .into_iter()
            .filter(move |context| context.holds(state, day, start))
    }

    fn holds(self, state: &ActorState, day: Day, start: Day) -> bool {
        match self {
            Self::Administrators => state.does(Action::Change),
            Self::Newcomers => {
                // Those who were there when the organisation began are no newcomers.
                state.first.is_none_or(|first| first > start) && state.age(day) < NEWCOMER_DAYS
            }
            Self::Moved => state
                .moved
                .is_some_and(|moved| day.0 - moved.0 < MOVED_DAYS),
            Self::Services => state.is_service(),
        }
    }

    /// The words people read: who such actors are.
    pub fn title(self) -> &'static str {
        match self {
            Self::Administrators => "People who regularly change rights and configuration",
            Self::Newcomers => "Newcomers of less than 45 days",
            Self::Moved => "People whose work changed lately",
            Self::Services => "Service accounts",
        }
    }
}
