//! Encryption of secrets at rest: AES-256-GCM under a ring of named keys.
//!
//! A sealed value is a random 96-bit nonce followed by the ciphertext and its 128-bit tag. The
//! additional data binds it to its place: tenant, table, row, field, key id and format version. A
//! value that is moved to another tenant, row or field therefore cannot be opened there.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use domain::id::TenantId;
use thiserror::Error;
use zeroize::Zeroizing;

/// Version of the format above.
const FORMAT: u8 = 1;
/// Bytes of the nonce.
const NONCE: usize = 12;

/// Where a secret is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Whose secret.
    pub tenant: TenantId,
    /// Which kind of row it belongs to.
    pub table: &'a str,
    /// Which row.
    pub row: &'a str,
    /// Which of the row's secrets.
    pub field: &'a str,
}

/// A sealed value and the id of the key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key.
    pub key_id: String,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Why a sealed value cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unsealable {
    /// The ring does not hold its key.
    #[error(
        "a secret is sealed with the key {0}, which is not given: put that key into INTEGRATION_ENCRYPTION_KEY_PREVIOUS"
    )]
    UnknownKey(String),
    /// The value was altered, or belongs to another place.
    #[error("a sealed secret was altered or moved: store it again")]
    Altered,
}

/// One key of the ring.
struct RingKey {
    id: String,
    cipher: Aes256Gcm,
}

/// The keys that open secrets; the first one seals.
pub struct KeyRing {
    keys: Vec<RingKey>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|k| k.id.as_str()).collect();
        write!(f, "KeyRing({})", ids.join(", "))
    }
}

impl KeyRing {
    /// A ring whose `current` master key seals, while those of `previous` still open.
    pub fn new(current: &[u8; 32], previous: &[[u8; 32]]) -> Self {
        let masters = std::iter::once(current).chain(previous);
        Self {
            keys: masters.map(RingKey::of).collect(),
        }
    }

    /// The id of the key that seals: 16 hexadecimal digits that tell nothing about the key.
    pub fn current_id(&self) -> &str {
        self.keys.first().map_or("", |k| &k.id)
    }

    /// True when the ring can open what the key of that id sealed.
    pub fn holds(&self, id: &str) -> bool {
        self.keys.iter().any(|k| k.id == id)
    }

    /// Seals a value for a place, under the current key and a fresh random nonce.
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Result<Sealed, Unsealable> {
        let key = self
            .keys
            .first()
            .ok_or_else(|| Unsealable::UnknownKey(String::new()))?;
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| Unsealable::Altered)?;
        let bound = additional(place, &key.id);
        let payload = Payload {
            msg: value,
            aad: bound.as_bytes(),
        };
        let sealed = key
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Unsealable::Altered)?;
        Ok(Sealed {
            key_id: key.id.clone(),
            bytes: [nonce.as_slice(), &sealed].concat(),
        })
    }

    /// Opens a value that was sealed for exactly this place.
    pub fn open(
        &self,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let key = self.keys.iter().find(|k| k.id == sealed.key_id);
        let key = key.ok_or_else(|| Unsealable::UnknownKey(sealed.key_id.clone()))?;
        let (nonce, text) = sealed
            .bytes
            .split_first_chunk::<NONCE>()
            .ok_or(Unsealable::Altered)?;
        let bound = additional(place, &key.id);
        let payload = Payload {
            msg: text,
            aad: bound.as_bytes(),
        };
        let value = key.cipher.decrypt(&Nonce::from(*nonce), payload);
        value.map(Zeroizing::new).map_err(|_| Unsealable::Altered)
    }
}

impl RingKey {
    fn of(master: &[u8; 32]) -> Self {
        let derived = Zeroizing::new(blake3::derive_key("insider-risk 2026 secrets", master));
        let id = blake3::derive_key("insider-risk 2026 secrets key id", master);
        let id: String = blake3::hash(&id).to_hex().chars().take(16).collect();
        Self {
            id,
            cipher: Aes256Gcm::new(&(*derived).into()),
        }
    }
}

/// The place as bytes. Rows and fields are our own words and numbers without a bar, so no two
/// places look alike.
fn additional(place: &Place<'_>, key_id: &str) -> String {
    let Place {
        tenant,
        table,
        row,
        field,
    } = place;
    format!("{tenant}|{table}|{row}|{field}|{key_id}|{FORMAT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        tenant: TenantId(1),
        table: "integration",
        row: "7",
        field: "secret",
    };

    fn ring(seed: u8) -> KeyRing {
        KeyRing::new(&[seed; 32], &[])
    }

    /// SEC-43: bound to tenant, table, row, field and key; no truncated tag.
    #[test]
    fn what_is_sealed_opens_only_in_its_place() {
        let ring = ring(1);
        let sealed = ring.seal(&PLACE, b"hunter2").unwrap();
        assert_eq!(ring.open(&PLACE, &sealed).unwrap().as_slice(), b"hunter2");
        for place in [
            Place {
                tenant: TenantId(2),
                ..PLACE
            },
            Place {
                table: "draft",
                ..PLACE
            },
            Place { row: "8", ..PLACE },
            Place {
                field: "secret.previous",
                ..PLACE
            },
        ] {
            assert_eq!(
                ring.open(&place, &sealed),
                Err(Unsealable::Altered),
                "{place:?}"
            );
        }
        for cut in 0..sealed.bytes.len() {
            let short = Sealed {
                bytes: sealed.bytes[..cut].to_vec(),
                ..sealed.clone()
            };
            assert_eq!(ring.open(&PLACE, &short), Err(Unsealable::Altered));
        }
        for at in 0..sealed.bytes.len() {
            let mut flipped = sealed.clone();
            flipped.bytes[at] ^= 1;
            assert_eq!(ring.open(&PLACE, &flipped), Err(Unsealable::Altered));
        }
    }

    #[test]
    fn a_key_is_needed_and_named_when_missing() {
        let sealed = ring(1).seal(&PLACE, b"x").unwrap();
        let Err(Unsealable::UnknownKey(id)) = ring(2).open(&PLACE, &sealed) else {
            panic!("opened with another key");
        };
        assert_eq!(id, ring(1).current_id());
        let both = KeyRing::new(&[2; 32], &[[1; 32]]);
        assert!(both.open(&PLACE, &sealed).is_ok() && both.holds(&id));
        assert_ne!(both.seal(&PLACE, b"x").unwrap().key_id, id);
        // Passing one key off as the other is noticed.
        let relabelled = Sealed {
            key_id: both.current_id().to_owned(),
            ..sealed
        };
        assert_eq!(both.open(&PLACE, &relabelled), Err(Unsealable::Altered));
    }

    /// SEC-43: nonces.
    #[test]
    fn every_nonce_is_new_and_nothing_is_printed() {
        let ring = ring(3);
        let mut seen = std::collections::HashSet::new();
        let writes = std::env::var("SEAL_WRITES").map_or(20_000, |n| n.parse().unwrap());
        for _ in 0..writes {
            let sealed = ring.seal(&PLACE, b"").unwrap();
            assert!(seen.insert(sealed.bytes[..NONCE].to_vec()));
        }
        assert_eq!(
            format!("{ring:?}"),
            format!("KeyRing({})", ring.current_id())
        );
    }
}
