//! The functions in the test's own process, on a clock that can be set: for what takes hours. On SQLite, or on the stores of AWS,
//! where each function has the rights of its role.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use sandbox::Options;
use serde_json::Value;
use shared::base::clock::{Clock, SharedClock};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::{self, InventoryLimits, Settings};
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
use shared::core::connection::consent::{Consents, Wish};
use shared::core::connection::orders::{Order, Orders};
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::connection::{self, Connection};
use shared::core::grant::client;
use shared::core::grant::client::Client;
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};
use shared::zoho::secrets::ClientSecret;
use token_refresh::Local;

use crate::aws::{Aws, Names};
use crate::browser::Browser;
use crate::clock::StandingClock;
use crate::connector::{self, CLIENT_ID, CLIENT_SECRET};
use crate::doubts;
use crate::in_process::call;

/// A key for reading everything with the usual connection.
pub fn any_key() -> NewKey {
    NewKey::new("test", Permission::DEFAULT.to_vec(), vec![ConnectionName::default()])
}

/// The client as an operator registers it.
pub fn registered() -> Client {
    let secret = ClientSecret::new(CLIENT_SECRET);
    Client { id: CLIENT_ID.to_owned(), home: DataCentre::Us, secret, secrets: Vec::new() }
}

/// To what people consent, with these scopes.
pub fn wish(scopes: ScopeSet) -> Wish {
    Wish {
        connection: ConnectionName::default(),
        client_id: CLIENT_ID.to_owned(),
        home: DataCentre::Us,
        scopes,
        organization: None,
        crm_organization: None,
        again: None,
    }
}

/// Services, functions and a sandbox, all on one time that moves when a test moves it.
pub struct Inside {
    /// The stand-in Zoho.
    pub zoho: sandbox::Running,
    /// What the functions are made of.
    pub services: Services,
    /// token-refresh.
    pub token_refresh: Local,
    clock: Arc<StandingClock>,
    api: Router,
    key: Secret,
    names: Option<Names>,
}

tokio::task_local! {
    static ON_AWS: ();
}

/// Runs a test that makes its own [`Inside`] on the stores of AWS. `INSIDE_ON_AWS=1` does it for all of them.
pub async fn on_aws(test: impl Future<Output = ()>) {
    ON_AWS.scope((), test).await;
}

impl Inside {
    /// One that is connected, with the scopes of everything.
    pub async fn connected() -> Self {
        let inside = Self::start().await;
        inside.connect().await;
        inside
    }

    /// One with a client registered on both sides and nothing connected.
    pub async fn start() -> Self {
        Self::with(Options::new("")).await
    }

    /// As [`Self::start`], with a sandbox of these options.
    pub async fn with(options: Options) -> Self {
        let clock = Arc::new(StandingClock::default());
        let zoho =
            sandbox::Sandbox::listen(Options { standing: Some(clock.now()), ..options }).await.unwrap();
        doubts::turn(&zoho.sandbox);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings::read(|name| match name {
            settings::PUBLIC_URL => Some(url.clone()),
            settings::SANDBOX_URL => Some(zoho.url.clone()),
            _ => None,
        })
        .unwrap();
        let is_on_aws = ON_AWS.try_with(|()| ()).is_ok() || std::env::var_os("INSIDE_ON_AWS").is_some();
        let (names, stores) = if is_on_aws {
            let names = Aws::get().stack().await;
            let stores = Aws::get().stores(&names, &(clock.clone() as SharedClock));
            (Some(names), stores)
        } else {
            (None, Sqlite::in_memory(clock.clone()).unwrap().into())
        };
        let services = Services::new(settings, clock.clone(), stores).unwrap();
        zoho.sandbox.register_client(connector::client(&url));
        client::set(&*services.stores.secrets, registered()).await.unwrap();

        let token_refresh = Local::new(&of_function(&services, names.as_ref(), "token-refresh"));
        let with_rights = of_function(&services, names.as_ref(), "oauth-callback");
        let oauth = oauth_callback::router(&with_rights, Arc::new(token_refresh.clone()));
        tokio::spawn(async move { axum::serve(listener, oauth).await });
        let keys = Keys::new(services.stores.state.clone(), services.clock.clone());
        let (_, key) = keys.create(any_key()).await.unwrap();
        let with_rights = of_function(&services, names.as_ref(), "api-proxy");
        let api = api_proxy::router(&with_rights, Arc::new(token_refresh.clone()));
        Self { zoho, services, token_refresh, clock, api, key, names }
    }

