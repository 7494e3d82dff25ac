//! The Runtime API (2018-06-01) of one process: hands out its events, takes its answers, and notes the times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::figures::{self, Figures};

/// The largest answer, in bytes.
const ANSWER_LIMIT: usize = 6_291_556;

/// What a function made of an event: its answer or its error document.
pub(super) type Answer = Result<Bytes, Value>;

/// An event on its way to a process.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) limit: Duration,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The event that a process works on.
struct Turn {
    id: String,
    taken: Instant,
    answer: oneshot::Sender<Answer>,
}

/// What a process and its keeper share.
pub(super) struct Link {
    arn: String,
    begun: Instant,
    events: tokio::sync::Mutex<mpsc::Receiver<Event>>,
    turn: Mutex<Option<Turn>>,
    /// How often it asked for an event.
    pub(super) asked: watch::Sender<usize>,
    pub(super) init_error: Mutex<Option<Value>>,
    figures: Mutex<Figures>,
    closed: Mutex<bool>,
}

impl Link {
    pub(super) fn new(arn: String, pid: u32, begun: Instant, events: mpsc::Receiver<Event>) -> Self {
        Self {
            arn,
            begun,
            events: tokio::sync::Mutex::new(events),
            turn: Mutex::default(),
            asked: watch::Sender::new(0),
            init_error: Mutex::default(),
            figures: Mutex::new(Figures { pid, ..Figures::default() }),
            closed: Mutex::default(),
        }
    }

    /// An id in the form that Lambda's have.
    pub(super) fn next_id(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-0000-4000-8000-{count:012x}", self.figures.lock().unwrap().pid)
    }

    /// Whether the process has an event that it has not answered.
    pub(super) fn is_busy(&self) -> bool {
        self.turn.lock().unwrap().is_some()
    }

    /// The figures as they are now, or as they were when the process ended.
    pub(super) fn figures(&self) -> Figures {
        self.measure();
        self.figures.lock().unwrap().clone()
    }

    /// Reads what the kernel knows of the process.
    pub(super) fn measure(&self) {
        if !*self.closed.lock().unwrap() {
            figures::read(&mut self.figures.lock().unwrap());
        }
    }

    /// The process's number may soon be another's.
    pub(super) fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    /// Ends the turn with this id.
    fn finish(&self, id: &str, answer: Answer) -> bool {
        let Some(turn) = self.turn.lock().unwrap().take_if(|turn| turn.id == id) else { return false };
        let mut figures = self.figures.lock().unwrap();
        figures.first_answer.get_or_insert(self.begun.elapsed());
        figures.events.push(turn.taken.elapsed());
        let _nobody_waits = turn.answer.send(answer);
        true
    }
}

/// The routes of one process.
pub(super) fn router(link: Arc<Link>) -> Router {
    let routes = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{id}/response", post(response))
        .route("/invocation/{id}/error", post(error))
        .route("/init/error", post(init_error));
    Router::new()
        .nest("/2018-06-01/runtime", routes)
        .layer(DefaultBodyLimit::max(ANSWER_LIMIT))
        .with_state(link)
}

async fn next(State(link): State<Arc<Link>>) -> Response {
    link.figures.lock().unwrap().init.get_or_insert(link.begun.elapsed());
    link.asked.send_modify(|asked| *asked += 1);
    let Some(event) = link.events.lock().await.recv().await else { std::future::pending().await };
    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + event.limit;
    let headers = [
        ("lambda-runtime-aws-request-id", event.id.clone()),
        ("lambda-runtime-deadline-ms", end.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", link.arn.clone()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    let answer = (headers, event.payload).into_response();
    *link.turn.lock().unwrap() = Some(Turn { id: event.id, taken: Instant::now(), answer: event.answer });
    answer
}

async fn response(
    State(link): State<Arc<Link>>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match body {
        Ok(body) => taken(link.finish(&id, Ok(body))),
        Err(_) => {
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."
            );
            link.finish(
                &id,
                Err(json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": message })),
            );
            refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge")
        }
    }
}

async fn error(State(link): State<Arc<Link>>, Path(id): Path<String>, body: Bytes) -> Response {
    taken(link.finish(&id, Err(document(&body))))
}

async fn init_error(State(link): State<Arc<Link>>, body: Bytes) -> Response {
    *link.init_error.lock().unwrap() = Some(document(&body));
    taken(true)
}

fn document(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| json!({ "errorMessage": String::from_utf8_lossy(body) }))
}

fn taken(known: bool) -> Response {
    if known {
        (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
    } else {
        refusal(StatusCode::BAD_REQUEST, "InvalidRequestID")
    }
}

fn refusal(status: StatusCode, kind: &str) -> Response {
    (status, axum::Json(json!({ "errorType": kind, "errorMessage": kind }))).into_response()
}
