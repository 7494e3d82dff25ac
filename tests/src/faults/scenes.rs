//! What people and programs do with the connector, each with what must be true of it in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::problem::Code;
use shared::core::connection::consent::Consents;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::ledger::{ClaimTarget, Claimed, Ledger};
use shared::core::events::{Delivery, Events};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use url::Url;

use super::calls::Function;
use super::world::{PUBLIC, World, wish};
use crate::hooks::numbered;

const ITEM: &str = "/v1/inventory/items/3300000000070001";
const DEALS: &str = "/v1/crm/deals?per_page=1";
const ORDERS: &str = "/v1/inventory/salesorders";
const REFERENCE: &str = "MATRIX-1";
const DEAL: &str = "6100000000451001";

/// API Gateway gives up after so long, and Lambda ends a function of the schedule after [`LONGEST_RUN`].
const LONGEST_ANSWER: Duration = Duration::from_secs(29);
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// An agent reads an item.
    Item,
    /// An agent reads deals.
    Deals,
    /// An agent reads, and Zoho has dropped the token.
    DeadToken,
    /// An agent makes an order.
    Order,
    /// The schedule renews a token.
    Renewal,
    /// A person consents.
    Consent,
    /// Zoho reports a change.
    Webhook,
    /// The agent is told of a change.
    Delivery,
}

/// What the caller saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// In a word: `ok`, a problem's code, a page's title.
    pub text: String,
    /// Whether it got what it came for.
    pub good: bool,
    /// Whether it was told to come again.
    pub is_retryable: bool,
    /// All of it.
    pub body: String,
}

impl Seen {
    fn good(body: String) -> Self {
        Self { text: "ok".to_owned(), good: true, is_retryable: false, body }
    }

    fn bad(text: &str, is_retryable: bool, body: String) -> Self {
        Self { text: text.to_owned(), good: false, is_retryable, body }
    }

    /// The gateway answers in the place of a function that takes too long.
    fn nothing() -> Self {
        Self::bad("no answer", true, String::new())
    }
}

/// One that is played.
pub struct Play {
    /// Which.
    pub scene: Scene,
    world: World,
    /// What was said that is not true, or must never be said.
    broken: Mutex<Vec<String>>,
    /// How many keys of idempotency were needed, and whether the last one was told to be uncertain.
    keys: AtomicU32,
    is_uncertain: AtomicBool,
    event: Mutex<Option<String>>,
}

impl Scene {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 8] = [
        Self::Item,
        Self::Deals,
        Self::DeadToken,
        Self::Order,
        Self::Renewal,
        Self::Consent,
        Self::Webhook,
        Self::Delivery,
    ];

    /// What it is, as a heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Item => "An agent reads an item",
            Self::Deals => "An agent reads deals",
            Self::DeadToken => "An agent reads, and Zoho has dropped the token",
            Self::Order => "An agent makes an order",
            Self::Renewal => "The schedule renews a token",
            Self::Consent => "A person consents",
            Self::Webhook => "Zoho reports a change",
            Self::Delivery => "The agent is told of a change",
        }
    }

    /// Whose work it is.
    pub fn function(self) -> Function {
        match self {
            Self::Item | Self::Deals | Self::DeadToken | Self::Order => Function::ApiProxy,
            Self::Renewal => Function::TokenRefresh,
            Self::Consent => Function::OauthCallback,
            Self::Webhook => Function::WebhookIntake,
            Self::Delivery => Function::EventDelivery,
        }
    }
}

impl Play {
    /// Everything stands ready.
    pub async fn prepare(scene: Scene) -> Self {
        let world = World::new().await;
        let play = Self {
            scene,
            world,
            broken: Mutex::default(),
            keys: AtomicU32::new(0),
            is_uncertain: AtomicBool::new(false),
            event: Mutex::default(),
        };
        match scene {
            Scene::DeadToken => play.world.outside.sandbox.expire_access_tokens(),
            // Its token ends within half an hour.
            Scene::Renewal => sleep(Duration::from_secs(40 * 60)).await,
            Scene::Delivery => play.change_a_deal().await,
            _ => {}
        }
        play.world.calls.set(None);
        play
    }

