//! A gate before which requests wait until a test opens it, so that no test has to guess how long something takes.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Debug, Default)]
struct Gateway {
    arrived: usize,
    open: bool,
}

/// A gate; all clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<watch::Sender<Gateway>>);

impl Gate {
    /// Lets all pass, now and later.
    pub fn open(&self) {
        self.0.send_modify(|gate| gate.open = true);
    }

    /// Until so many have come to it.
    pub async fn reached_by(&self, count: usize) {
        self.wait_for(|gate| gate.arrived >= count).await;
    }

    pub(crate) async fn pass(&self) {
        self.0.send_modify(|gate| gate.arrived += 1);
        self.wait_for(|gate| gate.open).await;
    }

    async fn wait_for(&self, is_so: impl FnMut(&Gateway) -> bool) {
        let mut changes = self.0.subscribe();
        // The sender is held here, so that the wait has no other end.
        drop(changes.wait_for(is_so).await);
    }
}
