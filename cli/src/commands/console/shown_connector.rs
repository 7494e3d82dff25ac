//! What the pages are made of.

use std::sync::Arc;

use shared::base::clock::Timestamp;
use shared::base::html_page::Escaped;
use shared::base::id::ConnectionName;
use shared::base::settings::Home;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::connection::{self, Connection};
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::quota::Quotas;
use shared::core::reconciliation::Reconciliations;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;
use shared::store::StoreError;

use super::source::Source;
use crate::commands::installation::Installation;

/// An open connector, as the pages read it.
pub(super) struct ShownConnector {
    /// What it is the console of: `the folder data`.
    pub(super) name: String,
    pub(super) services: Services,
    pub(super) token_refresh: Arc<dyn TokenRefreshClient>,
    pub(super) events: Events,
    pub(super) ledger: Ledger,
    pub(super) quotas: Quotas,
    pub(super) audit: Audit,
    pub(super) reconciliations: Reconciliations,
    pub(super) calls: Source,
    installation: Installation,
}

impl ShownConnector {
    pub(super) fn new(
        services: Services,
        token_refresh: Arc<dyn TokenRefreshClient>,
        installation: Installation,
    ) -> Self {
        let (state, clock) = (services.stores.state.clone(), services.clock.clone());
        let events = services.stores.events.clone();
        let name = match &services.settings.home {
            Home::Folder(folder) => format!("the folder {}", folder.display()),
            Home::Stack(stack) => format!("the stack {}", stack.name),
        };
        Self {
            name,
            token_refresh,
            events: Events::new(events.clone(), clock.clone()),
            ledger: Ledger::new(events, clock.clone()),
            quotas: Quotas::new(state.clone(), clock.clone(), services.settings.inventory),
            audit: Audit::new(state.clone(), clock.clone()),
            reconciliations: Reconciliations::new(state, clock),
            calls: Source::of(&services),
            services,
            installation,
        }
    }

    /// A command on the same connector, as HTML.
    pub(super) fn command(&self, command: &str) -> String {
        format!("<code>{}</code>", Escaped(self.installation.command(command)))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    pub(super) async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        connection::list(&*self.services.stores.state).await
    }

    /// The connections' names, and the one that is asked for; the first where none is.
    pub(super) async fn chosen(
        &self,
        asked: Option<&str>,
    ) -> Result<(Vec<ConnectionName>, ConnectionName), StoreError> {
        let names: Vec<_> = self.connections().await?.into_iter().map(|found| found.name).collect();
        let chosen = names.iter().find(|name| Some(name.as_str()) == asked).or(names.first());
        let chosen = chosen.cloned().unwrap_or_default();
        Ok((names, chosen))
    }
}
