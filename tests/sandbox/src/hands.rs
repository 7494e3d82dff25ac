//! Changes that people make in Zoho's own pages while a test runs, and channels that Zoho loses.

use serde_json::Value;

use crate::api::{Delivered, ItemChange};
use crate::crm::module::Module;
use crate::delivery;
use crate::inventory::change;
use crate::sandbox::Sandbox;
use crate::state::State;

impl Sandbox {
    /// Edits an item and sends the webhooks. `None` if there is no such item, or the change does not fit it.
    pub async fn change_item(&self, item_id: &str, change: ItemChange) -> Option<Vec<Delivered>> {
        let ready = self.with(|state| {
            change::apply(state, item_id, &change)?;
            Some(delivery::ready(state))
        })?;
        Some(self.send(ready).await)
    }

    /// Adds an item, with missing fields filled with ordinary values, and sends the webhooks. Gives its id and the deliveries.
    /// `None` if it is no object.
    pub async fn insert_item(&self, item: Value) -> Option<(String, Vec<Delivered>)> {
        let Value::Object(item) = item else { return None };
        let (id, ready) = self.with(|state| (change::insert(state, item), delivery::ready(state)));
        Some((id, self.send(ready).await))
    }

    /// Adds a CRM record, tells the channels and gives its id. `None` if there is no such module, or it is no object.
    /// Unlike in the API, no field is required.
    pub fn insert_record(&self, module: &str, record: Value) -> Option<String> {
        let (module, Value::Object(record)) = (Module::find(module)?, record) else { return None };
        Some(self.changing(|state| state.crm.insert(module, record, state.clock.now())))
    }

    /// Edits CRM records, all at once: their `Modified_Time` moves, and a channel is told of them together. Gives
    /// how many there were.
    pub fn update_records(&self, module: &str, ids: &[&str], change: &Value) -> usize {
        let (Some(module), Value::Object(change)) = (Module::find(module), change) else { return 0 };
        let update =
            |state: &mut State, id: &str| state.crm.update(module, id, change.clone(), state.clock.now());
        self.changing(|state| ids.iter().filter(|id| update(state, id)).count())
    }

    /// Deletes CRM records, all at once; they stay in the list of deleted ones. Gives how many there were.
    pub fn delete_records(&self, module: &str, ids: &[&str]) -> usize {
        let Some(module) = Module::find(module) else { return 0 };
        let delete = |state: &mut State, id: &str| state.crm.delete(module, id, state.clock.now());
        self.changing(|state| ids.iter().filter(|id| delete(state, id)).count())
    }

    /// Edits a deal. `false` if there is none.
    #[expect(clippy::needless_pass_by_value, reason = "it is called with literals")]
    pub fn change_deal(&self, id: &str, change: Value) -> bool {
        self.update_records("Deals", &[id], &change) == 1
    }

    /// Deletes a deal. `false` if there is none.
    pub fn delete_deal(&self, id: &str) -> bool {
        self.delete_records("Deals", &[id]) == 1
    }

    /// The ids of the live channels.
    pub fn channels(&self) -> Vec<String> {
        self.with(|state| {
            let now = state.now();
            state.channels.living(now).iter().map(|channel| channel.id.clone()).collect()
        })
    }

    /// Makes Zoho lose a channel silently. `false` if there is none.
    pub fn forget_channel(&self, id: &str) -> bool {
        self.with(|state| state.channels.forget(id))
    }

    /// Makes Zoho lose all channels.
    pub fn lose_channels(&self) {
        self.with(|state| state.channels.clear());
    }

    pub(crate) fn changing<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let (done, ready) = self.with(|state| (act(state), delivery::ready(state)));
        self.send_soon(ready);
        done
    }
}
