//! Writes on simulated time, with a stand-in of a plan: what Zoho says of it is part of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::to_bytes;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::clock::{Clock, SharedClock, SignedDuration, Timestamp, TokioClock};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::access::usage::KeyUsage;
use shared::core::services::Services;
use shared::core::writes::audit::{Audit, Outcome};
use shared::core::writes::idempotency::{Begun, Idempotency, SentWrite};
use shared::core::writes::own_writes::OwnWrites;
use shared::core::writes::turns::Turns;
use shared::core::zoho_client::ZohoClient;
use shared::store::{Key, Outcome as Stored, Page, Query, Row, StoreError, Table, Write};
use shared::zoho::scope::Product;
use tokio::time::Instant;

use super::Writes;
use super::fixtures::{BEGIN, DATA_CENTRE, NoTokenRefresh, ORGANIZATION, caller, connect, services};
use super::plan::{Done, Draft, Plan, Sent, Touched};
use super::request::{WriteParams, WriteRequest};
use crate::request::caller::Caller;
use crate::zoho::{Scope, WriteFailure, Zoho};

/// The time that a call usually has, and one that is too short for a look.
const USUAL: Duration = Duration::from_secs(25);
const SHORT: Duration = Duration::from_secs(1);

/// When a contact was changed before a note of it was made, and by that.
const BEFORE: &str = "2026-11-22T09:00:00Z";
const CHANGED: &str = "2026-11-22T10:00:05Z";

/// A clock by which pauses are exactly as long as they are meant to be.
struct Punctual(TokioClock);

impl Clock for Punctual {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn jittered(&self, wait: Duration) -> Duration {
        wait
    }
}

/// What comes of sending a note.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Sending {
    Done,
    Refused,
    NoAnswer,
}

/// What comes of looking for it.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Finding {
    Found,
    NotThere,
    TooLarge,
    Timeout,
}

#[derive(Serialize, Deserialize)]
struct Note {
    title: String,
    sending: Sending,
    finding: Finding,
}

impl Note {
    fn done(&self) -> Done {
        let touched = Touched {
            subject: "contact/7".to_owned(),
            record: json!({ "Modified_Time": CHANGED }),
            before: Some(BEFORE.to_owned()),
        };
        let body = json!({ "id": "61", "title": self.title });
        Done { touched: vec![touched], ..Done::new(201, "note/61".to_owned(), body) }
    }
}

#[async_trait]
impl Plan for Note {
    fn name() -> &'static str {
        "note"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Crm, Scope::Known(""))
    }

    fn shown(&self) -> Value {
        json!({ "title": self.title })
    }

    fn subject(&self) -> &'static str {
        "the note"
    }

    async fn send(&self, _: &Zoho, _: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        match self.sending {
            Sending::Done => Ok(self.done()),
            Sending::Refused => {
                Err(WriteFailure::Refused(Problem::new(Code::ZohoRejected, "Zoho refused it.")))
            }
            Sending::NoAnswer => {
                Err(WriteFailure::Uncertain(Problem::new(Code::ZohoTimeout, "Zoho said nothing.")))
            }
        }
    }

    async fn find(&self, _: &Zoho, _: &WriteRequest<'_>, _: &Sent<'_>) -> Result<Option<Done>, Problem> {
        match self.finding {
            Finding::Found => Ok(Some(self.done())),
            Finding::NotThere => Ok(None),
            Finding::TooLarge => Err(Problem::new(Code::ResponseTooLarge, "Zoho said too much.")),
            Finding::Timeout => Err(Problem::new(Code::ZohoTimeout, "Zoho said nothing.")),
        }
    }
}

fn note(title: &str, sending: Sending, finding: Finding) -> Draft<Note> {
    let plan = Note { title: title.to_owned(), sending, finding };
    Draft { plan, preview: Value::Null, before: Value::Null, modified: None }
}

/// A table that does not answer.
struct Down;

#[async_trait]
impl Table for Down {
    async fn get(&self, _: &Key) -> Result<Option<Row>, StoreError> {
        Err(StoreError::Unavailable("down".to_owned()))
    }

    async fn transact(&self, _: Vec<Write>) -> Result<Stored, StoreError> {
        Err(StoreError::Unavailable("down".to_owned()))
    }

    async fn query(&self, _: Query) -> Result<Page, StoreError> {
        Err(StoreError::Unavailable("down".to_owned()))
    }
}

struct World {
    services: Services,
    zoho: Arc<Zoho>,
    audit: Arc<Audit>,
    writes: Writes,
    name: ConnectionName,
}

