//! What the operator orders of token-refresh. No function can write an order, so that nobody who takes one over can end
//! connections with the right to ask for tokens: token-refresh does only what it finds ordered, and once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::clock::{SharedClock, SignedDuration, later};
use crate::base::id::ConnectionName;
use crate::base::secret::Secret;
use crate::store::{Condition, Key, Put, StoreError, Table, take};

const PARTITION: &str = "order";

/// How long an order waits to be fetched.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// To end a connection.
    Disconnect {
        /// The connection.
        connection: ConnectionName,
    },
    /// To bring CRM's channel in line with what is watched for a connection.
    Watch {
        /// The connection.
        connection: ConnectionName,
    },
}

/// The orders of an installation.
pub struct Orders {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl Orders {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Gives an order, and returns its id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn give(&self, order: &Order) -> Result<String, StoreError> {
        let id = Secret::random().digest();
        let put = Put::record(Key::new(PARTITION, &id), order, Condition::Absent)?;
        self.state.put(put.until(later(self.clock.now(), LIFETIME))).await?;
        Ok(id)
    }

    /// Takes an order away, for the one who carries it out. Nothing where there is none, or another one took it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take(&self, id: &str) -> Result<Option<Order>, StoreError> {
        take(&*self.state, Key::new(PARTITION, id)).await
    }
}
