//! What the routes work with.

use shared::base::clock::SharedClock;
use shared::core::events::Events;
use shared::core::services::Services;

use crate::secret_cache::SecretCache;

pub(crate) struct App {
    pub(crate) clock: SharedClock,
    pub(crate) events: Events,
    pub(crate) secrets: SecretCache,
}

impl App {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            clock: services.clock.clone(),
            events: Events::new(services.stores.events.clone(), services.clock.clone())
                .kept_for(services.settings.retention.events),
            secrets: SecretCache::new(services.stores.secrets.clone(), services.clock.clone()),
        }
    }
}
