//! A cache whose values count for a minute: every process knows of a revocation or a change after that.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later};

/// How long a value counts.
pub const TTL: SignedDuration = SignedDuration::from_secs(60);

/// More keys than an installation has. A flood of made-up keys empties the cache.
const MAX_KEYS: usize = 1000;

/// Values by key, each counted for [`TTL`].
pub struct TtlCache<K, V> {
    clock: SharedClock,
    known: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    /// Nothing yet.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, known: Mutex::default() }
    }

    /// What was read of this key, if that is not too long ago.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(read, _)| now < later(*read, TTL)).map(|(_, value)| value.clone())
    }

    /// What was read of this key last, however long ago.
    pub fn last_known<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).map(|(_, value)| value.clone())
    }

    /// Remembers what was read just now.
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
