//! The form of API keys and personal tokens: prefix, public id, 256-bit secret, checksum.
//!
//! `irk_7H2K9QW4XZ_<43 characters>_<6 characters>`. The checksum tells a mistyped key from a
//! wrong one without asking the database.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::crockford;

use crate::hidden;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sends events of one source.
    Source,
    /// Acts as a person.
    Personal,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Source => "irk",
            Self::Personal => "irt",
        }
    }
}

/// A key in its parts. The secret is only ever in memory.
#[derive(Clone)]
pub struct Key {
    /// Finds the row.
    pub public_id: String,
    secret: String,
    kind: Kind,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, …)", self.public_id)
    }
}

impl Key {
    /// Makes a new key.
    pub fn generate(kind: Kind) -> Self {
        let id = u64::from_le_bytes(hidden::random::<8>());
        Self {
            public_id: crockford(id, 10),
            secret: URL_SAFE_NO_PAD.encode(hidden::random::<32>()),
            kind,
        }
    }

    /// The same secret under another public id, as somebody would forge it.
    #[doc(hidden)]
    #[must_use]
    pub fn with_public_id(&self, public_id: &str) -> Self {
        Self {
            public_id: public_id.to_owned(),
            ..self.clone()
        }
    }

    /// Reads a presented key; `None` when its form or checksum is wrong.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(kind.prefix())?.strip_prefix('_')?;
        let (public_id, rest) = rest.split_at_checked(10)?;
        let (secret, sum) = rest.strip_prefix('_')?.split_at_checked(43)?;
        let key = Self {
            public_id: public_id.to_owned(),
            secret: secret.to_owned(),
            kind,
        };
        let plain = public_id.bytes().all(|b| b.is_ascii_alphanumeric());
        (plain && sum.strip_prefix('_') == Some(key.checksum().as_str())).then_some(key)
    }

    /// The whole text, to be shown once.
    pub fn reveal(&self) -> String {
        format!(
            "{}_{}_{}_{}",
            self.kind.prefix(),
            self.public_id,
            self.secret,
            self.checksum()
        )
    }

    /// The part that is hashed.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    fn checksum(&self) -> String {
        let hash = blake3::hash(format!("{}{}", self.public_id, self.secret).as_bytes());
        let first = hash
            .as_bytes()
            .iter()
            .take(4)
            .fold(0_u64, |v, b| (v << 8) | u64::from(*b));
        crockford(first, 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_and_typos_are_noticed() {
        let key = Key::generate(Kind::Source);
        let text = key.reveal();
        assert!(text.starts_with("irk_"));
        let read = Key::parse(Kind::Source, &text).unwrap();
        assert_eq!(
            (&read.public_id, read.secret()),
            (&key.public_id, key.secret())
        );
        assert!(Key::parse(Kind::Personal, &text).is_none());
        for at in [5, 20, text.len() - 1] {
            let mut typo = text.clone().into_bytes();
            typo[at] = if typo[at] == b'A' { b'B' } else { b'A' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(Key::parse(Kind::Source, &typo).is_none(), "{at}");
        }
        for bad in ["", "irk_", "irk_short", "irk_é", &text[1..]] {
            assert!(Key::parse(Kind::Source, bad).is_none());
        }
        assert!(!format!("{key:?}").contains(key.secret()));
    }
}
