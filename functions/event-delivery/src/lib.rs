//! Brings stored events to the agent: sorts them into the queue from which agents claim them, and, where the agent has a hook,
//! tells it that they wait. What Zoho did not tell is looked for. Any number of processes may be at it: each step is written on a
//! condition.

mod batch_lifecycle;
mod enrich;
mod message;
mod polling;
mod retry;
mod send;
mod sweep;
mod trigger;
mod trouble_events;
mod zoho_reads;

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::SharedClock;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::services::Services;
use shared::core::writes::own_writes::OwnWrites;
use shared::store::Stores;
use shared::zoho::http::Http;

pub use crate::trigger::{Wake, wake_of};
pub use sweep::Swept;

use crate::zoho_reads::Zoho;

/// The gateway admits within 15 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The function and what it works with.
pub struct EventDelivery {
    stores: Stores,
    events: Events,
    ledger: Ledger,
    own: OwnWrites,
    clock: SharedClock,
    http: Http,
    zoho: Zoho,
    patience: Duration,
    /// How many calls Inventory allows in a day, where that is known.
    inventory_per_day: Option<u32>,
}

impl EventDelivery {
    /// Made of a process's services, and of its way to token-refresh.
    pub fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (stores, clock) = (&services.stores, &services.clock);
        Self {
            events: Events::new(stores.events.clone(), clock.clone()),
            ledger: Ledger::new(stores.events.clone(), clock.clone()),
            own: OwnWrites::new(stores.state.clone(), clock.clone()),
            stores: stores.clone(),
            clock: clock.clone(),
            http: services.http.clone(),
            zoho: Zoho::new(services, token_refresh),
            patience: PATIENCE,
            inventory_per_day: services.settings.inventory.per_day,
        }
    }

    /// The same with less patience for the gateway, for tests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}
