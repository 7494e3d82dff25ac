//! The webhook secrets as this process knows them. They are believed for a minute; but a delivery that does not fit may be
//! signed with a secret that was made a moment ago, so they are read again for it, as often as forged ones may cost.

use std::sync::{Arc, Mutex, PoisonError};

use shared::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use shared::base::ttl_cache::TTL;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::store::{Secrets, StoreError};

/// So old they may be where the store does not answer: what it lets in then was let in before, and what is turned away
/// then may never come again.
const WITHOUT_STORE: SignedDuration = SignedDuration::from_hours(1);

/// So often at most they are read for deliveries that do not fit.
pub(crate) const AGAIN: SignedDuration = SignedDuration::from_secs(2);

pub(crate) struct Known {
    store: Arc<dyn Secrets>,
    clock: SharedClock,
    last: Mutex<Option<(Timestamp, Arc<WebhookSecrets>)>>,
    /// Held while they are read, so that all who wait are served by one read; when the last one began.
    reading: tokio::sync::Mutex<Option<Timestamp>>,
}

impl Known {
    pub(crate) fn new(store: Arc<dyn Secrets>, clock: SharedClock) -> Self {
        Self { store, clock, last: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// The secrets of at most a minute ago.
    pub(crate) async fn get(&self) -> Result<Arc<WebhookSecrets>, StoreError> {
        if let Some(known) = self.believed() {
            return Ok(known);
        }
        let mut began = self.reading.lock().await;
        if let Some(known) = self.believed() {
            return Ok(known);
        }
        let older = self.known_for(WITHOUT_STORE);
        // It was asked just now, and failed: who comes meanwhile does not wait for it again.
        if let Some(older) = older.clone().filter(|_| self.is_recent(*began)) {
            return Ok(older);
        }
        match (self.read(&mut began).await, older) {
            (Err(error), Some(older)) => {
                tracing::warn!(%error, "older webhook secrets are believed, because they cannot be read");
                Ok(older)
            }
            (read, _) => read,
        }
    }

    fn is_recent(&self, began: Option<Timestamp>) -> bool {
        began.is_some_and(|at| self.clock.now() < later(at, AGAIN))
    }

    /// Newer ones than these, unless they were read just now.
    pub(crate) async fn newer(
        &self,
        than: &Arc<WebhookSecrets>,
    ) -> Result<Option<Arc<WebhookSecrets>>, StoreError> {
        let mut began = self.reading.lock().await;
        if let Some(known) = self.believed().filter(|known| !Arc::ptr_eq(known, than)) {
            return Ok(Some(known));
        }
        if self.is_recent(*began) {
            return Ok(None);
        }
        self.read(&mut began).await.map(Some)
    }

    fn believed(&self) -> Option<Arc<WebhookSecrets>> {
        self.known_for(TTL)
    }

    fn known_for(&self, most: SignedDuration) -> Option<Arc<WebhookSecrets>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        last.as_ref().filter(|(read, _)| now < later(*read, most)).map(|(_, known)| known.clone())
    }

    async fn read(&self, began: &mut Option<Timestamp>) -> Result<Arc<WebhookSecrets>, StoreError> {
        let now = self.clock.now();
        *began = Some(now);
        let known = Arc::new(WebhookSecrets::read(&*self.store).await?);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, known.clone()));
        Ok(known)
    }
}
