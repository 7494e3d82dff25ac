//! What the routes work with: parts, and no behaviour of its own.

use std::sync::Arc;

use axum::extract::FromRef;
use shared::base::clock::SharedClock;
use shared::core::access::key::Keys;
use shared::core::access::usage::KeyUsage;
use shared::core::connection::Connections;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::mappings::Mappings;
use shared::core::reconciliation::Reconciliations;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;
use shared::core::zoho_client::ZohoClient;

use crate::request::caller::Gate;
use crate::request::concurrency::Places;
use crate::writes::Writes;
use crate::zoho::Zoho;
use crate::zoho::field_cache::FieldCache;

/// The parts.
pub(crate) struct App {
    pub(crate) gate: Gate,
    pub(crate) connections: Connections,
    pub(crate) zoho: Arc<Zoho>,
    pub(crate) fields: FieldCache,
    pub(crate) writes: Writes,
    pub(crate) audit: Arc<Audit>,
    pub(crate) mappings: Mappings,
    pub(crate) reconciliations: Reconciliations,
    /// How many calls a day Zoho allows, where the operator set it.
    pub(crate) calls_a_day: Option<u32>,
    pub(crate) events: Events,
    pub(crate) ledger: Ledger,
    pub(crate) clock: SharedClock,
}

impl App {
    pub(crate) fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (stores, clock) = (&services.stores, services.clock.clone());
        let kept = services.settings.retention;
        let client = Arc::new(ZohoClient::new(services, token_refresh));
        let usage = KeyUsage::new(stores.state.clone(), clock.clone());
        let usage = Arc::new(usage.written_beside(services.background.clone()));
        let zoho = Arc::new(Zoho::new(client.clone(), usage.clone(), clock.clone()));
        let audit = Arc::new(Audit::new(stores.state.clone(), clock.clone()).kept_for(kept.audit));
        Self {
            gate: Gate {
                keys: Arc::new(Keys::new(stores.state.clone(), clock.clone())),
                usage: usage.clone(),
                zoho: client,
                places: Places::new(services.settings.calls_at_once),
            },
            connections: Connections::new(stores.state.clone(), clock.clone()),
            fields: FieldCache::new(zoho.clone(), clock.clone()),
            writes: Writes::new(services, zoho.clone(), audit.clone(), usage),
            zoho,
            audit,
            mappings: Mappings::new(stores.state.clone(), clock.clone()),
            reconciliations: Reconciliations::new(stores.state.clone(), clock.clone()),
            calls_a_day: services.settings.inventory.per_day,
            events: Events::new(stores.events.clone(), clock.clone()).kept_for(kept.events),
            ledger: Ledger::new(stores.events.clone(), clock.clone()).kept_for(kept.events),
            clock,
        }
    }
}

impl FromRef<Arc<App>> for Gate {
    fn from_ref(app: &Arc<App>) -> Self {
        app.gate.clone()
    }
}
