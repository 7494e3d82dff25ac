//! A process's life: it ends at a step that was drawn, and does nothing from then on.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use shared::store::{Key, Outcome, Page, Query, Row, StoreError, Stores, Table, Write};
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

/// A table as a process reaches it, while it lives.
struct Mortal {
    table: Arc<dyn Table>,
    life: Arc<Life>,
}

/// The stores as a process reaches them: its secrets take no steps.
pub(super) fn stores(kept: &Stores, life: &Arc<Life>) -> Stores {
    let of = |table: &Arc<dyn Table>| Arc::new(Mortal { table: table.clone(), life: life.clone() });
    Stores { secrets: kept.secrets.clone(), state: of(&kept.state), events: of(&kept.events) }
}

#[async_trait]
impl Table for Mortal {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.life.step().await;
        self.table.get(key).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        self.life.step().await;
        let outcome = self.table.transact(steps).await;
        // It may die before it hears of it.
        self.life.step().await;
        outcome
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.life.step().await;
        self.table.query(query).await
    }
}
