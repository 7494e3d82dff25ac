//! The webhook secrets, read once a minute: a rotation is known everywhere after it.

use std::sync::{Arc, Mutex, PoisonError};

use shared::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use shared::core::webhook::WebhookSecrets;
use shared::store::{Secrets, StoreError};

const BELIEVED: SignedDuration = SignedDuration::from_secs(60);

pub(crate) struct Believed {
    store: Arc<dyn Secrets>,
    clock: SharedClock,
    read: Mutex<Option<(Timestamp, Arc<WebhookSecrets>)>>,
}

impl Believed {
    pub(crate) fn new(store: Arc<dyn Secrets>, clock: SharedClock) -> Self {
        Self { store, clock, read: Mutex::default() }
    }

    pub(crate) async fn get(&self) -> Result<Arc<WebhookSecrets>, StoreError> {
        let now = self.clock.now();
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, secrets)) = read.filter(|(at, _)| now < later(*at, BELIEVED)) {
            return Ok(secrets);
        }
        let secrets = Arc::new(WebhookSecrets::read(&*self.store).await?);
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, secrets.clone()));
        Ok(secrets)
    }
}
