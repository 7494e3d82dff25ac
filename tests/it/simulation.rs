//! Tokens in simulated installations: many seeds at random, and single scenes that are interrupted at every point.
//! `SIMULATION_SEEDS=100000` plays more seeds, `SIMULATION_SEED=7` plays one and prints what happened.

#![expect(clippy::print_stdout, reason = "a story is for reading")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;

use shared::core::connection::token_refresh::Reply;
use tests::simulation::functions::begin;
use tests::simulation::history::{End, What};
use tests::simulation::life::wear_out;
use tests::simulation::people::{Proxy, consent, set_client};
use tests::simulation::sweep::{Blow, Rival, Scene};
use tests::simulation::world::{How, Strike};
use tests::simulation::{on_simulated_time, play, sweep};
use token_refresh::Task;

const SEEDS: u64 = 1_200;

/// More failures than these nobody reads.
const SHOWN: usize = 5;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// What a thing that happened is recognised by.
type Sight = (&'static str, fn(&What) -> bool);

/// Things that must have happened often, or the simulation would prove little.
const SIGHTS: [Sight; 7] = [
    ("renewals and exchanges", |what| matches!(what, What::Sent { .. })),
    ("success pages", |what| matches!(what, What::SuccessPage { .. })),
    ("deaths of processes", |what| matches!(what, What::Died { .. })),
    ("failures of stores", |what| matches!(what, What::StoreFailed { .. })),
    ("revocations by us", |what| matches!(what, What::GrantEnded { end: End::Revoked, .. })),
    ("revocations by users", |what| matches!(what, What::GrantEnded { end: End::ByUser, .. })),
    ("evictions", |what| matches!(what, What::GrantEnded { end: End::Evicted, .. })),
];

#[test]
fn seeds() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let outcome = play(seed);
        println!("{}", outcome.story());
        assert!(outcome.broken.is_empty(), "{}", outcome.verdict());
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (next, left_lying) = (AtomicU64::new(1), AtomicUsize::new(0));
    let sights = SIGHTS.map(|_| AtomicUsize::new(0));
    let began = Instant::now();
    let work = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds || failed.len() >= SHOWN {
                return failed;
            }
            let outcome = play(seed);
            left_lying.fetch_add(outcome.left_lying, Ordering::Relaxed);
            for ((_, is), seen) in SIGHTS.iter().zip(&sights) {
                seen.fetch_add(outcome.count(is), Ordering::Relaxed);
            }
            if !outcome.broken.is_empty() {
                failed.push(outcome.verdict());
            }
        }
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let failed: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    println!("{seeds} seeds in {:.1} s", began.elapsed().as_secs_f64());
    for ((sight, _), seen) in SIGHTS.iter().zip(&sights) {
        println!("{:8} {sight}", seen.load(Ordering::Relaxed));
    }
    println!(
        "{:8} grants left lying at Zoho by a death or a lost answer",
        left_lying.load(Ordering::Relaxed)
    );
    assert!(failed.is_empty(), "\n{}", failed.join("\n\n"));
    for ((sight, _), seen) in SIGHTS.iter().zip(&sights) {
        let seen = u64::try_from(seen.load(Ordering::Relaxed)).unwrap();
        assert!(seen * 20 >= seeds, "{seen} {sight} in {seeds} seeds");
    }
}

#[test]
fn a_seed_is_played_again_exactly() {
    for seed in 1..=12 {
        let (once, again) = (play(seed), play(seed));
        assert!(once.entries == again.entries, "seed {seed}");
    }
}

#[test]
fn of_two_hundred_cold_callers_none_waits_much_longer_than_for_zoho() {
    let outcome = on_simulated_time(1, |world| async move {
        let user = world.zoho().add_user(1);
        assert!(set_client(&world).await && consent(&world, user, 1).await);
        tokio::time::sleep(Duration::from_secs(61 * 60)).await;
        // Zoho answers a token call within 1.5 s here, and takes a read within 0.2 s.
        let callers = (0..200).map(|_| async {
            let begun = tokio::time::Instant::now();
            Proxy::start(&world).read(1).await.unwrap();
            begun.elapsed()
        });
        let longest = join_all(callers).await.into_iter().max().unwrap();
        assert!(longest < Duration::from_millis(1500) + Duration::from_secs(2), "{longest:?}");
    });
    assert!(outcome.broken.is_empty(), "{}", outcome.story());
    assert_eq!(outcome.count(|what| matches!(what, What::Sent { exchange: false, .. })), 1);
}

/// Fifty at once: ten times Zoho's time, and our own.
#[test]
fn one_tick_renews_five_hundred_connections_in_fifteen_seconds() {
    let outcome = on_simulated_time(1, |world| async move {
        assert!(set_client(&world).await);
        for user in 0..25 {
            world.zoho().add_user(1);
            for connection in 20 * user..20 * (user + 1) {
                assert!(consent(&world, user, connection + 1).await);
            }
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let begun = tokio::time::Instant::now();
        let ticked = begin(&world, Task::Tick, u64::MAX).await.unwrap().unwrap().unwrap();
        assert!(matches!(ticked, Reply::Ticked { renewed: 500, failed: 0 }), "{ticked:?}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    });
    assert!(outcome.broken.is_empty(), "{}", outcome.verdict());
}

#[test]
fn tokens_that_die_at_once_do_not_wear_out_the_store() {
    let outcome = on_simulated_time(1, |world| async move { wear_out(&world).await });
    assert!(outcome.broken.is_empty(), "{}", outcome.story());
    let token = |what: &What| matches!(what, What::Staged { name, .. } if name.ends_with("/access-token"));
    assert!(outcome.count(token) > 72, "{}", outcome.story());
}

/// Plays a scene with one blow after the other until one falls after its end: how many fell, and what failed, the first
/// of it whole.
fn sweep(what: &str, scene: Scene, blow: impl Fn(u64) -> Blow) -> (u64, Vec<String>) {
    let mut failed = Vec::new();
    for n in 0.. {
        let (outcome, fell) = sweep::play(scene, blow(n));
        if !outcome.broken.is_empty() {
            let shown = if failed.is_empty() { outcome.story() } else { outcome.broken.join("\n") };
            failed.push(format!("{scene:?}, {:?}\n{shown}", blow(n)));
        }
        if !fell {
            println!("{what} {scene:?}: {n}");
            return (n, failed);
        }
    }
    unreachable!()
}

#[test]
fn a_process_may_die_at_any_of_its_polls() {
    for scene in Scene::ALL {
        let (polls, failed) = sweep("polls", scene, |n| Blow::Death(n + 1));
        assert!(failed.is_empty(), "{}", failed.join("\n\n"));
        assert!(polls > 12, "{scene:?}: every call yields");
    }
}

#[test]
fn any_call_may_fail_before_or_after_its_work() {
    for scene in Scene::ALL {
        for how in [How::Lost, How::Mute] {
            let (_, failed) = sweep("calls", scene, |call| Blow::Failure(Strike { call, how }));
            assert!(failed.is_empty(), "{}", failed.join("\n\n"));
        }
    }
}

#[test]
fn whoever_loses_the_lease_does_no_harm() {
    let mut failed = Vec::new();
    for scene in Scene::ALL {
        for rival in Rival::ALL {
            for how in [How::Late, How::Drowsy] {
                let blow = |call| Blow::Race(Strike { call, how }, rival);
                failed.extend(sweep(&format!("{rival:?}"), scene, blow).1);
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
