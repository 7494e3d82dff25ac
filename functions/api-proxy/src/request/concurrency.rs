//! Limits how many calls run at a time. A call above the limit is refused before anything is done, so that the running ones keep
//! their pace. A call takes its place after its key was checked and its body has arrived: strangers and slow senders block nobody.
//!
//! Large bodies need a place of their own while they arrive, because they lie in memory meanwhile. One key gets at most half of
//! these places, so that slow senders with it do not block other keys.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::base::problem::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How often refusals are logged: a line for each refused call would make a flood worse.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How many bodies of more than [`LARGE`] bytes may arrive at a time, and never more than calls may be at work. Each has up to 4 MiB.
const LARGE_AT_ONCE: usize = 32;

/// The size in bytes above which a body needs a place to arrive. Most routes take no more than this.
pub(crate) const LARGE: usize = 128 * 1024;

/// All places.
#[derive(Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    large: Arc<Large>,
    told: Arc<Mutex<Option<Instant>>>,
}

/// The places of large bodies.
struct Large {
    many: usize,
    /// The key of each body that has one.
    taken: Mutex<Vec<String>>,
}

impl Large {
    fn taken(&self) -> MutexGuard<'_, Vec<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a large body, until it is dropped.
pub(crate) struct LargePlace {
    large: Arc<Large>,
    key: String,
}

impl Drop for LargePlace {
    fn drop(&mut self) {
        let mut taken = self.large.taken();
        if let Some(own) = taken.iter().position(|key| *key == self.key) {
            taken.swap_remove(own);
        }
    }
}

/// The place of one call, until its last clone is gone. The call that a tool makes has the place of the tool's own.
#[derive(Clone)]
pub(crate) struct Place {
    _held: Arc<OwnedSemaphorePermit>,
}

impl Places {
    /// Makes this many places.
    pub(crate) fn new(many: usize) -> Self {
        let free = Arc::new(Semaphore::new(many.min(Semaphore::MAX_PERMITS)));
        let large = Large { many: many.min(LARGE_AT_ONCE), taken: Mutex::default() };
        Self { free, large: Arc::new(large), told: Arc::default() }
    }

    /// A place, if one is free now. Nobody waits here, because the caller's time for its answer already runs.
    pub(crate) fn take(&self) -> Result<Place, Problem> {
        match self.free.clone().try_acquire_owned() {
            Ok(permit) => Ok(Place { _held: Arc::new(permit) }),
            Err(_) => Err(self.busy(
                "The connector works on as many calls as it takes at a time. This one was refused before anything was done.",
            )),
        }
    }

    /// A place for a large body of this key's, to be held until the body is there.
    pub(super) fn take_large(&self, key: &str) -> Result<LargePlace, Problem> {
        let mut taken = self.large.taken();
        let own = taken.iter().filter(|holder| *holder == key).count();
        if taken.len() < self.large.many && own < self.large.many.div_ceil(2) {
            taken.push(key.to_owned());
            return Ok(LargePlace { large: self.large.clone(), key: key.to_owned() });
        }
        drop(taken);
        Err(self.busy(
            "As many large bodies are on their way as the connector takes at a time, or half as many with this key. This one was \
             refused before anything was done.",
        ))
    }

    fn busy(&self, detail: &'static str) -> Problem {
        self.tell();
        Problem::new(Code::ConnectorBusy, detail).retry_after(1)
    }

    fn tell(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            drop(told);
            tracing::warn!(
                "calls are refused: as many are under way as ZOHO_CONNECTOR_CALLS_AT_ONCE lets in, or half as many as there may be connections, or as many large bodies arrive as are taken at a time or from one key"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_nobody_holds_it() {
        let places = Places::new(2);
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        let refused = places.take().err().unwrap();
        assert_eq!((refused.code(), refused.wait()), (Code::ConnectorBusy, 1));
        let of_a_tool = first.clone();
        drop(first);
        assert!(places.take().is_err(), "the tool's call goes on");
        drop(of_a_tool);
        assert!(places.take().is_ok());
        drop(second);
    }

    #[test]
    fn large_bodies_have_places_of_their_own_and_no_more_than_there_are_calls() {
        let places = Places::new(1);
        let (call, large) = (places.take().unwrap(), places.take_large("a").unwrap());
        assert_eq!(places.take_large("b").err().unwrap().code(), Code::ConnectorBusy);
        drop(large);
        assert!(places.take_large("b").is_ok());
        drop(call);
    }

    #[test]
    fn a_key_has_half_of_the_places_for_large_bodies() {
        let places = Places::new(1_000);
        let all_of = |key: &str| std::iter::from_fn(|| places.take_large(key).ok()).collect::<Vec<_>>();
        let mut first = all_of("a");
        assert_eq!(first.len(), LARGE_AT_ONCE / 2);
        let second = all_of("b");
        assert_eq!(second.len(), LARGE_AT_ONCE / 2, "whatever another key does");
        assert!(all_of("c").is_empty(), "these are all");
        drop(first.pop());
        assert!(places.take_large("b").is_err() && places.take_large("a").is_ok());
        drop((first, second));
        assert_eq!(all_of("c").len(), LARGE_AT_ONCE / 2);
    }
}
