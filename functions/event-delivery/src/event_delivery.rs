//! What the function works with, and how its parts are put together for a sweep.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::SharedClock;
use shared::base::id::ConnectionName;
use shared::base::telemetry::gauge;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::services::Services;
use shared::core::writes::own_writes::OwnWrites;
use shared::store::{StoreError, Stores};
use shared::zoho::http::Http;
use tokio::time::Instant;

use crate::batch_lifecycle::BatchLifecycle;
use crate::enrich::Enrichment;
use crate::give_up::GiveUp;
use crate::hook_delivery::HookDelivery;
use crate::polling::Polling;
use crate::polling::list_poll::ListPoll;
use crate::polling::report::Reporter;
use crate::queue::Queue;
use crate::send::Sender;
use crate::sweep::Sweep;
use crate::swept::Swept;
use crate::trigger::{Trigger, wait_until_settled};
use crate::trouble_events::TroubleEvents;
use crate::zoho_reads::ZohoReads;

/// An `OpenClaw` gateway admits a message within 15 seconds.
const HOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// The function and what it works with.
pub struct EventDelivery {
    stores: Stores,
    events: Events,
    ledger: Ledger,
    own_writes: OwnWrites,
    clock: SharedClock,
    http: Http,
    zoho: ZohoReads,
    hook_timeout: Duration,
    /// How many calls Inventory allows in a day, where that is known.
    inventory_calls_per_day: Option<u32>,
}

impl EventDelivery {
    /// Made of a process's services, and of its way to token-refresh.
    pub fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (stores, clock) = (&services.stores, &services.clock);
        let kept = services.settings.retention.events;
        Self {
            events: Events::new(stores.events.clone(), clock.clone()).kept_for(kept),
            ledger: Ledger::new(stores.events.clone(), clock.clone()).kept_for(kept),
            own_writes: OwnWrites::new(stores.state.clone(), clock.clone()),
            stores: stores.clone(),
            clock: clock.clone(),
            http: services.http.clone(),
            zoho: ZohoReads::new(services, token_refresh),
            hook_timeout: HOOK_TIMEOUT,
            inventory_calls_per_day: services.settings.inventory.per_day,
        }
    }

    /// The same with another timeout for the agent's hook, for tests.
    #[must_use]
    pub fn with_hook_timeout(self, hook_timeout: Duration) -> Self {
        Self { hook_timeout, ..self }
    }

    /// Sweeps, once new events are settled.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn handle(&self, trigger: Trigger) -> Result<Swept, StoreError> {
        wait_until_settled(&*self.clock, &trigger).await;
        self.sweep(&trigger.connections).await
    }

    /// Sweeps these connections. If none is named, does all that is due for all connections.
    ///
    /// # Errors
    /// Where the store fails for all of them.
    pub async fn sweep(&self, woken: &BTreeSet<ConnectionName>) -> Result<Swept, StoreError> {
        let Self { stores, events, ledger, own_writes, http, zoho, .. } = self;
        let clock = &*self.clock;
        let give_up = GiveUp { ledger, clock, trouble_events: TroubleEvents { events } };
        let sender = Sender { ledger, clock, http, hook_timeout: self.hook_timeout, give_up };
        let list_poll = ListPoll {
            table: &*stores.events,
            clock,
            zoho,
            reporter: Reporter { events, ledger, own_writes },
        };
        let sweep = Sweep {
            stores,
            ledger,
            clock,
            queue: Queue { events, ledger, own_writes, enrichment: Enrichment { zoho, clock } },
            hook_delivery: HookDelivery {
                ledger,
                clock,
                lifecycle: BatchLifecycle { ledger, clock, sender, give_up },
            },
            polling: Polling {
                stores,
                clock,
                list_poll,
                inventory_calls_per_day: self.inventory_calls_per_day,
            },
        };
        let begun = Instant::now();
        let swept = sweep.run(woken).await.inspect_err(|_| gauge("sweeps_failed", 1))?;
        if swept.failed > 0 {
            gauge("sweeps_failed", 1);
        }
        let Swept { queued, told, found, failed, .. } = swept;
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if queued + told + found + failed > 0 {
            tracing::info!(queued, told, found, failed, milliseconds, "sweep");
        }
        Ok(swept)
    }
}
