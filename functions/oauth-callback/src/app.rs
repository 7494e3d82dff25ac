//! What the routes work with.

use std::sync::Arc;

use shared::core::connection::consent::Consents;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::services::Services;
use shared::store::Table;
use shared::zoho::data_centre::DataCentres;

pub(crate) struct App {
    pub(crate) consents: Consents,
    pub(crate) state: Arc<dyn Table>,
    pub(crate) token_refresh: Arc<dyn TokenRefreshClient>,
    pub(crate) centres: DataCentres,
    /// Whether consents have a challenge.
    pub(crate) pkce: bool,
}

impl App {
    pub(crate) fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        Self {
            consents: Consents::new(services.stores.state.clone(), services.clock.clone()),
            state: services.stores.state.clone(),
            token_refresh,
            centres: services.centres.clone(),
            pkce: services.settings.pkce,
        }
    }
}
