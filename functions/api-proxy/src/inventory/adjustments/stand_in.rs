//! A stand-in of Zoho that has items and documents, and a connection to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use shared::base::clock::{SharedClock, SignedDuration, Timestamp, TokioClock, later};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::services::Services;
use shared::core::writes::audit::{Entry, Outcome};
use shared::zoho::inventory::{adjustments, scope};
use tokio::net::TcpListener;

use super::adjustment::{AdjustStock, Change};
use super::fixtures::plan;
use super::routes::create;
use crate::app::App;
use crate::request::body::Body;
use crate::request::caller::Caller;
use crate::request::params::Params;
use crate::writes::fixtures::{BEGIN, NoTokenRefresh, caller, connect, services};
use crate::writes::plan::{Done, Draft, Plan, Sent};
use crate::writes::request::{WriteParams, WriteRequest};
use crate::zoho::WriteFailure;

/// What Zoho says when something was changed meanwhile.
pub(super) const CHANGED: &str = "2026-11-22T11:00:05+0100";

/// How long a caller waits for an answer.
pub(super) const TIME: Duration = Duration::from_secs(25);

#[derive(Default)]
pub(super) struct StandIn {
    pub(super) items: Vec<Value>,
    pub(super) documents: Vec<Value>,
    /// How many documents stand on a page, where they do not all stand on one.
    pub(super) rows_of_a_page: Option<usize>,
    pub(super) posted: Vec<Value>,
    /// How often the items were read.
    pub(super) item_reads: usize,
    /// What it says to what is posted in place of a document.
    pub(super) refusal: Option<(StatusCode, Value)>,
    /// Whether it makes the document nevertheless.
    pub(super) obeys: bool,
}

impl StandIn {
    fn adjust(&mut self, body: Value) -> Value {
        for line in body["line_items"].as_array().unwrap() {
            let item = self.items.iter_mut().find(|item| item["item_id"] == line["item_id"]).unwrap();
            let figure =
                item["stock_on_hand"].as_i64().unwrap() + line["quantity_adjusted"].as_i64().unwrap();
            item["stock_on_hand"] = json!(figure);
            item["last_modified_time"] = json!(CHANGED);
        }
        let document = json!({
            "inventory_adjustment_id": "900",
            "reference_number": body["reference_number"],
            "line_items": body["line_items"],
            "created_time": CHANGED,
            "status": "adjusted",
        });
        self.documents.push(document.clone());
        self.posted.push(body);
        json!({ "code": 0, "inventory_adjustment": document })
    }

    fn page(&self, page: usize) -> Value {
        let rows = self.rows_of_a_page.unwrap_or(usize::MAX);
        let first = rows.saturating_mul(page - 1);
        let shown: Vec<&Value> = self.documents.iter().skip(first).take(rows).collect();
        let has_more = self.documents.len() > first.saturating_add(rows);
        json!({ "code": 0, "inventory_adjustments": shown, "page_context": { "has_more_page": has_more } })
    }
}

async fn answer(
    State(zoho): State<Arc<Mutex<StandIn>>>,
    method: Method,
    uri: Uri,
    body: String,
) -> (StatusCode, Json<Value>) {
    let mut zoho = zoho.lock().unwrap();
    if method == Method::POST {
        let refusal = zoho.refusal.clone();
        let made =
            (refusal.is_none() || zoho.obeys).then(|| zoho.adjust(serde_json::from_str(&body).unwrap()));
        return match refusal {
            Some((status, said)) => (status, Json(said)),
            None => (StatusCode::CREATED, Json(made.unwrap())),
        };
    }
    let said = match uri.path().rsplit('/').next().unwrap_or_default() {
        "itemdetails" => {
            zoho.item_reads += 1;
            json!({ "code": 0, "items": zoho.items })
        }
        "inventoryadjustments" => {
            let mut asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let page = asked.find(|(name, _)| name == "page").unwrap().1;
            zoho.page(page.parse().unwrap())
        }
        id => {
            let found = zoho.documents.iter().find(|document| document["inventory_adjustment_id"] == id);
            json!({ "code": 0, "inventory_adjustment": found })
        }
    };
    (StatusCode::OK, Json(said))
}

pub(super) struct World {
    pub(super) zoho: Arc<Mutex<StandIn>>,
    pub(super) services: Services,
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) name: ConnectionName,
}

