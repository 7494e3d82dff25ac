//! Brings stored events to the agent: sorts them into the queue from which agents claim them, and, where the agent has a hook,
//! tells it that they wait. What Zoho did not tell is looked for. Any number of processes may be at it: each step is written on a
//! condition.

mod announce;
mod follow_up;
mod gap;
mod look;
mod message;
mod retry;
mod send;
mod sweep;
mod wake;
mod zoho;

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::SharedClock;
use shared::core::event::Events;
use shared::core::ledger::Ledger;
use shared::core::own::OwnWrites;
use shared::core::parts::Parts;
use shared::core::renewer::Renewer;
use shared::store::Stores;
use shared::zoho::http::Http;

pub use sweep::Swept;
pub use wake::{Wake, wake_of};

use zoho::Zoho;

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
    /// Made of a process's parts, and of its way to token-refresh.
    pub fn new(parts: &Parts, renewer: Arc<dyn Renewer>) -> Self {
        let (stores, clock) = (&parts.stores, &parts.clock);
        Self {
            events: Events::new(stores.events.clone(), clock.clone()),
            ledger: Ledger::new(stores.events.clone(), clock.clone()),
            own: OwnWrites::new(stores.state.clone(), clock.clone()),
            stores: stores.clone(),
            clock: clock.clone(),
            http: parts.http.clone(),
            zoho: Zoho::new(parts, renewer),
            patience: PATIENCE,
            inventory_per_day: parts.settings.inventory.per_day,
        }
    }

    /// The same with less patience for the gateway, for tests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}
