//! An installation in memory, in front of any line to Zoho.

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::SharedClock;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::{InventoryLimits, Settings};
use shared::core::access::key::{Keys, NewKey};
use shared::core::services::Services;
use shared::store::Stores;
use shared::zoho::http::{Http, Transport};

use crate::clock::StandingClock;
use crate::connected::Account;
use crate::memory::Memory;

/// What functions are made of, with these settings, and no limit of calls to Inventory.
pub fn services(
    stores: Stores,
    clock: SharedClock,
    line: impl Transport + 'static,
    setting: impl Fn(&str) -> Option<String>,
) -> Services {
    let inventory = InventoryLimits { per_minute: None, per_day: None };
    let settings = Settings { inventory, ..Settings::read(setting).unwrap() };
    Services { http: Http::over(line), ..Services::new(settings, clock, stores).unwrap() }
}

/// A key for the usual connection.
pub async fn key(stores: &Stores, clock: &SharedClock, permissions: &[&str]) -> Secret {
    let permissions = permissions.iter().map(|text| text.parse().unwrap()).collect();
    let wanted = NewKey::new("test", permissions, vec![ConnectionName::default()]);
    Keys::new(stores.state.clone(), clock.clone()).create(wanted).await.unwrap().1
}

/// Stores, a clock that stands still, and what functions are made of.
pub struct House {
    /// What is kept.
    pub memory: Arc<Memory>,
    /// The time.
    pub clock: Arc<StandingClock>,
    /// All of it.
    pub services: Services,
}

impl House {
    /// One with nothing in it, in front of this line.
    pub fn over(line: impl Transport + 'static, setting: impl Fn(&str) -> Option<String>) -> Self {
        let clock = Arc::new(StandingClock::default());
        let memory = Memory::new(clock.clone());
        let services = services(memory.stores(), clock.clone(), line, setting);
        Self { memory, clock, services }
    }

    /// Connects an account; gives a key that may do everything but read events.
    pub async fn connect(&self, account: &Account) -> Secret {
        let stores = &self.services.stores;
        account.connect(stores, "token").await;
        let all = ["inventory:write", "crm:write", "zoho:*:inventory/**", "zoho:*:crm/**"];
        key(stores, &self.services.clock, &all).await
    }

    /// Before the next request: what was written is forgotten, and what was refused a while ago is believed no more.
    pub async fn tidy(&self) {
        self.memory.clear_but(&["connection", "key"]);
        self.clock.advance(Duration::from_secs(200));
        tokio::time::advance(Duration::from_secs(200)).await;
    }
}
