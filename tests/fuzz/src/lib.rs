//! What the fuzz targets stand on: the functions in this process, with stores in memory, a clock that stands still, and a line to
//! Zoho that answers what it is told. Each target sends one input through a router, as a stranger could, and says what must hold
//! for any input at all; that nothing panics is the least of it.

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/connected.rs"]
pub mod connected;
#[path = "../../src/dice.rs"]
pub mod dice;
#[path = "../../src/hooks.rs"]
pub mod hooks;
#[path = "../../src/house.rs"]
pub mod house;
#[path = "../../src/in_process.rs"]
pub mod in_process;
pub mod line;
#[path = "../../src/memory.rs"]
pub mod memory;
pub mod problem;
pub mod signed;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use shared::base::settings::PUBLIC_URL;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::zoho::scope::{Access, Product, ScopeSet};
use tokio::runtime::{Builder, Runtime};

pub use house::House;
pub use in_process::{Told, send};

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

/// token-refresh, which always has another token.
struct Another(Arc<Memory>);

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

/// An installation at [`ORIGIN`] with nothing in it, in front of this line.
pub fn installation(line: Line) -> House {
    House::over(line, |name| (name == PUBLIC_URL).then(|| ORIGIN.to_owned()))
}

/// A function of the connector, and what it stands in.
pub trait Function: Sized {
    /// One that nobody has called.
    fn open() -> impl Future<Output = Self>;

    /// Forgets what an input left behind.
    fn tidy(&self) -> impl Future<Output = ()>;
}

/// api-proxy with a connection, and a key that may do everything but read events.
pub struct Api {
    /// What it stands in.
    pub house: House,
    /// The way to Zoho.
    pub line: Line,
    /// Its routes.
    pub router: Router,
    /// `Bearer …`
    pub authorization: String,
}

impl Function for Api {
    async fn open() -> Self {
        let line = Line::default();
        let house = installation(line.clone());
        let key = house.connect(&account()).await;
        let router = api_proxy::router(&house.services, Arc::new(Another(house.memory.clone())));
        Self { house, line, router, authorization: format!("Bearer {}", key.expose()) }
    }

    async fn tidy(&self) {
        self.house.tidy().await;
    }
}

/// webhook-intake with the secrets of [`hooks`].
pub struct Intake {
    /// What it stands in.
    pub house: House,
    /// Its routes.
    pub router: Router,
}

impl Function for Intake {
    async fn open() -> Self {
        let house = installation(Line::default());
        hooks::set_secrets(&*house.memory).await;
        let router = webhook_intake::router(&house.services);
        Self { house, router }
    }

    async fn tidy(&self) {
        self.house.memory.clear();
    }
}

/// A function on a runtime of its own.
pub struct Desk<F> {
    runtime: Runtime,
    function: F,
}

impl<F: Function> Desk<F> {
    /// One that nobody has called, on one thread, on which no time passes but what all wait for.
    pub fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let function = runtime.block_on(F::open());
        Self { runtime, function }
    }

    /// Lets a target take an input.
    pub fn take(&self, target: impl AsyncFnOnce(&F)) {
        self.runtime.block_on(async {
            target(&self.function).await;
            self.function.tidy().await;
        });
    }
}
