//! Trials that do not share anything, on all processors.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Plays the trial of each seed. A trial that fails ends all of them, and is the one that is told.
pub fn each_seed<T: Send>(seeds: Range<u64>, trial: impl AsyncFn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut played = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return played;
            }
            played.push(runtime.block_on(trial(seed)));
        }
    };
    let worker = || {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(worker));
        if played.is_err() {
            next.store(seeds.end, Ordering::Relaxed);
        }
        played
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(worker)).collect();
        let played =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        played.flat_map(|played| played.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}
