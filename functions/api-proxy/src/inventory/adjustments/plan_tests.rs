//! An adjustment on its way to Zoho and back, with a stand-in of Zoho that has items and documents.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use shared::base::clock::{SharedClock, SignedDuration, Timestamp, TokioClock, later};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::settings::{SANDBOX_URL, Settings};
use shared::core::access::key::ServiceKey;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::services::Services;
use shared::core::writes::audit::Outcome;
use shared::store::Stores;
use shared::store::secret_record::text;
use shared::store::sqlite::Sqlite;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::inventory::{adjustments, scope};
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::AccessTokenSecret;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::adjustment::{AdjustStock, Change};
use super::fixtures::{by, plan, to};
use crate::app::App;
use crate::request::caller::Caller;
use crate::request::places::Places;
use crate::request::response_headers::ResponseHeaders;
use crate::writes::plan::{Done, Draft, Plan, Sent};
use crate::writes::request::{WriteParams, WriteRequest};
use crate::zoho::WriteFailure;

/// When a test begins, and what Zoho says when something was changed meanwhile.
const BEGIN: &str = "2026-11-22T10:00:00Z";
const CHANGED: &str = "2026-11-22T11:00:05+0100";

#[derive(Default)]
struct StandIn {
    items: Vec<Value>,
    documents: Vec<Value>,
    posted: Vec<Value>,
    /// What it says to what is posted in place of a document.
    refusal: Option<(StatusCode, Value)>,
    /// Whether it makes the document nevertheless.
    obeys: bool,
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
        "itemdetails" => json!({ "code": 0, "items": zoho.items }),
        "inventoryadjustments" => json!({ "code": 0, "inventory_adjustments": zoho.documents }),
        id => {
            let found = zoho.documents.iter().find(|document| document["inventory_adjustment_id"] == id);
            json!({ "code": 0, "inventory_adjustment": found })
        }
    };
    (StatusCode::OK, Json(said))
}

/// The token of these tests is good.
struct NoTokenRefresh;

#[async_trait]
impl TokenRefreshClient for NoTokenRefresh {
    async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
        Err(TokenRefreshError("nobody needs another token".to_owned()))
    }
}

struct World {
    zoho: Arc<Mutex<StandIn>>,
    app: App,
    caller: Caller,
    name: ConnectionName,
}

/// A connection to a Zoho that has the items 1, 2, … with these figures.
async fn world(figures: &[i64]) -> World {
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
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let settings = Settings::read(|name| (name == SANDBOX_URL).then(|| format!("http://{address}"))).unwrap();
    let services = Services::new(settings, clock.clone(), stores).unwrap();
    let name = ConnectionName::default();
    let token = AccessToken {
        token: AccessTokenSecret::new("1000.token"),
        generation: 1,
        expires: later(clock.now(), SignedDuration::from_hours(1)),
        data_centre: DataCentre::Eu,
        scopes: ScopeSet::parse(&[scope::ITEMS, adjustments::CREATE, adjustments::READ].join(",")),
        organization: Some(Organization { id: "1".to_owned(), ..Organization::default() }),
        crm_organization: None,
    };
    let (secrets, secret) = (&services.stores.secrets, AccessToken::secret_name(&name));
    let pending = secrets.stage(&secret, &text(&token).unwrap()).await.unwrap();
    assert!(secrets.promote(&secret, &pending, None).await.unwrap());
    let key: ServiceKey = serde_json::from_value(json!({
        "id": "key", "label": "key", "digest": "", "permissions": [], "connections": [], "created": BEGIN, "expires": null,
    }))
    .unwrap();
    let caller = Caller {
        key: Arc::new(key),
        connection: None,
        organization: None,
        deadline: Instant::now() + Duration::from_secs(25),
        headers: ResponseHeaders::default(),
        place: Places::new(1).take().unwrap(),
    };
    let app = App::new(&services, Arc::new(NoTokenRefresh));
    World { zoho, app, caller, name }
}

