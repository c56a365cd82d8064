//! The list's filters as its address says them: unknown keys are ignored, wrong values noted.

use domain::actor::{ActorId, ActorKey};
use domain::event::Outcome;
use domain::id::{EventId, SourceId};
use domain::source::Source;
use domain::time::Timestamp;
use store::events::Filter;
use store::{Scope, actors};

use super::OUTCOMES;
use crate::error::WebResult;
use crate::page::shown;
use crate::query::{Address, Chip, instant, not_known, pairs};

/// What the address asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Whose events, with the name people know.
    pub actor: Option<(ActorId, String)>,
    pub source: Option<(SourceId, String)>,
    pub action: String,
    pub outcome: Option<Outcome>,
    pub from: Option<(String, Timestamp)>,
    pub until: Option<(String, Timestamp)>,
    pub after: Option<EventId>,
    /// Values that were ignored, in words.
    pub ignored: Vec<String>,
    /// The actor as the address names it.
    asked_actor: String,
}

impl Wanted {
    pub(super) fn read(query: &str, scope: &Scope, sources: &[Source]) -> Self {
        let mut wanted = Self::default();
        for (key, value) in pairs(query) {
            let value = value.trim();
            if !value.is_empty() && !wanted.take(&key, value, scope, sources) {
                wanted.ignored.push(not_known(&key, value));
            }
        }
        wanted
    }

    /// Takes one pair; false when the value makes no sense.
    fn take(&mut self, key: &str, value: &str, scope: &Scope, sources: &[Source]) -> bool {
        match key {
            "actor" => {
                // A code, or a name: the id follows from the name.
                let by_name = || ActorKey::fold(value).identify(scope.tenant.key).0;
                let id = ActorId::from_code(value).unwrap_or_else(by_name);
                self.actor = Some((id, String::new()));
                value.clone_into(&mut self.asked_actor);
            }
            "source" => {
                let found = sources.iter().find(|s| s.slug.as_str() == value);
                self.source = found.map(|s| (s.id, value.to_owned()));
                return self.source.is_some();
            }
            "action" => value.clone_into(&mut self.action),
            "outcome" => {
                self.outcome = OUTCOMES.into_iter().find(|o| o.word() == value);
                return self.outcome.is_some();
            }
            "from" => {
                self.from = instant(value, scope).map(|at| (value.to_owned(), at));
                return self.from.is_some();
            }
            "to" => {
                self.until = instant(value, scope).map(|at| (value.to_owned(), at));
                return self.until.is_some();
            }
            "after" => {
                self.after = value.parse().ok();
                return self.after.is_some();
            }
            _ => {}
        }
        true
    }

    /// Asks for the name of the wanted actor; one nobody knows is ignored like any wrong value.
    pub(super) async fn name_actor(&mut self, scope: &Scope) -> WebResult<()> {
        let Some((actor, _)) = self.actor.take() else {
            return Ok(());
        };
        match actors::find(scope, actor).await {
            Ok(found) => self.actor = Some((actor, found.name)),
            Err(store::Error::NotFound) => {
                self.ignored.push(not_known("actor", &self.asked_actor));
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// The store's filter.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            actor: self.actor.as_ref().map(|a| a.0),
            source: self.source.as_ref().map(|s| s.0),
            action: Some(self.action.clone()).filter(|a| !a.is_empty()),
            outcome: self.outcome,
            from: self.from.as_ref().map(|f| f.1),
            until: self.until.as_ref().map(|u| u.1),
        }
    }

    /// The address of this list, defaults left out.
    pub(super) fn address(&self) -> Address {
        let text = |pair: &Option<(String, Timestamp)>| pair.clone().unwrap_or_default().0;
        let mut address = Address::of("/events");
        let actor = self.actor.as_ref().map(|(id, _)| id.code());
        address.put("actor", actor.unwrap_or_default());
        let source = self.source.as_ref().map(|(_, slug)| slug.clone());
        address.put("source", source.unwrap_or_default());
        address.put("action", &self.action);
        address.put("outcome", self.outcome.map_or("", Outcome::word));
        address.put("from", text(&self.from));
        address.put("to", text(&self.until));
        address
    }

    /// The address of the next page.
    pub(super) fn page_after(&self, last: EventId) -> String {
        self.address().with("after", last.to_string()).to_string()
    }

    /// The address with only events of this actor.
    pub(super) fn of_actor(&self, actor: ActorId) -> String {
        self.address().with("actor", actor.code()).to_string()
    }

    /// Active filters in words.
    pub(super) fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        let mut put = |name, key, value| {
            chips.push(Chip {
                name,
                value,
                without: self.address().without(key).to_string(),
            });
        };
        if let Some((_, name)) = &self.actor {
            put("Actor", "actor", shown(name).into_owned());
        }
        if let Some((_, slug)) = &self.source {
            put("Source", "source", slug.clone());
        }
        if !self.action.is_empty() {
            put("Action", "action", shown(&self.action).into_owned());
        }
        if let Some(outcome) = self.outcome {
            put("Outcome", "outcome", outcome.word().to_owned());
        }
        if let Some((from, _)) = &self.from {
            put("From", "from", from.clone());
        }
        if let Some((until, _)) = &self.until {
            put("Before", "to", until.clone());
        }
        chips
    }

    /// Whether only this source is wanted.
    pub(super) fn is_source(&self, id: SourceId) -> bool {
        self.source
            .as_ref()
            .is_some_and(|(wanted, _)| *wanted == id)
    }

    /// The beginning as it was typed.
    pub(super) fn typed_from(&self) -> &str {
        self.from.as_ref().map_or("", |(text, _)| text)
    }

    /// The end as it was typed.
    pub(super) fn typed_until(&self) -> &str {
        self.until.as_ref().map_or("", |(text, _)| text)
    }

    /// What stands in the field for the actor: the name people know.
    pub(super) fn actor_name(&self) -> &str {
        self.actor.as_ref().map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            actor: Some((ActorId(7), "jane@corp".to_owned())),
            action: "file.read".to_owned(),
            outcome: Some(Outcome::Failure),
            from: Some(("-24h".to_owned(), Timestamp::from_micros(0))),
            ..Wanted::default()
        }
    }

    #[test]
    fn addresses_leave_defaults_out() {
        let code = ActorId(7).code();
        assert_eq!(
            wanted().address().to_string(),
            format!("/events?actor={code}&action=file.read&outcome=failure&from=-24h")
        );
        assert_eq!(Wanted::default().address().to_string(), "/events");
    }

    #[test]
    fn chips_remove_one_filter_each() {
        let chips = wanted().chips();
        let names: Vec<_> = chips.iter().map(|c| c.name).collect();
        assert_eq!(names, ["Actor", "Action", "Outcome", "From"]);
        assert_eq!(
            chips[0].without,
            "/events?action=file.read&outcome=failure&from=-24h"
        );
        assert_eq!(chips[0].value, "jane@corp");
    }

    #[test]
    fn the_filter_is_what_the_address_says() {
        let filter = wanted().filter();
        assert_eq!(filter.actor, Some(ActorId(7)));
        assert_eq!(filter.action.as_deref(), Some("file.read"));
        assert_eq!((filter.source, filter.until), (None, None));
    }
}
