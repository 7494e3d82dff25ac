//! How we speak to AWS: credentials and region from the environment that Lambda gives, one TLS stack, Amazon's own root
//! certificates. The defaults would read profiles and the system's certificates, for several milliseconds of every start.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{ProvideCredentials, SharedAsyncSleep, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;

use super::http_client::http_client;

/// No call takes longer. The lease in `core/grant/lease.rs` relies on it.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration of a function, from its environment.
///
/// # Errors
/// One line for the operator.
pub fn config_from_env() -> Result<SdkConfig, String> {
    let region =
        std::env::var("AWS_REGION").map_err(|_| "AWS_REGION is not set, but must be a region".to_owned())?;
    config(region, EnvironmentVariableCredentialsProvider::new(), std::env::var("AWS_ENDPOINT_URL").ok())
}

/// A configuration; `endpoint` takes the place of AWS's own addresses, for an emulator.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn config(
    region: String,
    credentials: impl ProvideCredentials + 'static,
    endpoint: Option<String>,
) -> Result<SdkConfig, String> {
    let http = http_client()?;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(4))
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let mut config = SdkConfig::builder();
    config.set_endpoint_url(endpoint);
    let config = config
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .timeout_config(timeouts);
    Ok(config.build())
}