async fn world() -> World {
    let clock: SharedClock = Arc::new(Punctual(TokioClock::starting_at(BEGIN.parse().unwrap())));
    // Nobody calls Zoho here.
    let services = services(clock.clone(), "http://127.0.0.1:9");
    connect(&services, &[]).await;
    let state = &services.stores.state;
    let usage = Arc::new(KeyUsage::new(state.clone(), clock.clone()));
    let client = Arc::new(ZohoClient::new(&services, Arc::new(NoTokenRefresh)));
    let zoho = Arc::new(Zoho::new(client, usage.clone(), clock.clone()));
    let audit = Arc::new(Audit::new(state.clone(), clock));
    let writes = Writes::new(&services, zoho.clone(), audit.clone(), usage);
    World { services, zoho, audit, writes, name: ConnectionName::default() }
}

impl World {
    async fn request<'a>(&'a self, caller: &'a Caller, key: Option<&str>) -> WriteRequest<'a> {
        let params = WriteParams { dry_run: false, fields: None };
        let (action, none) = ("POST /v1/crm/notes", HeaderMap::new());
        let request = WriteRequest::new(&self.zoho, caller, &self.name, action, &Value::Null, &params, &none);
        let mut request = request.await.unwrap();
        request.key = key.map(str::to_owned);
        request
    }

    async fn perform(&self, request: &WriteRequest<'_>, note: Draft<Note>) -> Result<Value, Problem> {
        let response = self.writes.perform(request, async { Ok::<_, Problem>(note) }).await?;
        let body = to_bytes(response.into_body(), 1_000_000).await.unwrap();
        Ok(serde_json::from_slice(&body).unwrap())
    }

    /// Does the note as a part of a longer work.
    async fn part(&self, request: &WriteRequest<'_>, note: Draft<Note>) -> Result<Value, Code> {
        let done = self.writes.perform_part(request, "1/0", note, true).await;
        done.map_err(|problem| problem.code())
    }

