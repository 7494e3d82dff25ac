//! The stores as a process reaches them. What befalls a call has got through the SDK: it has sent again what it may, in vain.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::secret::Secret;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};
use tokio::time::sleep;

use super::calls::{Process, Service, Switchboard};
use super::kinds::Fault;
use crate::simulation::kept::Kept;

/// After so long the client of AWS gives a call up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pauses of the SDK, until it gives up what is refused.
const PAUSES: Duration = Duration::from_secs(2);

/// The stores as this process reaches them.
pub fn stores(
    calls: &Arc<Switchboard>,
    kept: &Arc<Mutex<Kept>>,
    clock: &SharedClock,
    process: Process,
) -> Stores {
    let handle = |table| {
        Arc::new(Handle { calls: calls.clone(), kept: kept.clone(), clock: clock.clone(), process, table })
    };
    Stores { secrets: handle("secrets"), state: handle("state"), events: handle("events") }
}

struct Handle {
    calls: Arc<Switchboard>,
    kept: Arc<Mutex<Kept>>,
    clock: SharedClock,
    process: Process,
    table: &'static str,
}

impl Handle {
    async fn call<T: Send>(
        &self,
        (service, what, writes): (Service, String, bool),
        work: impl Fn(&mut Kept, Timestamp) -> T + Send,
    ) -> Result<T, StoreError> {
        self.calls.step(self.process).await;
        let fault = self.calls.fate(self.process, service, what, writes);
        let done = match fault {
            None | Some(Fault::Duplicate) => Ok(self.perform(&work)),
            Some(Fault::NoConnection | Fault::ResetBefore) => Err("the connection broke"),
            Some(Fault::Failing | Fault::Throttled) => {
                sleep(PAUSES).await;
                Err("it is not available")
            }
            Some(Fault::Slow) => {
                drop(self.perform(&work));
                sleep(PATIENCE).await;
                Err("no answer came in time")
            }
            Some(Fault::ResetAfter | Fault::Garbage | Fault::Html | Fault::Empty | Fault::Truncated) => {
                drop(self.perform(&work));
                Err("its answer cannot be read")
            }
        };
        // A repeated read is one more read; of writes see `Call::impossible`.
        if fault == Some(Fault::Duplicate) && !writes {
            drop(self.perform(&work));
        }
        // It may die before it hears of it.
        self.calls.step(self.process).await;
        done.map_err(|words| StoreError::Unavailable(words.to_owned()))
    }

    fn perform<T>(&self, work: &impl Fn(&mut Kept, Timestamp) -> T) -> T {
        work(&mut self.kept.lock().unwrap(), self.clock.now())
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
impl Table for Handle {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let call = (Service::Table, format!("read {}", kind(&key.partition)), false);
        self.call(call, |kept, now| kept.find(self.table, key, now).cloned()).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let call = (Service::Table, kinds(&steps), true);
        self.call(call, |kept, now| kept.transact(self.table, &steps, now)).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let call = (Service::Table, format!("list {}", kind(&query.partition)), false);
        self.call(call, |kept, now| kept.query(self.table, &query, now)).await
    }
}

#[async_trait]
impl Secrets for Handle {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let call = (Service::Secrets, format!("read {}", secret(name)), false);
        let found = self.call(call, |kept, _| kept.current(name)).await?;
        Ok(found.map(|(value, version)| SecretValue {
            value: Secret::new(value),
            version: VersionId(version.to_string()),
        }))
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let call = (Service::Secrets, format!("stage {}", secret(name)), true);
        let staged = self.call(call, |kept, now| kept.stage(name, value.expose().to_owned(), now)).await?;
        Ok(VersionId(staged.to_string()))
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let number = |version: &VersionId| version.0.parse::<u64>().unwrap();
        let (pending, from) = (number(pending), from.map(number));
        let call = (Service::Secrets, format!("promote {}", secret(name)), true);
        self.call(call, |kept, _| kept.promote(name, pending, from)).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let call = (Service::Secrets, format!("delete {}", secret(name)), true);
        self.call(call, |kept, _| kept.delete(name)).await
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let call = (Service::Secrets, format!("list versions of {}", secret(name)), false);
        self.call(call, |kept, _| kept.versions(name, since)).await
    }
}
