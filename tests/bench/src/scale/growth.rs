//! How the cost of calls grows with keys, connections and events: each is doubled three times.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use tokio::time::sleep;

use super::fill::{DEFAULT, Filled, ITEM};
use super::load::{Load, load};
use super::server::Server;
use super::{CONNECTIONS, Plan, requests};
use crate::figures::micros;

/// How often each is doubled.
const DOUBLINGS: usize = 3;

/// What grows.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    Keys,
    Connections,
    Events,
}

impl Axis {
    pub(super) const ALL: [Self; 3] = [Self::Keys, Self::Connections, Self::Events];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Connections => "connections",
            Self::Events => "stored events",
        }
    }
}

/// What was measured with so much stored.
pub(super) struct Step {
    pub(super) size: usize,
    pub(super) item: Load,
    /// A page of 50 events, four fifths of the way through them.
    pub(super) page: Option<Load>,
    pub(super) delivery: Load,
    /// Time on a processor in a second in which nobody calls, in microseconds.
    pub(super) idle: Option<f64>,
}

pub(super) async fn measure(plan: &Plan) -> Vec<(Axis, Vec<Step>)> {
    let mut all = Vec::new();
    for (axis, base) in Axis::ALL.into_iter().zip(plan.sizes) {
        all.push((axis, along(plan, axis, base).await));
    }
    all
}

/// One axis, on a store of its own that is filled further from step to step; but where nobody calls for a while, each step has a new
/// store. The server would tell agents of the webhooks of the step before meanwhile.
async fn along(plan: &Plan, axis: Axis, base: usize) -> Vec<Step> {
    let folder = plan.folder.join(axis.name().replace(' ', "-"));
    let mut callers = Vec::new();
    let mut steps = Vec::new();
    let mut filled = 0;
    for doubling in 0..=DOUBLINGS {
        let size = base << doubling;
        let begun = Instant::now();
        if matches!(axis, Axis::Connections) {
            super::empty(&folder);
            callers.clear();
            filled = 0;
        }
        let mut store = Filled::make(&folder).await;
        let cursor = fill(&mut store, axis, filled..size).await;
        callers.append(&mut store.take_callers());
        drop(store);
        filled = size;
        eprintln!("{size} {}: filled in {:.0} s", axis.name(), begun.elapsed().as_secs_f64());
        let callers = Arc::new(callers.clone());
        let server = Server::start(plan, &folder).await;
        let next = Arc::new(AtomicUsize::new(size * 1_000_000));
        // Each caller comes once, so that what is read once a minute is read.
        let item = requests::get(ITEM, &callers);
        load(&server.target, CONNECTIONS, plan.time, (&item, &next)).await;
        let idle = match axis {
            Axis::Connections => {
                let before = server.target.cpu();
                sleep(plan.idle).await;
                Some(micros(server.target.cpu().saturating_sub(before)) / plan.idle.as_secs_f64())
            }
            _ => None,
        };
        let item = load(&server.target, CONNECTIONS, plan.time, (&item, &next)).await;
        let page = match cursor {
            Some(cursor) => {
                let page = requests::get(&format!("/v1/events?per_page=50&cursor={cursor}"), &callers);
                Some(load(&server.target, CONNECTIONS, plan.time, (&page, &next)).await)
            }
            None => None,
        };
        let delivery =
            load(&server.target, CONNECTIONS, plan.time, (&requests::delivery(&callers), &next)).await;
        steps.push(Step { size, item, page, delivery, idle });
    }
    steps
}

/// Adds what is missing. Of events, the id of one that lies four fifths of the way through them.
async fn fill(store: &mut Filled, axis: Axis, numbers: Range<usize>) -> Option<String> {
    let is_new = numbers.start == 0;
    match axis {
        Axis::Connections => {
            for number in numbers.clone() {
                store.connect(&format!("c{number}")).await;
            }
            store.callers(numbers, |number| format!("c{number}")).await;
            None
        }
        Axis::Keys | Axis::Events => {
            if is_new {
                store.connect(DEFAULT).await;
            }
            if matches!(axis, Axis::Keys) {
                store.callers(numbers, |_| DEFAULT.to_owned()).await;
                return None;
            }
            if is_new {
                store.callers(0..1, |_| DEFAULT.to_owned()).await;
            }
            Some(store.events(numbers).await)
        }
    }
}
