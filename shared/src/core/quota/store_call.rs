//! The timeout of calls to the store, and the conversion of times.

use std::time::Duration;

use crate::base::clock::Timestamp;

/// How long a call to the store may take.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
