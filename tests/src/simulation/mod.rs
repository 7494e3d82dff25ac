//! A deterministic simulation of tokens: the real token-refresh and the real callers, on simulated time, stores and Zoho,
//! with everything going wrong that can go wrong. One number, the seed, decides all of it, so that a failure can be
//! played again.
//!
//! `life` is some hours at random; `sweep` is single scenes in which the process dies at each of its polls, or each call
//! fails, one after the other. `rules` says what must hold meanwhile, `recovery` what must hold after.

pub mod delivery;
pub mod functions;
pub mod history;
pub mod in_memory;
pub mod journal;
pub mod kept;
pub mod life;
pub mod line;
pub mod people;
pub mod random;
pub mod recovery;
pub mod rules;
pub mod stores;
pub mod sweep;
pub mod trouble;
pub mod world;
pub mod zoho;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use history::{Entry, What};
use world::World;

/// How a simulation ended.
pub struct Outcome {
    /// What decided it.
    pub seed: u64,
    /// The rules that were broken.
    pub broken: Vec<String>,
    /// What happened.
    pub entries: Vec<Entry>,
    /// Grants that were left lying at Zoho because nobody could help it.
    pub left_lying: usize,
}

impl Outcome {
    /// How often something happened.
    pub fn count(&self, what: impl Fn(&What) -> bool) -> usize {
        self.entries.iter().filter(|entry| what(&entry.what)).count()
    }

    /// All that happened and what it broke, for people.
    pub fn story(&self) -> String {
        let lines: Vec<_> = self.entries.iter().map(ToString::to_string).collect();
        format!("{}\n\n{}", lines.join("\n"), self.verdict())
    }

    /// What broke, and how to see it again.
    pub fn verdict(&self) -> String {
        let broken = if self.broken.is_empty() { "nothing broke".to_owned() } else { self.broken.join("\n") };
        format!(
            "seed {}: {broken}\nto see it again: SIMULATION_SEED={} cargo test --workspace --all-features --test it \
             simulation::seeds -- --nocapture",
            self.seed, self.seed
        )
    }
}

/// Plays one seed.
pub fn play(seed: u64) -> Outcome {
    on_simulated_time(seed, |world| async move {
        let connections = life::live(&world).await;
        recovery::recover(&world, connections).await;
    })
}

/// Plays something on simulated time, in a world of its own.
pub fn on_simulated_time<F: Future<Output = ()>>(seed: u64, scene: impl FnOnce(Arc<World>) -> F) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let world = {
        let _inside = runtime.enter();
        World::new(seed)
    };
    let panicked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(scene(world.clone())))).is_err();
    drop(runtime);
    let mut history = std::mem::take(&mut *world.history());
    if panicked {
        history.broken.push("the simulation stopped in a panic".to_owned());
    }
    let left_lying = history.rules.left_lying();
    Outcome { seed, broken: history.broken, entries: history.entries, left_lying }
}
