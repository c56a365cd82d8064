//! The `calibrated` grading: how rare is this day for this actor, its peers and everyone?

pub mod action;
pub mod activity;
mod calibration;
pub mod cause;
pub mod circle;
pub mod closing;
pub mod day;
pub mod explain;
pub mod grade;
pub mod histogram;
pub mod memory;
pub mod organisation;
pub mod parameters;
pub mod popularity;
pub mod rule;
pub mod state;
pub mod surprise;
pub mod table;
pub mod tables;
pub mod threshold;
pub mod today;
mod values;
mod words;

pub use action::{Action, Classifier, Place};
pub use activity::{Activity, Reader};
pub use cause::Cause;
pub use closing::{Closing, close_day};
pub use day::ActorDay;
pub use explain::{Explanation, Row, Unjudged, explain};
pub use grade::Grade;
pub use organisation::Organisation;
pub use parameters::Parameters;
pub use rule::{Family, PerRule, Rule};
pub use state::ActorState;
pub use today::Today;

/// The judgement of one day so far: its values and their grade.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// One number for each rule.
    pub values: PerRule<f64>,
    /// The arithmetic.
    pub grade: Grade,
}

/// Judges an actor's day so far against its past and the organisation's, both as they stood when
/// the day began.
pub fn judge(
    day: &ActorDay,
    state: &ActorState,
    organisation: &Organisation,
    today: &Today,
) -> Judged {
    let look = values::Look {
        day,
        state,
        tables: organisation.tables(),
        today,
    };
    let values = values::of(&look);
    let grade = grade::of(&values, day.day(), state, organisation);
    Judged { values, grade }
}

/// Grades values without their events: for a what-if and for checking a counterfactual.
pub fn regrade(
    values: &PerRule<f64>,
    day: domain::time::Day,
    state: &ActorState,
    organisation: &Organisation,
) -> Grade {
    grade::of(values, day, state, organisation)
}
