//! Stores in a file of SQLite, which nothing befalls.

use std::sync::Arc;

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
