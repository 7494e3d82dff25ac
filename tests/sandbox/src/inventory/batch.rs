//! A batch, as the shop keeps it; what makes and checks batches needs the whole state and stands above.

/// A batch of an item.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) number: String,
    pub(crate) place: String,
    /// The line that made it.
    pub(crate) line: String,
}
