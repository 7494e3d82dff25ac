//! The connections of `serve`: so many at a time, each with deadlines. Whoever opens connections and sends nothing, or sends slowly,
//! keeps nobody else from being answered: at the limit, the connection that is least in use is closed for the next.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, interval, sleep, timeout};
use tower::ServiceExt;

use super::lingering::Lingering;

/// How many connections there may be, and how long each may take for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many at a time.
    pub(crate) connections: usize,
    /// Until the first request is there.
    pub(crate) first_request: Duration,
    /// Until a body is there.
    pub(crate) body: Duration,
    /// For writing an answer and waiting for the next request. Proxies keep connections for a minute.
    pub(crate) next_request: Duration,
}

impl Limits {
    /// What `serve` allows where it works on so many calls at a time. Each connection is an open file: half of them are left for the
    /// store and for Zoho.
    pub(crate) fn of_this_process(calls: usize) -> Self {
        let wanted = calls.saturating_mul(2).max(512);
        Self {
            connections: open_files().map_or(128, |files| (files / 2).clamp(16, wanted)),
            first_request: Duration::from_secs(15),
            body: Duration::from_secs(30),
            next_request: Duration::from_secs(90),
        }
    }

    /// The calls that may be at work at a time: at most half of the connections, so that who brings a webhook, a consent or no key at
    /// all finds one.
    pub(crate) fn calls(&self, wanted: usize) -> usize {
        wanted.min(self.connections / 2)
    }
}

/// How many files a process may have open, where the system tells.
fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What a connection is at, least in use first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// It has sent no whole request yet.
    New,
    /// Its last answer is being written, or it waits for the next request.
    Between,
    /// A body is on its way.
    Receiving,
    /// A request is at work: it is never closed for another.
    Working,
}

impl Stage {
    const ALL: [Self; 4] = [Self::New, Self::Between, Self::Receiving, Self::Working];
}

/// The stage of one connection, and since when.
struct Progress {
    stage: AtomicU8,
    since: Mutex<Instant>,
    /// Whether a body was not read to its end.
    left_unread: Arc<AtomicBool>,
}

impl Progress {
    fn new() -> Arc<Self> {
        let (stage, since) = (AtomicU8::new(0), Mutex::new(Instant::now()));
        Arc::new(Self { stage, since, left_unread: Arc::default() })
    }

    fn set(&self, stage: Stage) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.stage.store(stage as u8, Ordering::SeqCst);
    }

    fn get(&self) -> (Stage, Instant) {
        let stage = usize::from(self.stage.load(Ordering::SeqCst));
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        (Stage::ALL.get(stage).copied().unwrap_or(Stage::Working), since)
    }
}

type Open = Arc<Mutex<BTreeMap<u64, (Arc<Progress>, AbortHandle)>>>;

/// All open connections.
struct Connections {
    limits: Limits,
    app: Router,
    open: Open,
    /// One has ended.
    ended: Arc<Notify>,
    /// Becomes true when no more requests are taken.
    stopping: watch::Receiver<bool>,
    next: u64,
}

/// Serves until `stop` ends; requests under way then may take `grace` to end.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let (stopping, stopped) = watch::channel(false);
    let (open, ended) = (Open::default(), Arc::new(Notify::new()));
    let mut connections = Connections { limits, app, open, ended, stopping: stopped, next: 0 };
    let mut stop = std::pin::pin!(stop);
    let mut check = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => tokio::select! {
                    () = connections.make_room() => connections.begin(stream),
                    () = &mut stop => break,
                },
                Err(error) => {
                    // The caller left, or too many files are open: some close soon.
                    tracing::warn!(%error, "a connection was not accepted");
                    connections.close_least_used();
                    sleep(Duration::from_millis(50)).await;
                }
            },
            _ = check.tick() => connections.close_late(),
            () = &mut stop => break,
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let ended = timeout(grace, connections.all_ended()).await;
    if ended.is_err() {
        tracing::warn!("requests that were under way did not end in time");
    }
}

