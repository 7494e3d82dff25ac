//! What all doors share: a delivery is checked with the connection's secrets, and stored once it is known to be genuine.

use axum::Json;
use shared::base::problem::{Code, Problem};
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::core::events::{Delivery, Events, Receipt};
use shared::store::StoreError;

use crate::rejection::too_large;
use crate::secret_cache::SecretCache;

/// Checks a delivery with the secrets that are cached and, where it does not fit, with newer ones.
pub(crate) async fn check(
    secrets: &SecretCache,
    judge: impl Fn(&WebhookSecrets) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cached = secrets.get().await?;
    let Err(problem) = judge(&cached) else { return Ok(()) };
    // A delivery without a signature or token fits no secret.
    if problem.code() == Code::WebhookUnsigned {
        return Err(problem);
    }
    match secrets.newer(&cached).await? {
        Some(newer) => judge(&newer),
        None => Err(problem),
    }
}

/// Stores a genuine delivery: one conditional write, and the only call to a store that an answer waits for.
pub(crate) async fn store(events: &Events, delivery: Delivery) -> Result<Json<Receipt>, Problem> {
    match events.store(delivery).await {
        // A form can grow when it becomes JSON.
        Err(StoreError::TooLarge(_)) => Err(too_large()),
        stored => Ok(Json(stored?)),
    }
}
