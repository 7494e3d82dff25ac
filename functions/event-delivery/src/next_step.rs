//! What comes next for a batch.

use shared::base::clock::Timestamp;

/// When there is more to do for a batch.
pub(crate) enum NextStep {
    /// At once.
    Now,
    /// At once, and the hook took the batch.
    Admitted,
    /// At this moment.
    At(Timestamp),
    /// Never, or another process does it.
    None,
}
