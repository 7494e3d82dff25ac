//! Deliveries in the simulation: events arrive, processes of event-delivery come and die at any poll, stores fail, the gateway
//! loses answers and forgets, and runs claim, work, die, and acknowledge.

mod network;
mod process;
mod quick_edits;
mod run;
mod stage;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::core::events::ledger::Ledger;
use shared::core::events::{Delivery, Events};
use tokio::time::sleep;

use super::history::Who;
use super::stores::stores;
use super::trouble::{StoreMood, Trouble};
use super::{Outcome, on_simulated_time};
use crate::changes;
use process::deliver;
pub use quick_edits::{Edits, three_quick_edits};
use stage::{Seen, Stage, TURNS, hook};

const EVENTS: usize = 60;
const RECORDS: u64 = 7;

async fn store_events(stage: Stage) {
    let world = stage.world.clone();
    let events = Events::new(stores(&world, Who::Zoho).events, world.clock());
    for index in 0..EVENTS {
        sleep(world.random.seconds(0, 90)).await;
        let id = world.random.between(1, RECORDS);
        // Deals must be looked up before they are queued.
        let delivery = if id.is_multiple_of(2) {
            changes::of_deal(&id.to_string(), index)
        } else {
            Delivery { data: Value::Null, ..changes::of_item(&id.to_string(), index) }
        };
        let subject = delivery.subject.clone().unwrap();
        // Zoho sends again what was not acknowledged.
        loop {
            if let Ok(receipt) = events.store(delivery.clone()).await {
                let mut seen = stage.seen.lock().unwrap();
                seen.stored.entry(subject).or_default().insert(receipt.event_id);
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Plays one seed.
pub fn play(seed: u64) -> Outcome {
    on_simulated_time(seed, |world| async move {
        let stage = Stage { world: world.clone(), seen: Arc::default(), diligent: false };
        hook().store(&*stores(&world, Who::Run(world.number())).secrets).await.unwrap();
        let moods = [StoreMood::Flaky, StoreMood::Flaky, StoreMood::Throttled, StoreMood::Cold];
        world.set_trouble(Trouble { stores: world.random.pick(&moods), ..Trouble::default() });
        let storing = tokio::spawn(store_events(stage.clone()));
        while !storing.is_finished() {
            let last = if world.random.chance(500) { world.random.between(1, 120) } else { u64::MAX };
            tokio::spawn(deliver(stage.clone(), last));
            if world.random.chance(100) {
                tokio::spawn(stage.clone().work(None));
            }
            sleep(world.random.seconds(0, 60)).await;
        }
        storing.await.unwrap();
        world.set_trouble(Trouble::default());
        let ledger = Ledger::new(stores(&world, Who::Stage).events, world.clock());
        for _ in 0..3 * 24 * 60 {
            deliver(stage.clone(), u64::MAX).await;
            sleep(Duration::from_secs(60)).await;
            let done = {
                let seen = stage.seen.lock().unwrap();
                seen.done.len() >= all_len(&seen)
            };
            if done && undone(&stage, &ledger).await.is_empty() {
                break;
            }
        }
        for (id, state) in undone(&stage, &ledger).await {
            stage.broken(format!("{id} is left {state}"));
        }
        let seen = stage.seen.lock().unwrap();
        if all_len(&seen) != EVENTS || seen.claims < EVENTS {
            stage.broken(format!("{} events, {} claims", all_len(&seen), seen.claims));
        }
        // A turn is counted when its request leaves, which may take some seconds to arrive.
        let hour = 3600 * 1000 - 60_000;
        let runs = seen.runs.iter().filter(|(_, delivery)| !seen.wasted.contains(delivery));
        let runs: Vec<i64> = runs.map(|(at, _)| *at).collect();
        for (index, first) in runs.iter().enumerate() {
            let within = runs[index..].iter().filter(|at| **at < first + hour).count();
            if within > usize::try_from(TURNS).unwrap() {
                stage.broken(format!("{within} runs within an hour"));
                break;
            }
        }
    })
}

fn all_len(seen: &Seen) -> usize {
    seen.stored.values().map(BTreeSet::len).sum()
}

async fn undone(stage: &Stage, ledger: &Ledger) -> Vec<(String, &'static str)> {
    let ids: Vec<String> = stage.seen.lock().unwrap().stored.values().flatten().cloned().collect();
    let mut undone = Vec::new();
    for id in ids {
        let life = ledger.life(&ConnectionName::default(), &id).await.unwrap();
        if life.state != "done" {
            undone.push((id, life.state));
        }
    }
    undone
}
