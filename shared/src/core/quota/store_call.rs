//! What calls to the store have in common: how long they may take, and how their times are written.

use std::time::Duration;

use crate::base::clock::Timestamp;

/// A store that is slower than this is not waited for.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
