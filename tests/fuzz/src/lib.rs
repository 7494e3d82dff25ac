//! What the fuzz targets stand on: the functions in this process, with stores in memory, a clock that stands still, and a line to
//! Zoho that answers what it is told. Each target sends one input through a router, as a stranger could, and says what must hold
//! for any input at all; that nothing panics is the least of it.

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/connected.rs"]
pub mod connected;
#[path = "../../src/hooks.rs"]
pub mod hooks;
#[path = "../../src/in_process.rs"]
pub mod in_process;
pub mod line;
#[path = "../../src/memory.rs"]
pub mod memory;
pub mod problem;
pub mod signed;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::{InventoryLimits, PUBLIC_URL, Settings};
use shared::core::access::key::{Keys, NewKey};
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::services::Services;
use shared::zoho::http::Http;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tokio::runtime::{Builder, Runtime};

pub use in_process::{Told, send};

use clock::StandingClock;
use connected::Account;
use line::Line;
use memory::Memory;

/// Where the connector stands.
pub const ORIGIN: &str = "https://connector.example.com";

/// The organisation of each product, which no caller can choose.
pub const ORGANIZATION: &str = "20098765432";

/// The lines of an input, and the rest of it: so a person can read and write one. A line that is no UTF-8 makes the input useless.
pub fn lines<const N: usize>(input: &[u8]) -> Option<([&str; N], &[u8])> {
    let mut rest = input;
    let mut lines = [""; N];
    for line in &mut lines {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        *line = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
    }
    Some((lines, rest))
}

/// One of these, by a line of the input: its first letter counts from `a`.
pub fn chosen<'a, T>(line: &str, from: &'a [T]) -> &'a T {
    let place = line.bytes().next().unwrap_or(b'a').wrapping_sub(b'a');
    &from[usize::from(place) % from.len()]
}

/// A runtime of one thread, on which no time passes but what all wait for.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// token-refresh, which always has another token.
pub struct Another(pub Arc<Memory>);

#[async_trait]
impl TokenRefreshClient for Another {
    async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
        account().give_token(&*self.0, &shared::base::secret::random_hex::<8>()).await;
        Ok(Reply::Renewed)
    }
}

fn account() -> Account {
    let scopes = ScopeSet::of(&Product::ALL, Access::Write);
    Account { scopes, inventory: Some(ORGANIZATION), crm: Some(ORGANIZATION) }
}

/// Stores, a clock, a line to Zoho, and what functions are made of.
pub struct House {
    /// What is kept.
    pub memory: Arc<Memory>,
    /// The time.
    pub clock: Arc<StandingClock>,
    /// The way to Zoho.
    pub line: Line,
    /// All of it.
    pub services: Services,
}

impl House {
    /// An installation at [`ORIGIN`] with nothing in it, and no limit of calls a minute.
    pub fn new() -> Self {
        let clock = Arc::new(StandingClock::default());
        let memory = Memory::new(clock.clone());
        let line = Line::default();
        let settings = Settings::read(|name| (name == PUBLIC_URL).then(|| ORIGIN.to_owned())).unwrap();
        let settings =
            Settings { inventory: InventoryLimits { per_minute: None, per_day: None }, ..settings };
        let services = Services {
            http: Http::over(line.clone()),
            ..Services::new(settings, clock.clone(), memory.stores()).unwrap()
        };
        Self { memory, clock, line, services }
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

/// api-proxy with a connection, and a key that may do everything but read events.
pub struct Api {
    /// What it stands in.
    pub house: House,
    /// Its routes.
    pub router: Router,
    /// `Bearer …`
    pub authorization: String,
}

impl Api {
    /// One that is connected.
    pub async fn open() -> Self {
        let house = House::new();
        account().connect(&house.services.stores, "token").await;
        let permissions = ["inventory:write", "crm:write", "zoho:*:inventory/**", "zoho:*:crm/**"]
            .map(|text| text.parse().unwrap());
        let keys = Keys::new(house.services.stores.state.clone(), house.services.clock.clone());
        let wanted = NewKey::new("fuzz", permissions.to_vec(), vec![ConnectionName::default()]);
        let (_, key): (_, Secret) = keys.create(wanted).await.unwrap();
        let router = api_proxy::router(&house.services, Arc::new(Another(house.memory.clone())));
        Self { house, router, authorization: format!("Bearer {}", key.expose()) }
    }

    async fn tidy(&self) {
        self.house.memory.clear_but(&["connection", "key"]);
        self.house.clock.advance(Duration::from_secs(200));
        tokio::time::advance(Duration::from_secs(200)).await;
    }
}

/// api-proxy on a runtime of its own, for the targets that call it.
pub struct Desk {
    runtime: Runtime,
    api: Api,
}

impl Desk {
    /// One that is connected.
    pub fn open() -> Self {
        let runtime = runtime();
        let api = runtime.block_on(Api::open());
        Self { runtime, api }
    }

    /// Lets a target take an input. Before the next, what was written is forgotten, and what was refused a while ago is believed no
    /// more.
    pub fn take(&self, target: impl AsyncFnOnce(&Api)) {
        self.runtime.block_on(async {
            target(&self.api).await;
            self.api.tidy().await;
        });
    }
}
