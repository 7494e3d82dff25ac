//! The sandbox as tests use it: they set it up and read its state.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::accounts::grants::Consent;
use crate::api::{Client, Fault, Options, Recorded, Webhook};
use crate::crm::module::Module;
use crate::limits::Product;
use crate::state::State;
use crate::switches::Switches;

/// A stand-in Zoho. Clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Batches of deliveries that are being sent.
    under_way: watch::Sender<usize>,
    inventory_in_flight: AtomicUsize,
    crm_in_flight: AtomicUsize,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sandbox")
    }
}

impl Sandbox {
    /// A fresh one.
    pub fn new(options: Options) -> Self {
        let state = Mutex::new(State::new(options));
        let inner = Inner {
            state,
            under_way: watch::Sender::new(0),
            inventory_in_flight: AtomicUsize::new(0),
            crm_in_flight: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Registers an app. It replaces one with the same id.
    pub fn register_client(&self, client: Client) {
        self.with(|state| {
            state.accounts.clients.retain(|known| known.id != client.id);
            state.accounts.clients.push(client);
        });
    }

    /// Changes how this Zoho behaves.
    pub fn switches(&self, change: impl FnOnce(&mut Switches)) {
        self.with(|state| change(&mut state.switches));
    }

    /// Queues a fault. A request gets the first fault that matches it.
    pub fn inject(&self, fault: Fault) {
        self.with(|state| state.inject(None, fault));
    }

    /// Queues a fault for requests of one method.
    pub fn inject_on(&self, method: &str, fault: Fault) {
        self.with(|state| state.inject(Some(method), fault));
    }

    /// Forgets all faults not yet used up.
    pub fn clear_faults(&self) {
        self.with(State::clear_faults);
    }

    /// Every request received so far, in order (the last 10,000).
    pub fn requests(&self) -> Vec<Recorded> {
        self.with(|state| state.requests())
    }

    /// Forgets the requests received so far.
    pub fn clear_requests(&self) {
        self.with(State::clear_requests);
    }

    /// Moves the sandbox's clock ahead of the machine's.
    pub fn advance(&self, by: Duration) {
        self.with(|state| state.clock.advance(by));
    }

    /// A refresh token of an earlier consent. `scopes` are comma-separated.
    pub fn plant_grant(&self, client_id: &str, scopes: &str) -> String {
        self.with(|state| {
            let dc = state.options.user_data_centre.clone();
            state.accounts.plant((client_id, &dc), scopes.split(',').map(str::to_owned).collect())
        })
    }

    /// A code as the API console makes one for a Self Client: no browser, no redirect URI.
    /// `scopes` are comma-separated.
    pub fn self_client_code(&self, client_id: &str, scopes: &str) -> String {
        self.with(|state| {
            let dc = state.options.user_data_centre.clone();
            let consent = Consent {
                client: client_id,
                redirect_uri: None,
                dc: &dc,
                scopes: scopes.split(',').map(str::to_owned).collect(),
                offline: true,
                asked_again: true,
                challenge: None,
            };
            let now = state.now();
            state.accounts.consent(consent, now, &state.switches)
        })
    }

    /// Removes all apps under the user's Connected Apps: all of the user's grants and tokens are dead.
    pub fn revoke_user_grants(&self) {
        self.with(|state| state.accounts.forget_user());
    }

    /// Expires all access tokens. Refresh tokens still work.
    pub fn expire_access_tokens(&self) {
        self.with(|state| state.accounts.expire_access());
    }

    /// Adds a workflow rule with a webhook action.
    pub fn add_webhook(&self, hook: Webhook) {
        self.with(|state| state.webhooks.push(hook));
    }

    /// Adds an item without webhooks, as if it had always existed. Missing keys are filled with ordinary values. Anything
    /// but an object is ignored.
    pub fn add_item(&self, item: Value) {
        let Value::Object(item) = item else { return };
        self.with(|state| {
            let locations = &state.shop.locations;
            let item = crate::inventory::data::completed(item, state.items.len(), locations);
            state.items.push(item);
        });
    }

    /// Adds a customer or vendor. Missing keys are filled with ordinary values. Anything but an object is ignored.
    pub fn add_contact(&self, contact: Value) {
        let Value::Object(contact) = contact else { return };
        self.with(|state| {
            let contact = crate::inventory::contacts::data::completed(contact, state.shop.contacts.len());
            state.shop.contacts.push(contact);
        });
    }

    /// All items, in full.
    pub fn items(&self) -> Vec<Value> {
        self.with(|state| state.items.iter().cloned().map(Value::Object).collect())
    }

    /// All sales orders, in full, oldest first.
    pub fn salesorders(&self) -> Vec<Value> {
        self.with(|state| state.shop.salesorders.iter().cloned().map(Value::Object).collect())
    }

    /// Adds a deal without notifications, as if it had always existed. Missing keys are filled with ordinary
    /// values. Anything but an object is ignored.
    pub fn add_deal(&self, deal: Value) {
        let Value::Object(deal) = deal else { return };
        self.with(|state| {
            let deals = state.crm.of_mut(Module::Deals);
            let deal = crate::crm::data::completed(deal, deals.len());
            deals.push(deal);
        });
    }

    /// All deals, in full, oldest first.
    pub fn deals(&self) -> Vec<Value> {
        self.records(Module::Deals)
    }

    /// All notes, in full, oldest first.
    pub fn notes(&self) -> Vec<Value> {
        self.records(Module::Notes)
    }

    /// The ids of the records whose writes triggered CRM's workflow rules, once for each write.
    pub fn triggered(&self) -> Vec<String> {
        self.with(|state| state.crm.triggered.clone())
    }

    /// All records of a module, in full, oldest first; none where there is no such module.
    pub fn records_of(&self, module: &str) -> Vec<Value> {
        Module::find(module).map_or_else(Vec::new, |module| self.records(module))
    }

    fn records(&self, module: Module) -> Vec<Value> {
        self.with(|state| state.crm.of(module).iter().cloned().map(Value::Object).collect())
    }

    /// Access tokens minted so far, by exchange or refresh.
    pub fn minted(&self) -> usize {
        self.with(|state| state.accounts.minted)
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.inner.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn under_way(&self) -> &watch::Sender<usize> {
        &self.inner.under_way
    }

    pub(crate) fn in_flight(&self, product: Product) -> &AtomicUsize {
        match product {
            Product::Inventory => &self.inner.inventory_in_flight,
            Product::Crm => &self.inner.crm_in_flight,
        }
    }
}
