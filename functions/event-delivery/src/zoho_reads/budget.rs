//! The budget of one connection's reads in a sweep: the time that is left, and which products are not worth another read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::zoho::scope::Product;
use tokio::time::Instant;

use crate::zoho_reads::trouble::Trouble;

/// A read begins only where the sweep has this much time left.
const MIN_TIME_FOR_READ: Duration = Duration::from_secs(2);

/// The budget of one connection's reads in a sweep.
pub(crate) struct ReadBudget {
    /// Until when they must be over.
    pub(crate) until: Instant,
    /// Why all other reads of a product would fail, too: no token, no quota, or a silent Zoho.
    blocked: BTreeMap<Product, Trouble>,
    /// Products for which events have waited long enough.
    given_up: BTreeSet<Product>,
}

impl ReadBudget {
    pub(crate) fn new(until: Instant) -> Self {
        Self { until, blocked: BTreeMap::new(), given_up: BTreeSet::new() }
    }

    /// Whether there is time for another read.
    pub(crate) fn has_time(&self) -> bool {
        self.until.saturating_duration_since(Instant::now()) >= MIN_TIME_FOR_READ
    }

    /// From now on no event of this sweep waits for this product.
    pub(crate) fn give_up(&mut self, product: Product) {
        self.given_up.insert(product);
    }

    pub(crate) fn is_given_up(&self, product: Product) -> bool {
        self.given_up.contains(&product)
    }

    /// From now on no read of this product is tried in this sweep.
    pub(super) fn block(&mut self, product: Product, why: Trouble) {
        self.blocked.insert(product, why);
    }

    /// Refuses a read that would fail, or for which no time is left.
    pub(super) fn check(&self, product: Product) -> Result<(), Trouble> {
        match self.blocked.get(&product) {
            Some(why) => Err(why.clone()),
            None if !self.has_time() => Err(Trouble::Later("no time is left".to_owned())),
            None => Ok(()),
        }
    }
}
