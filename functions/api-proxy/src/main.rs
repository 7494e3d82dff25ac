//! api-proxy on Lambda.

use std::sync::Arc;

use shared::core::parts::Parts;
use token_refresh::Local;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let parts = Parts::from_env_or_exit();
    lambda_http::run(api_proxy::router(&parts, Arc::new(Local::new(&parts)))).await
}
