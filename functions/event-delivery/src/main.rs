//! event-delivery on Lambda: EventBridge's schedule, or new rows in the stream of the events table.

use event_delivery::{EventDelivery, wake_of};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::core::parts::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = &EventDelivery::new(&Parts::from_env_or_exit());
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
