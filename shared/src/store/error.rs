//! Why a store did not do what it was asked.

use crate::base::problem::{Code, Problem};

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is locked for too long, or its disk fails.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// More than one row or one transaction may hold, on any of the stores.
    #[error("the store takes no more than {0}")]
    TooLarge(&'static str),
    /// A stored record that this version cannot read.
    #[error("a stored record cannot be read: {0}")]
    Unreadable(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                Self::new(Code::StoreUnavailable, "The connector could not reach its own store.")
                    .because(cause)
            }
            other => Self::internal(other.to_string()),
        }
    }
}
