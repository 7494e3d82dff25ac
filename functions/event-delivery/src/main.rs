//! event-delivery on Lambda: EventBridge's schedule, or new rows in the stream of the events table.

use event_delivery::{EventDelivery, wake_of};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::core::parts::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let parts = Parts::from_env_or_exit();
    let renewer = parts.renewer.clone();
    #[cfg(feature = "embedded")]
    let renewer = renewer.or_else(|| Some(std::sync::Arc::new(token_refresh::Local::new(&parts))));
    let renewer = renewer.ok_or("ZOHO_CONNECTOR_TOKEN_REFRESH is not set, but must name a function")?;
    let function = &EventDelivery::new(&parts, renewer);
    run(service_fn(async |event: LambdaEvent<_>| {
        let wake = wake_of(&event.payload).map_err(|error| named("BadEvent", error))?;
        function.handle(wake).await.map_err(|error| named("StoreUnavailable", error))
    }))
    .await
}

/// An error by a name of ours: it is what alarms see.
fn named(kind: &str, error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}
