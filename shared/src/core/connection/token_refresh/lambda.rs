//! token-refresh as a Lambda function of its own.

use std::sync::OnceLock;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;

use crate::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};

/// Invokes token-refresh.
pub struct LambdaClient {
    config: SdkConfig,
    /// Made on first use: most processes never ask, and making it would slow down every start.
    client: OnceLock<Client>,
    function: String,
}

impl LambdaClient {
    /// The function of that name.
    pub fn new(config: &SdkConfig, function: &str) -> Self {
        Self { config: config.clone(), client: OnceLock::new(), function: function.to_owned() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            // An exchange takes longer than a read of a store, and must not be sent twice. What is left unset would be taken
            // from the configuration of the stores.
            let timeouts = TimeoutConfig::builder()
                .disable_read_timeout()
                .disable_operation_attempt_timeout()
                .disable_operation_timeout()
                .build();
            let mut builder = aws_sdk_lambda::config::Builder::from(&self.config);
            if let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL_LAMBDA") {
                builder.set_endpoint_url(Some(endpoint));
            }
            let config = builder
                .timeout_config(timeouts)
                .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled())
                .build();
            Client::from_conf(config)
        })
    }
}

#[async_trait]
impl TokenRefreshClient for LambdaClient {
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        let payload = serde_json::to_vec(&ask)
            .map_err(|_| TokenRefreshError("the ask cannot be written".to_owned()))?;
        let answer =
            self.client().invoke().function_name(&self.function).payload(Blob::new(payload)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_lambda::operation::invoke::InvokeError::is_too_many_requests_exception,
                ) =>
            {
                return Ok(Reply::Full);
            }
            Err(error) => {
                let service = error.as_service_error().map(ToString::to_string);
                return Err(TokenRefreshError(service.unwrap_or_else(|| error.to_string())));
            }
        };
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if let Some(kind) = answer.function_error {
            return Err(TokenRefreshError(format!("{kind}: {}", String::from_utf8_lossy(&body))));
        }
        serde_json::from_slice(&body)
            .map_err(|error| TokenRefreshError(format!("its reply cannot be read: {error}")))
    }
}