impl World {
    async fn request(&self) -> WriteRequest<'_> {
        let params = WriteParams { dry_run: false, fields: None };
        let (action, none) = ("POST /v1/inventory/adjustments", HeaderMap::new());
        let request =
            WriteRequest::new(&self.app.zoho, &self.caller, &self.name, action, &Value::Null, &params, &none);
        request.await.unwrap()
    }

    /// The answer of a plan that has nothing to send, or the code of its problem.
    async fn look(&self, plan: &mut AdjustStock) -> Result<Option<Done>, Code> {
        let looked = plan.look(&self.app.zoho, &self.request().await).await;
        looked.map_err(|problem| problem.code())
    }

    async fn send(&self, plan: &AdjustStock) -> Result<Done, WriteFailure> {
        plan.send(&self.app.zoho, &self.request().await).await
    }

    /// What is found of a plan that was sent so many seconds after the begin.
    async fn find(&self, plan: &AdjustStock, seconds: i64, taken: &[String]) -> Option<Done> {
        let begin: Timestamp = BEGIN.parse().unwrap();
        let sent = Sent { at: later(begin, SignedDuration::from_secs(seconds)), taken };
        plan.find(&self.app.zoho, &self.request().await, &sent).await.unwrap()
    }

    fn refuse(&self, status: StatusCode, said: Value) {
        self.zoho.lock().unwrap().refusal = Some((status, said));
    }

    /// The status of the answer, whether it repeats an earlier one, and its body.
    async fn perform(
        &self,
        request: &WriteRequest<'_>,
        changes: Vec<Change>,
    ) -> Result<(StatusCode, bool, Value), Code> {
        let prepare = async {
            let plan = plan(changes, None, None);
            Ok::<_, Problem>(Draft { plan, preview: Value::Null, before: Value::Null, modified: None })
        };
        let performed = self.app.writes.perform(request, prepare).await;
        let response = performed.map_err(|problem| problem.code())?;
        let (status, is_again) = (response.status(), response.headers().contains_key("idempotency-replayed"));
        let body = to_bytes(response.into_body(), 1_000_000).await.unwrap();
        Ok((status, is_again, serde_json::from_slice(&body).unwrap()))
    }

    async fn request_with_key(&self, key: &str) -> WriteRequest<'_> {
        let mut request = self.request().await;
        request.key = Some(key.to_owned());
        request
    }

    /// How the writes ended, by the audit, the newest first.
    async fn audited(&self) -> Vec<Outcome> {
        let (entries, _) = self.app.audit.list(&self.name, None, 10).await.unwrap();
        entries.into_iter().map(|entry| entry.outcome).collect()
    }

    fn posted(&self) -> Vec<Value> {
        self.zoho.lock().unwrap().posted.clone()
    }
}

#[tokio::test]
async fn stock_is_read_written_once_and_read_again() {
    let world = world(&[10, 4]).await;
    let mut two = plan(vec![by("-2"), to("5", Some("4"))], None, None);
    assert!(matches!(world.look(&mut two).await, Ok(None)));
    let Ok(done) = world.send(&two).await else { panic!("it was not done") };
    assert_eq!((done.status, done.subject.as_str()), (201, "inventory_adjustment/900"));
    for (line, expected) in [(0, json!(["adjusted", -2, 10, 8])), (1, json!(["adjusted", 1, 4, 5]))] {
        let line = &done.body["lines"][line];
        let told = json!([line["outcome"], line["delta"], line["before"], line["after"]]);
        assert_eq!(told.to_string(), expected.to_string());
    }
    assert!(done.body.get("notice").is_none(), "{}", done.body);
    let touched: Vec<_> = done.touched.iter().map(|touched| touched.subject.as_str()).collect();
    assert_eq!(touched, ["item/1", "item/2"]);
    let [sent]: [Value; 1] = world.posted().try_into().unwrap();
    let lines =
        r#"[{"item_id":"1","quantity_adjusted":-2},{"item_id":"2","quantity_adjusted":1}]"#.to_owned();
    assert_eq!(sent["line_items"].to_string(), lines);
    let [date, reason, reference] = ["date", "reason", "reference_number"].map(|field| &sent[field]);
    assert_eq!((date, reason, reference), (&json!("2026-11-22"), &json!("Counted"), &json!("R-1")));
}

