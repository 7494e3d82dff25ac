//! AWS as far as its limits and its price go: each call takes its time, is counted in units, and above a limit it is throttled and
//! tried again as the SDK does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::secret::Secret;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};
use tests::dice::Dice;
use tests::simulation::in_memory::InMemory;
use tests::simulation::kept::Kept;
use tokio::time::sleep;

/// What a partition of a table takes in a second.
const PARTITION_READ_UNITS: u64 = 3000;
const PARTITION_WRITE_UNITS: u64 = 1000;

/// Calls of one kind that Secrets Manager takes in a second; of reads of a value it takes 10,000.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
const SECRET_CALLS: u64 = 50;

/// How often the SDK sends a call.
const ATTEMPTS: u32 = 3;

/// What calls take, within a region.
const GET: Duration = Duration::from_millis(4);
const QUERY: Duration = Duration::from_millis(6);
const PUT: Duration = Duration::from_millis(8);
const TRANSACTION: Duration = Duration::from_millis(16);
const READ_SECRET: Duration = Duration::from_millis(15);
const WRITE_SECRET: Duration = Duration::from_millis(40);

/// What was asked of it.
#[derive(Default)]
pub(super) struct Meter {
    pub(super) calls: BTreeMap<&'static str, u64>,
    pub(super) read_units: u64,
    pub(super) write_units: u64,
    pub(super) throttled: u64,
    /// When events came into the queue, by their ids.
    pub(super) queued: HashMap<String, Timestamp>,
    /// What was used of each limit in which second.
    used: HashMap<String, (i64, u64)>,
}

/// The stores.
pub(super) struct Aws {
    pub(super) clock: SharedClock,
    pub(super) meter: Mutex<Meter>,
    kept: Arc<Mutex<Kept>>,
    dice: Mutex<Dice>,
}

impl Aws {
    pub(super) fn new(clock: SharedClock) -> Arc<Self> {
        let (kept, dice) = (Arc::new(Mutex::new(Kept::new(false))), Mutex::new(Dice(7)));
        Arc::new(Self { clock, meter: Mutex::default(), kept, dice })
    }

    pub(super) fn stores(self: &Arc<Self>) -> Stores {
        let store = |table| InMemory::new(&self.kept, &self.clock, table);
        let of = |table| Arc::new(Handle { aws: self.clone(), store: store(table), table });
        Stores { secrets: of("secrets"), state: of("state"), events: of("events") }
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// What was asked since the last time.
    pub(super) fn take_meter(&self) -> Meter {
        std::mem::take(&mut self.meter.lock().unwrap())
    }

    /// Waits for a call's answer, again where it is throttled.
    async fn call(
        &self,
        name: &'static str,
        takes: Duration,
        limits: impl Fn() -> Vec<(String, u64, u64)>,
    ) -> Result<(), StoreError> {
        for attempt in 0..ATTEMPTS {
            sleep(takes).await;
            if self.meter.lock().unwrap().take(name, limits(), self.clock.now().as_second()) {
                return Ok(());
            }
            let part = self.dice.lock().unwrap().below(1000);
            let pause = Duration::from_secs(1 << attempt) * u32::try_from(part).unwrap() / 1000;
            sleep(pause).await;
        }
        Err(StoreError::Unavailable(format!("{name}: ThrottlingException")))
    }
}

impl Meter {
    /// Counts a call; says whether every limit has room for it.
    fn take(&mut self, name: &'static str, limits: Vec<(String, u64, u64)>, second: i64) -> bool {
        *self.calls.entry(name).or_default() += 1;
        let used = |meter: &Self, limit: &str| {
            meter.used.get(limit).filter(|(of, _)| *of == second).map_or(0, |(_, used)| *used)
        };
        if limits.iter().any(|(limit, wanted, most)| used(self, limit) + wanted > *most) {
            self.throttled += 1;
            return false;
        }
        for (limit, wanted, _) in limits {
            let used = used(self, &limit) + wanted;
            self.used.insert(limit, (second, used));
        }
        true
    }
}

/// One of the stores.
struct Handle {
    aws: Arc<Aws>,
    store: InMemory,
    table: &'static str,
}

impl Handle {
    fn limit(&self, way: &str, partition: &str) -> String {
        format!("{way} {}/{partition}", self.table)
    }

