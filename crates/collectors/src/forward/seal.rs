//! Sealing of what waits on disk: AES-256-GCM under keys derived from the API key.
//!
//! Each segment has its own key, derived from the API key and a random salt in the segment's
//! header, and is written by one process only. The nonce is the number of the record, so it never
//! repeats under one key however much is buffered, and a record that was moved, removed or
//! repeated does not open.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// Bytes of a nonce.
pub(super) const NONCE: usize = 12;
/// Bytes of a segment's salt.
pub(super) const SALT: usize = 32;
/// Bytes that name a key without revealing it.
pub(super) const KEY_ID: usize = 8;

const KEY_CONTEXT: &str = "insider-risk 2026 collector buffer key";
const ID_CONTEXT: &str = "insider-risk 2026 collector buffer key id";
const SEGMENT_CONTEXT: &str = "insider-risk 2026 collector buffer segment";

/// A record does not open: damaged, moved, or sealed with another key.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a buffered record does not open")]
pub(super) struct NotOurs;

/// The key of all segments written under one API key. API keys carry 256 random bits, so deriving
/// needs no slow hash.
#[derive(Clone)]
pub struct BufferKey {
    id: [u8; KEY_ID],
    key: [u8; 32],
}

impl BufferKey {
    /// Derives the key.
    pub fn derive(api_key: &SecretString) -> Self {
        let material = api_key.expose_secret().as_bytes();
        let name = blake3::derive_key(ID_CONTEXT, material);
        let mut id = [0; KEY_ID];
        id.iter_mut().zip(name).for_each(|(to, from)| *to = from);
        Self {
            id,
            key: blake3::derive_key(KEY_CONTEXT, material),
        }
    }

    pub(super) fn id(&self) -> [u8; KEY_ID] {
        self.id
    }

    pub(super) fn segment(&self, salt: &[u8; SALT]) -> Seal {
        let material = [self.key, *salt].concat();
        let key = blake3::derive_key(SEGMENT_CONTEXT, &material);
        Seal(Aes256Gcm::new(&key.into()))
    }
}

impl std::fmt::Debug for BufferKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BufferKey")
    }
}

/// Seals and opens the records of one segment.
pub(super) struct Seal(Aes256Gcm);

impl Seal {
    /// Nonce and ciphertext of record number `index`.
    pub(super) fn seal(&self, index: u64, line: &[u8]) -> Result<([u8; NONCE], Vec<u8>), NotOurs> {
        let nonce = nonce(index);
        let sealed = self.0.encrypt(&Nonce::from(nonce), Payload::from(line));
        sealed.map(|text| (nonce, text)).map_err(|_| NotOurs)
    }

    /// The line of record number `index`.
    pub(super) fn open(&self, index: u64, found: &[u8], text: &[u8]) -> Result<Vec<u8>, NotOurs> {
        let expected = nonce(index);
        if found != expected {
            return Err(NotOurs);
        }
        let opened = self.0.decrypt(&Nonce::from(expected), Payload::from(text));
        opened.map_err(|_| NotOurs)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

fn nonce(index: u64) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce
        .iter_mut()
        .zip(index.to_le_bytes())
        .for_each(|(to, from)| *to = from);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_opens_only_in_its_place_and_under_its_key() {
        let key = BufferKey::derive(&SecretString::from("one"));
        let other = BufferKey::derive(&SecretString::from("two"));
        assert_ne!(key.id(), other.id());
        let seal = key.segment(&[1; SALT]);
        let (nonce, text) = seal.seal(7, b"line").unwrap();
        assert!(!text.windows(4).any(|w| w == b"line"));
        assert_eq!(seal.open(7, &nonce, &text), Ok(b"line".to_vec()));
        assert_eq!(seal.open(8, &nonce, &text), Err(NotOurs));
        assert_eq!(key.segment(&[2; SALT]).open(7, &nonce, &text), Err(NotOurs));
        assert_eq!(
            other.segment(&[1; SALT]).open(7, &nonce, &text),
            Err(NotOurs)
        );
        let mut changed = text.clone();
        changed[0] ^= 1;
        assert_eq!(seal.open(7, &nonce, &changed), Err(NotOurs));
    }
}
