//! Applying a source's redaction. It runs before anything is written.

pub(crate) mod event;

use domain::id::TenantKey;
use domain::redaction::Treatment;

/// The tenant's key for hashing redacted values. Never printed.
pub struct RedactionKey([u8; 32]);

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedactionKey(…)")
    }
}

impl RedactionKey {
    /// Derives a tenant's key from the installation's master key (BLAKE3 key derivation).
    pub fn derive(master: &[u8; 32], tenant: TenantKey) -> Self {
        let mut material = Vec::with_capacity(48);
        material.extend_from_slice(master);
        material.extend_from_slice(tenant.0.as_bytes());
        Self(blake3::derive_key("insider-risk 2026 redaction", &material))
    }

    /// A hasher nobody without the key can repeat.
    pub(crate) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

/// What remains of a value; `None` when it is dropped.
pub(crate) fn treat(value: &str, treatment: Treatment, key: &RedactionKey) -> Option<String> {
    match treatment {
        Treatment::Keep => Some(value.to_owned()),
        Treatment::Drop => None,
        Treatment::Mask => Some(mask(value)),
        Treatment::Hash => {
            let mut hasher = key.hasher();
            hasher.update(value.as_bytes());
            let hex = hasher.finalize().to_hex();
            Some(format!("hash:{}", hex.get(..24).unwrap_or_default()))
        }
    }
}

/// First and last character with dots between; short values lose everything.
fn mask(value: &str) -> String {
    let mut chars = value.chars();
    match (chars.next(), chars.next_back(), value.chars().count()) {
        (Some(first), Some(last), 5..) => format!("{first}••••{last}"),
        _ => "••••".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key(tenant: u128) -> RedactionKey {
        RedactionKey::derive(&[7; 32], TenantKey(Uuid::from_u128(tenant)))
    }

    #[test]
    fn treatments() {
        let treat = |value, how| treat(value, how, &key(1));
        assert_eq!(
            treat("payroll.xlsx", Treatment::Keep).as_deref(),
            Some("payroll.xlsx")
        );
        assert_eq!(treat("payroll.xlsx", Treatment::Drop), None);
        assert_eq!(
            treat("payroll.xlsx", Treatment::Mask).as_deref(),
            Some("p••••x")
        );
        assert_eq!(treat("abcd", Treatment::Mask).as_deref(), Some("••••"));
        let hashed = treat("payroll.xlsx", Treatment::Hash).unwrap();
        assert_eq!(hashed.len(), 29);
        assert_eq!(
            Some(&hashed),
            treat("payroll.xlsx", Treatment::Hash).as_ref()
        );
        assert_ne!(Some(hashed), treat("payroll.xls", Treatment::Hash));
    }

    #[test]
    fn tenants_hash_differently_and_the_key_is_not_printed() {
        let one = treat("x", Treatment::Hash, &key(1));
        assert_ne!(one, treat("x", Treatment::Hash, &key(2)));
        assert_eq!(format!("{:?}", key(1)), "RedactionKey(…)");
    }
}