impl Connections {
    fn begin(&mut self, stream: TcpStream) {
        self.next += 1;
        let (number, progress) = (self.next, Progress::new());
        let (open, ended) = (self.open.clone(), self.ended.clone());
        let task = one(stream, self.app.clone(), self.limits, progress.clone(), self.stopping.clone());
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let task = tokio::spawn(async move {
            // However it ends, also by being closed for another one.
            let _leave = Leave { number, open, ended };
            task.await;
        });
        all.insert(number, (progress, task.abort_handle()));
    }

    /// Waits until there is room for one more; mostly, there is.
    async fn make_room(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count() < self.limits.connections || self.close_least_used() {
                return;
            }
            ended.await;
        }
    }

    fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Closes the connection that is least in use, the oldest of these. False where all are at work.
    fn close_least_used(&self) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let stages = open.iter().map(|(number, (progress, _))| (progress.get().0, *number));
        let least = stages.filter(|(stage, _)| *stage < Stage::Working).min();
        let Some((_, task)) = least.and_then(|(_, number)| open.remove(&number)) else { return false };
        task.abort();
        true
    }

    /// Closes those that took too long. Bodies end by themselves: their request hears of it.
    fn close_late(&self) {
        let now = Instant::now();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (progress, task) in open.values() {
            let (stage, since) = progress.get();
            let most = match stage {
                Stage::New => self.limits.first_request,
                Stage::Between => self.limits.next_request,
                Stage::Receiving | Stage::Working => continue,
            };
            if now.duration_since(since) >= most {
                task.abort();
            }
        }
    }

    async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// Takes a connection off the list.
struct Leave {
    number: u64,
    open: Open,
    ended: Arc<Notify>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        self.ended.notify_one();
    }
}

