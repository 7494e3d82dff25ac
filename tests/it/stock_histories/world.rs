//! What there is in a history: the stand-in Zoho with a few items, what other people do to their stock, and processes that serve an
//! agent until they die.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use rust_decimal::Decimal;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use shared::base::clock::{SharedClock, Timestamp, TokioClock};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::writes::own_writes::OwnWrites;
use shared::store::Stores;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tests::connected::Account;
use tests::connector::{self, CLIENT_ID, CLIENT_SECRET};
use tests::dice::Dice;
use tests::doubts;
use tests::house;
use tests::in_process::{ask, call};
use tests::simulation::in_memory::InMemory;
use tokio::time::{Instant, timeout};

use super::Spot;
use super::life::{self, Life};
use super::line::Line;

const BASE: &str = "http://127.0.0.1:9";
const ORGANIZATION: &str = "20098765432";

/// The places of the stand-in Zoho.
pub(super) const PLACES: [(&str, &str); 2] = [("3300000000038080", "Main"), ("3300000000038095", "Outlet")];

/// Items whose stock is tracked: id and SKU.
pub(super) const ITEMS: [(&str, &str); 4] = [
    ("3300000000070001", "SHELF-OAK-80"),
    ("3300000000070002", "BRKT-STD"),
    ("3300000000070004", "SHELF-OAK-80-XL"),
    ("3300000000070009", "RUG-FJORD"),
];

/// Zoho, and what everybody does to it.
pub(super) struct Shared {
    pub(super) zoho: Router,
    pub(super) sandbox: Sandbox,
    pub(super) others: Mutex<Vec<(Spot, Decimal)>>,
    start: Instant,
    passed: Mutex<Duration>,
}

impl Shared {
    /// Zoho's clock goes with this one.
    pub(super) fn keep_time(&self) {
        let mut passed = self.passed.lock().unwrap();
        let now = self.start.elapsed();
        self.sandbox.advance(now - *passed);
        *passed = now;
    }

    /// Somebody adjusts stock by hand, or orders something.
    pub(super) fn somebody_moves(&self, dice: &mut Dice) {
        self.keep_time();
        let (item, sku) = ITEMS[dice.below(ITEMS.len())];
        let (place, _) = PLACES[dice.below(PLACES.len())];
        if dice.one_in(4) {
            let order = json!({ "customer_id": "3300000000060210", "line_items": [{ "item_id": item, "quantity": 1, "name": sku }] });
            self.sandbox.make_order(order);
            return;
        }
        let delta = Decimal::new(i64::try_from(dice.below(60)).unwrap() - 30, 1);
        let done = !delta.is_zero() && self.sandbox.adjust_stock(item, place, &delta.to_string()).is_some();
        if done {
            self.others.lock().unwrap().push(((item.to_owned(), place.to_owned()), delta));
        }
    }
}

/// Zoho, stores, and the time.
pub(super) struct World {
    pub(super) shared: Arc<Shared>,
    pub(super) begin: BTreeMap<Spot, Decimal>,
    pub(super) key: Secret,
    kept: Stores,
    clock: SharedClock,
    dice: Arc<Mutex<Dice>>,
    /// Whether nobody else moves anything, and every call arrives.
    is_quiet: bool,
    /// A process that lives: to make one takes longer than what it does.
    living: OnceLock<Router>,
}

impl std::ops::Deref for World {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

struct NobodyRenews;

#[async_trait::async_trait]
impl TokenRefreshClient for NobodyRenews {
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        panic!("the token lives: {ask:?}")
    }
}

