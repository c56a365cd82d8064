//! What the engine keeps of an event.

use std::net::IpAddr;

use domain::actor::ActorKind;
use domain::event::{Event, Outcome};
use domain::severity::Severity;
use domain::time::Minute;
use xxhash_rust::xxh3::Xxh3Default;

use super::action::{Action, Classifier, Place};
use crate::observation::ValueHash;

/// One event as this engine sees it: classes, amounts and hashes of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// The UTC minute it happened in.
    pub minute: Minute,
    /// What was done.
    pub action: Action,
    /// On what.
    pub place: Place,
    /// The pair of words, as sent, folded: what kind of event it is.
    pub kind: ValueHash,
    /// Whether it failed.
    pub failed: bool,
    /// Bytes it moved.
    pub bytes: u64,
    /// The one thing acted on.
    pub object: Option<ValueHash>,
    /// Where it came from.
    pub address: Option<ValueHash>,
    /// The neighbourhood it came from: the /16 of an IPv4, the /48 of an IPv6 address.
    pub network: Option<ValueHash>,
    /// Whether the source called the actor a service account.
    pub service: bool,
    /// With which program.
    pub agent: Option<ValueHash>,
    /// How bad a detector called it; only for [`Action::Detection`].
    pub severity: Option<Severity>,
    /// On which computer; for a sign-in to a computer, that computer.
    pub host: Option<ValueHash>,
}

impl Activity {
    /// Classifies an event.
    pub fn of(event: &Event, classifier: &Classifier) -> Self {
        let place = classifier.place(event.resource.as_deref());
        Self::classified(event, classifier.action(&event.action, place), place)
    }

    fn classified(event: &Event, action: Action, place: Place) -> Self {
        let object = event
            .resource_id
            .as_deref()
            .and_then(|id| ValueHash::resource(event.resource.as_deref(), Some(id)));
        let host = match &event.host {
            Some(host) => Some(ValueHash::text(host)),
            None if place == Place::Host => event.resource_id.as_deref().map(ValueHash::text),
            None => None,
        };
        Self {
            minute: event.occurred_at.minute(),
            action,
            place,
            kind: kind(&event.action, event.resource.as_deref().unwrap_or_default()),
            failed: event.outcome == Outcome::Failure,
            bytes: event.bytes.unwrap_or(0).max(0) as u64,
            object,
            address: event.ip.map(ValueHash::address),
            network: event.ip.map(network),
            service: event.actor_kind == Some(ActorKind::Service),
            agent: event.user_agent.as_deref().map(program),
            // A detector that does not say how bad it is says little.
            severity: (action == Action::Detection)
                .then_some(event.severity.unwrap_or(Severity::Low)),
            host,
        }
    }
}

fn kind(action: &str, resource: &str) -> ValueHash {
    let mut hasher = Xxh3Default::new();
    for text in [action, resource] {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            hasher.update(text.to_ascii_lowercase().as_bytes());
        } else {
            hasher.update(text.as_bytes());
        }
        hasher.update(&[0]);
    }
    ValueHash(hasher.digest())
}

/// A client program without its version numbers: an update is not a new program.
fn program(agent: &str) -> ValueHash {
    let mut hasher = Xxh3Default::new();
    for part in agent.split(|c: char| c.is_ascii_digit() || c == '.') {
        hasher.update(part.as_bytes());
    }
    ValueHash(hasher.digest())
}

fn network(ip: IpAddr) -> ValueHash {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            ValueHash::text(&format!("{a}.{b}/16"))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            ValueHash::text(&format!("{a:x}:{b:x}:{c:x}/48"))
        }
    }
}

/// Classifies many events, remembering what each pair of words meant.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    classifier: Classifier,
    known: std::collections::HashMap<ValueHash, (Action, Place)>,
}

/// Pairs of words remembered; sources have a few hundred.
const KNOWN_KINDS: usize = 10_000;

impl Reader {
    /// Reads with a tenant's table.
    pub fn new(classifier: Classifier) -> Self {
        Self {
            classifier,
            known: std::collections::HashMap::new(),
        }
    }

    /// The same as [`Activity::of`], without looking the words up again.
    pub fn read(&mut self, event: &Event) -> Activity {
        let kind = kind(&event.action, event.resource.as_deref().unwrap_or_default());
        if let Some((action, place)) = self.known.get(&kind) {
            return Activity::classified(event, *action, *place);
        }
        let activity = Activity::of(event, &self.classifier);
        if self.known.len() < KNOWN_KINDS {
            self.known.insert(kind, (activity.action, activity.place));
        }
        activity
    }
}
