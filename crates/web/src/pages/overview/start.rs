//! What is left to do on a new installation, ticked from the database.

use domain::access::Permission;
use domain::source::Source;
use store::overview::Arrival;
use store::{actors, quarantine, rules};

use crate::auth::Require;
use crate::error::WebResult;

/// The list.
pub(super) struct Start {
    pub steps: [Step; 4],
    received: bool,
}

/// One thing to do.
pub(super) struct Step {
    pub done: bool,
    pub title: &'static str,
    pub hint: &'static str,
    pub href: String,
}

impl Start {
    /// `None` once events arrive and the first baseline stands.
    pub(super) async fn of<P>(
        who: &Require<P>,
        sources: &[Source],
        arrivals: &[Arrival],
    ) -> WebResult<Option<Self>> {
        let scope = &who.scope;
        let received = !arrivals.is_empty()
            || actors::count(scope).await? > 0
            || quarantine::pending(scope).await? > 0;
        let baseline = received && actors::any_baseline(scope).await?;
        if received && baseline {
            return Ok(None);
        }
        let changed_rules = rules::list(scope).await?.iter().any(|r| r.version > 1);
        let facts = Facts {
            source: sources.first().map(|s| s.slug.as_str()),
            may_manage: who.user.role.allows(Permission::SourcesManage),
            received,
            baseline,
            changed_rules,
        };
        Ok(Some(Self {
            steps: facts.steps(),
            received,
        }))
    }

    /// True while there is nothing else to show.
    pub(super) fn nothing_came(&self) -> bool {
        !self.received
    }

    /// The first thing that is not done.
    pub(super) fn next(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.done)
    }

    /// How far it is.
    pub(super) fn summary(&self) -> String {
        let done = self.steps.iter().filter(|s| s.done).count();
        format!("{done} of {} done", self.steps.len())
    }
}

/// What the database says.
struct Facts<'a> {
    source: Option<&'a str>,
    may_manage: bool,
    received: bool,
    baseline: bool,
    changed_rules: bool,
}

impl Facts<'_> {
    fn steps(&self) -> [Step; 4] {
        let new_source = if self.may_manage {
            "/sources/new"
        } else {
            "/sources"
        };
        [
            Step {
                done: self.source.is_some(),
                title: "Create a source",
                hint: "It gets an address to post to and an API key.",
                href: new_source.to_owned(),
            },
            Step {
                done: self.received,
                title: "Post the first event",
                hint: "The source's page shows a command to copy.",
                href: self
                    .source
                    .map_or_else(|| "/sources".to_owned(), |slug| format!("/sources/{slug}")),
            },
            Step {
                done: self.baseline,
                title: "First baseline",
                hint: "After a complete day an actor's own past begins to count; until it has five events, documented defaults do.",
                href: "/actors".to_owned(),
            },
            Step {
                done: self.changed_rules,
                title: "Review the rules",
                hint: "The defaults are in force. Ticked when one was changed.",
                href: "/rules".to_owned(),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_tick_and_lead_on() {
        let mut facts = Facts {
            source: None,
            may_manage: true,
            received: false,
            baseline: false,
            changed_rules: false,
        };
        let steps = facts.steps();
        assert!(steps.iter().all(|s| !s.done));
        assert_eq!(steps[0].href, "/sources/new");
        assert_eq!(steps[1].href, "/sources");
        facts.source = Some("vpn");
        facts.may_manage = false;
        let steps = facts.steps();
        assert!(steps[0].done && !steps[1].done);
        assert_eq!(steps[0].href, "/sources");
        assert_eq!(steps[1].href, "/sources/vpn");
    }
}
