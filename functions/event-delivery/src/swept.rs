//! What a sweep did.

use serde::Serialize;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::store::StoreError;

/// What a sweep did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Entries that were made of events.
    pub queued: usize,
    /// Batches that the hook took.
    pub told: usize,
    /// Changes that polling found and no webhook had reported.
    pub found: usize,
    /// Connections for which something failed.
    pub failed: usize,
    /// When something is due again, as far as that is known.
    pub next: Option<Timestamp>,
}

impl Swept {
    /// Adds what was done beside it.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { queued, told, found, failed, next } = other;
        self.queued += queued;
        self.told += told;
        self.found += found;
        self.failed += failed;
        next.iter().for_each(|at| self.due_at(*at));
    }

    /// Something is due again at this time.
    pub(crate) fn due_at(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |known| known.min(at)));
    }

    /// The store failed for this connection.
    pub(crate) fn failed_for(&mut self, connection: &ConnectionName, error: &StoreError) {
        self.failed += 1;
        tracing::error!(%connection, %error, "events could not be delivered");
    }
}
