//! The `calibrated` grading: how rare is this day for this actor and for everyone?
//!
//! Pure and deterministic. A day is a UTC day; every value of it only grows, so a score never
//! falls while one actor's day goes on. Formulas, sources and measurements: `docs/scoring.md`.
//!
//! | kept by the caller | what it is | bound |
//! |---|---|---|
//! | [`Organisation`] | one for each tenant, serialisable | a few MB, see [`popularity::COUNTED`] |
//! | [`ActorState`] | one for each actor, serialisable | [`memory::REMEMBERED`] values, 14 days of numbers |
//! | [`ActorDay`] | one for each actor active today, serialisable | [`day::VALUES_A_DAY`] of each sort |
//! | [`Today`] | one for each tenant, made of the actors' days | what was met today |
//!
//! A live worker, for each event: [`Reader::read`] (words to classes), [`ActorDay::observe`], and
//! [`Today::meet`] when the day met a value for the first time. For each pass: [`judge`] every
//! actor with new events against `ActorState` and `Organisation` as they stood when the day began;
//! [`explain`] those that are shown; keep the highest score of the day. After the last event of a
//! UTC day: judge all complete days once more and hand them to [`close_day`], which brings every
//! state and the organisation up to date. A late event of a closed day is lost to the baseline but
//! may be judged against the states of before, when they are kept.
//!
//! A row's events are those for which its [`Cause`] matches.

pub mod action;
pub mod activity;
mod calibration;
pub mod cause;
pub mod circle;
pub mod closing;
pub mod context;
pub mod day;
mod detection;
pub mod drift;
pub mod explain;
pub mod grade;
pub mod histogram;
pub mod memory;
pub mod organisation;
pub mod parameters;
pub mod peers;
pub mod popularity;
mod reason;
pub mod rule;
pub mod silence;
pub mod state;
pub mod stored;
pub mod surprise;
pub mod synonyms;
pub mod table;
pub mod tables;
pub mod threshold;
pub mod today;
mod values;
mod words;

pub use action::{Action, Classifier, Place};
pub use activity::{Activity, Reader};
pub use cause::Cause;
pub use closing::{Closing, close_day, close_day_without};
pub use context::Context;
pub use day::ActorDay;
pub use drift::{Drift, drift};
pub use explain::{Explanation, Row, Unjudged, explain};
pub use grade::Grade;
pub use organisation::Organisation;
pub use parameters::Parameters;
pub use peers::Peers;
pub use reason::{explained, headline, snapshot};
pub use rule::{Family, PerRule, Rule};
pub use silence::{Silenced, causes, explain_silenced, silence, silenced};
pub use state::ActorState;
pub use synonyms::{Synonyms, SynonymsError};
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