/// One connection, to its end.
async fn one(
    stream: TcpStream,
    app: Router,
    limits: Limits,
    progress: Arc<Progress>,
    mut stopping: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let stream = Lingering::new(stream, progress.left_unread.clone(), stopping.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (app, progress) = (app.clone(), progress.clone());
        progress.set(Stage::Receiving);
        async move {
            let mut request =
                request.map(|body| Body::new(TimedBody::new(body, progress.clone(), limits.body)));
            if request.body().is_end_stream() {
                progress.set(Stage::Working);
                *request.body_mut() = Body::empty();
            }
            let Ok(mut answer) = app.oneshot(request).await;
            if progress.left_unread.load(Ordering::SeqCst) {
                // Its connection ends. A caller who is not told sends the next request there, where nobody reads it.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            progress.set(Stage::Between);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection =
        std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let stopped = async {
        // Where nobody can stop it any more, it goes on.
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        // An error says that the caller left.
        _ = connection.as_mut() => return,
        () = stopped => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// A body that must be there in time.
struct TimedBody {
    inner: Incoming,
    progress: Arc<Progress>,
    deadline: Pin<Box<Sleep>>,
    /// All of it was read.
    is_whole: bool,
}

impl TimedBody {
    fn new(inner: Incoming, progress: Arc<Progress>, within: Duration) -> Self {
        let is_whole = inner.is_end_stream();
        Self { inner, progress, deadline: Box::pin(sleep(within)), is_whole }
    }
}

impl Drop for TimedBody {
    /// Where nobody waits for the rest, the request is at work without it.
    fn drop(&mut self) {
        if !self.is_whole {
            self.progress.left_unread.store(true, Ordering::SeqCst);
            self.progress.set(Stage::Working);
        }
    }
}

impl HttpBody for TimedBody {
    type Data = hyper::body::Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            if frame.is_none() || self.inner.is_end_stream() {
                self.is_whole = true;
                self.progress.set(Stage::Working);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the body did not come in time".into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::to_bytes;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn limits(connections: usize) -> Limits {
        Limits { connections, first_request: LONG, body: LONG, next_request: LONG }
    }

    async fn start(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let read = |body: Body| async { if to_bytes(body, 100).await.is_ok() { "read" } else { "unread" } };
        let app = Router::new().route("/", get(|| async { "here" })).route("/body", post(read));
        start_with(app, limits).await
    }

    async fn start_with(app: Router, limits: Limits) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let serving = tokio::spawn(serve(listener, app, limits, stopped, LONG));
        (address, stop, serving)
    }

    async fn open(address: SocketAddr, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    const WHOLE: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    const BODY: &str = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nslow";

    #[tokio::test]
    async fn callers_are_answered_beside_any_number_of_half_open_and_slow_connections() {
        let (address, _stop, _serving) = start(limits(8)).await;
        let mut held = Vec::new();
        for number in 0..60 {
            let sent = ["", "GET / HTTP/1.1\r\nx-slow: ", BODY, "GET / HTTP/1.1\r\nhost: x\r\n\r\n"];
            held.push(open(address, sent[number % sent.len()]).await);
            let answer = rest(open(address, WHOLE).await).await;
            assert!(answer.ends_with("here"), "beside {number}: {answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_in_time_is_closed() {
        let limits = Limits { body: Duration::from_secs(30), ..limits(8) };
        let limits = Limits {
            first_request: Duration::from_secs(15),
            next_request: Duration::from_secs(90),
            ..limits
        };
        let (address, _stop, _serving) = start(limits).await;
        assert_eq!(rest(open(address, "").await).await, "");
        assert_eq!(rest(open(address, "GET / HTTP/1.1\r\nx-slow: ").await).await, "");
        let answer = rest(open(address, BODY).await).await;
        assert!(answer.contains("unread"), "{answer}");
        let answer = rest(open(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await).await;
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn who_sends_all_of_a_body_that_is_not_read_sees_the_answer() {
        const SIZE: usize = 16 * 1024 * 1024;
        let app = Router::new().route("/", post(|| async { "not read" }));
        let (address, _stop, _serving) = start_with(app, limits(8)).await;
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {SIZE}\r\n\r\n");
        let mut stream = open(address, &head).await;
        // More than the system holds for somebody who does not read.
        stream.write_all(&vec![b'x'; SIZE]).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.ends_with("not read"), "{answer}");
    }

    #[tokio::test]
    async fn who_sends_a_body_that_is_not_read_is_told_that_the_connection_ends() {
        let app = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/unread", post(|| async { "answer" }))
            .route("/read", post(|_: String| async { "answer" }));
        let (address, _stop, _serving) = start_with(app, limits(8)).await;
        for (path, is_read) in [("/read", true), ("/unread", false), ("/nowhere", false)] {
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n");
            let mut stream = open(address, &head).await;
            if is_read {
                // All of it is there before the answer is, and the connection stays.
                stream.write_all(b"body").await.unwrap();
                stream.write_all(WHOLE.as_bytes()).await.unwrap();
                let answers = rest(stream).await;
                assert!(answers.contains("answer") && answers.ends_with("here"), "{answers}");
            } else {
                let answer = rest(stream).await;
                assert!(answer.contains("\r\nconnection: close\r\n"), "{path}: {answer}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_body_nobody_waits_for_is_at_work_and_not_closed_for_another() {
        let at_work = Arc::new((Notify::new(), Notify::new()));
        let work = {
            let at_work = at_work.clone();
            move || async move {
                at_work.0.notify_one();
                at_work.1.notified().await;
                "done"
            }
        };
        let app = Router::new().route("/", get(|| async { "here" })).route("/work", post(work));
        let (address, _stop, _serving) = start_with(app, limits(1)).await;
        let sent = "POST /work HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nconnection: close\r\n\r\n";
        let first = open(address, sent).await;
        at_work.0.notified().await;
        let second = tokio::spawn(rest(open(address, WHOLE).await));
        // Meanwhile, it is seen that somebody wants the only place.
        sleep(Duration::from_secs(5)).await;
        at_work.1.notify_one();
        let answer = rest(first).await;
        assert!(answer.ends_with("done"), "{answer}");
        let answer = second.await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn a_stop_waits_for_nobody_who_sends_nothing() {
        let (address, stop, serving) = start(limits(8)).await;
        let answer = rest(open(address, WHOLE).await).await;
        assert!(answer.ends_with("here"), "{answer}");
        stop.send(()).unwrap();
        serving.await.unwrap();
    }
}
