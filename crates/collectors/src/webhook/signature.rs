//! Signatures of posted requests, compared in constant time.
//!
//! Standard Webhooks (specification 1.0, "Signature scheme"): HMAC-SHA256 over
//! `id.timestamp.body` with the decoded secret, in `webhook-signature` as `v1,<base64>`, several
//! of them separated by spaces. GitHub ("Validating webhook deliveries"): HMAC-SHA256 over the
//! body with the secret as text, in `X-Hub-Signature-256` as `sha256=<hex>`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::integration::config::Signature;
use domain::secret::{ExposeSecret, SecretString};
use domain::time::{MINUTE_US, Timestamp};
use ring::hmac;
use thiserror::Error;

/// How far a signed timestamp may be from our clock, in either direction.
pub const WINDOW_US: i64 = 5 * MINUTE_US;
/// Fewest bytes of a secret.
pub const MIN_SECRET_BYTES: usize = 24;
/// Most signatures of one request that are looked at.
const MAX_SIGNATURES: usize = 8;
/// The prefix of a Standard Webhooks secret.
const PREFIX: &str = "whsec_";

/// The headers a signature needs, as sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`: seconds since the epoch.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`.
    pub signature: Option<&'a str>,
    /// `x-hub-signature-256`.
    pub hub_signature: Option<&'a str>,
}

/// Why a request is not taken for genuine. Told to the administrator, never to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotGenuine {
    /// A header is missing or cannot be read.
    #[error("the signature headers are missing or unreadable")]
    Headers,
    /// The signed timestamp is outside the window.
    #[error(
        "its timestamp is more than 5 minutes from this server's clock: check the sender's clock, or it was replayed"
    )]
    Window,
    /// No signature fits.
    #[error("its signature does not fit: the sender uses another secret, or signs another text")]
    Mismatch,
}

/// True when the headers hold what this kind of signature needs, before any body is read.
pub fn is_signed(kind: Signature, headers: &Headers<'_>) -> bool {
    match kind {
        Signature::StandardWebhooks => {
            headers.id.is_some() && headers.timestamp.is_some() && headers.signature.is_some()
        }
        Signature::Github => headers.hub_signature.is_some(),
        Signature::ApiKey => false,
    }
}

/// Checks a request against the secrets that are in force: the current one and, after a rotation,
/// the one before.
pub fn verify(
    kind: Signature,
    headers: &Headers<'_>,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), NotGenuine> {
    match kind {
        Signature::StandardWebhooks => standard(headers, body, secrets, now),
        Signature::Github => github(headers, body, secrets),
        Signature::ApiKey => Err(NotGenuine::Headers),
    }
}

fn standard(
    headers: &Headers<'_>,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), NotGenuine> {
    let id = headers.id.filter(|id| (1..=256).contains(&id.len()));
    let id = id.ok_or(NotGenuine::Headers)?;
    let sent = headers.timestamp.ok_or(NotGenuine::Headers)?;
    let plain = (1..=12).contains(&sent.len()) && sent.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = Some(sent)
        .filter(|_| plain)
        .and_then(|s| s.parse().ok())
        .ok_or(NotGenuine::Headers)?;
    let list = headers.signature.ok_or(NotGenuine::Headers)?;
    let signed = [id.as_bytes(), b".", sent.as_bytes(), b".", body].concat();
    let genuine = list
        .split(' ')
        .filter_map(|s| s.strip_prefix("v1,"))
        .take(MAX_SIGNATURES)
        .filter_map(|s| STANDARD.decode(s).ok())
        .any(|tag| {
            secrets
                .iter()
                .any(|s| fits(&standard_key(s), &signed, &tag))
        });
    if !genuine {
        return Err(NotGenuine::Mismatch);
    }
    let apart = now.micros().abs_diff(seconds.saturating_mul(1_000_000));
    if apart > WINDOW_US.unsigned_abs() {
        return Err(NotGenuine::Window);
    }
    Ok(())
}

fn github(headers: &Headers<'_>, body: &[u8], secrets: &[SecretString]) -> Result<(), NotGenuine> {
    let sent = headers.hub_signature.ok_or(NotGenuine::Headers)?;
    let hex = sent.strip_prefix("sha256=").ok_or(NotGenuine::Headers)?;
    let tag = from_hex(hex).ok_or(NotGenuine::Headers)?;
    let genuine = secrets
        .iter()
        .any(|s| fits(s.expose_secret().as_bytes(), body, &tag));
    genuine.then_some(()).ok_or(NotGenuine::Mismatch)
}

/// The bytes behind `whsec_<base64>`; another text is taken as it is.
fn standard_key(secret: &SecretString) -> Vec<u8> {
    let text = secret.expose_secret();
    text.strip_prefix(PREFIX)
        .and_then(|rest| STANDARD.decode(rest).ok())
        .unwrap_or_else(|| text.as_bytes().to_vec())
}

fn fits(key: &[u8], signed: &[u8], tag: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), signed, tag).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// A new secret from 256 random bits, as Standard Webhooks writes them.
pub fn new_secret(random: &[u8; 32]) -> SecretString {
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(random)))
}

/// What is wrong with a secret somebody brings; `None` when nothing is.
pub fn secret_problem(kind: Signature, text: &str) -> Option<&'static str> {
    if text.len() > 512 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("a signing secret has at most 512 characters and no spaces");
    }
    let bytes = match (kind, text.strip_prefix(PREFIX)) {
        (Signature::StandardWebhooks, Some(rest)) => match STANDARD.decode(rest) {
            Ok(bytes) => bytes.len(),
            Err(_) => return Some("after whsec_ comes base64"),
        },
        _ => text.len(),
    };
    (bytes < MIN_SECRET_BYTES).then_some("a signing secret has at least 24 bytes")
}

