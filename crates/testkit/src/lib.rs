//! Test-only helpers
