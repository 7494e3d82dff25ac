//! What a test holds of it all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;

use super::account::Account;
use super::error::FunctionError;
use super::figures::Figures;
use super::gateway::Gateway;
use super::invoke_api;
use crate::clock::until;

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

    /// Takes a function away, as somebody may in the console.
    pub fn remove(&self, name: &str) {
        self.account.remove(name);
    }

    /// Says in which version a function was deployed.
    pub fn set_version(&self, name: &str, version: &str) {
        self.account.set_version(name, version);
    }

    /// How long one event of a function may take; two minutes where nothing is said, because many start at once here on few cores.
    pub fn time_limit(&self, name: &str, limit: Duration) {
        *self.account.find(name).unwrap().limit.lock().unwrap() = limit;
    }

    /// An HTTP API whose requests go to the function with the closest route; the address it listens on.
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

    /// Stops the process of that number where it is, as Lambda freezes one between events. All clocks go on.
    pub async fn freeze(pid: u32) {
        signal(pid, "-STOP");
        let is_stopped = async || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        };
        until("stopped", is_stopped).await;
    }

    /// Lets it go on.
    pub fn thaw(pid: u32) {
        signal(pid, "-CONT");
    }

    /// What was measured of every process of a function, in the order of their starts.
    pub fn figures(&self, name: &str) -> Vec<Figures> {
        let registered = self.account.find(name).unwrap();
        let started = registered.function.started.lock().unwrap();
        started.iter().map(|link| link.figures()).collect()
    }

    /// What a function's processes wrote to standard output and standard error.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.account.find(name).unwrap().function.log.path()).unwrap()
    }
}

fn signal(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "{signal} {pid}");
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.account.end();
    }
}
