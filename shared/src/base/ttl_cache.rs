//! A cache whose values are valid for a minute, so that every process learns of a revocation or a change within that time.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_younger};

/// How long a value is valid.
pub const TTL: SignedDuration = SignedDuration::from_secs(60);

/// More keys than an installation has. Beyond it the cache is emptied, so that made-up keys cannot fill the memory.
const MAX_KEYS: usize = 1000;

/// Values by key, each valid for [`TTL`].
pub struct TtlCache<K, V> {
    clock: SharedClock,
    known: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    /// An empty cache.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, known: Mutex::default() }
    }

    /// The value of a key, if it is still valid.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(read, _)| is_younger(*read, now, TTL)).map(|(_, value)| value.clone())
    }

    /// The last value of a key, however old.
    pub fn last_known<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).map(|(_, value)| value.clone())
    }

    /// Stores a value that was just read.
    pub fn learn(&self, key: K, value: V) {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KEYS {
            known.clear();
        }
        known.insert(key, (now, value));
    }

    /// Forgets a key.
    pub fn forget<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
