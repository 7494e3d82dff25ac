//! What the routes work with.

use std::sync::Arc;

use shared::base::clock::SharedClock;
use shared::base::ttl_cache::TtlCache;
use shared::core::access::key::Keys;
use shared::core::connection::Connections;
use shared::core::connection::token_cache::Tokens;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::quota::Quotas;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;
use shared::core::writes::idempotency::Idempotency;
use shared::core::writes::own_writes::OwnWrites;
use shared::core::writes::preview::Previews;
use shared::zoho::crm::field::Field;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;

/// What the routes work with.
pub(crate) struct App {
    pub(crate) keys: Keys,
    pub(crate) tokens: Tokens,
    pub(crate) connections: Connections,
    pub(crate) events: Events,
    pub(crate) ledger: Ledger,
    pub(crate) own: OwnWrites,
    pub(crate) idempotency: Idempotency,
    pub(crate) previews: Previews,
    pub(crate) audit: Audit,
    pub(crate) quotas: Quotas,
    pub(crate) clock: SharedClock,
    pub(crate) http: Http,
    pub(crate) centres: DataCentres,
    pub(crate) denied: crate::zoho::Denied,
    pub(crate) fields: TtlCache<crate::zoho::field_cache::Module, Arc<[Field]>>,
}

impl App {
    pub(crate) fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (stores, clock) = (&services.stores, services.clock.clone());
        Self {
            keys: Keys::new(stores.state.clone(), clock.clone()),
            tokens: Tokens::new(stores.secrets.clone(), token_refresh, clock.clone()),
            connections: Connections::new(stores.state.clone(), clock.clone()),
            events: Events::new(stores.events.clone(), clock.clone()),
            ledger: Ledger::new(stores.events.clone(), clock.clone()),
            own: OwnWrites::new(stores.state.clone(), clock.clone()),
            idempotency: Idempotency::new(stores.state.clone(), clock.clone()),
            previews: Previews::new(stores.state.clone(), clock.clone()),
            audit: Audit::new(stores.state.clone(), clock.clone()),
            fields: TtlCache::new(clock.clone()),
            quotas: Quotas::new(stores.state.clone(), clock.clone(), services.settings.inventory),
            clock,
            http: services.http.clone(),
            centres: services.centres.clone(),
            denied: crate::zoho::Denied::default(),
        }
    }
}
