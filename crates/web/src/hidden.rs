//! Random values and their hashes: session ids, tokens, keys, codes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// So many random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Going on with a known value would hand out guessable secrets.
        tracing::error!(%error, "the operating system gives no random bytes");
        std::process::abort();
    }
    bytes
}

/// A random text of 256 bits.
pub fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// The hash under which a 256-bit secret is stored. A fast hash is enough for such secrets.
pub fn hash(secret: &str) -> Vec<u8> {
    blake3::hash(secret.as_bytes()).as_bytes().to_vec()
}

/// Compares in constant time.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    // BLAKE3's hash type compares in constant time.
    blake3::hash(a) == blake3::hash(b)
}
