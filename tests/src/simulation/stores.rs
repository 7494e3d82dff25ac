//! Secrets and tables in memory. Every call yields, can fail before or after its work, and every change is written down
//! with the process that made it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use shared::base::clock::Timestamp;
use shared::base::secret::Secret;
use shared::store::{
    Condition, Key, Order, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table,
    Version, VersionId, Write,
};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::history::{Held, What, Who};
use super::trouble::Fate;
use super::world::World;

/// No call to a store takes longer: the AWS client's own limit.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is kept.
pub struct Kept {
    /// Whether a pending value that another one replaced can still be promoted, as in Secrets Manager.
    lenient: bool,
    count: u64,
    secrets: BTreeMap<String, Versions>,
    rows: BTreeMap<(&'static str, String, String), Row>,
}

#[derive(Default)]
struct Versions {
    current: Option<u64>,
    pending: Option<u64>,
    all: BTreeMap<u64, (String, Timestamp)>,
}

impl Kept {
    /// Nothing.
    pub fn new(lenient: bool) -> Self {
        Self { lenient, count: 0, secrets: BTreeMap::new(), rows: BTreeMap::new() }
    }

    /// The current value of a secret and its version.
    pub fn current(&self, name: &str) -> Option<(String, u64)> {
        let versions = self.secrets.get(name)?;
        let current = versions.current?;
        Some((versions.all[&current].0.clone(), current))
    }

    /// The names of secrets that have a current value.
    pub fn names(&self) -> Vec<String> {
        self.secrets.iter().filter(|(_, kept)| kept.current.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// How many versions of a secret are younger than this.
    pub fn versions(&self, name: &str, since: Timestamp) -> usize {
        let versions = self.secrets.get(name);
        versions.map_or(0, |kept| kept.all.values().filter(|(_, made)| *made >= since).count())
    }

    /// A row's value, if it did not end.
    pub fn row(&self, key: &Key, now: Timestamp) -> Option<&Row> {
        self.find("state", key, now)
    }

    fn find(&self, table: &'static str, key: &Key, now: Timestamp) -> Option<&Row> {
        let row = self.rows.get(&(table, key.partition.clone(), key.sort.clone()))?;
        row.expires.is_none_or(|end| end > now).then_some(row)
    }

    fn stage(&mut self, name: &str, value: String, now: Timestamp) -> u64 {
        self.count += 1;
        let versions = self.secrets.entry(name.to_owned()).or_default();
        versions.all.insert(self.count, (value, now));
        versions.pending = Some(self.count);
        self.count
    }

    fn promote(&mut self, name: &str, pending: u64, from: Option<u64>) -> bool {
        let lenient = self.lenient;
        let Some(versions) = self.secrets.get_mut(name) else { return false };
        if versions.current == Some(pending) {
            return true;
        }
        let known = versions.all.contains_key(&pending) && (lenient || versions.pending == Some(pending));
        if versions.current != from || !known {
            return false;
        }
        versions.current = Some(pending);
        versions.pending = versions.pending.filter(|other| *other != pending);
        true
    }

    fn transact(&mut self, table: &'static str, steps: &[Write], now: Timestamp) -> Outcome {
        for (step, write) in steps.iter().enumerate() {
            let (key, condition) = match write {
                Write::Put(put) => (&put.key, &put.condition),
                Write::Delete(key, condition) => (key, condition),
            };
            let current = self.find(table, key, now);
            let holds = match condition {
                Condition::Any => true,
                Condition::Absent => current.is_none(),
                Condition::Version(wanted) => current.is_some_and(|row| row.version == *wanted),
            };
            if !holds {
                return Outcome::Refused { step, current: current.cloned() };
            }
        }
        let mut first = None;
        for (step, write) in steps.iter().enumerate() {
            let version = match write {
                Write::Put(put) => {
                    self.count += 1;
                    let version = Version(self.count.to_string());
                    let row = Row {
                        key: put.key.clone(),
                        value: put.value.clone(),
                        version: version.clone(),
                        expires: put.expires,
                    };
                    self.rows.insert((table, put.key.partition.clone(), put.key.sort.clone()), row);
                    Some(version)
                }
                Write::Delete(key, _) => {
                    self.rows.remove(&(table, key.partition.clone(), key.sort.clone()));
                    None
                }
            };
            if step == 0 {
                first = version;
            }
        }
        Outcome::Done(first)
    }

    fn query(&self, table: &'static str, query: &Query, now: Timestamp) -> Page {
        let after = |sort: &str| match (&query.after, query.order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => sort > after.as_str(),
            (Some(after), Order::Descending) => sort < after.as_str(),
        };
        let mut rows: Vec<_> = self
            .rows
            .range((table, query.partition.clone(), String::new())..)
            .take_while(|((of, partition, _), _)| *of == table && *partition == query.partition)
            .map(|(_, row)| row)
            .filter(|row| row.expires.is_none_or(|end| end > now))
            .filter(|row| row.key.sort.starts_with(&query.prefix) && after(&row.key.sort))
            .filter(|row| query.below.as_ref().is_none_or(|below| row.key.sort < *below))
            .cloned()
            .collect();
        if query.order == Order::Descending {
            rows.reverse();
        }
        let more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let next = rows.last().filter(|_| more).map(|row| row.key.sort.clone());
        Page { rows, next }
    }
}

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

fn number(version: &VersionId) -> u64 {
    version.0.parse().unwrap()
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
            let found = world.kept().current(&of);
            found.map(|(value, version)| SecretValue {
                value: Secret::new(value),
                version: VersionId(version.to_string()),
            })
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