#[tokio::test]
async fn where_nothing_moves_nothing_is_written_and_it_is_told_why() {
    let world = world(&[10]).await;
    let mut right = plan(vec![to("10", None)], None, None);
    let Ok(Some(done)) = world.look(&mut right).await else { panic!("there is nothing to send") };
    assert_eq!((done.status, &done.body["lines"][0]["outcome"]), (200, &json!("unchanged")));
    let mut changed = plan(vec![to("9", Some("3"))], None, None);
    assert_eq!(world.look(&mut changed).await.err(), Some(Code::StockChanged));
    changed.is_part = true;
    let Ok(Some(done)) = world.look(&mut changed).await else { panic!("of a part it is an answer") };
    assert_eq!(done.body["lines"][0]["outcome"], json!("changed"));
    let mut one_moves = plan(vec![by("1"), by("1")], None, None);
    assert!(matches!(world.look(&mut one_moves).await, Ok(None)), "Zoho has one of the two items");
    assert!(world.posted().is_empty());
}

#[tokio::test]
async fn what_was_sent_is_found_by_its_reference_where_it_can_be_no_other() {
    let world = world(&[10]).await;
    let mut sent = plan(vec![by("-2")], None, None);
    assert!(world.find(&sent, 0, &[]).await.is_none());
    assert!(matches!(world.look(&mut sent).await, Ok(None)));
    assert!(world.send(&sent).await.is_ok());

    let found = world.find(&sent, 125, &[]).await.unwrap();
    assert_eq!((found.status, found.subject.as_str()), (201, "inventory_adjustment/900"));
    let line = &found.body["lines"][0];
    let told = json!([line["outcome"], line["delta"], line["before"], line["after"]]);
    assert_eq!(told.to_string(), r#"["adjusted",-2,null,8]"#);
    assert!(found.body["notice"].as_str().unwrap().starts_with("The answer to this write was lost"));
    assert!(world.find(&sent, 126, &[]).await.is_none(), "it was made more than two minutes before");
    let taken = ["inventory_adjustment/900".to_owned()];
    assert!(world.find(&sent, 0, &taken).await.is_none(), "another write has made it");

    let mut other = plan(vec![by("-3")], None, None);
    assert!(world.find(&other, 0, &[]).await.is_none(), "the caller's reference, with another quantity");
    other.own_reference = true;
    assert!(world.find(&other, 0, &[]).await.is_some(), "nobody else has a reference that we made up");
    other.reference = "ZC-0".to_owned();
    assert!(world.find(&other, 0, &[]).await.is_none());

    let mut twin = world.zoho.lock().unwrap().documents[0].clone();
    twin["inventory_adjustment_id"] = json!("901");
    world.zoho.lock().unwrap().documents.push(twin);
    assert!(world.find(&sent, 0, &[]).await.is_none(), "it can be either");
}

#[tokio::test]
async fn a_refusal_says_that_nothing_was_done_unless_zoho_may_have_begun() {
    for (status, said, is_uncertain) in [
        (400, json!({ "code": 4, "message": "Invalid value" }), false),
        (429, json!({ "code": 1070, "message": "Too many at once" }), true),
        (500, json!({}), true),
    ] {
        let world = world(&[10]).await;
        let mut one = plan(vec![by("-2")], None, None);
        assert!(matches!(world.look(&mut one).await, Ok(None)));
        let told = format!("{status} {said}");
        world.refuse(StatusCode::from_u16(status).unwrap(), said);
        let failure = world.send(&one).await.err().unwrap();
        assert_eq!(matches!(failure, WriteFailure::Uncertain(_)), is_uncertain, "{told}");
    }
}

#[tokio::test]
async fn a_request_with_a_key_is_performed_once() {
    let world = world(&[10]).await;
    let mut request = world.request_with_key("order 7").await;
    let (status, is_again, first) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again), (StatusCode::CREATED, false));
    let (status, is_again, again) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again, again), (StatusCode::CREATED, true, first));
    request.digest = "of another request".to_owned();
    let other = world.perform(&request, vec![by("-2")]).await;
    assert_eq!(other.err(), Some(Code::IdempotencyKeyReused));
    assert_eq!(world.posted().len(), 1);
    assert!(matches!(world.audited().await.as_slice(), [Outcome::Done]));
}

