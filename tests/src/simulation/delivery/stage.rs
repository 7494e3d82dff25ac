//! What those who play share, and what they saw.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use shared::base::clock::Timestamp;
use shared::base::secret::Secret;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::Ledger;

use crate::simulation::history::Who;
use crate::simulation::stores::stores;
use crate::simulation::world::World;

/// How often the agent may be told in an hour.
pub(super) const TURNS: u32 = 30;

/// What is known from outside.
#[derive(Default)]
pub(super) struct Seen {
    /// Event ids by record, in their order.
    pub(super) stored: BTreeMap<String, BTreeSet<String>>,
    /// Who works on what, until when.
    pub(super) held: HashMap<String, (String, Timestamp)>,
    /// What was acknowledged, or may have been, and by how many.
    pub(super) done: HashMap<String, u32>,
    /// When runs began, and for which delivery.
    pub(super) runs: Vec<(i64, String)>,
    /// Deliveries of which a run got nothing: its turn does not count.
    pub(super) wasted: HashSet<String>,
    /// When what was claimed was acknowledged.
    pub(super) acks: Vec<i64>,
    /// The bytes of each key.
    pub(super) bodies: HashMap<String, String>,
    /// What the gateway remembers, and since when.
    pub(super) memory: HashMap<String, i64>,
    pub(super) claims: usize,
}

#[derive(Clone)]
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) seen: Arc<Mutex<Seen>>,
    /// Whether runs claim at once, work for 25 seconds and never die.
    pub(super) diligent: bool,
}

impl Stage {
    pub(super) fn broken(&self, what: String) {
        self.world.history().broken.push(what);
    }

    pub(super) fn ledger(&self) -> Ledger {
        let who = Who::Caller(self.world.number());
        Ledger::new(stores(&self.world, who).events, self.world.clock())
    }
}

pub(super) fn hook() -> Hook {
    Hook {
        turns_per_hour: TURNS,
        set: String::new(),
        ..Hook::new("https://gateway.example.com/hooks/agent".parse().unwrap(), Secret::new("hook-token"))
    }
}
