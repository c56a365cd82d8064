//! Pulling GuardDuty findings: what to ask next and what to remember, without asking.
//!
//! Whoever holds the connection to AWS asks [`Pull::step`], does it, and reports back with
//! [`Pull::listed`], [`Pull::fetched`] or [`Pull::failed`]; after each portion it stores the events
//! and [`Pull::cursor`] in one transaction. Nothing here does I/O, knows the time or draws a random
//! number: both come as arguments, so that every course of a run can be tested.
//!
//! ListFindings is asked for `updatedAt >=` in ascending order and gives ids only; GetFindings
//! gives the findings of at most 50 ids. A finding that is updated during a run moves to the end of
//! the order, and a token that counts places would then skip another one. So a run asks anew from
//! the newest update it has fetched, and uses tokens only where that gets no further: among
//! findings of one instant, and among those younger than the overlap, which the next run reads again.
//!
//! Answers are third-party data: paging is bounded, tokens that repeat end the run, and dates in
//! the future move no cursor.

mod backoff;
mod budget;
mod cursor;
mod failure;
mod pull;

pub use backoff::{Backoff, LONGEST_WAIT};
pub use budget::{Budget, Exhausted, Limits};
pub use cursor::{Cursor, FIRST_LOOK_BACK_US, OVERLAP_US};
pub use failure::Failure;
pub use pull::{Ended, Fetched, Listed, MAX_IDS, Pull, Reaction, Step};
