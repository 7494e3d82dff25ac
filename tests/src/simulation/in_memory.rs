//! Stores in memory, which nothing befalls.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::secret::Secret;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};

use super::kept::Kept;

/// One of the stores.
pub struct InMemory {
    kept: Arc<Mutex<Kept>>,
    clock: SharedClock,
    table: &'static str,
}

impl InMemory {
    /// The store of this name in what is kept.
    pub fn new(kept: &Arc<Mutex<Kept>>, clock: &SharedClock, table: &'static str) -> Self {
        Self { kept: kept.clone(), clock: clock.clone(), table }
    }

    /// All of them, with nothing in them.
    pub fn stores(clock: &SharedClock) -> Stores {
        let kept = Arc::new(Mutex::new(Kept::new(false)));
        let store = |table| Arc::new(Self::new(&kept, clock, table));
        Stores { secrets: store("secrets"), state: store("state"), events: store("events") }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

#[async_trait]
impl Table for InMemory {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        Ok(self.kept().find(self.table, key, self.clock.now()).cloned())
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        Ok(self.kept().transact(self.table, &steps, self.clock.now()))
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        Ok(self.kept().query(self.table, &query, self.clock.now()))
    }
}

/// What is kept of a version.
pub(super) fn number(version: &VersionId) -> u64 {
    version.0.parse().unwrap()
}

/// What is kept of a secret, as its store gives it.
pub(super) fn secret_value((value, version): (String, u64)) -> SecretValue {
    SecretValue { value: Secret::new(value), version: VersionId(version.to_string()) }
}

#[async_trait]
impl Secrets for InMemory {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        Ok(self.kept().current(name).map(secret_value))
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let staged = self.kept().stage(name, value.expose().to_owned(), self.clock.now());
        Ok(VersionId(staged.to_string()))
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        Ok(self.kept().promote(name, number(pending), from.map(number)))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.kept().delete(name);
        Ok(())
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        Ok(self.kept().versions(name, since))
    }
}