    async fn reads(
        &self,
        name: &'static str,
        takes: Duration,
        partition: &str,
        bytes: usize,
    ) -> Result<(), StoreError> {
        // Strongly consistent, so that 4 KB are a whole unit.
        let units = units(bytes, 4096);
        let limit = self.limit("reads", partition);
        self.aws.call(name, takes, || vec![(limit.clone(), units, PARTITION_READ_UNITS)]).await?;
        self.aws.meter.lock().unwrap().read_units += units;
        Ok(())
    }
}

fn units(bytes: usize, unit: usize) -> u64 {
    u64::try_from(bytes.div_ceil(unit).max(1)).unwrap()
}

fn bytes(row: &Row) -> usize {
    row.key.partition.len() + row.key.sort.len() + row.value.len() + 100
}

#[async_trait]
impl Table for Handle {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let found = Table::get(&self.store, key).await?;
        self.reads("GetItem", GET, &key.partition, found.as_ref().map_or(0, bytes)).await?;
        Table::get(&self.store, key).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let times = if steps.len() > 1 { 2 } else { 1 };
        let wanted: Vec<(String, u64)> = steps
            .iter()
            .map(|step| match step {
                Write::Put(put) => {
                    let bytes = put.key.partition.len() + put.key.sort.len() + put.value.len() + 100;
                    (put.key.partition.clone(), times * units(bytes, 1024))
                }
                Write::Delete(key, _) => (key.partition.clone(), times),
            })
            .collect();
        let limits = || {
            let mut by_partition: BTreeMap<String, u64> = BTreeMap::new();
            for (partition, units) in &wanted {
                *by_partition.entry(self.limit("writes", partition)).or_default() += units;
            }
            by_partition.into_iter().map(|(limit, units)| (limit, units, PARTITION_WRITE_UNITS)).collect()
        };
        let (name, takes) =
            if steps.len() > 1 { ("TransactWriteItems", TRANSACTION) } else { ("PutItem", PUT) };
        self.aws.call(name, takes, limits).await?;
        let outcome = self.store.transact(steps.clone()).await?;
        let now = self.aws.clock.now();
        let mut meter = self.aws.meter.lock().unwrap();
        meter.write_units += wanted.iter().map(|(_, units)| units).sum::<u64>();
        if matches!(outcome, Outcome::Done(_)) {
            for step in &steps {
                if let Write::Put(put) = step
                    && put.key.partition.starts_with("queue#")
                {
                    meter.queued.entry(put.key.sort.clone()).or_insert(now);
                }
            }
        }
        Ok(outcome)
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let page = self.store.query(query.clone()).await?;
        let bytes: usize = page.rows.iter().map(bytes).sum();
        // A megabyte is one answer.
        let calls = u32::try_from(bytes / (1 << 20)).unwrap() + 1;
        self.reads("Query", QUERY * calls, &query.partition, bytes).await?;
        Ok(page)
    }
}

#[async_trait]
impl Secrets for Handle {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        self.aws.call("GetSecretValue", READ_SECRET, Vec::new).await?;
        Secrets::get(&self.store, name).await
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        // A new one is made, read, and then written.
        let calls: &[&'static str] = if self.aws.kept().current(name).is_none() {
            &["CreateSecret", "PutSecretValue"]
        } else {
            &["PutSecretValue"]
        };
        for call in calls {
            self.aws.call(call, WRITE_SECRET, || vec![((*call).to_owned(), 1, SECRET_CALLS)]).await?;
        }
        self.store.stage(name, value).await
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let call = "UpdateSecretVersionStage";
        self.aws.call(call, WRITE_SECRET, || vec![(call.to_owned(), 1, SECRET_CALLS)]).await?;
        self.store.promote(name, pending, from).await
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("nobody disconnects here")
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let call = "ListSecretVersionIds";
        self.aws.call(call, READ_SECRET, || vec![(call.to_owned(), 1, SECRET_CALLS)]).await?;
        self.store.versions_since(name, since).await
    }
}