    /// What a function of this name is made of: on AWS, its stores have the rights of its role.
    pub fn services_of(&self, function: &str) -> Services {
        of_function(&self.services, self.names.as_ref(), function)
    }

    /// What a connection to everything asks for.
    pub fn wish(&self) -> Wish {
        wish(ScopeSet::of(&Product::ALL, Access::Read))
    }

    /// A link to consent.
    pub async fn link(&self, wish: Wish) -> String {
        let consents = Consents::new(self.services.stores.state.clone(), self.services.clock.clone());
        let nonce = consents.make_link(&wish).await.unwrap();
        let url = self.services.settings.public_url.as_ref().unwrap();
        format!("{}/oauth/start?link={}", url.as_str(), nonce.expose())
    }

    /// Consents in a browser.
    pub async fn connect(&self) {
        self.connect_with(self.wish().scopes).await;
    }

    /// The same with a consent to write.
    pub async fn connect_to_write(&self) {
        self.connect_with(ScopeSet::of(&Product::ALL, Access::Write)).await;
    }

    /// The same with a consent to these.
    pub async fn connect_with(&self, scopes: ScopeSet) {
        let ending = Browser::default().consent(&self.link(wish(scopes)).await).await;
        assert!(ending.text.contains("<h1>Connected</h1>"), "{}", ending.text);
    }

    /// Lets time pass here and at Zoho.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.zoho.sandbox.advance(by);
    }

    /// The schedule's work: how many were renewed, how many failed.
    pub async fn tick(&self) -> (usize, usize) {
        match self.token_refresh.ask(Ask::Tick).await.unwrap() {
            Reply::Ticked { renewed, failed } => (renewed, failed),
            other => panic!("{other:?}"),
        }
    }

    /// Has token-refresh do what the operator orders.
    pub async fn order(&self, order: &Order) -> Reply {
        let orders = Orders::new(self.services.stores.state.clone(), self.services.clock.clone());
        let id = orders.give(order).await.unwrap();
        self.token_refresh.ask(Ask::Order { id }).await.unwrap()
    }

    /// The connection's row.
    pub async fn connection(&self) -> Connection {
        connection::get(&*self.services.stores.state, &ConnectionName::default()).await.unwrap().unwrap()
    }

    /// Lifts the limit of a hundred calls a minute, ours and Zoho's, for processes that start from now on.
    pub fn lift_the_limit(&mut self) {
        self.limit(None, None);
        self.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    }

    /// Sets our limits, for processes that start from now on.
    pub fn limit(&mut self, per_minute: Option<u32>, per_day: Option<u32>) {
        let inventory = InventoryLimits { per_minute, per_day };
        self.services.settings = Arc::new(Settings { inventory, ..(*self.services.settings).clone() });
    }

    /// Another process of api-proxy: nothing in its memory.
    pub fn cold(&self) -> Router {
        api_proxy::router(&self.services_of("api-proxy"), Arc::new(self.token_refresh.clone()))
    }

    /// Another key.
    pub async fn key(&self, wanted: NewKey) -> Secret {
        let keys = Keys::new(self.services.stores.state.clone(), self.services.clock.clone());
        keys.create(wanted).await.unwrap().1
    }

    /// The api-proxy that has been running all along.
    pub fn api(&self) -> Router {
        self.api.clone()
    }

    /// Asks the api-proxy that has been running all along.
    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.get_from(self.api.clone(), path).await
    }

    /// Asks any api-proxy.
    pub async fn get_from(&self, api: Router, path: &str) -> (StatusCode, Value) {
        self.ask(api, &self.key, path).await
    }

    /// Asks any api-proxy until it answers, as an agent does that is told to come again.
    pub async fn served(&self, api: Router, path: &str) -> Value {
        for _ in 0..60 {
            let (status, body) = self.get_from(api.clone(), path).await;
            if status == StatusCode::OK {
                return body;
            }
            assert!(body["retryable"] == true, "{status}: {body}");
        }
        panic!("never served")
    }

    /// Asks any api-proxy with any key.
    pub async fn ask(&self, api: Router, key: &Secret, path: &str) -> (StatusCode, Value) {
        let told = call(&api, key, ("GET", path), &[], &Value::Null).await;
        (told.status, told.json().unwrap())
    }
}

fn of_function(services: &Services, names: Option<&Names>, function: &str) -> Services {
    let stores = names.map_or_else(
        || services.stores.clone(),
        |names| Aws::get().stores_of(function, names, &services.clock),
    );
    Services { stores, ..services.clone() }
}
