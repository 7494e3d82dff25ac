//! The stores of an installation.

use std::sync::Arc;

use super::secrets::Secrets;
use super::table::Table;

/// All that an installation keeps.
#[derive(Clone)]
pub struct Stores {
    /// Client secrets, grants, access tokens, webhook secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Connections, leases, budgets, keys, consents: everything but events.
    pub state: Arc<dyn Table>,
    /// Events and what was delivered.
    pub events: Arc<dyn Table>,
}
