//! One installation with all that is around it, connected, on simulated time: processes of every function, which start anew as often as
//! is wanted.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use event_delivery::EventDelivery;
use sandbox::{Options, Sandbox};
use shared::base::clock::{Clock, SharedClock, SignedDuration, Timestamp, TokioClock, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::{self, Settings};
use shared::core::access::key::{Keys, NewKey};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::events::agent_hook::{ALL_TYPES, Hook};
use shared::core::grant::Grant;
use shared::core::grant::client::{self, Client};
use shared::core::services::Services;
use shared::store::{Query, Stores, secret_record};
use shared::zoho::data_centre::{DataCentre, DataCentres};
use shared::zoho::http::Http;
use shared::zoho::scope::{Access, Product, ScopeSet};
use shared::zoho::secrets::{ClientSecret, RefreshToken};
use token_refresh::Local;
use tokio::time::sleep;

use super::calls::{Function, Process, Service, Switchboard, Trouble};
use super::kinds::Fault;
use super::line::{Line, Outside};
use super::stores::stores;
use crate::connector::{CLIENT_ID, CLIENT_SECRET};
use crate::hooks::set_secrets;
use crate::simulation::kept::Kept;

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
    kept: Arc<Mutex<Kept>>,
    clock: SharedClock,
    settings: Arc<Settings>,
}

impl Workshop {
    /// A new process of a function.
    fn start(&self, function: Function) -> (Services, Arc<Invocations>) {
        let process = self.calls.start(function);
        let line = Line { calls: self.calls.clone(), outside: self.outside.clone(), process };
        let services = Services {
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            stores: stores(&self.calls, &self.kept, &self.clock, process),
            token_refresh: None,
            http: Http::over(line),
            centres: DataCentres::new(Some(ZOHO.to_owned())),
            operator: None,
        };
        (services, Arc::new(Invocations { workshop: self.clone(), process }))
    }

    /// A new process of token-refresh.
    fn token_refresh(&self) -> Local {
        Local::new(&self.start(Function::TokenRefresh).0)
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
            None | Some(Fault::Duplicate) => self.workshop.token_refresh().ask(ask).await,
            Some(Fault::Throttled) => Ok(Reply::Full),
            Some(Fault::NoConnection | Fault::ResetBefore | Fault::Failing) => failed("it was not reached"),
            Some(Fault::Slow) => {
                let _too_late = self.workshop.token_refresh().ask(ask).await;
                sleep(LONGEST_RUN).await;
                failed("it took too long")
            }
            Some(Fault::ResetAfter | Fault::Garbage | Fault::Html | Fault::Empty | Fault::Truncated) => {
                let _lost = self.workshop.token_refresh().ask(ask).await;
                failed("its reply cannot be read")
            }
        };
        calls.step(self.process).await;
        reply
    }
}

/// Processes that go on from one request to the next.
#[derive(Default)]
struct Living {
    api: Option<Router>,
    oauth: Option<Router>,
    intake: Option<Router>,
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
}

impl World {
    /// One that is connected, has a token, a hook, secrets for webhooks, and a key.
    pub async fn new() -> Self {
        let start: Timestamp = "2026-12-01T10:00:00.25Z".parse().unwrap();
        let clock =
            Arc::new(JumpingClock { steady: TokioClock::starting_at(start), ahead: AtomicI64::new(0) });
        let sandbox = Sandbox::new(Options { standing: Some(start), ..Options::new(ZOHO) });
        sandbox.register_client(sandbox::Client {
            id: CLIENT_ID.to_owned(),
            secret: CLIENT_SECRET.to_owned(),
            redirect_uris: vec![format!("{PUBLIC}/oauth/callback")],
            home: "us".to_owned(),
            multi_dc: true,
            ..sandbox::Client::default()
        });
        let settings = Settings::read(|name| match name {
            settings::PUBLIC_URL => Some(PUBLIC.to_owned()),
            settings::SANDBOX_URL => Some(ZOHO.to_owned()),
            _ => None,
        });
        let workshop = Workshop {
            calls: Arc::new(Switchboard::default()),
            outside: Outside::new(sandbox),
            kept: Arc::new(Mutex::new(Kept::new(false))),
            clock: clock.clone(),
            settings: Arc::new(settings.unwrap()),
        };
        let stores = workshop.start(Function::Outside).0.stores;
        let key = furnish(&workshop, &stores).await;
        let world = Self {
            calls: workshop.calls.clone(),
            outside: workshop.outside.clone(),
            clock,
            stores,
            key,
            workshop,
            living: Mutex::default(),
        };
        let ticked = world.tick().await;
        assert!(matches!(ticked, Ok(Reply::Ticked { renewed: 1, failed: 0 })), "{ticked:?}");
        world
    }

