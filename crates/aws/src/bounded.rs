//! An HTTP client whose answers have a size.
//!
//! The SDK reads an answer into memory whole, however long it is; an address that is not
//! GuardDuty's, or one that somebody has taken over, must not be able to fill it.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Most bytes of an answer: four times fifty findings of the largest size accepted.
pub const MOST_BYTES: usize = 4 * normalize::guardduty::MAX_FINDINGS * normalize::MAX_ITEM_BYTES;

/// The answer is longer than [`MOST_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the answer has more than {} MiB",
            MOST_BYTES / 1024 / 1024
        )
    }
}

impl std::error::Error for TooLarge {}

/// Wraps a client.
#[derive(Debug, Clone)]
pub(crate) struct Bounded(pub(crate) SharedHttpClient);

impl HttpClient for Bounded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        BoundedConnector(self.0.http_connector(settings, components)).into_shared()
    }
}

#[derive(Debug, Clone)]
struct BoundedConnector(SharedHttpConnector);

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let whole = Limited::new(body, MOST_BYTES).collect().await;
            *answer.body_mut() = SdkBody::from(whole.map_err(failed)?.to_bytes());
            Ok(answer)
        })
    }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> ConnectorError {
    if error.is::<LengthLimitError>() {
        return ConnectorError::user(TooLarge.into());
    }
    ConnectorError::io(error)
}
