//! One installation with all that is around it, connected, on simulated time: processes of every function, which start anew as often as
//! is wanted.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use event_delivery::EventDelivery;
use sandbox::{Options, Sandbox};
use shared::base::background::Background;
use shared::base::clock::{Clock, SharedClock, SignedDuration, Timestamp, TokioClock, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::{self, Settings};
use shared::core::access::key::{Keys, NewKey};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::consent::Wish;
use shared::core::connection::orders::{Order, Orders};
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::events::agent_hook::Hook;
use shared::core::grant::Grant;
use shared::core::grant::client;
use shared::core::services::Services;
use shared::store::{Query, Stores, secret_record};
use shared::zoho::data_centre::{DataCentre, DataCentres};
use shared::zoho::http::Http;
use shared::zoho::scope::{Access, Product, ScopeSet};
use shared::zoho::secrets::RefreshToken;
use tempfile::TempDir;
use token_refresh::TokenRefresh;
use tokio::time::sleep;

use super::calls::{Function, Place, Process, Service, Switchboard, Trouble};
use super::kept::on_file;
use super::kinds::Fault;
use super::line::{Line, Outside};
use super::stores::stores;
use crate::connector::{self, CLIENT_ID, CLIENT_SECRET};
use crate::hooks::set_secrets;
use crate::inside;
use crate::simulation::in_memory::InMemory;

/// The stand-in Zoho's address. Nobody listens there: requests go to its router.
const ZOHO: &str = "http://127.0.0.1:9";

/// The connector's own address.
pub const PUBLIC: &str = "http://127.0.0.1:8";

/// The timeout of token-refresh in the template.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// The simulated time, which can jump.
pub struct JumpingClock {
    steady: TokioClock,
    ahead: AtomicI64,
}

impl JumpingClock {
    /// Jumps by so many seconds, ahead or back.
    pub fn jump(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        later(self.steady.now(), SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst)))
    }

    /// The same each time, so that a cell comes out the same each time.
    fn jittered(&self, wait: Duration) -> Duration {
        wait.mul_f64(0.75)
    }
}

/// What processes are made of.
#[derive(Clone)]
struct Workshop {
    calls: Arc<Switchboard>,
    outside: Arc<Outside>,
    kept: Stores,
    clock: SharedClock,
    settings: Arc<Settings>,
}

/// A new process, and what it is made of.
struct Started {
    process: Process,
    services: Services,
    invocations: Arc<Invocations>,
}

impl Workshop {
    /// A new process of a function.
    fn start(&self, function: Function) -> Started {
        let process = self.calls.start(function);
        let line = Line { calls: self.calls.clone(), outside: self.outside.clone(), process };
        let services = Services {
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            stores: stores(&self.calls, &self.kept, process),
            token_refresh: None,
            http: Http::over(line),
            centres: DataCentres::new(Some(ZOHO.to_owned())),
            background: Background::default(),
            operator: None,
        };
        Started { process, services, invocations: Arc::new(Invocations { workshop: self.clone(), process }) }
    }

    /// A run of token-refresh in a new process, which goes on whatever becomes of its caller.
    async fn token_refresh(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        let Started { process, services, .. } = self.start(Function::TokenRefresh);
        let calls = self.calls.clone();
        let run = tokio::spawn(async move {
            let function = TokenRefresh::new(&services);
            calls.live(process, function.handle(ask)).await
        });
        match run.await {
            Ok(result) => result.map_err(|error| TokenRefreshError(error.to_string())),
            Err(_) => Err(TokenRefreshError("it panicked".to_owned())),
        }
    }
}

/// The way of a process to token-refresh: an invocation, which goes on whatever becomes of its caller.
struct Invocations {
    workshop: Workshop,
    process: Process,
}

#[async_trait]
impl TokenRefreshClient for Invocations {
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        self.workshop.calls.live(self.process, self.invoke(ask)).await
    }
}

