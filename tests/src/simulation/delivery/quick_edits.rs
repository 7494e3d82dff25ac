//! Three quick edits of one deal, told and acknowledged while event-delivery is woken by the table's stream alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::core::events::Events;
use shared::core::events::ledger::FREED;
use shared::store::{Key, Query};
use tokio::time::sleep;

use super::process::woken;
use super::stage::{Stage, hook};
use crate::changes;
use crate::simulation::history::Who;
use crate::simulation::stores::stores;
use crate::simulation::{Outcome, on_simulated_time};

/// What became of three quick edits, in milliseconds since the first one.
#[derive(Debug, Default)]
pub struct Edits {
    /// When the gateway was told of the first.
    pub first_told: i64,
    /// When the first was acknowledged, and when all were.
    pub first_ack: i64,
    /// See above.
    pub last_ack: i64,
    /// How many turns it took.
    pub runs: usize,
    /// And how many of them got nothing.
    pub wasted: usize,
}

/// Three edits of one deal within six seconds, no trouble, and runs of 25 seconds.
pub fn three_quick_edits(seed: u64) -> (Outcome, Edits) {
    let edits = Arc::new(Mutex::new(Edits::default()));
    let outcome = on_simulated_time(seed, |world| {
        let edits = edits.clone();
        async move {
            let stage = Stage { world: world.clone(), seen: Arc::default(), diligent: true };
            hook().store(&*stores(&world, Who::Run(world.number())).secrets).await.unwrap();
            tokio::spawn(stream(stage.clone()));
            let began = world.at();
            let events = Events::new(stores(&world, Who::Zoho).events, world.clock());
            for number in 0..3 {
                let receipt = events.store(changes::of_deal("2", number)).await.unwrap();
                let of_deal = receipt.event_id;
                stage.seen.lock().unwrap().stored.entry("deal/2".to_owned()).or_default().insert(of_deal);
                sleep(Duration::from_secs(3)).await;
            }
            for _ in 0..600 {
                sleep(Duration::from_secs(1)).await;
                if stage.seen.lock().unwrap().done.len() == 3 {
                    break;
                }
            }
            // Whatever was begun needlessly shows itself.
            sleep(Duration::from_secs(600)).await;
            let seen = stage.seen.lock().unwrap();
            *edits.lock().unwrap() = Edits {
                first_told: seen.runs.first().map_or(i64::MAX, |(at, _)| at - began),
                first_ack: seen.acks.first().map_or(0, |at| at - began),
                last_ack: seen.acks.last().map_or(i64::MAX, |at| at - began),
                runs: seen.runs.len(),
                wasted: seen.wasted.len(),
            };
        }
    });
    let edits = std::mem::take(&mut *edits.lock().unwrap());
    (outcome, edits)
}

/// The table's stream: wakes event-delivery for new events and for acknowledgements, as the two sources of the template do, and no
/// schedule beside it.
async fn stream(stage: Stage) {
    let table = stores(&stage.world, Who::Stage).events;
    let name = ConnectionName::default();
    let (mut events, mut freed) = (0, None);
    loop {
        sleep(Duration::from_millis(500)).await;
        let all = table.query(Query::partition(format!("event#{name}"), 100)).await.unwrap().rows;
        if all.len() > events {
            events = all.len();
            let id = all.last().map(|row| row.key.sort.clone()).unwrap_or_default();
            tokio::spawn(woken(stage.clone(), format!("event#{name}"), id));
        }
        let row = table.get(&Key::new(format!("{FREED}{name}"), "last")).await.unwrap();
        let version = row.map(|row| row.version);
        if version != freed {
            freed = version;
            tokio::spawn(woken(stage.clone(), format!("{FREED}{name}"), "last".to_owned()));
        }
    }
}
