//! Secrets and tables in memory. Every call yields, can fail before or after its work, and every change is written down
//! with the process that made it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use shared::base::clock::{SignedDuration, Timestamp, earlier};
use shared::base::secret::Secret;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::history::{Held, What, Who};
use super::in_memory::{number, secret_value};
use super::trouble::Fate;
use super::world::World;

/// No call to a store takes longer: the AWS client's own limit.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long a new secret may not be seen: Secrets Manager is not everywhere at once.
const UNSEEN: SignedDuration = SignedDuration::from_secs(3);

/// The stores as one process reaches them.
pub fn stores(world: &Arc<World>, who: Who) -> Stores {
    let handle = |table| Arc::new(Handle { world: world.clone(), who, table });
    Stores { secrets: handle("secrets"), state: handle("state"), events: handle("events") }
}

struct Handle {
    world: Arc<World>,
    who: Who,
    table: &'static str,
}

impl Handle {
    async fn call<T: Send + 'static>(
        &self,
        call: &'static str,
        name: &str,
        work: impl FnOnce(&World, Who) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (world, who) = (&self.world, self.who);
        // Who is dropped here has sent nothing.
        yield_now().await;
        let fate = world.struck(who).unwrap_or_else(|| world.trouble().of_stores(&world.random));
        let failed = |effect| {
            let failed = What::StoreFailed { call, name: name.to_owned(), effect };
            world.note(who, failed);
            Err(StoreError::Unavailable(format!("{call} failed")))
        };
        match fate {
            Fate::Works(before, after) if after.is_zero() => {
                if !before.is_zero() {
                    sleep(before).await;
                }
                let result = work(world, who);
                yield_now().await;
                Ok(result)
            }
            // What was sent is done, whether or not its sender lives.
            Fate::Works(before, after) | Fate::Mute(before, after) => {
                let done = tokio::spawn({
                    let world = world.clone();
                    async move {
                        sleep(before).await;
                        let result = work(&world, who);
                        sleep(after).await;
                        result
                    }
                });
                match timeout(PATIENCE, done).await {
                    Ok(result) if matches!(fate, Fate::Works(..)) => Ok(result.unwrap()),
                    _ => failed(true),
                }
            }
            Fate::Lost(after) | Fate::Says(after, _) => {
                sleep(after).await;
                failed(false)
            }
        }
    }
}

/// Whether a secret is too new to be seen, by chance. Of a parked grant a row tells, by which it is looked for minutes later.
fn is_unseen(world: &World, name: &str) -> bool {
    let since = earlier(world.now(), UNSEEN);
    world.trouble().late
        && !name.ends_with("/grant-parked")
        && world.kept().is_younger(name, since)
        && world.random.chance(500)
}

/// What a secret's value is, for the history.
fn held(name: &str, value: &str) -> Held {
    let Ok(value) = serde_json::from_str::<Value>(value) else { return Held::Other };
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let generation = value["generation"].as_u64().unwrap_or_default();
    if name.ends_with("/grant") {
        Held::Grant { grant: text("refresh_token"), generation }
    } else if name.ends_with("/grant-parked") {
        Held::Parked {
            grant: value["fresh"]["grant"]["refresh_token"].as_str().unwrap_or_default().to_owned(),
        }
    } else if name.ends_with("/access-token") {
        Held::Token { token: text("token"), generation }
    } else {
        Held::Other
    }
}

#[async_trait]
impl Secrets for Handle {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let of = name.to_owned();
        self.call("get", name, move |world, who| {
            world.note(who, What::Read { name: of.clone() });
            let is_unseen = is_unseen(world, &of);
            world.kept().current(&of).filter(|_| !is_unseen).map(secret_value)
        })
        .await
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let (of, value) = (name.to_owned(), value.expose().to_owned());
        self.call("stage", name, move |world, who| {
            let held = held(&of, &value);
            let version = world.kept().stage(&of, value, world.now());
            world.note(who, What::Staged { name: of, version, held });
            VersionId(version.to_string())
        })
        .await
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let (of, version, from) = (name.to_owned(), number(pending), from.map(number));
        self.call("promote", name, move |world, who| {
            let done = world.kept().promote(&of, version, from);
            world.note(who, What::Promoted { name: of, version, done });
            done
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let of = name.to_owned();
        self.call("delete", name, move |world, who| {
            world.kept().secrets.remove(&of);
            world.note(who, What::SecretDeleted { name: of });
        })
        .await
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let of = name.to_owned();
        self.call("versions_since", name, move |world, _| world.kept().versions(&of, since)).await
    }
}

/// A key without what is random in it: the ids of events.
fn label(key: &Key) -> String {
    match key.partition.as_str() {
        "lease" | "mint-budget" | "parked-grant" => format!("{}/{}", key.partition, key.sort),
        other => other.split(['#', '/']).next().unwrap().to_owned(),
    }
}

/// What a write did, for the history.
fn change(world: &World, write: &Write) -> What {
    match write {
        Write::Delete(key, _) if key.partition == "connection" => {
            What::ConnectionDeleted { name: key.sort.clone() }
        }
        Write::Delete(key, _) => What::Row { key: format!("-{}", label(key)) },
        Write::Put(put) if put.key.partition == "connection" => {
            let row: Value = serde_json::from_str(&put.value).unwrap();
            What::Connection {
                name: put.key.sort.clone(),
                generation: row["generation"].as_u64().unwrap(),
                state: row["state"]["is"].as_str().unwrap().to_owned(),
                mark: row["state"]["clients"].as_str().map(str::to_owned),
                until: row["state"]["until"].as_str().map(|until| world.since_start(until.parse().unwrap())),
            }
        }
        Write::Put(put) => What::Row { key: label(&put.key) },
    }
}

#[async_trait]
impl Table for Handle {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let (table, of) = (self.table, key.clone());
        self.call("get row", &key.partition, move |world, _| {
            world.kept().find(table, &of, world.now()).cloned()
        })
        .await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let table = self.table;
        let name = match &steps[0] {
            Write::Put(put) => label(&put.key),
            Write::Delete(key, _) => label(key),
        };
        self.call("transact", &name, move |world, who| {
            let outcome = world.kept().transact(table, &steps, world.now());
            if outcome.is_done() {
                steps.iter().for_each(|step| world.note(who, change(world, step)));
            }
            outcome
        })
        .await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let table = self.table;
        let name = query.partition.clone();
        self.call("query", &name, move |world, _| world.kept().query(table, &query, world.now())).await
    }
}
