//! One actor beside the people of its group: unusual for this one, or for all of them?

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::actor::ActorId;
use scoring::calibrated::peers::SMALLEST;
use scoring::calibrated::rule::{Measure, Rule};
use scoring::calibrated::{ActorState, Drift, Peers, drift, stored};
use scoring::words;
use store::actor_facts::{self, Told};
use store::{Scope, calibrated};

use super::{Code, Head};
use crate::auth::{Require, permit};
use crate::error::WebResult;
use crate::form::Path;
use crate::page::{Shell, capitalised, page, shown};

/// Members that an actor is compared with at most.
const MEMBERS: usize = 500;

#[derive(Template)]
#[template(path = "actor_peers.html")]
struct PeersPage {
    shell: Shell,
    head: Head,
    told: About,
    /// Whether this actor has a past of its own.
    has_past: bool,
    compared: Option<Compared>,
}

/// What is said about an actor, and by whom it is surrounded.
pub(crate) struct About {
    pub told: Option<Told>,
    /// Members of its group besides the actor that have sent events.
    pub others: usize,
}

impl About {
    pub(crate) async fn of(scope: &Scope, actor: ActorId) -> WebResult<Self> {
        let told = actor_facts::find(scope, actor).await?;
        let group = told.as_ref().and_then(|t| t.facts.peer_group.clone());
        let others = match group {
            Some(group) => members(scope, actor, &group).await?.len(),
            None => 0,
        };
        Ok(Self { told, others })
    }

    /// The group's name when it is large enough to be shown.
    pub(crate) fn group(&self) -> Option<&str> {
        let told = self.told.as_ref()?;
        let group = told.facts.peer_group.as_deref();
        group.filter(|_| self.others >= SMALLEST)
    }

    /// Whether there is a group that is too small.
    pub(crate) fn is_too_small(&self) -> bool {
        let told = self.told.as_ref();
        told.is_some_and(|t| t.facts.peer_group.is_some()) && self.others < SMALLEST
    }

    /// Since which day it is in force, unless since ever.
    pub(crate) fn since(&self) -> Option<String> {
        let told = self.told.as_ref().filter(|told| told.since.0 > 0)?;
        Some(told.since.to_string())
    }
}

async fn members(scope: &Scope, actor: ActorId, group: &str) -> WebResult<Vec<ActorId>> {
    let mut members = actor_facts::group(scope, group).await?;
    members.retain(|id| *id != actor);
    Ok(members)
}

/// The pasts of some actors as the calibrated grading keeps them.
async fn pasts(scope: &Scope, actors: &[ActorId]) -> WebResult<Vec<(ActorId, ActorState)>> {
    let mut pasts = Vec::with_capacity(actors.len());
    for chunk in actors.chunks(100) {
        let rows = calibrated::states(scope.database(), scope.tenant_id(), chunk).await?;
        for (actor, row) in rows {
            // One of another version is derived again with the next pass.
            if let Ok(state) = stored::from_bytes(&row.state) {
                pasts.push((actor, state));
            }
        }
    }
    Ok(pasts)
}

/// Values that rise through an actor's own baseline.
pub(crate) async fn drifts(scope: &Scope, actor: ActorId) -> WebResult<Vec<Drift>> {
    let own = pasts(scope, &[actor]).await?;
    Ok(own.first().map_or_else(Vec::new, |(_, state)| drift(state)))
}

/// The comparison with a group.
struct Compared {
    group: String,
    size: usize,
    finding: String,
    rows: Vec<Line>,
}

/// One value.
struct Line {
    title: String,
    most: String,
    as_much: usize,
    sentence: String,
}

impl Compared {
    async fn of(
        scope: &Scope,
        own: &ActorState,
        actor: ActorId,
        group: &str,
    ) -> WebResult<Option<Self>> {
        let mut ids = members(scope, actor, group).await?;
        ids.truncate(MEMBERS);
        let pasts = pasts(scope, &ids).await?;
        let Some(peers) = Peers::of(group, pasts.iter().map(|(_, state)| state)) else {
            return Ok(None);
        };
        let rows: Vec<Line> = Rule::ALL
            .into_iter()
            .filter(|rule| rule.measure() != Measure::Rarity)
            .filter_map(|rule| {
                let days = own.recent.iter().map(|day| day.values[rule]);
                let most = f64::from(days.fold(0.0, f32::max));
                (most > 0.0).then(|| Line {
                    title: capitalised(&rule.word().replace('_', " ")),
                    most: rule.amount(most),
                    as_much: peers.as_much(rule, most),
                    sentence: peers.comparison(rule, most).sentence,
                })
            })
            .collect();
        Ok(Some(Self {
            finding: finding(&rows, peers.size(), group),
            group: group.to_owned(),
            size: peers.size(),
            rows,
        }))
    }
}

/// What stands out, in one sentence.
fn finding(rows: &[Line], size: usize, group: &str) -> String {
    let alone: Vec<String> = rows
        .iter()
        .filter(|row| row.as_much == 0)
        .map(|row| row.title.to_lowercase())
        .collect();
    if alone.is_empty() {
        return format!("In nothing higher than all {size} others in {group}.");
    }
    format!(
        "Higher than all {size} others in {group}: {}.",
        words::list(&alone)
    )
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::ActorsView>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let scope = &who.scope;
    let head = Head::of(scope, code.0, "Peers").await?;
    let told = About::of(scope, code.0).await?;
    let own = pasts(scope, &[code.0]).await?.pop();
    let compared = match (&own, told.group()) {
        (Some((_, own)), Some(group)) => Compared::of(scope, own, code.0, group).await?,
        _ => None,
    };
    let title = format!("Peers of {} – Actors", shown(&head.actor.name));
    let template = PeersPage {
        shell: Shell::of(&who, "/actors", title).await?,
        head,
        told,
        has_past: own.is_some(),
        compared,
    };
    Ok(page(template).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_names_what_nobody_else_did() {
        let line = |title: &str, as_much| Line {
            title: title.to_owned(),
            most: String::new(),
            as_much,
            sentence: String::new(),
        };
        let rows = [line("Downloads", 0), line("Mails", 3)];
        assert_eq!(
            finding(&rows, 12, "Finance"),
            "Higher than all 12 others in Finance: downloads."
        );
        assert!(finding(&rows[1..], 12, "Finance").starts_with("In nothing higher"));
    }
}