    /// Where it is played.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What was broken so far.
    pub fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap().clone()
    }

    /// Notes what must not be.
    pub fn breaks(&self, what: impl Into<String>) {
        self.broken.lock().unwrap().push(what.into());
    }

    /// Its processes have worked before, and have in memory what they keep there.
    pub async fn warm_up(&self) {
        // A dead token would be found out.
        if self.scene != Scene::DeadToken {
            let read = self.ask("GET", ITEM, None).await;
            assert!(read.good, "{read:?}");
        }
    }

    /// Does it, or does it again.
    pub async fn go(&self) -> Seen {
        let seen = match self.scene {
            Scene::Item | Scene::DeadToken => self.ask("GET", ITEM, None).await,
            Scene::Deals => self.ask("GET", DEALS, None).await,
            Scene::Order => self.order().await,
            Scene::Renewal => self.renew().await,
            Scene::Consent => self.consent().await,
            Scene::Webhook => self.report().await,
            Scene::Delivery => self.deliver().await,
        };
        if self.world.secrets().iter().any(|secret| seen.body.contains(secret)) {
            self.breaks(format!("a secret is in the answer {}", seen.text));
        }
        seen
    }

    async fn ask(&self, method: &str, path: &str, order: Option<(&str, &Value)>) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.world.key.expose()));
        let body = match order {
            None => Body::empty(),
            Some((key, body)) => {
                request = request.header("idempotency-key", key);
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let Some((status, body)) = self.answer(self.world.api(), request.body(body).unwrap()).await else {
            return Seen::nothing();
        };
        if (200..300).contains(&status) {
            return Seen::good(body);
        }
        self.problem(status, body)
    }

    /// A problem must be one of those that are documented, and none that nobody foresaw.
    fn problem(&self, status: u16, body: String) -> Seen {
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        let known = Code::ALL.iter().find(|known| known.as_str() == code);
        match known {
            Some(known) if known.as_str() != "internal_error" && known.status().as_u16() == status => {}
            _ => self.breaks(format!("{status} is no documented problem: {body}")),
        }
        Seen::bad(&code, problem["retryable"] == true, body)
    }

    async fn answer(&self, router: Router, request: Request<Body>) -> Option<(u16, String)> {
        let answering = async {
            let response = router.oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, String::from_utf8_lossy(&body).into_owned())
        };
        timeout(LONGEST_ANSWER, answering).await.ok()
    }

    /// How many of our orders Zoho has.
    fn orders(&self) -> usize {
        let orders = self.world.outside.sandbox.salesorders();
        orders.iter().filter(|order| order["reference_number"] == REFERENCE).count()
    }

    /// As an agent does that has read the hint of `write_uncertain`: the same request again looks for the order, and a new one is sent
    /// only after somebody has seen that Zoho has none.
    async fn order(&self) -> Seen {
        let body = json!({
            "customer": "Harbor Interiors GmbH",
            "line_items": [{ "sku": "BRKT-STD", "quantity": 1 }],
            "reference_number": REFERENCE,
        });
        let key = format!("matrix-{}", self.keys.load(Ordering::SeqCst));
        let seen = self.ask("POST", ORDERS, Some((&key, &body))).await;
        let made = self.orders();
        if seen.good && made == 0 {
            self.breaks("told as done, and Zoho has no order");
        }
        if seen.text == "write_uncertain" {
            if self.is_uncertain.swap(true, Ordering::SeqCst) && made == 0 {
                self.keys.fetch_add(1, Ordering::SeqCst);
                self.is_uncertain.store(false, Ordering::SeqCst);
            }
        } else if !seen.good && !seen.is_retryable && made > 0 {
            self.breaks(format!("told as refused ({}), and Zoho has the order", seen.text));
        }
        seen
    }

    async fn renew(&self) -> Seen {
        match timeout(LONGEST_RUN, self.world.tick()).await {
            Ok(Ok(Reply::Ticked { failed: 0, .. })) => Seen::good(String::new()),
            Ok(Ok(Reply::Ticked { .. })) => Seen::bad("counted as failed", true, String::new()),
            Ok(Ok(other)) => {
                self.breaks(format!("a tick is answered {other:?}"));
                Seen::nothing()
            }
            Ok(Err(error)) => Seen::bad("error", true, error.to_string()),
            Err(_) => Seen::bad("timeout", true, String::new()),
        }
    }

    /// A page of oauth-callback, with what the browser keeps of it.
    async fn visit(
        &self,
        path: &str,
        jar: &mut BTreeMap<String, String>,
    ) -> Option<(Option<String>, String)> {
        let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::get(path).header(header::COOKIE, cookies.join("; "));
        let request = request.body(Body::empty()).unwrap();
        let response = timeout(LONGEST_ANSWER, self.world.oauth().oneshot(request)).await.ok()?.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|location| location.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Some((location, String::from_utf8_lossy(&body).into_owned()))
    }

    /// A person with a new link of the operator's, up to the page at the end.
    async fn consent(&self) -> Seen {
        let consents = Consents::new(self.world.stores.state.clone(), self.world.shared_clock());
        let link = consents.make_link(&wish()).await.unwrap();
        let mut jar = BTreeMap::new();
        let start = format!("/oauth/start?link={}", link.expose());
        let zoho = match self.visit(&start, &mut jar).await {
            None => return Seen::nothing(),
            Some((None, page)) => return self.page(page),
            Some((Some(zoho), _)) => zoho,
        };
        let request = Request::post(&zoho)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("decision=accept"))
            .unwrap();
        let accepted = self.world.outside.zoho(request).await;
        let back = accepted.headers().get(header::LOCATION).expect("Zoho leads back");
        let back = Url::parse(back.to_str().unwrap()).unwrap();
        let path = format!("{}?{}", back.path(), back.query().unwrap_or_default());
        match self.visit(&path, &mut jar).await {
            None => Seen::nothing(),
            Some((None, page)) => self.page(page),
            Some((Some(clean), _)) => {
                let clean = Url::parse(PUBLIC).unwrap().join(&clean).unwrap();
                match self.visit(clean.path(), &mut jar).await {
                    None => Seen::nothing(),
                    Some((_, page)) => self.page(page),
                }
            }
        }
    }

    /// A page must have a heading, which says in a few words what happened.
    fn page(&self, page: String) -> Seen {
        let title = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
        let Some(title) = title.map(str::to_owned) else {
            self.breaks(format!("a page without a heading: {page}"));
            return Seen::nothing();
        };
        match title.as_str() {
            "Connected" => Seen::good(page),
            _ => Seen::bad(&format!("“{title}”"), true, page),
        }
    }

    /// Zoho posts what it posts again until it is taken.
    async fn report(&self) -> Seen {
        let Some((status, body)) = self.answer(self.world.intake(), numbered(0).request()).await else {
            return Seen::nothing();
        };
        if status != 200 {
            return self.problem(status, body);
        }
        if self.world.events("zoho.inventory.item.updated") == 0 {
            self.breaks("told as taken, and no event is stored");
        }
        Seen::good(body)
    }

    async fn change_a_deal(&self) {
        let delivery = Delivery {
            connection: ConnectionName::default(),
            source: "crm",
            digest: "0".repeat(64),
            kind: "zoho.crm.deal.updated".to_owned(),
            subject: Some(format!("deal/{DEAL}")),
            time: None,
            data: json!({ "module": "Deals", "ids": [DEAL] }),
            body: "{}".to_owned(),
        };
        let events = Events::new(self.world.stores.events.clone(), self.world.shared_clock());
        let receipt = events.store(delivery).await.unwrap();
        *self.event.lock().unwrap() = Some(receipt.event_id);
        // So old is an event before it is looked at.
        sleep(Duration::from_secs(20)).await;
    }

    async fn deliver(&self) -> Seen {
        let function = self.world.delivery();
        let all = BTreeSet::new();
        let swept = timeout(LONGEST_RUN, function.sweep(&all)).await;
        let is_told = self.world.outside.runs() > 0;
        match swept {
            Ok(Ok(swept)) if is_told && swept.failed == 0 => Seen::good(String::new()),
            Ok(Ok(swept)) if swept.failed == 0 => Seen::bad("later", true, String::new()),
            Ok(Ok(_)) if is_told => Seen::bad("told, failure counted", true, String::new()),
            Ok(Ok(_)) => Seen::bad("later, failure counted", true, String::new()),
            Ok(Err(error)) => Seen::bad("error", true, error.to_string()),
            Err(_) => Seen::bad("timeout", true, String::new()),
        }
    }

    /// What must be true once it went well, whatever befell it before.
    pub async fn check(&self) {
        match self.scene {
            Scene::Order => {
                let made = self.orders();
                if made != 1 {
                    self.breaks(format!("Zoho has {made} orders"));
                }
            }
            Scene::Webhook => {
                let stored = self.world.events("zoho.inventory.item.updated");
                if stored != 1 {
                    self.breaks(format!("{stored} events are stored of one change"));
                }
            }
            Scene::Delivery => self.check_delivery().await,
            _ => {}
        }
        // Whatever befell tokens: there is a good one.
        let read = self.ask("GET", ITEM, None).await;
        if !read.good {
            self.breaks(format!("in the end, a read says {}", read.text));
        }
    }

    /// The agent takes its work: the change is there, once.
    async fn check_delivery(&self) {
        let event = self.event.lock().unwrap().clone().expect("a deal was changed");
        let ledger = Ledger::new(self.world.stores.events.clone(), self.world.shared_clock());
        let name = ConnectionName::default();
        let taken = ledger.claim(&name, ClaimTarget::Oldest, 50, 300, "agents-key").await.unwrap();
        let entries = match taken {
            Claimed::Taken { entries, .. } => entries,
            other => {
                self.breaks(format!("a claim is answered {other:?}"));
                return;
            }
        };
        let ours = entries.iter().filter(|entry| entry.id.starts_with(&event)).count();
        if ours != 1 {
            self.breaks(format!("the agent gets the change {ours} times"));
        }
        for key in self.world.outside.changed() {
            self.breaks(format!("the message {key} came with other bytes"));
        }
    }
}
