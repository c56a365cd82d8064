//! Who acts: a person, a service account or a device.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::id::{TenantKey, crockford, from_crockford};

/// Number of fixed partitions over which actors are spread.
pub const PARTITIONS: u8 = 64;

/// An actor's identity inside one tenant: 60 bits of a hash of tenant and folded name.
///
/// Deriving it instead of numbering rows means that every process names an actor alike without
/// asking the database. With a million actors two share an id with a probability below 10⁻⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActorId(pub i64);

/// One of the [`PARTITIONS`] shares of the scoring work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u8);

/// The name used for matching: trimmed, NFKC-normalised and lower-cased.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorKey(String);

impl ActorKey {
    /// Folds a name as sent. `Jane@Corp ` and `jane@corp` give the same key.
    pub fn fold(name: &str) -> Self {
        let trimmed = name.trim();
        if trimmed.is_ascii() {
            return Self(trimmed.to_ascii_lowercase());
        }
        Self(trimmed.nfkc().flat_map(char::to_lowercase).collect())
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The actor's id and partition under a tenant. Stable for ever: stored rows depend on it.
    pub fn identify(&self, tenant: TenantKey) -> (ActorId, Partition) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(tenant.0.as_bytes());
        hasher.update(self.0.as_bytes());
        let mut bytes = [0_u8; 9];
        hasher.finalize_xof().fill(&mut bytes);
        let [head @ .., tail] = bytes;
        let id = u64::from_le_bytes(head) >> 4;
        (ActorId(id as i64), Partition(tail % PARTITIONS))
    }
}

impl ActorId {
    /// The opaque code shown in addresses, such as `AC-07ZK3M9Q2XWT`.
    pub fn code(self) -> String {
        format!("AC-{}", crockford(self.0 as u64, 12))
    }

    /// Reads a code; `None` when it is not one.
    pub fn from_code(code: &str) -> Option<Self> {
        let digits = code.strip_prefix("AC-").or(code.strip_prefix("ac-"))?;
        (digits.len() == 12)
            .then(|| from_crockford(digits))
            .flatten()
            .map(|id| Self(id as i64))
    }
}

/// What sort of actor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A human being's account. The default.
    #[default]
    Person,
    /// An account used by programs.
    Service,
    /// A device that speaks for itself.
    Device,
}

impl ActorKind {
    /// Every kind, in display order.
    pub const ALL: [Self; 3] = [Self::Person, Self::Service, Self::Device];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
            Self::Device => "device",
        }
    }

    /// Reads what senders put into `actorType`; `None` for words it does not know.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "person" | "user" | "human" | "employee" => Some(Self::Person),
            "service" | "serviceaccount" | "service_account" | "application" | "app" | "bot"
            | "machine" | "workload" => Some(Self::Service),
            "device" | "host" | "system" => Some(Self::Device),
            _ => None,
        }
    }
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn folding() {
        assert_eq!(ActorKey::fold("  Jane@Corp ").as_str(), "jane@corp");
        assert_eq!(ActorKey::fold("ＪＡＮＥ").as_str(), "jane");
        assert_eq!(ActorKey::fold("Ärger").as_str(), "ärger");
    }

    /// Stored rows depend on these numbers: a change here orphans every profile.
    #[test]
    fn identity_vectors() {
        let tenant = TenantKey(Uuid::from_u128(1));
        let vectors: Vec<_> = ["jane", "svc-backup", "ärger"]
            .iter()
            .map(|name| {
                let (id, part) = ActorKey::fold(name).identify(tenant);
                (id.0, part.0)
            })
            .collect();
        assert_eq!(vectors, IDENTITY_VECTORS);
    }

    const IDENTITY_VECTORS: [(i64, u8); 3] = [
        (139_588_707_850_959_532, 22),
        (1_091_907_181_968_622_731, 27),
        (178_673_589_741_342_940, 4),
    ];

    #[test]
    fn codes_round_trip() {
        let (id, _) = ActorKey::fold("jane").identify(TenantKey(Uuid::from_u128(1)));
        assert_eq!(ActorId::from_code(&id.code()), Some(id));
        assert_eq!(ActorId::from_code(&id.code().to_lowercase()), Some(id));
        assert_eq!(ActorId::from_code("jane"), None);
        assert_eq!(ActorId::from_code("AC-1"), None);
    }

    #[test]
    fn tenants_do_not_share_ids() {
        let key = ActorKey::fold("jane");
        assert_ne!(
            key.identify(TenantKey(Uuid::from_u128(1))).0,
            key.identify(TenantKey(Uuid::from_u128(2))).0
        );
    }
}