    /// The clock that the functions read.
    pub fn shared_clock(&self) -> SharedClock {
        self.clock.clone()
    }

    /// api-proxy.
    pub fn api(&self) -> Router {
        let new = || {
            let (services, token_refresh) = self.workshop.start(Function::ApiProxy);
            api_proxy::router(&services, token_refresh)
        };
        self.living.lock().unwrap().api.get_or_insert_with(new).clone()
    }

    /// oauth-callback.
    pub fn oauth(&self) -> Router {
        let new = || {
            let (services, token_refresh) = self.workshop.start(Function::OauthCallback);
            oauth_callback::router(&services, token_refresh)
        };
        self.living.lock().unwrap().oauth.get_or_insert_with(new).clone()
    }

    /// webhook-intake.
    pub fn intake(&self) -> Router {
        let new = || webhook_intake::router(&self.workshop.start(Function::WebhookIntake).0);
        self.living.lock().unwrap().intake.get_or_insert_with(new).clone()
    }

    /// A process of event-delivery.
    pub fn delivery(&self) -> EventDelivery {
        let (services, token_refresh) = self.workshop.start(Function::EventDelivery);
        EventDelivery::new(&services, token_refresh)
    }

    /// token-refresh, by its schedule.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn tick(&self) -> Result<Reply, TokenRefreshError> {
        self.workshop.token_refresh().ask(Ask::Tick).await
    }

    /// From now on, this befalls calls.
    pub fn set(&self, trouble: Trouble) {
        self.calls.set(Some(trouble));
    }

    /// Ends what befalls calls; all processes are new.
    pub fn restart(&self) {
        self.calls.set(None);
        *self.living.lock().unwrap() = Living::default();
    }

    /// How many events of this type are stored.
    pub fn events(&self, kind: &str) -> usize {
        let query = Query::partition(format!("event#{}", ConnectionName::default()), 1000);
        let page = self.workshop.kept.lock().unwrap().query("events", &query, self.clock.now());
        page.rows.iter().filter(|row| row.value.contains(kind)).count()
    }

    /// The secrets that nobody outside may read: the client's, the grant's and the token's.
    pub fn secrets(&self) -> Vec<String> {
        let name = ConnectionName::default();
        let kept = self.workshop.kept.lock().unwrap();
        let field = |secret: String, field: &str| {
            let (text, _) = kept.current(&secret)?;
            let record: serde_json::Value = serde_json::from_str(&text).ok()?;
            record[field].as_str().map(str::to_owned)
        };
        let grant = field(Grant::secret_name(&name), "refresh_token");
        let token = field(AccessToken::secret_name(&name), "token");
        [grant, token].into_iter().flatten().chain([CLIENT_SECRET.to_owned()]).collect()
    }
}

/// To what people consent.
pub fn wish() -> Wish {
    Wish {
        connection: ConnectionName::default(),
        client_id: CLIENT_ID.to_owned(),
        home: DataCentre::Us,
        scopes: scopes(),
        organization: None,
        crm_organization: None,
        again: None,
    }
}

fn scopes() -> ScopeSet {
    ScopeSet::of(&Product::ALL, Access::Write)
}

/// What an operator has set up: the client, a connection, a hook, secrets for webhooks, and a key, which this gives.
async fn furnish(workshop: &Workshop, stores: &Stores) -> Secret {
    let secrets = &*stores.secrets;
    let registered = Client {
        id: CLIENT_ID.to_owned(),
        home: DataCentre::Us,
        secret: ClientSecret::new(CLIENT_SECRET),
        secrets: Vec::new(),
    };
    client::set(secrets, registered).await.unwrap();
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
    };
    let secret = Grant::secret_name(&name);
    let staged = secrets.stage(&secret, &secret_record::text(&grant).unwrap()).await.unwrap();
    assert!(secrets.promote(&secret, &staged, None).await.unwrap());
    stores.state.put(grant.connection(name.clone()).row().unwrap()).await.unwrap();
    let hook = Hook {
        url: "https://gateway.example.com/hooks/agent".parse().unwrap(),
        token: Secret::new("hook-token"),
        agent_id: None,
        types: ALL_TYPES.iter().map(|text| (*text).to_owned()).collect(),
        turns_per_hour: 30,
        paused: false,
        set: String::new(),
    };
    hook.store(secrets).await.unwrap();
    set_secrets(secrets).await;
    let permissions = ["inventory:write", "crm:write", "events"];
    let permissions = permissions.iter().map(|text| text.parse().unwrap()).collect();
    let keys = Keys::new(stores.state.clone(), workshop.clock.clone());
    keys.create(NewKey::new("matrix", permissions, vec![name])).await.unwrap().1
}
