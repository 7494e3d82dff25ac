//! webhook-intake on Lambda.

use shared::base::lambda;
use shared::core::services::Services;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::serve(webhook_intake::warm_router(&Services::from_env_or_exit()).await).await
}
