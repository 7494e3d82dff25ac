//! A process's life: it ends at a step that was drawn, and does nothing from then on.

use std::future::pending;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::secret::Secret;
use shared::store::{
    Key, Outcome, Page, Query, Row, SecretValue, Secrets, StoreError, Stores, Table, VersionId, Write,
};
use tests::simulation::kept::Kept;
use tokio::task::yield_now;

/// How many steps are left: calls to stores and to Zoho.
#[derive(Debug)]
pub(super) struct Life(AtomicI64);

impl Life {
    /// One that ends after so many steps, if at all.
    pub(super) fn of(steps: Option<i64>) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(steps.unwrap_or(i64::MAX))))
    }

    /// A step; who is dead takes none, and never wakes.
    pub(super) async fn step(&self) {
        yield_now().await;
        if self.0.fetch_sub(1, Ordering::SeqCst) <= 0 {
            pending::<()>().await;
        }
    }
}

/// The stores as a process reaches them, while it lives.
pub(super) struct Mortal {
    pub(super) kept: Arc<Mutex<Kept>>,
    pub(super) life: Arc<Life>,
    pub(super) clock: SharedClock,
    pub(super) table: &'static str,
}

/// All of them.
pub(super) fn stores(kept: &Arc<Mutex<Kept>>, life: &Arc<Life>, clock: &SharedClock) -> Stores {
    let of = |table| Arc::new(Mortal { kept: kept.clone(), life: life.clone(), clock: clock.clone(), table });
    Stores { secrets: of("secrets"), state: of("state"), events: of("events") }
}

impl Mortal {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

#[async_trait]
impl Table for Mortal {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.life.step().await;
        Ok(self.kept().find(self.table, key, self.clock.now()).cloned())
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        self.life.step().await;
        let outcome = self.kept().transact(self.table, &steps, self.clock.now());
        // It may die before it hears of it.
        self.life.step().await;
        Ok(outcome)
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.life.step().await;
        Ok(self.kept().query(self.table, &query, self.clock.now()))
    }
}

#[async_trait]
impl Secrets for Mortal {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let found = self.kept().current(name);
        Ok(found.map(|(value, version)| SecretValue {
            value: Secret::new(value),
            version: VersionId(version.to_string()),
        }))
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let version = self.kept().stage(name, value.expose().to_owned(), self.clock.now());
        Ok(VersionId(version.to_string()))
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let number = |version: &VersionId| version.0.parse().unwrap();
        Ok(self.kept().promote(name, number(pending), from.map(number)))
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("api-proxy deletes no secret")
    }

    async fn versions_since(&self, _: &str, _: Timestamp) -> Result<usize, StoreError> {
        unreachable!("api-proxy counts no versions")
    }
}
