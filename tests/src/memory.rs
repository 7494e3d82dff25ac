//! Stores in memory that fail when they are told to: before their work, or after it, when the answer is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::secret::Secret;
use shared::store::{
    Condition, Key, Outcome, Page, Put, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, Version,
    VersionId, Write,
};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It succeeds.
    Good,
    /// Nothing is done.
    Before,
    /// It is done, and nobody hears of it.
    After,
}

type Fates = Box<dyn FnMut(usize) -> Fate + Send>;

/// Rows and secrets.
pub struct Memory {
    clock: SharedClock,
    rows: Mutex<BTreeMap<(String, String), Row>>,
    secrets: Mutex<HashMap<String, SecretValue>>,
    calls: AtomicUsize,
    secret_reads: AtomicUsize,
    secrets_away: AtomicBool,
    fates: Mutex<Fates>,
}

impl Memory {
    /// Nothing yet, and no trouble.
    pub fn new(clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            rows: Mutex::default(),
            secrets: Mutex::default(),
            calls: AtomicUsize::new(0),
            secret_reads: AtomicUsize::new(0),
            secrets_away: AtomicBool::new(false),
            fates: Mutex::new(Box::new(|_| Fate::Good)),
        })
    }

    /// From now on, calls are counted from 0 and end as this says.
    pub fn trouble(&self, fates: impl FnMut(usize) -> Fate + Send + 'static) {
        self.calls.store(0, Ordering::SeqCst);
        *self.fates.lock().unwrap() = Box::new(fates);
    }

    /// As all functions see it.
    pub fn stores(self: &Arc<Self>) -> Stores {
        Stores { secrets: self.clone(), state: self.clone(), events: self.clone() }
    }

    /// The calls since the last trouble.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// How often secrets were read.
    pub fn secret_reads(&self) -> usize {
        self.secret_reads.load(Ordering::SeqCst)
    }

    /// Whether secrets cannot be read at all.
    pub fn secrets_are_away(&self, away: bool) {
        self.secrets_away.store(away, Ordering::SeqCst);
    }

    /// The rows whose partition begins with this.
    pub fn rows(&self, begin: &str) -> Vec<Row> {
        let rows = self.rows.lock().unwrap();
        rows.values().filter(|row| row.key.partition.starts_with(begin)).cloned().collect()
    }

    /// Forgets all rows.
    pub fn clear(&self) {
        self.rows.lock().unwrap().clear();
    }

    /// Forgets all rows but those of these partitions.
    pub fn clear_but(&self, partitions: &[&str]) {
        self.rows.lock().unwrap().retain(|(partition, _), _| partitions.contains(&partition.as_str()));
    }

    fn call<T>(&self, work: impl FnOnce() -> T) -> Result<T, StoreError> {
        let fate = (self.fates.lock().unwrap())(self.calls.fetch_add(1, Ordering::SeqCst));
        let failed = Err(StoreError::Unavailable("injected".to_owned()));
        match fate {
            Fate::Good => Ok(work()),
            Fate::Before => failed,
            Fate::After => {
                work();
                failed
            }
        }
    }

    fn find(rows: &BTreeMap<(String, String), Row>, key: &Key, now: Timestamp) -> Option<Row> {
        let row = rows.get(&(key.partition.clone(), key.sort.clone()))?;
        row.expires.is_none_or(|end| end > now).then(|| row.clone())
    }

    fn write(&self, steps: Vec<Write>) -> Outcome {
        let (mut rows, now) = (self.rows.lock().unwrap(), self.clock.now());
        for (step, write) in steps.iter().enumerate() {
            let (Write::Put(Put { key, condition, .. }) | Write::Delete(key, condition)) = write;
            let current = Self::find(&rows, key, now);
            let holds = match condition {
                Condition::Any => true,
                Condition::Absent => current.is_none(),
                Condition::Version(wanted) => current.as_ref().is_some_and(|row| row.version == *wanted),
            };
            if !holds {
                return Outcome::Refused { step, current };
            }
        }
        for write in steps {
            match write {
                Write::Put(Put { key, value, expires, .. }) => {
                    let at = (key.partition.clone(), key.sort.clone());
                    rows.insert(at, Row { key, value, version: Version("1".to_owned()), expires });
                }
                Write::Delete(key, _) => drop(rows.remove(&(key.partition, key.sort))),
            }
        }
        Outcome::Done(Some(Version("1".to_owned())))
    }
}

#[async_trait]
impl Table for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.call(|| Self::find(&self.rows.lock().unwrap(), key, self.clock.now()))
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        self.call(|| self.write(steps))
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call(|| Page { rows: self.rows(&query.partition), next: None })
    }
}

#[async_trait]
impl Secrets for Memory {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        self.secret_reads.fetch_add(1, Ordering::SeqCst);
        if self.secrets_away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("injected".to_owned()));
        }
        self.call(|| self.secrets.lock().unwrap().get(name).cloned())
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let version = VersionId(shared::base::secret::random_hex::<8>());
        let kept = SecretValue { value: value.clone(), version: version.clone() };
        self.call(|| drop(self.secrets.lock().unwrap().insert(format!("pending {name}"), kept)))?;
        Ok(version)
    }

    async fn promote(&self, name: &str, _: &VersionId, _: Option<&VersionId>) -> Result<bool, StoreError> {
        self.call(|| {
            let mut secrets = self.secrets.lock().unwrap();
            let pending = secrets.remove(&format!("pending {name}"));
            pending.map(|pending| secrets.insert(name.to_owned(), pending)).is_some()
        })
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.call(|| drop(self.secrets.lock().unwrap().remove(name)))
    }

    async fn versions_since(&self, _: &str, _: Timestamp) -> Result<usize, StoreError> {
        self.call(|| 0)
    }
}
