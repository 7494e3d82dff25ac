//! How many calls are worked on at a time. One more is refused before anything is done, so that those that were taken keep their
//! pace. A request of a checked key takes a place once all of it is there: who has no key, or sends slowly, keeps nobody out. Large
//! bodies have places of their own while they arrive: without, as many of them as there may be connections would lie in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::base::problem::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How often the log tells of it: a line for each refused call would make a flood worse.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How many bodies of more than [`LARGE`] bytes arrive at a time, where as many calls may be at work: 4 MiB each.
const LARGE_AT_ONCE: usize = 32;

/// Up to here, a body arrives without a place. It is what most routes take at most.
pub(crate) const LARGE: usize = 128 * 1024;

/// All places.
#[derive(Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    large: Arc<Semaphore>,
    told: Arc<Mutex<Option<Instant>>>,
}

/// The place of one call, until its last clone is gone. The call that a tool makes has the place of the tool's own.
#[derive(Clone)]
pub(crate) struct Place {
    _held: Arc<OwnedSemaphorePermit>,
}

impl Places {
    /// So many.
    pub(crate) fn new(many: usize) -> Self {
        let places = |many: usize| Arc::new(Semaphore::new(many.min(Semaphore::MAX_PERMITS)));
        Self { free: places(many), large: places(many.min(LARGE_AT_ONCE)), told: Arc::default() }
    }

    /// A place, at once or not at all: who waits here would be late afterwards.
    pub(crate) fn take(&self) -> Result<Place, Problem> {
        self.one_of(
            &self.free,
            "The connector works on as many calls as it takes at a time. This one was refused before anything was done.",
        )
    }

    /// A place for a large body, until it is there.
    pub(crate) fn take_large(&self) -> Result<Place, Problem> {
        self.one_of(
            &self.large,
            "As many large bodies are on their way as the connector takes at a time. This one was refused before anything was done.",
        )
    }

    fn one_of(&self, free: &Arc<Semaphore>, detail: &'static str) -> Result<Place, Problem> {
        if let Ok(permit) = free.clone().try_acquire_owned() {
            return Ok(Place { _held: Arc::new(permit) });
        }
        self.tell();
        Err(Problem::new(Code::ConnectorBusy, detail).retry_after(1))
    }

    fn tell(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            drop(told);
            tracing::warn!(
                "calls are refused: as many are under way as ZOHO_CONNECTOR_CALLS_AT_ONCE lets in, or half as many as there may be connections, or as many large bodies arrive as are taken at a time"
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
        let (call, large) = (places.take().unwrap(), places.take_large().unwrap());
        assert_eq!(places.take_large().err().unwrap().code(), Code::ConnectorBusy);
        drop(large);
        assert!(places.take_large().is_ok());
        drop(call);
        let many = Places::new(1_000);
        let large: Vec<Place> = std::iter::from_fn(|| many.take_large().ok()).collect();
        assert_eq!(large.len(), LARGE_AT_ONCE);
    }
}