/// A connection to a Zoho that has the items 1, 2, … with these figures.
pub(super) async fn world(figures: &[i64]) -> World {
    let item = |(number, figure): (usize, &i64)| {
        json!({
            "item_id": (number + 1).to_string(),
            "stock_on_hand": figure,
            "last_modified_time": "2026-11-21T11:00:00+0100",
        })
    };
    let items = figures.iter().enumerate().map(item).collect();
    let zoho = Arc::new(Mutex::new(StandIn { items, ..StandIn::default() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = answer.with_state(zoho.clone()).into_make_service();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let clock: SharedClock = Arc::new(TokioClock::starting_at(BEGIN.parse().unwrap()));
    let services = services(clock, &format!("http://{address}"));
    connect(&services, &[scope::ITEMS, adjustments::CREATE, adjustments::READ]).await;
    let app = Arc::new(App::new(&services, Arc::new(NoTokenRefresh)));
    World { zoho, services, app, caller: caller(TIME), name: ConnectionName::default() }
}

impl World {
    pub(super) async fn request(&self) -> WriteRequest<'_> {
        let params = WriteParams { dry_run: false, fields: None };
        let (action, none) = ("POST /v1/inventory/adjustments", HeaderMap::new());
        let request =
            WriteRequest::new(&self.app.zoho, &self.caller, &self.name, action, &Value::Null, &params, &none);
        request.await.unwrap()
    }

    pub(super) async fn request_with_key(&self, key: &str) -> WriteRequest<'_> {
        let mut request = self.request().await;
        request.key = Some(key.to_owned());
        request
    }

    /// The answer of a plan that has nothing to send, or the code of its problem.
    pub(super) async fn look(&self, plan: &mut AdjustStock) -> Result<Option<Done>, Code> {
        let looked = plan.look(&self.app.zoho, &self.request().await).await;
        looked.map_err(|problem| problem.code())
    }

    pub(super) async fn send(&self, plan: &AdjustStock) -> Result<Done, WriteFailure> {
        plan.send(&self.app.zoho, &self.request().await).await
    }

    /// What is found of a plan that was sent so many seconds after the begin.
    pub(super) async fn find(&self, plan: &AdjustStock, seconds: i64, taken: &[String]) -> Option<Done> {
        let begin: Timestamp = BEGIN.parse().unwrap();
        let sent = Sent { at: later(begin, SignedDuration::from_secs(seconds)), taken };
        plan.find(&self.app.zoho, &self.request().await, &sent).await.unwrap()
    }

    pub(super) fn refuse(&self, status: StatusCode, said: Value) {
        self.zoho.lock().unwrap().refusal = Some((status, said));
    }

    /// The response to a request that makes these changes.
    pub(super) async fn respond(
        &self,
        request: &WriteRequest<'_>,
        changes: Vec<Change>,
    ) -> Result<Response, Problem> {
        let prepare = async {
            let plan = plan(changes, None, None);
            Ok::<_, Problem>(Draft { plan, preview: Value::Null, before: Value::Null, modified: None })
        };
        self.app.writes.perform(request, prepare).await
    }

    /// The status of the answer, whether it repeats an earlier one, and its body.
    pub(super) async fn perform(
        &self,
        request: &WriteRequest<'_>,
        changes: Vec<Change>,
    ) -> Result<(StatusCode, bool, Value), Code> {
        let response = self.respond(request, changes).await.map_err(|problem| problem.code())?;
        let is_again = response.headers().contains_key("idempotency-replayed");
        Ok((response.status(), is_again, body(response).await))
    }

    /// The answer to a body as callers send it.
    pub(super) async fn create(&self, asked: Value, dry_run: bool) -> Result<(StatusCode, Value), Problem> {
        let params = Params(WriteParams { dry_run, fields: None });
        let response =
            create(State(self.app.clone()), caller(TIME), params, HeaderMap::new(), Body(asked)).await?;
        Ok((response.status(), body(response).await))
    }

    /// The writes, by the audit, the newest first.
    pub(super) async fn entries(&self) -> Vec<Entry> {
        self.app.audit.list(&self.name, None, 10).await.unwrap().0
    }

    /// How the writes ended.
    pub(super) async fn audited(&self) -> Vec<Outcome> {
        self.entries().await.into_iter().map(|entry| entry.outcome).collect()
    }

    pub(super) fn posted(&self) -> Vec<Value> {
        self.zoho.lock().unwrap().posted.clone()
    }
}

async fn body(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1_000_000).await.unwrap()).unwrap()
}
