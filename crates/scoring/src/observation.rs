//! What the scorer keeps of an event: its minute, its amounts and hashes of its values.

use std::net::IpAddr;

use domain::event::{Event, Outcome};
use domain::time::{Minute, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// A 64-bit hash of one value. Stored in profiles: the function must never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueHash(pub u64);

impl ValueHash {
    /// Hashes a text value (XXH3, 64 bits).
    pub fn text(value: &str) -> Self {
        Self(xxh3_64(value.as_bytes()))
    }

    /// Hashes an address.
    pub fn address(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self(xxh3_64(&v4.octets())),
            IpAddr::V6(v6) => Self(xxh3_64(&v6.octets())),
        }
    }

    /// Hashes the thing acted on: its kind and its id together, so that document 7 and
    /// customer 7 are two things.
    pub fn resource(kind: Option<&str>, id: Option<&str>) -> Option<Self> {
        match (kind, id) {
            (None, None) => None,
            (kind, id) => {
                let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
                hasher.update(kind.unwrap_or_default().as_bytes());
                hasher.update(&[0]);
                hasher.update(id.unwrap_or_default().as_bytes());
                Some(Self(hasher.digest()))
            }
        }
    }
}

/// One event as the scorer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The UTC minute it happened in.
    pub minute: Minute,
    /// Bytes it moved.
    pub bytes: u64,
    /// Whether it failed.
    pub failed: bool,
    /// Where it came from.
    pub address: Option<ValueHash>,
    /// What it touched.
    pub resource: Option<ValueHash>,
    /// With which program.
    pub agent: Option<ValueHash>,
    /// On which machine.
    pub host: Option<ValueHash>,
}

impl Observation {
    /// An observation that only says "something happened".
    pub fn at(occurred_at: Timestamp) -> Self {
        Self {
            minute: occurred_at.minute(),
            bytes: 0,
            failed: false,
            address: None,
            resource: None,
            agent: None,
            host: None,
        }
    }
}

impl From<&Event> for Observation {
    fn from(event: &Event) -> Self {
        Self {
            minute: event.occurred_at.minute(),
            bytes: event.bytes.unwrap_or(0).max(0) as u64,
            failed: event.outcome == Outcome::Failure,
            address: event.ip.map(ValueHash::address),
            resource: ValueHash::resource(event.resource.as_deref(), event.resource_id.as_deref()),
            agent: event.user_agent.as_deref().map(ValueHash::text),
            host: event.host.as_deref().map(ValueHash::text),
        }
    }
}
