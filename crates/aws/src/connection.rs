//! Connections and credentials: the role is assumed anew for each run.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_guardduty::Client as GuardDutyClient;
use aws_sdk_sts::Client as StsClient;
use aws_smithy_http_client::tls::{Provider as Tls, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::shared::IntoShared;
use collectors::provider::Task;
use domain::integration::config::{Credentials, GuarddutyPull};
use domain::secret::ExposeSecret;

use crate::bounded::Bounded;
use crate::permissions;
use crate::refusal::Refusal;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one call may take in all.
const CALL: Duration = Duration::from_mins(1);
/// How long a session lasts, in seconds: the shortest AWS gives is 900, and a run ends before it.
const SESSION_SECONDS: i32 = 3600;
/// The call that assumes the role.
pub(crate) const ASSUME_ROLE: &str = "sts:AssumeRole";

/// What is the same for all runs of this process.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    http: SharedHttpClient,
    endpoint: Option<String>,
}

impl Network {
    /// Connects as the operating system trusts; `endpoint` stands in for every address of AWS.
    pub(crate) fn new(endpoint: Option<String>) -> Self {
        let tls =
            aws_smithy_http_client::Builder::new().tls_provider(Tls::Rustls(CryptoMode::Ring));
        Self {
            http: Bounded(tls.build_https()).into_shared(),
            endpoint,
        }
    }

    /// The address that stands in for those of AWS.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    fn config(&self, region: &str, credentials: SharedCredentialsProvider) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_timeout(CALL)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .http_client(self.http.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        config.set_endpoint_url(self.endpoint.clone());
        config.build()
    }

    /// A client under the credentials of this service, before any role is assumed.
    pub(crate) async fn own(&self, task: &Task, pull: &GuarddutyPull) -> StsClient {
        let region = pull.regions.first().cloned().unwrap_or_default();
        let provider = match (pull.credentials, &pull.access_key_id, &task.secret) {
            (Credentials::AccessKey, Some(id), Some(secret)) => {
                let keys = Keys::new(id, secret.expose_secret(), None, None, "integration");
                SharedCredentialsProvider::new(keys)
            }
            // Without its secret an access key is no reason to use other credentials instead.
            (Credentials::AccessKey, ..) => {
                SharedCredentialsProvider::new(Keys::new("", "", None, None, "missing"))
            }
            (Credentials::Instance, ..) => {
                let config = ProviderConfig::without_region()
                    .with_region(Some(Region::new(region.clone())))
                    .with_http_client(self.http.clone());
                let chain = DefaultCredentialsChain::builder().configure(config);
                SharedCredentialsProvider::new(chain.build().await)
            }
        };
        StsClient::new(&self.config(&region, provider))
    }

    /// Assumes the role of an integration under an external id.
    pub(crate) async fn assume(
        &self,
        own: &StsClient,
        task: &Task,
        pull: &GuarddutyPull,
        external_id: &str,
    ) -> Result<Session, Refusal> {
        let region = pull.regions.first().map_or("", String::as_str);
        let assumed = own
            .assume_role()
            .role_arn(&pull.role_arn)
            .role_session_name(session_name(&task.slug))
            .external_id(external_id)
            .policy(permissions::policy().to_string())
            .duration_seconds(SESSION_SECONDS)
            .send()
            .await
            .map_err(|error| Refusal::of(ASSUME_ROLE, region, &error))?;
        let keys = assumed
            .credentials()
            .ok_or_else(|| Refusal::unreadable(ASSUME_ROLE, region))?;
        let token = Some(keys.session_token().to_owned());
        let keys = Keys::new(
            keys.access_key_id(),
            keys.secret_access_key(),
            token,
            None,
            "role",
        );
        Ok(Session {
            network: self.clone(),
            keys: SharedCredentialsProvider::new(keys),
        })
    }
}

/// A role that has been assumed.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    network: Network,
    keys: SharedCredentialsProvider,
}

impl Session {
    /// GuardDuty of a region under the role.
    pub(crate) fn guardduty(&self, region: &str) -> GuardDutyClient {
        GuardDutyClient::new(&self.network.config(region, self.keys.clone()))
    }
}

/// The name under which AWS's own log shows the run: 2 to 64 characters of letters, digits and
/// `_+=,.@-` (STS API reference, `AssumeRole`, `RoleSessionName`).
fn session_name(slug: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let slug = slug.chars().map(|c| if allowed(c) { c } else { '-' });
    "insider-risk-".chars().chain(slug).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::session_name;

    #[test]
    fn session_names_carry_the_integration() {
        assert_eq!(session_name("aws-prod"), "insider-risk-aws-prod");
        assert_eq!(session_name("a b/ä"), "insider-risk-a-b--");
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }
}
