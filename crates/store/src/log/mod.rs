//! The log of events: append and tail. The questions about events live in [`crate::events`].

mod append;
mod tail;

use domain::actor::{ActorId, Partition};
use domain::event::Event;
use domain::id::{SourceId, TenantId};

pub use append::{Appended, Appender, Batch, Outcome};
pub use tail::{Position, Tailed, day, end, history, next_day, tail};

/// One event with everything it is stored under.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whose event.
    pub tenant: TenantId,
    /// Share of the scoring work.
    pub part: Partition,
    /// Who sent it.
    pub source: SourceId,
    /// Who acted.
    pub actor: ActorId,
    /// The event.
    pub event: Event,
}
