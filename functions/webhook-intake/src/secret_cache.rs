//! The webhook secrets, cached for a minute. A delivery that does not fit may be signed with a secret that was made a moment
//! ago, so they are read again for it, but only so often that forged deliveries cost little.

use std::sync::{Arc, Mutex, PoisonError};

use shared::base::clock::{SharedClock, SignedDuration, Timestamp, is_younger};
use shared::base::ttl_cache::TTL;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::store::{Secrets, StoreError};

/// How old cached secrets may be while the store does not answer. A secret of an hour ago admits only what was admitted before, and a
/// delivery that is refused may never come again.
const MAX_AGE_WITHOUT_STORE: SignedDuration = SignedDuration::from_hours(1);

/// The shortest time between two reads for deliveries that do not fit.
const REREAD_PAUSE: SignedDuration = SignedDuration::from_secs(2);

pub(crate) struct SecretCache {
    store: Arc<dyn Secrets>,
    clock: SharedClock,
    last: Mutex<Option<(Timestamp, Arc<WebhookSecrets>)>>,
    /// When the last read began. The lock is held during a read, so that one read serves all who wait.
    reading: tokio::sync::Mutex<Option<Timestamp>>,
}

impl SecretCache {
    pub(crate) fn new(store: Arc<dyn Secrets>, clock: SharedClock) -> Self {
        Self { store, clock, last: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// The secrets of at most a minute ago.
    pub(crate) async fn get(&self) -> Result<Arc<WebhookSecrets>, StoreError> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let mut began = self.reading.lock().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let older = self.younger_than(MAX_AGE_WITHOUT_STORE);
        // The store was asked a moment ago and failed. Until the pause is over, no delivery waits for it again.
        if let Some(older) = older.clone().filter(|_| self.is_recent(*began)) {
            return Ok(older);
        }
        match (self.read(&mut began).await, older) {
            (Err(error), Some(older)) => {
                tracing::warn!(%error, "webhook secrets could not be read; older ones are used");
                Ok(older)
            }
            (read, _) => read,
        }
    }

    fn is_recent(&self, began: Option<Timestamp>) -> bool {
        began.is_some_and(|at| is_younger(at, self.clock.now(), REREAD_PAUSE))
    }

    /// The secrets as they are stored now, if they may be newer than these. `None` if these were read a moment ago.
    pub(crate) async fn newer(
        &self,
        than: &Arc<WebhookSecrets>,
    ) -> Result<Option<Arc<WebhookSecrets>>, StoreError> {
        let mut began = self.reading.lock().await;
        if let Some(known) = self.fresh().filter(|known| !Arc::ptr_eq(known, than)) {
            return Ok(Some(known));
        }
        if self.is_recent(*began) {
            return Ok(None);
        }
        self.read(&mut began).await.map(Some)
    }

    fn fresh(&self) -> Option<Arc<WebhookSecrets>> {
        self.younger_than(TTL)
    }

    fn younger_than(&self, max_age: SignedDuration) -> Option<Arc<WebhookSecrets>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        last.as_ref().filter(|(read, _)| is_younger(*read, now, max_age)).map(|(_, known)| known.clone())
    }

    async fn read(&self, began: &mut Option<Timestamp>) -> Result<Arc<WebhookSecrets>, StoreError> {
        let now = self.clock.now();
        *began = Some(now);
        let known = Arc::new(WebhookSecrets::read(&*self.store).await?);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, known.clone()));
        Ok(known)
    }
}
