//! How many connections share a sweep, and in which fair order: each minute another one comes first.

use shared::base::clock::Timestamp;

/// Connections that are handled at once, because nearly all of the time is waiting for stores and for Zoho. What is done for one
/// connection is done one after the other.
pub(crate) const AT_ONCE: usize = 16;

/// The golden ratio's part of 2⁶⁴. Steps of that part of a circle leave no large gap, however many there are.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Rotates the order every minute, so that where time is short, no connection or list waits for many minutes. With time for one in
/// `n` each has its turn within about `3 n` minutes.
pub(crate) fn rotate_by_minute<T>(all: &mut [T], now: Timestamp) {
    let minute = u64::try_from(now.as_second() / 60).unwrap_or_default();
    let start = u128::from(minute.wrapping_mul(GOLDEN)) * all.len() as u128;
    if let Ok(first) = usize::try_from(start >> 64)
        && first < all.len()
    {
        all.rotate_left(first);
    }
}

#[cfg(test)]
mod tests {
    use shared::base::clock::{SignedDuration, later};

    use super::*;

    #[test]
    fn each_has_its_turn_soon_also_where_time_is_short() {
        for (count, one_in) in [(1, 1), (2, 2), (7, 3), (2000, 2), (2000, 10), (2000, 50)] {
            let start: Timestamp = "2026-11-29T12:00:30Z".parse().unwrap();
            let share = usize::div_ceil(count, one_in);
            let mut waited = vec![0; count];
            let mut longest = 0;
            for minute in 0..3000 {
                let mut all: Vec<usize> = (0..count).collect();
                rotate_by_minute(&mut all, later(start, SignedDuration::from_mins(minute)));
                waited.iter_mut().for_each(|waited| *waited += 1);
                for served in &all[..share] {
                    longest = longest.max(std::mem::take(&mut waited[*served]));
                }
            }
            longest = longest.max(waited.into_iter().max().unwrap());
            assert!(longest <= 3 * one_in, "{count}, time for one in {one_in}: {longest} minutes");
        }
    }
}
