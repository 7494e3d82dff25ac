//! What the stores keep, which nothing befalls: in memory, or in a file of SQLite.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::secret::Secret;
use shared::store::sqlite::Sqlite;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::simulation::kept::Kept;

/// Stores in memory.
pub fn in_memory(clock: &SharedClock) -> Stores {
    let kept = Arc::new(Mutex::new(Kept::new(false)));
    let store = |table| Arc::new(InMemory { kept: kept.clone(), clock: clock.clone(), table });
    Stores { secrets: store("secrets"), state: store("state"), events: store("events") }
}

/// Stores in a file, and its folder, which is gone when that is dropped.
pub fn on_file(clock: &SharedClock) -> (Stores, TempDir) {
    let folder = TempDir::new().unwrap();
    let file: Stores = Sqlite::open(folder.path(), clock.clone()).unwrap().into();
    let stores = Stores {
        secrets: Arc::new(OnFile(file.secrets)),
        state: Arc::new(OnFile(file.state)),
        events: Arc::new(OnFile(file.events)),
    };
    (stores, folder)
}

struct InMemory {
    kept: Arc<Mutex<Kept>>,
    clock: SharedClock,
    table: &'static str,
}

impl InMemory {
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

fn number(version: &VersionId) -> u64 {
    version.0.parse().unwrap()
}

#[async_trait]
impl Secrets for InMemory {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let found = self.kept().current(name);
        Ok(found.map(|(value, version)| SecretValue {
            value: Secret::new(value),
            version: VersionId(version.to_string()),
        }))
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

/// A store whose work is done by threads of its own.
struct OnFile<T: ?Sized>(Arc<T>);

/// Simulated time stands still meanwhile, as it does for work that blocks.
async fn timeless<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(work)).await.unwrap()
}

#[async_trait]
impl Table for OnFile<dyn Table> {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let (table, key) = (self.0.clone(), key.clone());
        timeless(async move { table.get(&key).await }).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let table = self.0.clone();
        timeless(async move { table.transact(steps).await }).await
    }

    fn is_dated_by_one_machine(&self) -> bool {
        self.0.is_dated_by_one_machine()
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let table = self.0.clone();
        timeless(async move { table.query(query).await }).await
    }
}

#[async_trait]
impl Secrets for OnFile<dyn Secrets> {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let (secrets, name) = (self.0.clone(), name.to_owned());
        timeless(async move { secrets.get(&name).await }).await
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let (secrets, name, value) = (self.0.clone(), name.to_owned(), value.clone());
        timeless(async move { secrets.stage(&name, &value).await }).await
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let (secrets, name) = (self.0.clone(), name.to_owned());
        let (pending, from) = (pending.clone(), from.cloned());
        timeless(async move { secrets.promote(&name, &pending, from.as_ref()).await }).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let (secrets, name) = (self.0.clone(), name.to_owned());
        timeless(async move { secrets.delete(&name).await }).await
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let (secrets, name) = (self.0.clone(), name.to_owned());
        timeless(async move { secrets.versions_since(&name, since).await }).await
    }
}
