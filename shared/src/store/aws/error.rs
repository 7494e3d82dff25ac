//! What AWS said, in one line.

use std::error::Error;
use std::fmt::Display;

use crate::store::StoreError;

/// Names the call and all causes: AWS's errors hide them behind one another.
pub(super) fn unavailable(call: impl Display, error: &(dyn Error + 'static)) -> StoreError {
    let mut text = call.to_string();
    let mut next = Some(error);
    while let Some(error) = next {
        text += &format!(": {error}");
        next = error.source();
    }
    StoreError::Unavailable(text)
}
