//! What is reported to the connector, and what it tells the agent.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::core::events::Events;
use shared::core::events::ledger::{ClaimTarget, Claimed, Ledger};
use tokio::time::{sleep, timeout};

use super::{LONGEST_RUN, Play, Seen};
use crate::changes;
use crate::faults::scenes::Scene;
use crate::hooks::{CUSTOM, numbered, standard};

const DEAL: &str = "6100000000451001";

/// A message of Standard Webhooks.
const COUNTED: &[u8] = br#"{"type":"stock.counted","data":{"sku":"SHELF-OAK-80","counted":"41.50"}}"#;

impl Play {
    /// The type of the event that is reported.
    pub(super) fn reported(&self) -> &'static str {
        match self.scene {
            Scene::Notification => "zoho.crm.deal.updated",
            Scene::CustomWebhook | Scene::StandardWebhook => "custom.stock.counted",
            _ => "zoho.inventory.item.updated",
        }
    }

    /// What its sender posts.
    fn posted(&self) -> Request<Body> {
        match self.scene {
            Scene::Notification => numbered(3).request(),
            Scene::CustomWebhook => numbered(4).request(),
            // It keeps its id, and has a new time whenever it is sent. One whose clock is five minutes from ours is refused: this
            // sender's clock goes with ours.
            Scene::StandardWebhook => {
                standard("stock.counted", CUSTOM, ("msg_1", self.world.clock.now().as_second()), COUNTED)
            }
            _ => numbered(0).request(),
        }
    }

    /// A sender posts what it posts again until it is taken.
    pub(super) async fn report(&self) -> Seen {
        let answer = self.answer(self.world.intake(), self.posted()).await;
        let Some((status, body)) = answer else { return Seen::nothing() };
        if status != 200 {
            return self.problem(status, body);
        }
        if self.world.events(self.reported()).await == 0 {
            self.breaks("told as taken, and no event is stored");
        }
        Seen::good(body)
    }

    pub(super) async fn change_a_deal(&self) {
        let events = Events::new(self.world.stores.events.clone(), self.world.shared_clock());
        let receipt = events.store(changes::of_deal(DEAL, 0)).await.unwrap();
        *self.event.lock().unwrap() = Some(receipt.event_id);
        // So old is an event before it is looked at.
        sleep(Duration::from_secs(20)).await;
    }

    pub(super) async fn deliver(&self) -> Seen {
        let (process, function) = self.world.delivery();
        let all = BTreeSet::new();
        let swept = timeout(LONGEST_RUN, self.world.calls.live(process, function.sweep(&all))).await;
        let is_told = self.world.outside.runs() > 0;
        match swept {
            Ok(Ok(swept)) if is_told && swept.failed == 0 => Seen::good(String::new()),
            Ok(Ok(swept)) if swept.failed == 0 => Seen::bad("later", true, String::new()),
            Ok(Ok(_)) if is_told => Seen::bad("told, failure counted", true, String::new()),
            Ok(Ok(_)) => Seen::bad("later, failure counted", true, String::new()),
            Ok(Err(error)) => Seen::bad("error", true, error.to_string()),
            Err(_) => Seen::bad("timeout", true, String::new()),
        }
    }

    /// The agent takes its work: the change is there, once.
    pub(super) async fn check_delivery(&self) {
        let event = self.event.lock().unwrap().clone().expect("a deal was changed");
        let ledger = Ledger::new(self.world.stores.events.clone(), self.world.shared_clock());
        let name = ConnectionName::default();
        let taken = ledger.claim(&name, ClaimTarget::Oldest, 50, 300, "agents-key").await.unwrap();
        let entries = match taken {
            Claimed::Taken { entries, .. } => entries,
            other => {
                self.breaks(format!("a claim is answered {other:?}"));
                return;
            }
        };
        let ours = entries.iter().filter(|entry| entry.id.starts_with(&event)).count();
        if ours != 1 {
            self.breaks(format!("the agent gets the change {ours} times"));
        }
        for key in self.world.outside.changed() {
            self.breaks(format!("the message {key} came with other bytes"));
        }
    }
}
