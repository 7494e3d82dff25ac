//! api-proxy on Lambda.

use shared::base::lambda;
use shared::core::parts::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let parts = Parts::from_env_or_exit();
    let renewer = parts.renewer.clone();
    #[cfg(feature = "embedded")]
    let renewer = renewer.or_else(|| Some(std::sync::Arc::new(token_refresh::Local::new(&parts))));
    let renewer = renewer.ok_or("ZOHO_CONNECTOR_TOKEN_REFRESH is not set, but must name a function")?;
    lambda::serve(api_proxy::warm_router(&parts, renewer).await).await
}
