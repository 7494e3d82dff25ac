//! AWS Lambda on this machine: the real binaries of functions, driven through the Runtime API as Lambda drives them, with
//! API Gateway's HTTP API and Lambda's Invoke in front.
//!
//! ```text
//! gateway (event) ─┐
//! invoke_api ──────┼─► account (who runs, how many) ─► environment (one process) ─► runtime_api ◄─ the binary
//! Cloud::invoke ───┘
//! ```
//!
//! As on Lambda: a process gets one event at a time, an idle one is used again, a new one is started when all are busy, up
//! to the account's concurrency; an event that outlives its deadline ends with its process; what dies is replaced.
//!
//! Not as on Lambda: processes are not frozen between events; a failed init is not tried a second time; asynchronous
//! events are not repeated; memory is measured but not limited; answers are not streamed; an idle process stays.

mod account;
mod environment;
mod event;
mod figures;
mod gateway;
mod invoke_api;
mod runtime_api;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;

pub use event::decoded_path;
pub use figures::Figures;
pub use gateway::Gateway;

use account::Account;

/// Where it all happens, as functions are told.
const REGION: &str = "eu-central-1";
/// Whose account it is.
const ACCOUNT_ID: &str = "123456789012";

/// Why an event has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum FunctionError {
    /// The function failed, or its process did: the error document.
    Failed(Value),
    /// All of the account's concurrency is taken.
    Throttled,
    /// The event is larger than Lambda takes.
    TooLarge,
    /// There is no such function.
    Unknown,
}

impl FunctionError {
    /// The `errorType` of a function that failed.
    pub fn kind(&self) -> &str {
        match self {
            Self::Failed(document) => document["errorType"].as_str().unwrap_or_default(),
            _ => "",
        }
    }
}

/// An account with its functions. When it is dropped, all their processes are killed.
pub struct Cloud {
    account: Arc<Account>,
}

impl Cloud {
    /// One with as much concurrency as an ordinary account has.
    pub async fn start() -> Self {
        Self::with_concurrency(1000).await
    }

    /// One that runs at most so many events at a time, over all functions (new accounts have 10).
    pub async fn with_concurrency(limit: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let account = Arc::new(Account::new(listener.local_addr().unwrap(), limit));
        account.serve(listener, invoke_api::router(account.clone()));
        Self { account }
    }

    /// Where the Invoke API listens: every function has it as `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn url(&self) -> &str {
        &self.account.url
    }

    /// Registers a function, or registers it anew. Its processes see these variables, those that Lambda sets, and `PATH`.
    pub fn function(&self, name: &str, binary: &Path, variables: &[(&str, &str)]) {
        assert!(binary.is_file(), "{} is not built", binary.display());
        self.account.register(name, binary, variables);
    }

    /// How long one event of a function may take; 30 s where nothing is said.
    pub fn time_limit(&self, name: &str, limit: Duration) {
        *self.account.find(name).unwrap().limit.lock().unwrap() = limit;
    }

    /// An HTTP API whose requests go to the function with the longest prefix that fits; the address it listens on.
    pub async fn serve_http(&self, routes: &[(&str, &str)]) -> String {
        self.serve(Gateway::new(routes)).await
    }

    /// As [`Self::serve_http`], with a gateway made to measure. Functions may be registered later.
    pub async fn serve(&self, gateway: Gateway) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        self.account.serve(listener, gateway.router(self.account.clone()));
        url
    }

    /// Gives a function an event, as a schedule, a stream or another function does.
    ///
    /// # Errors
    /// Where there is no answer.
    pub async fn invoke(&self, name: &str, event: &Value) -> Result<Value, FunctionError> {
        let answer = self.account.invoke(name, Bytes::from(event.to_string())).await?;
        Ok(serde_json::from_slice(&answer).expect("functions answer in JSON"))
    }

    /// Ends a function's idle processes, so that the next event meets a cold start.
    pub fn retire(&self, name: &str) {
        self.account.find(name).unwrap().idle.lock().unwrap().clear();
    }

    /// Kills the process of that number, as a power cut would.
    pub fn kill(pid: u32) {
        let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).output().unwrap();
        // It may have ended by itself just now.
        drop(killed);
    }

    /// What was measured of every process of a function, in the order of their starts.
    pub fn figures(&self, name: &str) -> Vec<Figures> {
        let function = self.account.find(name).unwrap();
        let started = function.started.lock().unwrap();
        started.iter().map(|link| link.figures()).collect()
    }

    /// What a function's processes wrote to standard output and standard error.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.account.find(name).unwrap().log.path()).unwrap()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.account.end();
    }
}
