//! Fair order: each minute another one comes first.

use shared::base::clock::Timestamp;

/// Rotates the order every minute, so that no connection or list is always the last one and never gets its time.
pub(crate) fn rotate_by_minute<T>(all: &mut [T], now: Timestamp) {
    if let (Ok(minute), false) = (usize::try_from(now.as_second() / 60), all.is_empty()) {
        all.rotate_left(minute % all.len());
    }
}
