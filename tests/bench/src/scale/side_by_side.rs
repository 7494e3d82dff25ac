//! `serve` and nginx in front of the same upstream, in turns.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::load::{Load, Requests, Target, load};
use super::server::Server;
use super::{CONNECTIONS, Plan, fill, nginx, requests};
use crate::figures::percentile;

/// A way to be called, and what its loads came to.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) loads: Vec<Load>,
}

impl Way {
    /// The median over all rounds.
    pub(super) fn middle(&self, of: fn(&Load) -> f64) -> f64 {
        percentile(self.loads.iter().map(of).collect(), 50)
    }
}

/// Where nginx is not installed, its row is left out.
pub(super) async fn measure(plan: &Plan) -> Vec<Way> {
    let folder = plan.folder.join("beside");
    let mut store = fill::Filled::make(&folder).await;
    store.connect(fill::DEFAULT).await;
    store.callers(0..1, |_| fill::DEFAULT.to_owned()).await;
    let callers = Arc::new(store.take_callers());
    drop(store);
    let serve = Server::start(plan, &folder).await;
    let nginx = nginx::start(plan).await;
    let mut called: Vec<(&Target, Requests)> = Vec::new();
    let mut ways = Vec::new();
    let mut add = |name, target, requests| {
        called.push((target, requests));
        ways.push(Way { name, loads: Vec::new() });
    };
    if let Some(nginx) = &nginx {
        add("nginx: one item", &nginx.target, requests::get(fill::ITEM_OF_ZOHO, &callers));
    }
    add("serve: one item", &serve.target, requests::get(fill::ITEM, &callers));
    add("serve: `/health`", &serve.target, requests::get("/health", &callers));
    add("serve: a webhook, verified, stored, synced", &serve.target, requests::delivery(&callers));
    let next = Arc::new(AtomicUsize::new(0));
    // The first round warms up and does not count.
    for round in 0..=plan.rounds {
        for ((target, requests), way) in called.iter().zip(&mut ways) {
            let load = load(target, CONNECTIONS, plan.time, (requests, &next)).await;
            if round > 0 {
                way.loads.push(load);
            }
        }
        eprintln!("side by side: round {round} of {}", plan.rounds);
    }
    ways
}
