//! webhook-intake on Lambda.

use shared::base::lambda;
use shared::core::services::Services;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let services = Services::from_env_or_exit();
    lambda::serve(webhook_intake::warm_router(&services).await, services.background).await
}
