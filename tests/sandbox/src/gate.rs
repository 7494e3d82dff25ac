//! A gate at which requests wait until a test opens it, so that no test has to guess how long something takes.

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
    /// Opens the gate for all waiting and later requests.
    pub fn open(&self) {
        self.0.send_modify(|gate| gate.open = true);
    }

    /// Waits until this many requests have arrived.
    pub async fn reached_by(&self, count: usize) {
        self.wait_for(|gate| gate.arrived >= count).await;
    }

    pub(crate) async fn pass(&self) {
        self.0.send_modify(|gate| gate.arrived += 1);
        self.wait_for(|gate| gate.open).await;
    }

    async fn wait_for(&self, is_so: impl FnMut(&Gateway) -> bool) {
        let mut changes = self.0.subscribe();
        // The sender is kept here, so that only the condition ends the wait.
        drop(changes.wait_for(is_so).await);
    }
}
