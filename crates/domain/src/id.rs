//! Newtypes for every identifier, so that an alert id cannot be passed as a source id.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// Declares an integer identifier that only exists inside one database.
macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

row_id! {
    /// A tenant's row.
    TenantId,
    /// A source's row.
    SourceId,
    /// A user's row.
    UserId,
    /// An alert's row. People see its [`crate::alert::AlertCode`].
    AlertId,
    /// An API key's row.
    ApiKeyId,
    /// A personal token's row.
    TokenId,
    /// An integration's row.
    IntegrationId,
}

/// The deterministic identity of one stored event: UUID version 8 (RFC 9562 section 5.8).
///
/// The first 48 bits are the event time in Unix milliseconds, so ids of one hour lie together
/// in an index; the rest is a hash of tenant, source and the sender's identity of the event.
/// The same event sent again therefore gets the same id on any engine and any process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Builds the id from the event time and at least ten bytes of identity hash.
    pub fn derive(occurred_at: Timestamp, identity: &blake3::Hash) -> Self {
        let millis = occurred_at.micros().div_euclid(1000).max(0) as u64;
        let mut bytes = [0_u8; 16];
        let (head, tail) = bytes.split_at_mut(6);
        head.copy_from_slice(millis.to_be_bytes().split_at(2).1);
        tail.copy_from_slice(identity.as_bytes().split_at(10).0);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Reads an id from its 16 stored bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes as stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The stable public key of a tenant; part of every hash that must not repeat across tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantKey(pub Uuid);

/// Crockford's base 32 alphabet: no I, L, O or U, so that codes survive being read aloud.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Writes the lowest `digits * 5` bits of `value` in Crockford's base 32.
pub fn crockford(value: u64, digits: u32) -> String {
    (0..digits)
        .rev()
        .map(|place| {
            let index = (value >> (place * 5)) & 31;
            CROCKFORD
                .get(index as usize)
                .copied()
                .map_or('0', char::from)
        })
        .collect()
}

/// Reads what [`crockford`] wrote; lower case is accepted. `None` on any other character.
pub fn from_crockford(text: &str) -> Option<u64> {
    if text.len() > 12 {
        return None;
    }
    text.bytes().try_fold(0_u64, |value, byte| {
        let digit = CROCKFORD
            .iter()
            .position(|&c| c == byte.to_ascii_uppercase())?;
        Some((value << 5) | digit as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_id_is_version_8_and_sorts_by_time() {
        let hash = blake3::hash(b"identity");
        let early = EventId::derive(Timestamp::from_micros(1_000_000), &hash);
        let late = EventId::derive(Timestamp::from_micros(2_000_000), &hash);
        assert!(early < late);
        assert_eq!(early.to_string().as_bytes()[14], b'8');
        assert_eq!(early.to_string().parse::<EventId>().unwrap(), early);
        assert_eq!(EventId::from_bytes(*early.as_bytes()), early);
    }

    #[test]
    fn crockford_round_trips() {
        for value in [0, 1, 31, 32, 0x0fff_ffff_ffff_ffff] {
            assert_eq!(from_crockford(&crockford(value, 12)), Some(value));
        }
        assert_eq!(from_crockford("U"), None);
        assert_eq!(from_crockford("0000000000000"), None);
    }
}
