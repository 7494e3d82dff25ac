//! The records of Inventory besides items: contacts, orders, packages, documents that move stock.

use std::collections::HashMap;

use jiff::Timestamp;

use super::adjustments::document::Adjustment;
use super::batch::Batch;
use super::data;
use super::list::text;
use super::rules::Rules;
use super::transferorders::document::Transfer;
use crate::object::Object;

/// An uploaded image.
pub(crate) struct Image {
    pub(crate) item: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

/// All records except items, each in full.
pub(crate) struct Shop {
    pub(crate) contacts: Vec<Object>,
    pub(crate) salesorders: Vec<Object>,
    pub(crate) purchaseorders: Vec<Object>,
    pub(crate) packages: Vec<Object>,
    pub(crate) shipments: Vec<Object>,
    pub(crate) groups: Vec<Object>,
    pub(crate) images: Vec<Image>,
    pub(crate) rules: Rules,
    /// The places; the first is the primary one.
    pub(crate) locations: Vec<Object>,
    /// Oldest first, as they were written.
    pub(crate) adjustments: Vec<Adjustment>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) batches: Vec<Batch>,
    /// The number that the next transfer order gets.
    pub(crate) next_transfer: u32,
    /// Texts of reasons and their ids.
    reasons: Vec<(String, String)>,
    /// Items before recent changes of their stock, while reads may still show these.
    pub(crate) past: HashMap<String, Vec<(Timestamp, Object)>>,
    next_id: u64,
    next_order: u32,
}

impl Shop {
    /// An empty shop.
    pub(crate) fn new() -> Self {
        let reasons = (0..).zip(data::REASONS);
        let reasons = reasons.map(|(number, text)| (text.to_owned(), format!("33000000000900{number:02}")));
        Self {
            contacts: Vec::new(),
            salesorders: Vec::new(),
            purchaseorders: Vec::new(),
            packages: Vec::new(),
            shipments: Vec::new(),
            groups: Vec::new(),
            images: Vec::new(),
            rules: Rules::default(),
            locations: data::locations(),
            adjustments: Vec::new(),
            transfers: Vec::new(),
            batches: Vec::new(),
            next_transfer: 1,
            reasons: reasons.collect(),
            past: HashMap::new(),
            next_id: 3_300_000_000_080_401,
            next_order: 124,
        }
    }

    /// A new id.
    pub(crate) fn id(&mut self) -> String {
        self.next_id += 2;
        self.next_id.to_string()
    }

    /// Whether the organisation has this reason.
    pub(crate) fn knows_reason(&self, reason: &str) -> bool {
        self.reasons.iter().any(|(text, _)| text == reason)
    }

    /// The id of a reason; an unknown one is added.
    pub(crate) fn reason_id(&mut self, reason: &str) -> String {
        if let Some((_, id)) = self.reasons.iter().find(|(text, _)| text == reason) {
            return id.clone();
        }
        let id = self.id();
        self.reasons.push((reason.to_owned(), id.clone()));
        id
    }

    /// The next order number that was not already given by hand.
    pub(crate) fn order_number(&mut self) -> String {
        loop {
            let number = format!("SO-{:05}", self.next_order);
            self.next_order += 1;
            if !self.number_taken(&number) {
                return number;
            }
        }
    }

    /// Whether an order has this number.
    pub(crate) fn number_taken(&self, number: &str) -> bool {
        self.salesorders.iter().any(|order| text(order, "salesorder_number") == number)
    }
}