    /// How the writes ended, by the audit, the newest first.
    async fn audited(&self) -> Vec<Outcome> {
        let (entries, _) = self.audit.list(&self.name, None, 10).await.unwrap();
        entries.into_iter().map(|entry| entry.outcome).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_moves_no_stock_waits_for_no_turn() {
    let (world, caller) = (world().await, caller(USUAL));
    let turns = Turns::new(world.services.stores.state.clone(), world.services.clock.clone());
    let _held = turns.take(DATA_CENTRE, ORGANIZATION, Instant::now()).await.unwrap().ok().unwrap();
    let request = world.request(&caller, None).await;
    let begun = Instant::now();
    let done = world.perform(&request, note("Call", Sending::Done, Finding::NotThere)).await.unwrap();
    assert_eq!((done, begun.elapsed()), (json!({ "id": "61", "title": "Call" }), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_in_the_audit_is_not_sent_and_not_under_way() {
    let (world, caller) = (world().await, caller(USUAL));
    let (state, clock) = (world.services.stores.state.clone(), world.services.clock.clone());
    let usage = Arc::new(KeyUsage::new(state, clock.clone()));
    let audit = Arc::new(Audit::new(Arc::new(Down), clock));
    let writes = Writes::new(&world.services, world.zoho.clone(), audit, usage);
    let world = World { writes, ..world };
    let request = world.request(&caller, Some("call 7")).await;
    for _ in 0..2 {
        let done = world.perform(&request, note("Call", Sending::Done, Finding::NotThere)).await;
        assert_eq!(done.unwrap_err().code(), Code::StoreUnavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_write_changes_besides_its_record_is_known_as_our_own() {
    let (world, caller) = (world().await, caller(USUAL));
    let own = OwnWrites::new(world.services.stores.state.clone(), world.services.clock.clone());
    let changed: Timestamp = CHANGED.parse().unwrap();
    assert!(!own.is_own(&world.name, "contact/7", changed).await.unwrap());
    let request = world.request(&caller, None).await;
    world.perform(&request, note("Call", Sending::Done, Finding::NotThere)).await.unwrap();
    assert!(own.is_own(&world.name, "contact/7", changed).await.unwrap());
    let hidden = own.hidden(&world.name, "contact/7", changed, |_| false).await.unwrap();
    assert_eq!(hidden, Some(BEFORE.parse().unwrap()), "somebody else's change before it is not forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_looked_for_while_the_callers_time_lasts() {
    let world = world().await;
    // A look begins 0.3, 1.3, 3.8 and 7.8 seconds after the write, where 3 seconds are left then.
    for (time, ended, said) in [
        (3299, 0, "could not be looked for yet"),
        (3300, 300, "was not found there afterwards"),
        (4299, 300, "was not found there afterwards"),
        (4300, 1300, "was not found there afterwards"),
        (6799, 1300, "was not found there afterwards"),
        (6800, 3800, "was not found there afterwards"),
        (10_799, 3800, "was not found there afterwards"),
        (10_800, 7800, "was not found there afterwards"),
        (25_000, 7800, "was not found there afterwards"),
    ] {
        let caller = caller(Duration::from_millis(time));
        let request = world.request(&caller, None).await;
        let begun = Instant::now();
        let lost = note("Call", Sending::NoAnswer, Finding::NotThere);
        let problem = world.perform(&request, lost).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_millis(ended), "{time}");
        assert_eq!(problem.code(), Code::WriteUncertain);
        let expected = format!(
            "Zoho gave no proper answer, and the note {said}. Without an `Idempotency-Key` it cannot be looked for again."
        );
        assert_eq!(problem.detail(), expected, "{time}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_looks_for_a_write_without_an_answer_and_tells_what_came_of_that() {
    let again =
        "Sending the same request with the same `Idempotency-Key` looks for it again and writes nothing.";
    for (finding, found) in [
        (Finding::Found, Ok("first")),
        (Finding::NotThere, Err((Code::WriteUncertain, "was not found there afterwards"))),
        (Finding::TooLarge, Err((Code::WriteUncertain, "could not be looked for now: Zoho said too much."))),
        // The next look may end otherwise.
        (Finding::Timeout, Err((Code::ZohoTimeout, "Zoho said nothing."))),
    ] {
        let (world, caller) = (world().await, caller(SHORT));
        let request = world.request(&caller, Some("call 7")).await;
        let lost = world.perform(&request, note("first", Sending::NoAnswer, finding)).await.unwrap_err();
        assert_eq!(lost.code(), Code::WriteUncertain);
        assert!(lost.detail().ends_with(again), "{}", lost.detail());
        // It is looked for as it was sent, whatever it would be now, and never sent again.
        for _ in 0..2 {
            let next = world.perform(&request, note("second", Sending::Refused, Finding::NotThere)).await;
            match (next, found) {
                (Ok(body), Ok(title)) => assert_eq!(body["title"], json!(title)),
                (Err(problem), Err((code, said))) => {
                    assert_eq!(problem.code(), code, "{}", problem.detail());
                    assert!(problem.detail().contains(said), "{}", problem.detail());
                }
                (next, _) => panic!("{next:?}"),
            }
        }
        let outcome = if found.is_ok() { Outcome::Done } else { Outcome::Uncertain };
        assert_eq!(world.audited().await, [outcome]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_without_an_answer_is_gone_on_with_as_it_was_sent() {
    let (world, caller) = (world().await, caller(SHORT));
    let request = world.request(&caller, None).await;
    let refused = note("first", Sending::Refused, Finding::NotThere);
    assert_eq!(world.part(&request, refused).await, Err(Code::ZohoRejected));
    // Entries of the same millisecond have no order.
    tokio::time::advance(Duration::from_millis(1)).await;
    let lost = note("first", Sending::NoAnswer, Finding::Found);
    assert_eq!(world.part(&request, lost).await, Err(Code::IdempotencyInProgress), "who comes next looks");
    let next = note("second", Sending::Refused, Finding::NotThere);
    assert_eq!(world.part(&request, next).await.unwrap()["title"], json!("first"));
    assert_eq!(world.audited().await, [Outcome::Done, Outcome::Refused]);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_a_restored_store_does_not_know_is_looked_for_as_it_is_meant_now() {
    let (world, caller) = (world().await, caller(USUAL));
    let request = world.request(&caller, None).await;
    let (state, clock) = (world.services.stores.state.clone(), world.services.clock.clone());
    let parts = Idempotency::of_parts(state, clock.clone(), SignedDuration::from_hours(1));
    let begun = parts.begin(world.name.as_str(), "1/0", &request.digest).await.unwrap();
    let Begun::First(ticket) = begun else { panic!("it is the first one") };
    parts.unsettled(ticket, SentWrite { plan: Value::Null, at: clock.now(), entry: None }).await.unwrap();
    let meant = note("Call", Sending::Refused, Finding::Found);
    assert_eq!(world.part(&request, meant).await.unwrap()["title"], json!("Call"));
}