#[tokio::test]
async fn a_request_that_zoho_refused_leaves_its_key_free() {
    let world = world(&[10]).await;
    let request = world.request_with_key("order 7").await;
    world.refuse(StatusCode::BAD_REQUEST, json!({ "code": 4, "message": "Invalid value" }));
    assert_eq!(world.perform(&request, vec![by("-2")]).await.err(), Some(Code::ZohoRejected));
    assert!(matches!(world.audited().await.as_slice(), [Outcome::Refused]));
    world.zoho.lock().unwrap().refusal = None;
    let (status, is_again, _) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again, world.posted().len()), (StatusCode::CREATED, false, 1));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_looked_for_and_not_sent_again() {
    let world = world(&[10]).await;
    let request = world.request().await;
    world.refuse(StatusCode::INTERNAL_SERVER_ERROR, json!({}));
    world.zoho.lock().unwrap().obeys = true;
    let (status, is_again, body) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again, world.posted().len()), (StatusCode::CREATED, false, 1));
    assert_eq!(body["inventory_adjustment_id"], json!("900"));
    assert!(body["notice"].as_str().unwrap().contains("The answer to this write was lost"), "{body}");
    assert!(matches!(world.audited().await.as_slice(), [Outcome::Done]));
}

#[tokio::test]
async fn the_same_request_twice_without_a_key_is_done_twice_and_told_so() {
    let world = world(&[10]).await;
    let request = world.request().await;
    let (_, _, first) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert!(first.get("notice").is_none(), "{first}");
    let (_, _, second) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert!(second["notice"].as_str().unwrap().starts_with("The very same request made"), "{second}");
    assert_eq!(world.posted().len(), 2);
}

#[tokio::test]
async fn a_key_that_must_preview_performs_what_was_previewed_and_nothing_else() {
    let world = world(&[10]).await;
    let mut request = world.request().await;
    request.needs_preview = true;
    assert_eq!(world.perform(&request, vec![by("-2")]).await.err(), Some(Code::PreviewRequired));
    request.dry_run = true;
    let (_, _, shown) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert!(world.posted().is_empty(), "a preview writes nothing");

    let id = shown["preview_id"].as_str().unwrap();
    let mut previewed = world.request_with_key(id).await;
    previewed.needs_preview = true;
    let digest = std::mem::replace(&mut previewed.digest, "of another request".to_owned());
    assert_eq!(world.perform(&previewed, vec![by("-2")]).await.err(), Some(Code::PreviewRequired));
    previewed.digest = digest;
    // What was shown is performed, whatever it would be worked out to be now.
    let (_, is_again, _) = world.perform(&previewed, vec![by("-9")]).await.unwrap();
    assert!(!is_again && world.posted()[0]["line_items"][0]["quantity_adjusted"] == json!(-2));
    let (_, is_again, _) = world.perform(&previewed, vec![by("-9")]).await.unwrap();
    assert_eq!((is_again, world.posted().len()), (true, 1));
}

#[tokio::test]
async fn a_part_of_a_longer_work_is_done_once_and_not_begun_too_late() {
    let world = world(&[10]).await;
    let request = world.request().await;
    let part = async |name: &str, may_begin: bool| {
        let plan = plan(vec![by("-2")], None, None);
        let draft = Draft { plan, preview: Value::Null, before: Value::Null, modified: None };
        let done = world.app.writes.perform_part(&request, name, draft, may_begin).await;
        done.map_err(|problem| problem.code())
    };
    assert_eq!(part("1/0", false).await, Err(Code::ReconciliationExpired));
    assert!(world.posted().is_empty());
    let done = part("1/0", true).await.unwrap();
    assert_eq!(part("1/0", true).await, Ok(done.clone()));
    assert_eq!(part("1/0", false).await, Ok(done), "it was begun in time");
    assert_eq!(world.posted().len(), 1);
    assert!(part("1/1", true).await.is_ok());
    assert_eq!(world.posted().len(), 2);
}
