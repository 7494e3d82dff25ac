//! Deliveries on simulated time, each played from a seed.

use tests::simulation::delivery::{play, three_quick_edits};

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Three quick edits of one deal, and a run that works for 25 seconds. event-delivery is woken as the stream wakes it.
#[test]
fn three_quick_edits_take_two_turns_and_are_done_within_a_minute_of_the_first_acknowledgement() {
    for seed in 0..10 {
        let (outcome, edits) = three_quick_edits(seed);
        assert!(outcome.broken.is_empty(), "seed {seed}: {}", outcome.broken.join("\n"));
        assert_eq!((edits.runs, edits.wasted), (2, 0), "seed {seed}");
        assert!(edits.last_ack - edits.first_ack <= 60_000, "seed {seed}: {edits:?}");
        assert!(edits.first_told <= 30_000, "seed {seed}: {edits:?}");
    }
}

/// Processes die at any poll, stores fail, the gateway loses and forgets: nothing is lost, nothing claimed twice.
#[test]
fn seeds() {
    let single = from_env("SIMULATION_SEED");
    let seeds = single.map_or(0..from_env("SIMULATION_SEEDS").unwrap_or(40), |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = play(seed);
        assert!(outcome.broken.is_empty(), "seed {seed}: {}", outcome.broken.join("\n"));
    }
}
