//! The stores as a process reaches them. What befalls a call has got through the SDK: it has sent again what it may, in vain.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::base::clock::Timestamp;
use shared::base::secret::Secret;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};
use tokio::time::sleep;

use super::calls::{Process, Service, Switchboard};
use super::kinds::Fault;

/// After so long the client of AWS gives a call up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pauses of the SDK, until it gives up what is refused.
const PAUSES: Duration = Duration::from_secs(2);

/// The stores as this process reaches them.
pub fn stores(calls: &Arc<Switchboard>, kept: &Stores, process: Process) -> Stores {
    let line = Line { calls: calls.clone(), process };
    Stores {
        secrets: Arc::new(Reached { line: line.clone(), store: kept.secrets.clone() }),
        state: Arc::new(Reached { line: line.clone(), store: kept.state.clone() }),
        events: Arc::new(Reached { line, store: kept.events.clone() }),
    }
}

/// A process's line to the stores.
#[derive(Clone)]
struct Line {
    calls: Arc<Switchboard>,
    process: Process,
}

/// A store at the end of it.
struct Reached<T: ?Sized> {
    line: Line,
    store: Arc<T>,
}

impl Line {
    async fn call<T: Send, F>(
        &self,
        (service, what, writes): (Service, String, bool),
        work: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let failed = |words: &str| Err(StoreError::Unavailable(words.to_owned()));
        let calling = async {
            self.calls.step(self.process).await;
            let fault = self.calls.fate(self.process, service, what, writes);
            let done = match fault {
                None => work().await,
                Some(Fault::Duplicate) => {
                    // A repeated read is one more read; of writes see `Call::impossible`.
                    if !writes {
                        drop(work().await);
                    }
                    work().await
                }
                Some(Fault::NoConnection | Fault::ResetBefore) => failed("the connection broke"),
                Some(Fault::Failing | Fault::Throttled) => {
                    sleep(PAUSES).await;
                    failed("it is not available")
                }
                Some(Fault::Slow) => {
                    drop(work().await);
                    sleep(PATIENCE).await;
                    failed("no answer came in time")
                }
                Some(Fault::ResetAfter | Fault::Garbage | Fault::Html | Fault::Empty | Fault::Truncated) => {
                    drop(work().await);
                    failed("its answer cannot be read")
                }
            };
            // It may die before it hears of it.
            self.calls.step(self.process).await;
            done
        };
        self.calls.live(self.process, calling).await
    }
}

/// What a row is, without what is drawn for each.
fn kind(partition: &str) -> &str {
    partition.split(['#', '/']).next().unwrap_or_default()
}

fn kinds(steps: &[Write]) -> String {
    let mut kinds: Vec<&str> = steps
        .iter()
        .map(|step| match step {
            Write::Put(put) => kind(&put.key.partition),
            Write::Delete(key, _) => kind(&key.partition),
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let deletes = steps.iter().all(|step| matches!(step, Write::Delete(..)));
    format!("{} {}", if deletes { "delete" } else { "write" }, kinds.join(" and "))
}

/// What a secret is: `grant`, `access-token`, `webhooks`.
fn secret(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

#[async_trait]
impl Table for Reached<dyn Table> {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let call = (Service::Table, format!("read {}", kind(&key.partition)), false);
        self.line.call(call, || self.store.get(key)).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let call = (Service::Table, kinds(&steps), true);
        self.line.call(call, || self.store.transact(steps.clone())).await
    }

    fn is_dated_by_one_machine(&self) -> bool {
        self.store.is_dated_by_one_machine()
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let call = (Service::Table, format!("list {}", kind(&query.partition)), false);
        self.line.call(call, || self.store.query(query.clone())).await
    }
}

#[async_trait]
impl Secrets for Reached<dyn Secrets> {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let call = (Service::Secrets, format!("read {}", secret(name)), false);
        self.line.call(call, || self.store.get(name)).await
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let call = (Service::Secrets, format!("stage {}", secret(name)), true);
        self.line.call(call, || self.store.stage(name, value)).await
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let call = (Service::Secrets, format!("promote {}", secret(name)), true);
        self.line.call(call, || self.store.promote(name, pending, from)).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let call = (Service::Secrets, format!("delete {}", secret(name)), true);
        self.line.call(call, || self.store.delete(name)).await
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let call = (Service::Secrets, format!("list versions of {}", secret(name)), false);
        self.line.call(call, || self.store.versions_since(name, since)).await
    }
}
