//! Who makes a call to Inventory.

use tokio::time::Instant;

use super::window::Priority;

/// Who wants to make a call.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The id of their key: a place that is kept for a key is no other key's.
    pub key: &'a str,
    /// For whom.
    pub priority: Priority,
    /// Until when they must have their answer.
    pub deadline: Instant,
}
