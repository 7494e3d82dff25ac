//! Deliveries that wait to be sent.

/// A webhook or a notification, ready to be sent.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    /// Empty = none.
    pub(crate) signature: String,
}
