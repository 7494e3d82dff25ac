//! The caller of Inventory.

use tokio::time::Instant;

use super::window::Priority;

/// The caller of Inventory, as the quota knows it.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The id of the service key. A place that is kept for one key is given to no other.
    pub key: &'a str,
    /// For whom the call is made.
    pub priority: Priority,
    /// When the answer must be there.
    pub deadline: Instant,
}
