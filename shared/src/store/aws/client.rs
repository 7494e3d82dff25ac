//! How we speak to AWS: credentials and region from the environment that Lambda gives, one TLS stack, Amazon's own root
//! certificates. The defaults would read profiles and the system's certificates, for several milliseconds of every start.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{
    ProvideCredentials, SharedAsyncSleep, SharedCredentialsProvider, SharedHttpClient,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: <https://www.amazontrust.com/repository/>
const ROOTS: &[u8] = include_bytes!("roots.pem");

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
        .connect_timeout(Duration::from_secs(2))
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

/// An HTTP client that trusts Amazon's own root certificates.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn http_client() -> Result<SharedHttpClient, String> {
    let trust = TrustStore::empty().with_pem_certificate(ROOTS);
    let tls = TlsContext::builder().with_trust_store(trust).build().map_err(|error| error.to_string())?;
    let provider = Provider::Rustls(CryptoMode::Ring);
    Ok(aws_smithy_http_client::Builder::new().tls_provider(provider).tls_context(tls).build_https())
}
