//! The installation's master key: 32 random bytes, base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::failure::{Failure, Outcome};

/// The master key. Never printed.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Fewest different byte values of a key: 32 random bytes have fewer with a probability of 10⁻¹⁰.
const MIN_DISTINCT: usize = 20;

impl MasterKey {
    /// Reads and judges a key.
    pub fn parse(text: &str) -> Outcome<Self> {
        let remedy = "make one with 'insider-risk keys generate'";
        let refuse = |why: &str| {
            Failure::configuration(format!("INTEGRATION_ENCRYPTION_KEY {why}: {remedy}"))
        };
        let bytes = STANDARD
            .decode(text.trim())
            .map_err(|_| refuse("is not base64"))?;
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| refuse("is not 32 bytes long"))?;
        let mut seen = [false; 256];
        for byte in bytes {
            if let Some(slot) = seen.get_mut(usize::from(byte)) {
                *slot = true;
            }
        }
        let steps = bytes
            .iter()
            .zip(bytes.iter().skip(1))
            .map(|(a, b)| b.wrapping_sub(*a));
        let counted_up = steps.clone().all(|s| Some(s) == steps.clone().next());
        let printable = bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
        if seen.iter().filter(|s| **s).count() < MIN_DISTINCT || counted_up || printable {
            return Err(refuse("is guessable"));
        }
        Ok(Self(bytes))
    }

    /// The bytes, for deriving keys from.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

/// A new key as text.
pub fn generate() -> String {
    STANDARD.encode(web::hidden::random::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_keys_are_refused() {
        assert!(MasterKey::parse(&generate()).is_ok());
        let counting: Vec<u8> = (0..32).collect();
        for weak in [
            String::new(),
            "change-me".to_owned(),
            STANDARD.encode([0_u8; 32]),
            STANDARD.encode([7_u8; 16]),
            STANDARD.encode(counting),
            STANDARD.encode(b"0123456789abcdefghijklmnopqrstuv"),
            STANDARD.encode([1, 2].repeat(16)),
        ] {
            assert!(MasterKey::parse(&weak).is_err(), "{weak}");
        }
        assert_eq!(
            format!("{:?}", MasterKey::parse(&generate()).unwrap()),
            "MasterKey(…)"
        );
    }
}
