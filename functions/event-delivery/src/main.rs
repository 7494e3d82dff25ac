//! event-delivery on Lambda: EventBridge's schedule, or new rows in the stream of the events table.

use event_delivery::{EventDelivery, trigger_of};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::core::services::Services;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let services = Services::from_env_or_exit();
    let token_refresh = services.token_refresh.clone();
    #[cfg(feature = "embedded")]
    let token_refresh =
        token_refresh.or_else(|| Some(std::sync::Arc::new(token_refresh::Local::new(&services))));
    let token_refresh =
        token_refresh.ok_or("ZOHO_CONNECTOR_TOKEN_REFRESH is not set, but must name a function")?;
    let function = &EventDelivery::new(&services, token_refresh);
    run(service_fn(async |event: LambdaEvent<_>| {
        let trigger = trigger_of(&event.payload).map_err(|error| named("BadEvent", error))?;
        function.handle(trigger).await.map_err(|error| named("StoreUnavailable", error))
    }))
    .await
}

/// An error by a name of ours: it is what alarms see.
fn named(kind: &str, error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}
