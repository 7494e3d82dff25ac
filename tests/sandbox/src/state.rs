//! The sandbox's whole state, behind one lock.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::accounts::grants::Accounts;
use crate::api::{Delivered, Fault, FaultKind, Options, Recorded, Webhook};
use crate::clock::Clock;
use crate::crm::channels::Channels;
use crate::crm::page::PageTokens;
use crate::crm::store::Records;
use crate::http::Call;
use crate::inventory::items::Items;
use crate::inventory::opening;
use crate::inventory::shop::Shop;
use crate::limits::Limits;
use crate::outbox::Delivery;
use crate::switches::Switches;

/// The most requests and deliveries that are kept, because a demo may run for days.
const REMEMBERED: usize = 10_000;

/// The sandbox's state.
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) switches: Switches,
    pub(crate) clock: Clock,
    pub(crate) accounts: Accounts,
    pub(crate) limits: Limits,
    pub(crate) page_tokens: PageTokens,
    /// Items in full; lists and webhooks are cut from these.
    pub(crate) items: Items,
    /// The rest of Inventory.
    pub(crate) shop: Shop,
    /// The records of CRM.
    pub(crate) crm: Records,
    /// The channels, which are told of changes in CRM.
    pub(crate) channels: Channels,
    pub(crate) webhooks: Vec<Webhook>,
    /// The items of the documents that are being written, by the number of the call.
    pub(crate) being_written: Vec<(u64, Vec<String>)>,
    /// Deliveries to send once the lock is free.
    pub(crate) outbox: Vec<Delivery>,
    pub(crate) delivered: VecDeque<Delivered>,
    /// Each fault with its method; `None` = any.
    faults: Vec<(Option<String>, Fault)>,
    requests: VecDeque<(u64, Recorded)>,
    next_request: u64,
}

impl State {
    /// A fresh sandbox.
    pub(crate) fn new(options: Options) -> Self {
        let items = Items::new(crate::inventory::data::items(options.extra_items));
        Self {
            shop: opening::shop(&items),
            items,
            crm: Records::new(options.extra_deals),
            channels: Channels::default(),
            clock: Clock::new(options.standing),
            options,
            switches: Switches::default(),
            accounts: Accounts::default(),
            limits: Limits::default(),
            page_tokens: PageTokens::default(),
            webhooks: Vec::new(),
            being_written: Vec::new(),
            outbox: Vec::new(),
            delivered: VecDeque::new(),
            faults: Vec::new(),
            requests: VecDeque::new(),
            next_request: 0,
        }
    }

    /// Records a request before it is handled.
    pub(crate) fn record(&mut self, call: &Call) -> u64 {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = call.headers.iter();
        let recorded = Recorded {
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            headers: headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body: text(&call.body),
            status: 0,
        };
        if self.requests.len() >= REMEMBERED {
            self.requests.pop_front();
        }
        self.next_request += 1;
        self.requests.push_back((self.next_request, recorded));
        self.next_request
    }

    /// Records the status that a request was answered with.
    pub(crate) fn note_status(&mut self, request: u64, status: u16) {
        if let Some((_, recorded)) = self.requests.iter_mut().find(|(number, _)| *number == request) {
            recorded.status = status;
        }
    }

    /// All requests in order.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.iter().map(|(_, recorded)| recorded.clone()).collect()
    }

    /// Forgets the requests.
    pub(crate) fn clear_requests(&mut self) {
        self.requests.clear();
    }

    /// Queues a fault, for one method or for all.
    pub(crate) fn inject(&mut self, method: Option<&str>, fault: Fault) {
        self.faults.push((method.map(str::to_ascii_uppercase), fault));
    }

    /// Forgets all faults.
    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Takes the first fault that matches this call.
    pub(crate) fn take_fault(&mut self, call: &Call) -> Option<FaultKind> {
        let url = format!("{}?{}", call.path, call.query);
        self.faults.retain(|(_, fault)| fault.times > 0);
        let (_, fault) = self.faults.iter_mut().find(|(method, fault)| {
            method.as_deref().is_none_or(|method| call.method == method) && url.contains(&fault.path_contains)
        })?;
        fault.times -= 1;
        Some(fault.kind.clone())
    }

    /// Records a delivery that was sent.
    pub(crate) fn note_delivered(&mut self, delivered: Delivered) {
        if self.delivered.len() >= REMEMBERED {
            self.delivered.pop_front();
        }
        self.delivered.push_back(delivered);
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
