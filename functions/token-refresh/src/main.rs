//! token-refresh on Lambda: EventBridge's schedule, or an ask of another function.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::core::parts::Parts;
use token_refresh::{TokenRefresh, ask_of};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = &TokenRefresh::new(&Parts::from_env_or_exit());
    run(service_fn(async |event: LambdaEvent<_>| {
        Ok::<_, Error>(function.handle(ask_of(event.payload)?).await?)
    }))
    .await
}