impl World {
    pub(super) async fn new(dice: &mut Dice) -> Self {
        let start: Timestamp = "2026-12-01T10:00:00.25Z".parse().unwrap();
        let clock: SharedClock = Arc::new(TokioClock::starting_at(start));
        let sandbox = Sandbox::new(Options { standing: Some(start), ..Options::new(BASE) });
        sandbox.switches(|switches| {
            switches.per_minute_limit = None;
            switches.concurrent_limit = None;
        });
        doubts::turn(&sandbox);
        sandbox.register_client(sandbox::Client { home: "eu".to_owned(), ..connector::client(BASE) });
        let zoho = sandbox.router();
        let token = mint(&zoho, &sandbox).await;
        let shared = Shared {
            zoho,
            sandbox,
            others: Mutex::default(),
            start: Instant::now(),
            passed: Mutex::default(),
        };
        let world = Self {
            begin: BTreeMap::new(),
            shared: Arc::new(shared),
            key: Secret::new(""),
            kept: InMemory::stores(&clock),
            clock,
            dice: Arc::new(Mutex::new(Dice(dice.roll()))),
            is_quiet: false,
            living: OnceLock::new(),
        };
        let stores = life::stores(&world.kept, &Life::of(None));
        let key = world.furnish(&stores, &token).await;
        let begin = world.true_stock();
        Self { key, begin, ..world }
    }

    /// One in which nothing goes wrong but that processes die.
    pub(super) async fn quiet() -> Self {
        Self { is_quiet: true, ..Self::new(&mut Dice(1)).await }
    }

    /// A connection, its token, and a key for stock.
    async fn furnish(&self, stores: &Stores, token: &str) -> Secret {
        let account = Account { scopes: scopes(), inventory: Some(ORGANIZATION), crm: None };
        account.connect(stores, token).await;
        house::key(stores, &self.clock, &["inventory:stock"]).await
    }

    /// A process, which dies after so many steps, if at all.
    pub(super) fn process(&self, steps: Option<i64>) -> Router {
        match steps {
            None => self.living.get_or_init(|| self.new_process(None)).clone(),
            Some(_) => self.new_process(steps),
        }
    }

    fn new_process(&self, steps: Option<i64>) -> Router {
        let life = Life::of(steps);
        let dice = (!self.is_quiet).then(|| self.dice.clone());
        let line = Line { shared: self.shared.clone(), life: life.clone(), dice };
        let stores = life::stores(&self.kept, &life);
        let setting = |name: &str| (name == settings::SANDBOX_URL).then(|| BASE.to_owned());
        let services = house::services(stores, self.clock.clone(), line, setting);
        api_proxy::router(&services, Arc::new(NobodyRenews))
    }

    /// Asks a process; nothing where it died.
    pub(super) async fn ask(
        &self,
        process: &Router,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let key = key.map(|key| ("idempotency-key", key));
        let answering = call(process, &self.key, (method, path), key.as_slice(), body);
        let told = timeout(Duration::from_secs(29), answering).await.ok()?;
        Some((told.status.as_u16(), told.json().unwrap_or(Value::Null)))
    }

    /// Whether the record's change at that time is known as a write of ours.
    pub(super) async fn is_own(&self, subject: &str, at: Timestamp) -> bool {
        let own = OwnWrites::new(self.kept.state.clone(), self.clock.clone());
        own.is_own(&ConnectionName::default(), subject, at).await.unwrap()
    }

    /// What Zoho has on hand.
    pub(super) fn true_stock(&self) -> BTreeMap<Spot, Decimal> {
        let spots = ITEMS.iter().flat_map(|(item, _)| PLACES.iter().map(move |(place, _)| (*item, *place)));
        spots
            .map(|(item, place)| {
                let figure = self.sandbox.stock_at(item, place).expect("all items are kept at all places");
                ((item.to_owned(), place.to_owned()), figure.parse().unwrap())
            })
            .collect()
    }

    /// Time passes.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What the connection may do.
fn scopes() -> ScopeSet {
    ScopeSet::of(&[Product::Inventory], Access::Write)
}

/// An access token, from a refresh token of an earlier consent.
async fn mint(zoho: &Router, sandbox: &Sandbox) -> String {
    let grant = sandbox.plant_grant(CLIENT_ID, &scopes().comma_separated());
    let form = format!(
        "grant_type=refresh_token&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&refresh_token={grant}"
    );
    let request = Request::post(format!("{BASE}/eu/accounts/oauth/v2/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let told = ask(zoho, request.body(Body::from(form)).unwrap()).await;
    let answer = told.json().expect("a token");
    answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}
