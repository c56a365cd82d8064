//! The downloadable pack of an integration.

use domain::integration::Integration;
use thiserror::Error;

/// Why there is no pack.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoPack {
    /// This build holds no files for the provider and mode.
    #[error("this version has no pack for {0} yet")]
    NotInThisVersion(&'static str),
}

/// What a pack is made for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The integration.
    pub integration: &'a Integration,
    /// Scheme, host and port of this service.
    pub origin: &'a str,
}

/// Builds the zip: the same bytes for the same integration, version and origin.
pub fn build(request: &Request<'_>) -> Result<Vec<u8>, NoPack> {
    Err(NoPack::NotInThisVersion(
        request.integration.provider.title(),
    ))
}