/// Signs a body as a sender would; for samples and tests.
pub fn sign(
    kind: Signature,
    secret: &SecretString,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let tag = |key: &[u8], text: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
            .as_ref()
            .to_vec()
    };
    match kind {
        Signature::ApiKey => Vec::new(),
        Signature::Github => {
            let tag = tag(secret.expose_secret().as_bytes(), body);
            let hex = tag
                .iter()
                .fold(String::new(), |hex, b| hex + &format!("{b:02x}"));
            vec![("x-hub-signature-256", format!("sha256={hex}"))]
        }
        Signature::StandardWebhooks => {
            let seconds = (at.micros() / 1_000_000).to_string();
            let text = [id.as_bytes(), b".", seconds.as_bytes(), b".", body].concat();
            let tag = STANDARD.encode(tag(&standard_key(secret), &text));
            vec![
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", seconds),
                ("webhook-signature", format!("v1,{tag}")),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    /// The example of the specification's "Symmetric" section.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn the_published_standard_webhooks_example_is_accepted() {
        let headers = Headers {
            id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            timestamp: Some("1614265330"),
            signature: Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            hub_signature: None,
        };
        let body = br#"{"test": 2432232314}"#;
        let key = [secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
        let now = Timestamp::from_micros(1_614_265_330_000_000);
        let verify = |headers, body: &[u8], now| {
            super::verify(Signature::StandardWebhooks, &headers, body, &key, now)
        };
        assert_eq!(verify(headers, body, now), Ok(()));
        let two = Headers {
            signature: Some("v1,AAAA v1a,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ..headers
        };
        assert_eq!(verify(two, body, now), Ok(()));
        assert_eq!(
            verify(headers, br#"{"test": 2432232315}"#, now),
            Err(NotGenuine::Mismatch)
        );
        let other = Headers {
            id: Some("msg_other"),
            ..headers
        };
        assert_eq!(verify(other, body, now), Err(NotGenuine::Mismatch));
        assert_eq!(verify(headers, body, now.plus(WINDOW_US)), Ok(()));
        assert_eq!(
            verify(headers, body, now.plus(WINDOW_US + 1)),
            Err(NotGenuine::Window)
        );
        assert_eq!(
            verify(headers, body, now.plus(-WINDOW_US - 1)),
            Err(NotGenuine::Window)
        );
        for headers in [
            Headers {
                id: None,
                ..headers
            },
            Headers {
                timestamp: Some("1614265330.5"),
                ..headers
            },
            Headers {
                timestamp: Some("-1614265330"),
                ..headers
            },
            Headers {
                timestamp: Some("99999999999999999999"),
                ..headers
            },
            Headers {
                signature: None,
                ..headers
            },
        ] {
            assert_eq!(
                verify(headers, body, now),
                Err(NotGenuine::Headers),
                "{headers:?}"
            );
        }
        for signature in [
            "",
            "v1",
            "v1,",
            "v1,!!!",
            "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            "v1,g0hM9SsE",
        ] {
            let forged = Headers {
                signature: Some(signature),
                ..headers
            };
            assert_eq!(
                verify(forged, body, now),
                Err(NotGenuine::Mismatch),
                "{signature}"
            );
        }
    }

    /// The example of GitHub's documentation.
    #[test]
    fn the_published_github_example_is_accepted() {
        let headers = Headers {
            hub_signature: Some(
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
            ..Headers::default()
        };
        let key = [secret("another"), secret("It's a Secret to Everybody")];
        let now = Timestamp::default();
        let verify = |headers, body: &[u8], keys: &[SecretString]| {
            super::verify(Signature::Github, &headers, body, keys, now)
        };
        assert_eq!(verify(headers, b"Hello, World!", &key), Ok(()));
        assert_eq!(
            verify(headers, b"Hello, World?", &key),
            Err(NotGenuine::Mismatch)
        );
        assert_eq!(
            verify(headers, b"Hello, World!", &key[..1]),
            Err(NotGenuine::Mismatch)
        );
        assert_eq!(
            verify(headers, b"Hello, World!", &[]),
            Err(NotGenuine::Mismatch)
        );
        for bad in [
            "",
            "sha1=757107ea",
            "sha256=",
            "sha256=zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            "sha256=é57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1",
        ] {
            let forged = Headers {
                hub_signature: Some(bad),
                ..headers
            };
            assert_eq!(
                verify(forged, b"Hello, World!", &key),
                Err(NotGenuine::Headers),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_we_sign_we_accept() {
        let key = new_secret(&[7; 32]);
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        for kind in [Signature::StandardWebhooks, Signature::Github] {
            let sent = sign(kind, &key, "msg_1", now, b"body");
            let header = |name| {
                sent.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| v.as_str())
            };
            let headers = Headers {
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
                hub_signature: header("x-hub-signature-256"),
            };
            assert!(is_signed(kind, &headers));
            assert_eq!(
                verify(kind, &headers, b"body", std::slice::from_ref(&key), now),
                Ok(())
            );
        }
        assert!(!is_signed(Signature::ApiKey, &Headers::default()));
    }

    #[test]
    fn weak_secrets_are_refused() {
        let standard = |text: &str| secret_problem(Signature::StandardWebhooks, text);
        let made = new_secret(&[1; 32]);
        assert_eq!(standard(made.expose_secret()), None);
        assert_eq!(standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), None);
        for bad in [
            "",
            "short",
            "whsec_c2hvcnQ=",
            "whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
            "a secret with spaces in it, long",
        ] {
            assert!(standard(bad).is_some(), "{bad}");
        }
        assert_eq!(
            secret_problem(Signature::Github, "0123456789abcdef01234567"),
            None
        );
    }
}
