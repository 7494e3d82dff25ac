//! One process of a function, with a Runtime API of its own: started, given one event at a time, killed.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::select;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::function::Function;
use super::place::{ACCOUNT_ID, REGION};
use super::runtime_api::{Answer, Event, Link, router};

/// How long a process may take until it asks for its first event. Lambda gives it 10 s, but never a core with so much else to do.
const INIT_LIMIT: Duration = Duration::from_secs(100);

/// How an event went.
pub(super) enum Outcome {
    /// Well.
    Answered(Bytes),
    /// Not so well: the error document.
    Failed(Value),
    /// The process had died while it was idle, so another one must have the event.
    NotTaken,
}

/// A process. Dropping it kills it.
pub(super) struct Environment {
    child: Child,
    link: Arc<Link>,
    events: mpsc::Sender<Event>,
    /// How often the process has asked for an event.
    asked: watch::Receiver<usize>,
    served: usize,
    api: JoinHandle<()>,
}

impl Environment {
    pub(super) fn start(function: &Function, lambda_url: &str) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();

        let count = function.started.lock().unwrap().len();
        let mut command = Command::new(&function.binary);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs([
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &format!("2026/11/21/[$LATEST]{count:032x}")),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "ASIAEMULATED"),
            ("AWS_SECRET_ACCESS_KEY", "emulated"),
            ("AWS_SESSION_TOKEN", "emulated"),
            ("AWS_ENDPOINT_URL_LAMBDA", lambda_url),
            ("_HANDLER", "bootstrap"),
            ("LAMBDA_TASK_ROOT", &function.binary.parent().unwrap().to_string_lossy()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
        ]);
        command.envs(function.variables.iter().map(|(name, value)| (name, value)));
        let log = std::fs::OpenOptions::new().append(true).open(function.log.path()).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command.current_dir("/").kill_on_drop(true);

        let (events, to_come) = mpsc::channel(1);
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{}", function.name);
        let begun = Instant::now();
        let child = command.spawn().unwrap();
        let link = Arc::new(Link::new(arn, child.id().unwrap(), begun, to_come));
        function.started.lock().unwrap().push(link.clone());
        let routes = router(link.clone());
        let api = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let asked = link.asked.subscribe();
        Self { child, link, events, asked, served: 0, api }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives it an event, and waits until the process is ready for the next one.
    pub(super) async fn run(&mut self, payload: Bytes, limit: Duration) -> Outcome {
        let id = self.link.next_id();
        if self.served == 0 {
            if let Err(document) = self.init(&id).await {
                return Outcome::Failed(document);
            }
        } else if !self.is_alive() {
            return Outcome::NotTaken;
        }
        let deadline = Instant::now() + limit;
        let (answer, mut answered) = oneshot::channel();
        let event = Event { id: id.clone(), payload, limit, answer };
        self.events.send(event).await.expect("the link holds the other end");
        let outcome = select! {
            biased;
            answer = &mut answered => answer.map_or(Outcome::NotTaken, from_answer),
            status = self.child.wait() => match answered.try_recv() {
                Ok(answer) => from_answer(answer),
                Err(_) if self.link.is_busy() => Outcome::Failed(exited(&id, status.unwrap())),
                Err(_) => Outcome::NotTaken,
            },
            () = sleep_until(deadline) => Outcome::Failed(self.kill(&id, "Sandbox.Timedout", limit).await),
        };
        self.served += 1;
        // As on Lambda, an event ends when the process asks for the next one, and the deadline holds until then.
        select! {
            () = asked_beyond(&mut self.asked, self.served) => {}
            _ = self.child.wait() => {}
            () = sleep_until(deadline) => { self.kill(&id, "Sandbox.Timedout", limit).await; }
        }
        outcome
    }

    /// Until the process asks for its first event.
    async fn init(&mut self, id: &str) -> Result<(), Value> {
        select! {
            () = asked_beyond(&mut self.asked, 0) => Ok(()),
            status = self.child.wait() => {
                let told = self.link.init_error.lock().unwrap().take();
                Err(told.unwrap_or_else(|| exited(id, status.unwrap())))
            }
            () = sleep_until(Instant::now() + INIT_LIMIT) => {
                Err(self.kill(id, "Sandbox.Timedout", INIT_LIMIT).await)
            }
        }
    }

    async fn kill(&mut self, id: &str, kind: &str, after: Duration) -> Value {
        self.link.measure();
        let _dead_already = self.child.kill().await;
        failure(id, kind, &format!("Task timed out after {:.2} seconds", after.as_secs_f64()))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.link.measure();
        self.link.close();
        self.api.abort();
    }
}

async fn asked_beyond(asked: &mut watch::Receiver<usize>, times: usize) {
    let _never_closed = asked.wait_for(|asked| *asked > times).await;
}

fn from_answer(answer: Answer) -> Outcome {
    match answer {
        Ok(answer) => Outcome::Answered(answer),
        Err(document) => Outcome::Failed(document),
    }
}

fn exited(id: &str, status: ExitStatus) -> Value {
    let message = match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(9)) => "Runtime exited with error: signal: killed".to_owned(),
        (None, signal) => format!("Runtime exited with error: signal: {}", signal.unwrap_or_default()),
    };
    failure(id, "Runtime.ExitError", &message)
}

fn failure(id: &str, kind: &str, message: &str) -> Value {
    json!({ "errorType": kind, "errorMessage": format!("RequestId: {id} Error: {message}") })
}
