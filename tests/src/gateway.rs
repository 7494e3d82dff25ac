//! A gateway with a hook, as OpenClaw has it: real HTTP, admits with a run's id, knows a repetition by equal bytes under an equal
//! key as long as it runs, and has every mood that a gateway can have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::connector::free_port;
use crate::searched::keep_out;

/// The hooks' token.
pub const TOKEN: &str = "hook-token-0123456789abcdef";

/// The largest body that it takes.
const LARGEST: usize = 256 * 1024;

/// The path of its hook mapping, which takes any JSON.
pub const MAPPING: &str = "/hooks/zoho";

/// What it says where it refuses a message that it has looked at.
pub const REASON: &str = "unknown agentId nobody";

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// It admits.
    #[default]
    Admits,
    /// It answers with this status, and this `Retry-After`.
    Says(u16, Option<u64>),
    /// It breaks the connection without having done anything.
    Resets,
    /// It admits, and breaks the connection.
    AdmitsAndResets,
    /// It admits, and never answers.
    AdmitsAndHangs,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its idempotency key.
    pub key: String,
    /// Its body, to the byte.
    pub body: String,
}

impl Request {
    /// The message.
    pub fn message(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["message"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Inner {
    mood: Mood,
    /// Runs by token, path, key and bytes; gone after a restart.
    memory: HashMap<(String, String, String, String), String>,
    requests: Vec<Request>,
    runs: Vec<Request>,
}

/// A gateway.
pub struct Gateway {
    /// The address of its hook.
    pub url: String,
    address: std::net::SocketAddr,
    inner: Arc<Mutex<Inner>>,
    serving: Option<JoinHandle<()>>,
}

impl Gateway {
    /// One that runs.
    pub async fn start() -> Self {
        keep_out(TOKEN);
        // While it is stopped, the system must not give its port to somebody's connection.
        let listener = TcpListener::bind(("127.0.0.1", free_port())).await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::<Mutex<Inner>>::default();
        let serving = Some(tokio::spawn(serve(listener, inner.clone())));
        Self { url: format!("http://{address}/hooks/agent"), address, inner, serving }
    }

    /// The address of its hook mapping.
    pub fn mapping(&self) -> String {
        format!("http://{}{MAPPING}", self.address)
    }

    /// Ends it: nobody listens there any more, and all that it knew is forgotten.
    pub async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _aborted = serving.await;
        }
        self.inner.lock().unwrap().memory.clear();
    }

    /// Starts it again at the same address.
    pub async fn boot(&mut self) {
        self.stop().await;
        // A process that another test starts has a copy of the old listener until its program is loaded.
        let mut left = 1_000;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) => assert!(error.kind() == std::io::ErrorKind::AddrInUse && left > 0, "{error}"),
            }
            left -= 1;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        self.serving = Some(tokio::spawn(serve(listener, self.inner.clone())));
    }

    /// Sets how it answers.
    pub fn set(&self, mood: Mood) {
        self.inner.lock().unwrap().mood = mood;
    }

    /// All requests that came with the right token.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.lock().unwrap().requests.clone()
    }

    /// The runs that began, by what began them.
    pub fn runs(&self) -> Vec<Request> {
        self.inner.lock().unwrap().runs.clone()
    }
}

async fn serve(listener: TcpListener, inner: Arc<Mutex<Inner>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(answer(stream, inner.clone()));
    }
}

async fn answer(mut stream: TcpStream, inner: Arc<Mutex<Inner>>) {
    let Some((head, body)) = read(&mut stream).await else { return };
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let of = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let token = of("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let document: Option<Value> = serde_json::from_str(&body).ok();
    let is_mapping = path == MAPPING;
    // In the gateway's own order: the token before the method, the path and the body.
    let refusal = if path.contains('?') {
        Some((400, "token in the address"))
    } else if token != TOKEN {
        Some((401, "Unauthorized"))
    } else if method != "POST" {
        Some((405, "Method Not Allowed"))
    } else if body.len() > LARGEST {
        Some((413, r#"{"ok":false,"error":"payload too large"}"#))
    } else if document.is_none() {
        Some((400, r#"{"ok":false,"error":"invalid JSON"}"#))
    } else if path != "/hooks/agent" && !is_mapping {
        Some((404, "Not Found"))
    } else if !is_mapping && document.is_none_or(|body| body["message"].as_str().is_none_or(str::is_empty)) {
        Some((400, r#"{"ok":false,"error":"message required"}"#))
    } else {
        None
    };
    if let Some((status, words)) = refusal {
        return write(&mut stream, status, None, words).await;
    }
    let mood = inner.lock().unwrap().mood;
    let request = Request { key: of("idempotency-key"), body };
    assert!((1..=256).contains(&request.key.len()), "{}", request.key);
    inner.lock().unwrap().requests.push(request.clone());
    match mood {
        Mood::Says(status, after) => {
            let words = json!({ "ok": false, "error": REASON }).to_string();
            write(&mut stream, status, after, &words).await;
        }
        Mood::Resets => {}
        Mood::Admits | Mood::AdmitsAndResets | Mood::AdmitsAndHangs => {
            let run = {
                let mut inner = inner.lock().unwrap();
                let next = format!("run-{}", inner.runs.len() + 1);
                let known = (token, path.to_owned(), request.key.clone(), request.body.clone());
                match inner.memory.get(&known) {
                    Some(run) => run.clone(),
                    None => {
                        inner.memory.insert(known, next.clone());
                        inner.runs.push(request);
                        next
                    }
                }
            };
            match mood {
                Mood::Admits => {
                    let body = json!({ "ok": true, "runId": run }).to_string();
                    write(&mut stream, 200, None, &body).await;
                }
                Mood::AdmitsAndHangs => tokio::time::sleep(std::time::Duration::from_secs(60)).await,
                _ => {}
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .and_then(|n| n.trim().parse::<usize>().ok())
            })?;
            if bytes.len() >= end + 4 + length {
                return Some((head, String::from_utf8(bytes[end + 4..end + 4 + length].to_vec()).ok()?));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

async fn write(stream: &mut TcpStream, status: u16, retry_after: Option<u64>, body: &str) {
    let after = retry_after.map_or(String::new(), |seconds| format!("retry-after: {seconds}\r\n"));
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status} x\r\n{after}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _caller_gone = stream.write_all(text.as_bytes()).await;
    let _caller_gone = stream.shutdown().await;
}
