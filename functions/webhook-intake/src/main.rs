//! webhook-intake on Lambda.

use shared::core::parts::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::run(webhook_intake::router(&Parts::from_env_or_exit())).await
}
