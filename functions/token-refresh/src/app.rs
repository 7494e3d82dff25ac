//! What the function works with.

use shared::base::clock::SharedClock;
use shared::core::connection::consent::Consents;
use shared::core::connection::orders::Orders;
use shared::core::events::Events;
use shared::core::services::Services;
use shared::store::Stores;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use shared::zoho::oauth::Accounts;

pub(crate) struct App {
    pub(crate) stores: Stores,
    pub(crate) events: Events,
    pub(crate) consents: Consents,
    pub(crate) orders: Orders,
    pub(crate) clock: SharedClock,
    pub(crate) accounts: Accounts,
    pub(crate) http: Http,
    pub(crate) centres: DataCentres,
}

impl App {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            events: Events::new(services.stores.events.clone(), services.clock.clone())
                .kept_for(services.settings.retention.events),
            consents: Consents::new(services.stores.state.clone(), services.clock.clone()),
            orders: Orders::new(services.stores.state.clone(), services.clock.clone()),
            stores: services.stores.clone(),
            clock: services.clock.clone(),
            accounts: Accounts::new(services.http.clone(), services.centres.clone()),
            http: services.http.clone(),
            centres: services.centres.clone(),
        }
    }
}
