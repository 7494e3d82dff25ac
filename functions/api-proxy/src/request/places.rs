//! How many calls are worked on at a time. One more is refused before anything is done, so that those that were taken keep their
//! pace. A request of a checked key takes a place once all of it is there: who has no key, or sends slowly, keeps nobody out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::base::problem::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How often the log tells of it: a line for each refused call would make a flood worse.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// All places.
#[derive(Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
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
        Self { free: Arc::new(Semaphore::new(many.min(Semaphore::MAX_PERMITS))), told: Arc::default() }
    }

    /// A place, at once or not at all: who waits here would be late afterwards.
    pub(crate) fn take(&self) -> Result<Place, Problem> {
        if let Ok(permit) = self.free.clone().try_acquire_owned() {
            return Ok(Place { _held: Arc::new(permit) });
        }
        self.tell();
        let detail = "The connector works on as many calls as it takes at a time. This one was refused before anything was done.";
        Err(Problem::new(Code::ConnectorBusy, detail).retry_after(1))
    }

    fn tell(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            drop(told);
            tracing::warn!(
                "calls are refused: as many are under way as ZOHO_CONNECTOR_CALLS_AT_ONCE lets in, or half as many as there may be connections"
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
}
