//! Work beside requests, for which no answer waits. On Lambda, the next event is asked for once it is done: a process is frozen while
//! it waits for one, with all that is left running. `serve` ends once it is done.

use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long work leaves the processor to the answer beside which it is done. Zoho takes longer than that. An answer that does not
/// would come later by all that the work computes, which is a lot on the part of a processor that a small function has.
const HEAD_START: Duration = Duration::from_millis(5);

/// How long the next event waits for it at most. What takes longer goes on whenever the process does.
const MOST_WAIT: Duration = Duration::from_secs(3);

/// What a process does beside its requests.
#[derive(Debug, Clone, Default)]
pub struct Background(Arc<Beside>);

#[derive(Debug, Default)]
struct Beside {
    tasks: Mutex<JoinSet<()>>,
    answered: Arc<Notify>,
}

impl Background {
    /// Begins some work a moment later, or as soon as `finish` waits for it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let answered = self.0.answered.clone().notified_owned();
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let _one_of_both = timeout(HEAD_START, answered).await;
            work.await;
        });
    }

    /// Waits until all of it is done.
    pub async fn finish(&self) {
        let mut tasks = take(&mut *self.tasks());
        self.0.answered.notify_waiters();
        if timeout(MOST_WAIT, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!("work beside requests takes longer than the next one may wait");
            tasks.detach_all();
        }
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_work_is_done_when_it_is_finished_but_no_event_waits_for_ever() {
        let (background, done) = (Background::default(), Arc::new(AtomicUsize::new(0)));
        let work = |seconds| {
            let done = done.clone();
            async move {
                sleep(Duration::from_secs(seconds)).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        let begun = Instant::now();
        background.finish().await;
        background.spawn(work(1));
        background.spawn(work(2));
        background.spawn(async { panic!("this ends alone") });
        background.finish().await;
        assert_eq!((done.load(Ordering::SeqCst), begun.elapsed()), (2, Duration::from_secs(2)));

        background.spawn(work(10));
        background.finish().await;
        assert_eq!((done.load(Ordering::SeqCst), begun.elapsed()), (2, Duration::from_secs(2) + MOST_WAIT));
        sleep(Duration::from_secs(10)).await;
        assert_eq!(done.load(Ordering::SeqCst), 3, "it went on");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_there_at_once_does_not_wait_for_the_work() {
        let (background, begun) = (Background::default(), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let begun = begun.clone();
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
            }
        };
        let millisecond = Duration::from_millis(1);
        background.spawn(work());
        sleep(HEAD_START - millisecond).await;
        assert_eq!(begun.load(Ordering::SeqCst), 0);
        sleep(2 * millisecond).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1, "it is done beside an answer that takes longer");

        background.spawn(work());
        let sent = Instant::now();
        background.finish().await;
        assert_eq!((begun.load(Ordering::SeqCst), sent.elapsed()), (2, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_is_forgotten() {
        let background = Background::default();
        for _ in 0..1000 {
            background.spawn(async {});
            sleep(2 * HEAD_START).await;
        }
        assert!(background.tasks().len() <= 1);
    }
}