impl Invocations {
    async fn invoke(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        let calls = &self.workshop.calls;
        calls.step(self.process).await;
        let what = match &ask {
            Ask::Renew { .. } => "token-refresh, renew",
            Ask::Exchange { .. } => "token-refresh, exchange",
            Ask::Choose { .. } => "token-refresh, choose",
            Ask::Order { .. } => "token-refresh, order",
            Ask::Tick => "token-refresh, tick",
        };
        let fault = calls.fate(self.process, Service::Invoke, what.to_owned(), true);
        let failed = |words: &str| Err(TokenRefreshError(words.to_owned()));
        let reply = match fault {
            None | Some(Fault::Duplicate) => self.workshop.token_refresh(ask).await,
            Some(Fault::Throttled) => Ok(Reply::Full),
            Some(Fault::NoConnection | Fault::ResetBefore | Fault::Failing) => failed("it was not reached"),
            Some(Fault::Slow) => {
                let _too_late = self.workshop.token_refresh(ask).await;
                sleep(LONGEST_RUN).await;
                failed("it took too long")
            }
            Some(Fault::ResetAfter | Fault::Garbage | Fault::Html | Fault::Empty | Fault::Truncated) => {
                let _lost = self.workshop.token_refresh(ask).await;
                failed("its reply cannot be read")
            }
        };
        calls.step(self.process).await;
        reply
    }
}

/// A process that answers requests.
#[derive(Clone)]
pub struct Served {
    /// The process.
    pub process: Process,
    /// Its routes.
    pub router: Router,
}

/// Processes that go on from one request to the next.
#[derive(Default)]
struct Living {
    api: Option<Served>,
    oauth: Option<Served>,
    intake: Option<Served>,
}

/// An installation.
pub struct World {
    /// What befalls calls.
    pub calls: Arc<Switchboard>,
    /// What is around it.
    pub outside: Arc<Outside>,
    /// Its clock.
    pub clock: Arc<JumpingClock>,
    /// The stores, as nothing befalls them.
    pub stores: Stores,
    /// A key for everything.
    pub key: Secret,
    workshop: Workshop,
    living: Mutex<Living>,
    /// Where its stores are, if they are a file.
    _folder: Option<TempDir>,
}

impl World {
    /// One that is connected, has a token, a hook, secrets for webhooks, and a key. Its user is in so many organisations.
    pub async fn new(place: Place, organizations: usize) -> Self {
        let start: Timestamp = "2026-12-01T10:00:00.25Z".parse().unwrap();
        let clock =
            Arc::new(JumpingClock { steady: TokioClock::starting_at(start), ahead: AtomicI64::new(0) });
        let sandbox = Sandbox::new(Options { standing: Some(start), organizations, ..Options::new(ZOHO) });
        sandbox.register_client(connector::client(PUBLIC));
        let settings = Settings::read(|name| match name {
            settings::PUBLIC_URL => Some(PUBLIC.to_owned()),
            settings::SANDBOX_URL => Some(ZOHO.to_owned()),
            _ => None,
        });
        let shared: SharedClock = clock.clone();
        let (kept, folder) = match place {
            Place::Cloud => (InMemory::stores(&shared), None),
            Place::File => {
                let (stores, folder) = on_file(&shared);
                (stores, Some(folder))
            }
        };
        let workshop = Workshop {
            calls: Arc::new(Switchboard::default()),
            outside: Outside::new(sandbox),
            kept,
            clock: shared,
            settings: Arc::new(settings.unwrap()),
        };
        let stores = workshop.start(Function::Outside).services.stores;
        let key = furnish(&workshop, &stores).await;
        let world = Self {
            calls: workshop.calls.clone(),
            outside: workshop.outside.clone(),
            clock,
            stores,
            key,
            workshop,
            living: Mutex::default(),
            _folder: folder,
        };
        let ticked = world.tick().await;
        assert!(matches!(ticked, Ok(Reply::Ticked { renewed: 1, failed: 0 })), "{ticked:?}");
        world
    }

    /// The clock that the functions read.
    pub fn shared_clock(&self) -> SharedClock {
        self.clock.clone()
    }

