//! api-proxy on Lambda.

use shared::base::lambda;
use shared::core::services::Services;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let services = Services::from_env_or_exit();
    let token_refresh = services.token_refresh.clone();
    #[cfg(feature = "embedded")]
    let token_refresh =
        token_refresh.or_else(|| Some(std::sync::Arc::new(token_refresh::Local::new(&services))));
    let token_refresh =
        token_refresh.ok_or("ZOHO_CONNECTOR_TOKEN_REFRESH is not set, but must name a function")?;
    lambda::serve(api_proxy::warm_router(&services, token_refresh).await, services.background).await
}
