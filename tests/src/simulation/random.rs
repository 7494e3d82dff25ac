//! The one source of chance: the same seed gives the same run.

use std::sync::Mutex;
use std::time::Duration;

use crate::dice::{Dice, STEP};

/// Dice for all who run at once.
pub struct Random(Mutex<Dice>);

impl Random {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Dice(seed.wrapping_mul(STEP) ^ 0x5EED)))
    }

    /// The next number.
    pub fn number(&self) -> u64 {
        self.0.lock().unwrap().roll()
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
