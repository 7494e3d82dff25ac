//! One process of a function with a Runtime API of its own: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::contenders::Contender;
use crate::http::{Answer, json, listen, serve};

/// How long an event may take. Functions are told the same. Under valgrind, a start takes seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// What a function answered, and how long after it was given the event.
pub(crate) struct Answered {
    pub(crate) took: Duration,
    pub(crate) body: Bytes,
}

/// What the process's Runtime API shares with the measurement.
struct Link {
    events: tokio::sync::Mutex<UnboundedReceiver<Bytes>>,
    asked: UnboundedSender<()>,
    answered: UnboundedSender<Answered>,
    given: Mutex<Instant>,
}

/// A process. It is killed when it is dropped.
pub(crate) struct Function {
    child: Child,
    log: String,
    begun: Instant,
    events: UnboundedSender<Bytes>,
    asked: UnboundedReceiver<()>,
    answered: UnboundedReceiver<Answered>,
    api: JoinHandle<()>,
}

impl Function {
    /// Starts a contender. The words of `before` stand before its command.
    pub(crate) async fn start(contender: &Contender, before: &[String]) -> Self {
        let (listener, address) = listen().await;
        let (events, to_come) = unbounded_channel();
        let (asking, asked) = unbounded_channel();
        let (answering, answered) = unbounded_channel();
        let given = Mutex::new(Instant::now());
        let link = Arc::new(Link {
            events: tokio::sync::Mutex::new(to_come),
            asked: asking,
            answered: answering,
            given,
        });
        let api = serve(listener, move |request, body| {
            let link = link.clone();
            async move { link.answer(&request, body).await }
        });

        let words: Vec<&String> = before.iter().chain(&contender.command).collect();
        let log = format!("{}/{}.log", contender.folder, contender.id);
        let file = File::create(&log).unwrap();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(&contender.folder);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(contender.variables.iter().map(|(name, value)| (name, value)));
        command.env("AWS_LAMBDA_RUNTIME_API", &address);
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let begun = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", words[0]));
        Self { child, log, begun, events, asked, answered, api }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it asks for its next event. Returns how long after its start that was.
    pub(crate) async fn ready(&mut self) -> Duration {
        let asked = timeout(LIMIT, self.asked.recv()).await;
        assert!(asked.is_ok(), "it does not ask for an event; see {}", self.log);
        self.begun.elapsed()
    }

    /// Gives it an event, and waits until it is ready for the next one. Returns the answer, and how long after the start it was there.
    pub(crate) async fn ask(&mut self, event: &Bytes) -> (Answered, Duration) {
        self.events.send(event.clone()).unwrap();
        let answered = timeout(LIMIT, self.answered.recv()).await.ok().flatten();
        let answered = answered.unwrap_or_else(|| panic!("it does not answer; see {}", self.log));
        let since = self.begun.elapsed();
        assert!(is_ok(&answered.body), "{}; see {}", String::from_utf8_lossy(&answered.body), self.log);
        self.ready().await;
        (answered, since)
    }

    /// Ends it with a signal after which valgrind still writes down what it counted. Returns what it wrote to its log.
    pub(crate) fn end(mut self) -> String {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.api.abort();
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Whether an answer of a function says 200. In each of the languages, the status is the first member of the answer.
fn is_ok(body: &[u8]) -> bool {
    body.starts_with(br#"{"statusCode":200"#) || body.starts_with(br#"{"statusCode": 200"#)
}

impl Link {
    async fn answer(&self, request: &Parts, body: Bytes) -> Answer {
        let path = request.uri.path();
        if path.ends_with("/invocation/next") {
            return self.next().await;
        }
        // A function may also report an error here. That does not say 200, so `ask` ends the measurement with it.
        let took = self.given.lock().unwrap().elapsed();
        let _nobody_waits = self.answered.send(Answered { took, body });
        json(202, r#"{"status":"OK"}"#)
    }

    async fn next(&self) -> Answer {
        let _nobody_waits = self.asked.send(());
        let Some(event) = self.events.lock().await.recv().await else { std::future::pending().await };
        let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + LIMIT;
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("lambda-runtime-deadline-ms", end.as_millis().to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-central-1:123456789012:function:bench",
            )
            .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0");
        let answer = answer.body(Full::new(event)).unwrap();
        *self.given.lock().unwrap() = Instant::now();
        answer
    }
}
