//! The one source of chance: the same seed gives the same run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// SplitMix64: small, and good enough to choose by.
pub struct Random(AtomicU64);

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(STEP) ^ 0x5EED))
    }

    /// The next number.
    pub fn number(&self) -> u64 {
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.number() % (high - low + 1)
    }

    /// So many milliseconds.
    pub fn milliseconds(&self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// So many seconds, to the millisecond.
    pub fn seconds(&self, low: u64, high: u64) -> Duration {
        self.milliseconds(low * 1000, high * 1000)
    }

    /// True so many times in a thousand.
    pub fn chance(&self, per_mille: u64) -> bool {
        self.number() % 1000 < per_mille
    }

    /// One of them.
    pub fn pick<T: Copy>(&self, all: &[T]) -> T {
        let index = self.number() % u64::try_from(all.len()).unwrap();
        all[usize::try_from(index).unwrap()]
    }
}