    fn living(&self) -> MutexGuard<'_, Living> {
        self.living.lock().unwrap()
    }

    /// api-proxy.
    pub fn api(&self) -> Served {
        let new = || {
            let Started { process, services, invocations } = self.workshop.start(Function::ApiProxy);
            Served { process, router: api_proxy::router(&services, invocations) }
        };
        self.living().api.get_or_insert_with(new).clone()
    }

    /// oauth-callback.
    pub fn oauth(&self) -> Served {
        let new = || {
            let Started { process, services, invocations } = self.workshop.start(Function::OauthCallback);
            Served { process, router: oauth_callback::router(&services, invocations) }
        };
        self.living().oauth.get_or_insert_with(new).clone()
    }

    /// webhook-intake.
    pub fn intake(&self) -> Served {
        let new = || {
            let Started { process, services, .. } = self.workshop.start(Function::WebhookIntake);
            Served { process, router: webhook_intake::router(&services) }
        };
        self.living().intake.get_or_insert_with(new).clone()
    }

    /// A new process of event-delivery.
    pub fn delivery(&self) -> (Process, EventDelivery) {
        let Started { process, services, invocations } = self.workshop.start(Function::EventDelivery);
        (process, EventDelivery::new(&services, invocations))
    }

    /// token-refresh, by its schedule.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn tick(&self) -> Result<Reply, TokenRefreshError> {
        self.workshop.token_refresh(Ask::Tick).await
    }

    /// token-refresh, by an order of the operator's.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn order(&self, order: &Order) -> Result<Reply, TokenRefreshError> {
        let orders = Orders::new(self.stores.state.clone(), self.shared_clock());
        let id = orders.give(order).await.unwrap();
        self.workshop.token_refresh(Ask::Order { id }).await
    }

    /// From now on, this befalls calls.
    pub fn set(&self, trouble: Trouble) {
        self.calls.set(Some(trouble));
    }

    /// Ends what befalls calls; all processes are new.
    pub fn restart(&self) {
        self.calls.set(None);
        *self.living() = Living::default();
    }

    /// How many events of this type are stored.
    pub async fn events(&self, kind: &str) -> usize {
        let query = Query::partition(format!("event#{}", ConnectionName::default()), 1000);
        let page = self.stores.events.query(query).await.unwrap();
        page.rows.iter().filter(|row| row.value.contains(kind)).count()
    }

    /// The secrets that nobody outside may read: the client's, the grant's and the token's.
    pub async fn secrets(&self) -> Vec<String> {
        let name = ConnectionName::default();
        let mut secrets = vec![CLIENT_SECRET.to_owned()];
        for (secret, field) in
            [(Grant::secret_name(&name), "refresh_token"), (AccessToken::secret_name(&name), "token")]
        {
            if let Some(found) = self.stores.secrets.get(&secret).await.unwrap() {
                let record: serde_json::Value =
                    serde_json::from_str(found.value.expose()).unwrap_or_default();
                secrets.extend(record[field].as_str().map(str::to_owned));
            }
        }
        secrets
    }
}

/// To what people consent.
pub fn wish() -> Wish {
    inside::wish(scopes())
}

fn scopes() -> ScopeSet {
    ScopeSet::of(&Product::ALL, Access::Write)
}

/// What an operator has set up: the client, a connection, a hook, secrets for webhooks, and a key, which this gives.
async fn furnish(workshop: &Workshop, stores: &Stores) -> Secret {
    let secrets = &*stores.secrets;
    client::set(secrets, inside::registered()).await.unwrap();
    let name = ConnectionName::default();
    let grant = Grant {
        refresh_token: RefreshToken::new(
            workshop.outside.sandbox.plant_grant(CLIENT_ID, &scopes().comma_separated()),
        ),
        generation: 1,
        client_id: CLIENT_ID.to_owned(),
        home: DataCentre::Us,
        data_centre: DataCentre::Eu,
        scopes: scopes(),
        organization: Some(Organization {
            id: "20098765432".to_owned(),
            name: "Nordlicht Moebel".to_owned(),
            ..Organization::default()
        }),
        crm_organization: None,
        user: None,
        connected_at: workshop.clock.now(),
        chosen: None,
    };
    let secret = Grant::secret_name(&name);
    let staged = secrets.stage(&secret, &secret_record::text(&grant).unwrap()).await.unwrap();
    assert!(secrets.promote(&secret, &staged, None).await.unwrap());
    stores.state.put(grant.connection(name.clone()).row().unwrap()).await.unwrap();
    let hook = Hook {
        turns_per_hour: 30,
        set: String::new(),
        ..Hook::new("https://gateway.example.com/hooks/agent".parse().unwrap(), Secret::new("hook-token"))
    };
    hook.store(secrets).await.unwrap();
    set_secrets(secrets).await;
    let permissions = ["inventory:write", "crm:write", "events", "zoho:*:inventory/**"];
    let permissions = permissions.iter().map(|text| text.parse().unwrap()).collect();
    let keys = Keys::new(stores.state.clone(), workshop.clock.clone());
    keys.create(NewKey::new("matrix", permissions, vec![name])).await.unwrap().1
}
