//! What an organisation says about its actors: from a directory, not from events.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::actor::ActorKind;
use crate::time::Zone;

/// Most characters of a text about an actor.
pub const LENGTH: usize = 500;
/// Most attributes of an actor.
pub const ATTRIBUTES: usize = 50;

/// What is known about one actor from outside. What is absent is not known.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorFacts {
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What sort of actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ActorKind>,
    /// Zone whose clock the actor lives by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The group of people whose work is alike, such as a department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_group: Option<String>,
    /// Everything else that was said, as written.
    pub attributes: BTreeMap<String, String>,
}
