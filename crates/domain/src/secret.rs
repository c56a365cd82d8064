//! Values that must never be printed.

pub use secrecy::{ExposeSecret, SecretBox, SecretString};
