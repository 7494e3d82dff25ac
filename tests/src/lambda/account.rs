//! The functions of an account, who runs which event, and how many run at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use super::environment::{Environment, Outcome};
use super::error::FunctionError;
use super::function::Function;

/// The largest event, in bytes.
const EVENT_LIMIT: usize = 6_291_456;

/// A function and its processes.
pub(super) struct Registered {
    pub(super) function: Function,
    pub(super) limit: Mutex<Duration>,
    /// Processes that wait for an event; the last to become idle is the first to be used again.
    pub(super) idle: Mutex<Vec<Environment>>,
}

/// An account.
pub(super) struct Account {
    pub(super) url: String,
    slots: Semaphore,
    functions: Mutex<BTreeMap<String, Arc<Registered>>>,
    /// The versions that functions were deployed in, where it is not the one of now.
    versions: Mutex<BTreeMap<String, String>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Account {
    pub(super) fn new(address: SocketAddr, limit: usize) -> Self {
        Self {
            url: format!("http://{address}"),
            slots: Semaphore::new(limit),
            functions: Mutex::default(),
            versions: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    pub(super) fn register(&self, name: &str, binary: &Path, variables: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let function = Function {
            name: name.to_owned(),
            binary: binary.to_owned(),
            variables: variables.iter().map(owned).collect(),
            started: Mutex::default(),
            log: NamedTempFile::new().unwrap(),
        };
        let limit = Mutex::new(Duration::from_secs(120));
        let registered = Registered { function, limit, idle: Mutex::default() };
        self.functions.lock().unwrap().insert(name.to_owned(), Arc::new(registered));
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<Registered>, FunctionError> {
        self.functions.lock().unwrap().get(name).cloned().ok_or(FunctionError::Unknown)
    }

    /// Takes a function away.
    pub(super) fn remove(&self, name: &str) {
        self.functions.lock().unwrap().remove(name);
    }

    pub(super) fn set_version(&self, name: &str, version: &str) {
        self.versions.lock().unwrap().insert(name.to_owned(), version.to_owned());
    }

    /// The tag that the template gives to a function.
    pub(super) fn version(&self, name: &str) -> String {
        let known = self.versions.lock().unwrap().get(name).cloned();
        known.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned())
    }

    /// Runs an event to its end, even where the caller stops waiting.
    pub(super) async fn invoke(self: &Arc<Self>, name: &str, event: Bytes) -> Result<Bytes, FunctionError> {
        let (done, answer) = oneshot::channel();
        let (account, name) = (self.clone(), name.to_owned());
        self.spawn(async move {
            let _caller_gone = done.send(account.run(&name, event).await);
        });
        answer.await.unwrap_or_else(|_| {
            Err(FunctionError::Failed(json!({ "errorType": "Cloud.Ended", "errorMessage": "It ended." })))
        })
    }

    async fn run(&self, name: &str, event: Bytes) -> Result<Bytes, FunctionError> {
        let registered = self.find(name)?;
        if event.len() > EVENT_LIMIT {
            return Err(FunctionError::TooLarge);
        }
        let _slot = self.slots.try_acquire().map_err(|_| FunctionError::Throttled)?;
        let limit = *registered.limit.lock().unwrap();
        loop {
            let idle = registered.idle.lock().unwrap().pop();
            let mut environment = idle.unwrap_or_else(|| Environment::start(&registered.function, &self.url));
            let outcome = environment.run(event.clone(), limit).await;
            if environment.is_alive() {
                registered.idle.lock().unwrap().push(environment);
            }
            match outcome {
                Outcome::Answered(answer) => return Ok(answer),
                Outcome::Failed(document) => return Err(FunctionError::Failed(document)),
                Outcome::NotTaken => {}
            }
        }
    }

    /// Serves until the end.
    pub(super) fn serve(&self, listener: TcpListener, router: Router) {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        self.spawn(async move { axum::serve(listener, service).await.unwrap() });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Kills everything.
    pub(super) fn end(&self) {
        self.tasks.lock().unwrap().abort_all();
        for registered in self.functions.lock().unwrap().values() {
            registered.idle.lock().unwrap().clear();
        }
    }
}
