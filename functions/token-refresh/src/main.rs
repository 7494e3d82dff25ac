//! token-refresh on Lambda: EventBridge's schedule, or an ask of another function.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::core::services::Services;
use token_refresh::{TokenRefresh, ask_of};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = &TokenRefresh::new(&Services::writing_secrets_from_env_or_exit());
    run(service_fn(async |event: LambdaEvent<_>| {
        let ask = ask_of(event.payload).map_err(|error| named("BadAsk", error))?;
        function.handle(ask).await.map_err(|error| named("StoreUnavailable", error))
    }))
    .await
}

/// An error by a name of ours: it is what alarms and callers see.
fn named(kind: &str, error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}
